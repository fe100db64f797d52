"""A device's noise, for Qiskit Aer."""

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


def noise_model(target: Target, qubits: Iterable[int] | None = None) -> NoiseModel:
    """The noise of a device, or of some of its qubits, for circuits of its own gates on its own qubits.

    As on emulated devices, a gate has the average fidelity of the calibration: its qubits relax while it lasts, and
    then depolarize by what is missing. Without a known fidelity they only relax. `rz` is a change of frame and has no
    noise. A measurement misreads 0 and 1 with a probability each. Qubits relax during delays, which last whole steps of
    the device's clock.

    What the device publishes for none of its qubits - lifetimes, say - has no effect.

    Args:
        target: The device, from `target_from_device`.
        qubits: The qubits that circuits use, by their numbers on the device; all others have no noise. By default all,
            which takes seconds where there are a thousand.

    Raises:
        ModuleNotFoundError: The extra `emulator` is not installed, which has Qiskit Aer.
        ValueError: The device has no such qubit, or no calibration.
    """
    try:
        from qiskit_aer.noise import LocalNoisePass, NoiseModel  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "A noise model needs Qiskit Aer: pip install 'oqtopus-client[emulator]'", name=error.name
        ) from error
    from oqtopus_client.emulator.noise import gate_error, readout_error  # noqa: PLC0415 - the same extra

    active = _active(target, qubits)
    model = NoiseModel(basis_gates=list(target.operation_names))
    for (qubit,), readout in target["measure"].items():
        if readout is not None and qubit in active:
            misread = readout_error(readout.prob_meas1_prep0, readout.prob_meas0_prep1)
            model.add_readout_error(misread, [qubit], warnings=False)
    for gate in ("x", "sx", "cx"):
        for place, properties in target.get(gate, {}).items():
            if not active.issuperset(place):
                continue
            duration = (properties.duration or 0.0) * _PER_NANOSECOND
            times = [_lifetimes(target.qubit_properties[qubit]) for qubit in place]
            known = properties.error is not None
            fidelity = 1 - properties.error if known else relaxation_fidelity(duration, times)
            if fidelity < 1:
                model.add_quantum_error(gate_error(fidelity, duration, times), gate, place, warnings=False)
    lifetimes = {qubit: _lifetimes(target.qubit_properties[qubit]) for qubit in active}
    # Where Aer's own models of backends have the relaxation in delays, too: there is no public way.
    model._custom_noise_passes.append(LocalNoisePass(partial(_waiting, lifetimes), op_types=Delay))  # noqa: SLF001
    return model


def _waiting(lifetimes: Mapping[int, tuple[float, float]], delay: Delay, qubits: Sequence[int]) -> QuantumError | None:
    """The noise of a delay."""
    from oqtopus_client.emulator.noise import delay_error  # noqa: PLC0415 - an extra

    times = lifetimes.get(qubits[0], (math.inf, math.inf))
    return delay_error(delay, times) if delay.duration and min(times) < math.inf else None


def _active(target: Target, qubits: Iterable[int] | None) -> set[int]:
    """The qubits, checked."""
    if target.qubit_properties is None:
        raise ValueError(f"{target.description} publishes no calibration, so its noise is unknown.")
    every = set(range(target.num_qubits))
    active = every if qubits is None else set(qubits)
    if unknown := active - every:
        raise ValueError(f"{target.description} has no qubit {unknown.pop()!r}; it has 0 to {len(every) - 1}.")
    return active


def _lifetimes(qubit: QubitProperties) -> tuple[float, float]:
    """T1 and T2 in microseconds; what is not known does not end."""
    t1 = math.inf if qubit.t1 is None else qubit.t1
    t2 = 2 * t1 if qubit.t2 is None else qubit.t2
    return t1 * _PER_MICROSECOND, t2 * _PER_MICROSECOND
