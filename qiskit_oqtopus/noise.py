"""Qiskit Aer noise models of devices: `aer_noise_model`."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from qiskit.circuit import Delay

from oqtopus_client.physics import relaxation_fidelity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qiskit.providers import QubitProperties
    from qiskit.transpiler import Target
    from qiskit_aer.noise import NoiseModel, QuantumError

_PER_MICROSECOND = 1e6
_PER_NANOSECOND = 1e9


def aer_noise_model(target: Target, qubits: Iterable[int] | None = None) -> NoiseModel:
    """Return the noise of a device, or of some of its qubits, for circuits of native gates on physical qubits.

    As on emulated devices, each gate has the average fidelity of the calibration: its qubits relax for the gate's
    duration, and depolarization accounts for the remaining error. Without a known fidelity they only relax. `rz` is a
    change of frame and has no noise. A measurement misreads 0 and 1 with separate probabilities. Qubits relax during
    delays, which last whole steps of the device's clock.

    Quantities that the device does not publish for any qubit, such as lifetimes, have no effect.

    Args:
        target: The device's target, from `target_from_device`.
        qubits: The device's qubits that have noise. By default all, which takes seconds for a thousand qubits.

    Raises:
        ModuleNotFoundError: The extra `emulator`, which includes Qiskit Aer, is not installed.
        ValueError: The device does not have one of the qubits, or publishes no calibration.
    """
    try:
        from qiskit_aer.noise import LocalNoisePass, NoiseModel  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "A noise model needs Qiskit Aer: pip install 'oqtopus-client[emulator]'", name=error.name
        ) from error
    from oqtopus_client.emulator.simulation.aer import gate_error, readout_error  # noqa: PLC0415 - the same extra

    active = _active(target, qubits)
    model = NoiseModel(basis_gates=list(target.operation_names))
    for (qubit,), readout in target["measure"].items():
        if readout is not None and qubit in active:
            misread = readout_error(readout.prob_meas1_prep0, readout.prob_meas0_prep1)
            model.add_readout_error(misread, [qubit], warnings=False)
    for gate in ("x", "sx", "cx"):
        for qargs, properties in target.get(gate, {}).items():
            if not active.issuperset(qargs):
                continue
            duration = (properties.duration or 0.0) * _PER_NANOSECOND
            times = [_lifetimes(target.qubit_properties[qubit]) for qubit in qargs]
            known = properties.error is not None
            fidelity = 1 - properties.error if known else relaxation_fidelity(duration, times)
            if fidelity < 1:
                model.add_quantum_error(gate_error(fidelity, duration, times), gate, qargs, warnings=False)
    lifetimes = {qubit: _lifetimes(target.qubit_properties[qubit]) for qubit in active}
    # Aer's own noise models of backends add the relaxation during delays here; Aer has no public interface for it.
    model._custom_noise_passes.append(LocalNoisePass(partial(_delay_noise, lifetimes), op_types=Delay))  # noqa: SLF001
    return model


def _delay_noise(
    lifetimes: Mapping[int, tuple[float, float]], delay: Delay, qubits: Sequence[int]
) -> QuantumError | None:
    """Return the noise of a delay; None if it has none."""
    from oqtopus_client.emulator.simulation.aer import delay_error  # noqa: PLC0415 - an extra

    times = lifetimes.get(qubits[0], (math.inf, math.inf))
    return delay_error(delay, times) if delay.duration and min(times) < math.inf else None


def _active(target: Target, qubits: Iterable[int] | None) -> set[int]:
    """Return the qubits, all of them for None, after checking that the device has them."""
    if target.qubit_properties is None:
        raise ValueError(f"{target.description} publishes no calibration, so its noise is unknown.")
    every = set(range(target.num_qubits))
    active = every if qubits is None else set(qubits)
    if unknown := active - every:
        raise ValueError(f"{target.description} has no qubit {unknown.pop()!r}; it has 0 to {len(every) - 1}.")
    return active


def _lifetimes(qubit: QubitProperties) -> tuple[float, float]:
    """Return T1 and T2 in microseconds; infinity for unknown ones."""
    t1 = math.inf if qubit.t1 is None else qubit.t1
    t2 = 2 * t1 if qubit.t2 is None else qubit.t2
    return t1 * _PER_MICROSECOND, t2 * _PER_MICROSECOND
