"""The emulated device: takes a circuit in its own gates, and gives counts."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from oqtopus_client.angles import with_reduced_angles
from oqtopus_client.emulator.clifford import clifford_sampler, is_clifford
from oqtopus_client.emulator.noise import circuit_noise_model, with_delays
from oqtopus_client.emulator.simulation.circuits import NOT_EXECUTED, active_qubits, measurements, rebuilt

qulacs: Any
try:
    import qulacs
except ImportError:
    qulacs = None

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from oqtopus_client.emulator.device_files import EmulatedDevice

_GATES = frozenset({"x", "sx", "rz", "cx", "measure"}) | NOT_EXECUTED
_STATE_VECTOR_QUBITS = 16
"""Up to here all probabilities are calculated, and outcomes drawn from them: shots cost nothing then."""


_PORTION = 1 << 21
"""Bits that are sampled at a time: some 60 MB with what it takes, however many the shots."""


@dataclass(frozen=True)
class Sampled:
    """What the device measured.

    Attributes:
        counts: Outcomes; the rightmost character of a key is bit 0.
        qubits: The qubit that each bit tells of, from bit 0 on; None for a bit that nothing was measured into.
    """

    counts: dict[str, int]
    qubits: list[int | None]


def sample(circuit: QuantumCircuit | str, device: EmulatedDevice, shots: int) -> Sampled:
    """Run a circuit on a device.

    As on real ones, only the device's own gates are run, and measurements count as final wherever they stand. A
    simulator returns every declared classical bit and ignores couplings; a QPU returns measured bits only.

    Raises:
        ValueError: The device does not take the circuit, it needs more memory than there is, or what should be one
            is unreadable text.
    """
    if isinstance(circuit, str):
        raise ValueError("the device cannot read the program")  # noqa: TRY004 - a value of the user's, not of ours
    _check(circuit, device)
    measured = measurements(circuit)
    clbits = sorted(measured) if device.noisy else range(circuit.num_clbits)
    qubits = [measured.get(clbit) for clbit in clbits]
    active = active_qubits(circuit, measured.values())
    places = [None if qubit is None else active.index(qubit) for qubit in qubits]
    gates = _active_gates(circuit, active)
    if all(place is None for place in places):
        counts = {"0" * len(places): shots}
    elif not device.noisy and len(active) <= _STATE_VECTOR_QUBITS:
        counts = _drawn(_probabilities(gates), places, shots)
    elif len(active) > _STATE_VECTOR_QUBITS and is_clifford(gates):
        counts = _sampled_clifford(gates, places, shots, device, active)
    else:
        counts = _simulated(gates, places, shots, device, active)
    return Sampled(counts, qubits)


def _check(circuit: QuantumCircuit, device: EmulatedDevice) -> None:
    unknown = {item.name for item in circuit.data} - _GATES
    if unknown:
        raise ValueError(f"the device has no {', '.join(sorted(unknown))}")
    if circuit.num_qubits > device.n_qubits:
        raise ValueError(f"the program has {circuit.num_qubits} qubits, the device {device.n_qubits}")


def _active_gates(circuit: QuantumCircuit, active: Sequence[int]) -> QuantumCircuit:
    """Return the gates alone, on the active qubits alone, as a simulator pays for every qubit.

    Angles are reduced, as Aer takes large ones for quarter turns.
    """
    gates = rebuilt(circuit, active, without={"measure", "barrier"})
    for index, item in enumerate(gates.data):
        if item.name == "rz":
            gates.data[index] = item.replace(operation=with_reduced_angles(item.operation))
    return gates


def _probabilities(gates: QuantumCircuit) -> NDArray[np.float64]:
    """The probability of every outcome of a noiseless circuit, qubit 0 the lowest bit of its index."""
    if qulacs is None:
        saving = gates.copy()
        saving.save_probabilities()
        result = _simulator().run(saving, shots=1).result()
        return np.asarray(result.data()["probabilities"])
    circuit = qulacs.QuantumCircuit(gates.num_qubits)
    for item in gates.data:
        qubits = [gates.find_bit(qubit).index for qubit in item.qubits]
        match item.name:
            case "x":
                circuit.add_X_gate(*qubits)
            case "sx":
                circuit.add_sqrtX_gate(*qubits)
            case "rz":
                circuit.add_RZ_gate(*qubits, -item.params[0])  # qulacs turns the other way
            case "cx":
                circuit.add_CNOT_gate(*qubits)
    state = qulacs.QuantumState(gates.num_qubits)
    circuit.update_quantum_state(state)
    return np.asarray(np.abs(state.get_vector()) ** 2)


def _drawn(probabilities: NDArray[np.float64], places: Sequence[int | None], shots: int) -> dict[str, int]:
    drawn = np.random.default_rng().multinomial(shots, probabilities / probabilities.sum())
    outcomes = np.flatnonzero(drawn)
    bits = np.zeros((len(outcomes), len(places)), np.uint8)
    for bit, place in enumerate(reversed(places)):
        if place is not None:
            bits[:, bit] = outcomes >> place & 1
    return _counted(bits, drawn[outcomes])


def _counted(bits: NDArray[np.uint8], repeated: NDArray[np.int64]) -> dict[str, int]:
    """Counts of outcomes of shape (outcomes, bits), the last bit the rightmost character."""
    counts: dict[str, int] = {}
    for row, n in zip(bits + ord("0"), repeated, strict=True):
        key = row.tobytes().decode()
        counts[key] = counts.get(key, 0) + int(n)
    return counts


def _sampled_clifford(
    gates: QuantumCircuit, places: Sequence[int | None], shots: int, device: EmulatedDevice, active: Sequence[int]
) -> dict[str, int]:
    calibration = device.calibration if device.noisy else None
    sampler = clifford_sampler(gates, calibration, active, [place for place in places if place is not None])
    width = len(places)
    columns = [width - 1 - bit for bit, place in enumerate(places) if place is not None]
    counts: Counter[str] = Counter()
    portion = max(1, _PORTION // width)
    for start in range(0, shots, portion):
        bits = np.full((min(portion, shots - start), width), ord("0"), np.uint8)
        bits[:, columns] += sampler(len(bits))
        text = bits.tobytes().decode()
        counts.update(text[at : at + width] for at in range(0, len(text), width))
    return counts


def _simulated(
    gates: QuantumCircuit, places: Sequence[int | None], shots: int, device: EmulatedDevice, active: Sequence[int]
) -> dict[str, int]:
    """Aer's counts: of Clifford circuits of any width, of others as wide as there is memory for."""
    circuit = QuantumCircuit(gates.num_qubits, len(places))
    circuit.compose(gates, inplace=True)
    for clbit, place in enumerate(places):
        if place is not None:
            circuit.measure(place, clbit)
    # Aer has this limit too, but some circuits far beyond it, with noise, end the whole process.
    if len(active) > _STATE_VECTOR_QUBITS and 16 << len(active) > _memory_megabytes() << 20:
        raise ValueError(f"there is no memory for the state of {len(active)} qubits")
    noise = circuit_noise_model(circuit, device.calibration, active) if device.noisy else None
    circuit = with_delays(circuit, device.calibration, active) if device.noisy else circuit
    outcomes = _simulator().run(circuit, shots=shots, noise_model=noise).result().data()["counts"]
    return {format(int(key, 16), f"0{len(places)}b"): n for key, n in outcomes.items()}


@cache
def _simulator() -> AerSimulator:
    return AerSimulator(max_memory_mb=_memory_megabytes())


def _memory_megabytes() -> int:
    """What one simulation may take: half of what there is, for there may be one more beside it."""
    there_is = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 16 << 30
    return there_is >> 21
