"""The noise of devices for Qiskit Aer: as a noise model (`aer_noise_model`), and in a circuit (`noisy_circuit`)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from qiskit.circuit import CircuitInstruction, Clbit, Delay, Measure, QuantumCircuit

from oqtopus_client.checks import qubit_index, shown
from oqtopus_client.physics import relaxation_fidelity
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.plain import empty_like, without_layout
from qiskit_oqtopus.qasm import to_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from qiskit.circuit import Instruction
    from qiskit.providers import QubitProperties
    from qiskit.transpiler import Target
    from qiskit_aer.noise import NoiseModel, QuantumError

    from oqtopus_client import Calibration
    from oqtopus_client.emulator.coherent import CoherentErrors

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
        TypeError: `qubits` is not a list of indices.
        ValueError: The device does not have one of the qubits, or publishes no calibration.
    """
    try:
        from qiskit_aer.noise import LocalNoisePass, NoiseModel  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _without_aer("A noise model", error) from error
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


def noisy_circuit(
    circuit: QuantumCircuit,
    calibration: Calibration,
    target: Target,
    *,
    idle_noise: bool,
    schedule: Literal["gateway", "alap"],
    coherent: CoherentErrors | None,
) -> QuantumCircuit:
    """Return a circuit with the noise of an emulated device with this calibration, to run in Aer.

    The channels of gates, waits and coherent errors are part of the circuit, and so are readout errors: it needs no
    noise model. Do not transpile it again. It has the same qubits and classical registers; Aer does not simulate unused
    qubits, so the size of the chip does not matter. Without measurements, it ends with the last gate or delay.

    Args:
        circuit: A circuit of native gates on physical qubits, as `qiskit.transpile` returns them for the device.
        calibration: The device's calibration, as published.
        target: The device's target.
        idle_noise: Whether qubits relax whenever they wait between their first gate and the measurements, or only
            during written delays.
        schedule: When gates run. `"gateway"`: in the order of the text, as early as possible; every `rz` and barrier
            waits for all qubits. `"alap"`: as late as possible; a barrier only concerns its own qubits.
        coherent: Coherent errors, which servers do not publish.

    Raises:
        ModuleNotFoundError: The extra `emulator`, which includes Qiskit Aer, is not installed.
        CircuitError: The device cannot run the circuit as it is, or the circuit measures a qubit into several bits.
        TypeError: `circuit` is not a circuit, `idle_noise` not a bool, or `coherent` not `CoherentErrors`.
        ValueError: The device publishes no calibration, `schedule` is not valid, or a coherent error is of a qubit that
            it does not have.
    """
    try:
        from oqtopus_client.emulator.calibration import completed_form  # noqa: PLC0415 - an extra
        from oqtopus_client.emulator.device_files import EmulatedDevice  # noqa: PLC0415 - the same extra
        from oqtopus_client.emulator.noise import lifetimes, noisy_operations  # noqa: PLC0415 - the same extra
        from oqtopus_client.emulator.simulation.aer import instructions, readout_channel  # noqa: PLC0415 - the same
        from oqtopus_client.emulator.simulation.circuits import measurements, parse  # noqa: PLC0415 - the same extra
        from oqtopus_client.emulator.simulation.parts import operations_of  # noqa: PLC0415 - the same extra
    except ModuleNotFoundError as missing:
        raise _without_aer("A noisy circuit", missing) from missing

    if not isinstance(circuit, QuantumCircuit):
        raise TypeError(f"circuit must be a QuantumCircuit, not {circuit!r}.")
    _active(target, ())
    program = to_program(_measured(circuit), target)
    if not program.is_isa:
        raise CircuitError(
            f"Circuit {circuit.name!r} has instructions that are not native to {target.description}. Use "
            "qiskit.transpile(circuit, backend)."
        )
    executed = parse(program.body)
    bits = program.header.clbits
    measured = {bits[bit]: qubit for bit, qubit in measurements(executed).items()}
    measured.pop(circuit.num_clbits, None)
    if len(set(measured.values())) < len(measured):
        # Each bit has a readout error of its own, which channels before the first measurement cannot express.
        raise CircuitError(f"Circuit {circuit.name!r} measures a qubit into several bits. Measure it into one.")
    device = EmulatedDevice.from_device_info(completed_form(calibration), device_id="chip")
    device = replace(device, idle_noise=idle_noise, schedule=schedule, coherent=coherent)
    if coherent is not None:
        coherent.check(device.calibration)
    noisy = empty_like(circuit)

    def append(instruction: Instruction, *places: int, clbits: Sequence[Clbit] = ()) -> None:
        noisy._append(CircuitInstruction(instruction, [noisy.qubits[place] for place in places], clbits))  # noqa: SLF001

    operations = noisy_operations(operations_of(executed, timed=True), list(measured.values()), device)
    qubits = device.calibration["qubits"]
    for instruction, places in instructions(operations, [lifetimes(qubit) for qubit in qubits]):
        append(instruction, *places)
    for clbit, place in measured.items():
        error = qubits[place]["meas_error"]
        append(readout_channel(error["prob_meas1_prep0"], error["prob_meas0_prep1"]).to_instruction(), place)
        append(Measure(), place, clbits=[noisy.clbits[clbit]])
    return noisy


def _measured(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit with a measurement into an additional bit if it has none, as devices require one."""
    if "measure" in circuit.count_ops() or not circuit.num_qubits:
        return circuit
    measured = without_layout(circuit).copy()
    measured.add_bits([Clbit()])
    measured.measure(0, circuit.num_clbits)
    return measured


def _without_aer(what: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"{what} needs Qiskit Aer: pip install 'oqtopus-client[emulator]'", name=error.name)


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
    if not isinstance(qubits, Iterable | None):
        raise TypeError(f"qubits must be a list of indices of qubits, or None for all, not {shown(qubits)}.")
    active = every if qubits is None else set(map(qubit_index, qubits))
    if unknown := active - every:
        raise ValueError(f"{target.description} has no qubit {unknown.pop()}; it has 0 to {len(every) - 1}.")
    return active


def _lifetimes(qubit: QubitProperties) -> tuple[float, float]:
    """Return T1 and T2 in microseconds; infinity for unknown ones."""
    t1 = math.inf if qubit.t1 is None else qubit.t1
    t2 = 2 * t1 if qubit.t2 is None else qubit.t2
    return t1 * _PER_MICROSECOND, t2 * _PER_MICROSECOND
