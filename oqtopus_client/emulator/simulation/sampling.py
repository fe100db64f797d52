"""The emulated device: executes a circuit of its own gates and returns counts."""

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
from oqtopus_client.emulator.simulation.aer import circuit_noise_model, with_delays
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
"""Up to this number of qubits, outcomes are drawn from all probabilities, so that shots cost almost no time."""


_PORTION = 1 << 21
"""Number of bits that are sampled at a time, which bounds memory to about 60 MB for any number of shots."""


@dataclass(frozen=True)
class Sampled:
    """Measured outcomes.

    Attributes:
        counts: Counts by outcome; the rightmost character of a key is bit 0.
        qubits: The qubit measured into each bit, from bit 0 on; None for a bit without measurement.
    """

    counts: dict[str, int]
    qubits: list[int | None]


def sample(
    circuit: QuantumCircuit | str, device: EmulatedDevice, shots: int, random: np.random.Generator | None = None
) -> Sampled:
    """Run a circuit on a device.

    As on real devices, only the device's own gates run, and every measurement counts as final, wherever it is in the
    circuit. A simulator returns all declared classical bits and ignores couplings; a QPU returns only measured bits.

    Args:
        circuit: The circuit, or the text of an unreadable program.
        device: The device.
        shots: Number of shots.
        random: The source of all random numbers; a new one by default.

    Raises:
        ValueError: The device does not accept the circuit, it needs more memory than is available, or it is the text of
            an unreadable program.
    """
    if isinstance(circuit, str):
        raise ValueError("the device cannot read the program")  # noqa: TRY004 - the user's value
    _check(circuit, device)
    random = random or np.random.default_rng()
    measured = measurements(circuit)
    clbits = sorted(measured) if device.noisy else range(circuit.num_clbits)
    qubits = [measured.get(clbit) for clbit in clbits]
    active = active_qubits(circuit, measured.values())
    places = [None if qubit is None else active.index(qubit) for qubit in qubits]
    gates = _active_gates(circuit, active)
    if all(place is None for place in places):
        counts = {"0" * len(places): shots}
    elif not device.noisy and len(active) <= _STATE_VECTOR_QUBITS:
        counts = _drawn(_probabilities(gates), places, shots, random)
    elif len(active) > _STATE_VECTOR_QUBITS and is_clifford(gates):
        counts = _sampled_clifford(gates, places, shots, device, active, random)
    else:
        counts = _simulated(gates, places, shots, device, active, random)
    return Sampled(counts, qubits)


def _check(circuit: QuantumCircuit, device: EmulatedDevice) -> None:
    unknown = {item.name for item in circuit.data} - _GATES
    if unknown:
        raise ValueError(f"the device has no {', '.join(sorted(unknown))}")
    if circuit.num_qubits > device.n_qubits:
        raise ValueError(f"the program has {circuit.num_qubits} qubits, the device {device.n_qubits}")


def _active_gates(circuit: QuantumCircuit, active: Sequence[int]) -> QuantumCircuit:
    """Return only the gates, on only the active qubits, as the cost of a simulation grows with every qubit.

    Angles are reduced, as Aer mistakes large ones for quarter turns.
    """
    gates = rebuilt(circuit, active, without={"measure", "barrier"})
    for index, item in enumerate(gates.data):
        if item.name == "rz":
            gates.data[index] = item.replace(operation=with_reduced_angles(item.operation))
    return gates


def _probabilities(gates: QuantumCircuit) -> NDArray[np.float64]:
    """Return the probability of each outcome of a noiseless circuit; qubit 0 is the lowest bit of the index."""
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
                circuit.add_RZ_gate(*qubits, -item.params[0])  # qulacs rotates in the other direction
            case "cx":
                circuit.add_CNOT_gate(*qubits)
    state = qulacs.QuantumState(gates.num_qubits)
    circuit.update_quantum_state(state)
    return np.asarray(np.abs(state.get_vector()) ** 2)


def _drawn(
    probabilities: NDArray[np.float64], places: Sequence[int | None], shots: int, random: np.random.Generator
) -> dict[str, int]:
    drawn = random.multinomial(shots, probabilities / probabilities.sum())
    outcomes = np.flatnonzero(drawn)
    bits = np.zeros((len(outcomes), len(places)), np.uint8)
    for bit, place in enumerate(reversed(places)):
        if place is not None:
            bits[:, bit] = outcomes >> place & 1
    return _counted(bits, drawn[outcomes])


def _counted(bits: NDArray[np.uint8], repeated: NDArray[np.int64]) -> dict[str, int]:
    """Return the counts of outcomes of shape (outcomes, bits); the last bit is the rightmost character."""
    counts: dict[str, int] = {}
    for row, n in zip(bits + ord("0"), repeated, strict=True):
        key = row.tobytes().decode()
        counts[key] = counts.get(key, 0) + int(n)
    return counts


def _sampled_clifford(
    gates: QuantumCircuit,
    places: Sequence[int | None],
    shots: int,
    device: EmulatedDevice,
    active: Sequence[int],
    random: np.random.Generator,
) -> dict[str, int]:
    calibration = device.calibration if device.noisy else None
    measured = [place for place in places if place is not None]
    sampler = clifford_sampler(gates, calibration, active, measured, random)
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
    gates: QuantumCircuit,
    places: Sequence[int | None],
    shots: int,
    device: EmulatedDevice,
    active: Sequence[int],
    random: np.random.Generator,
) -> dict[str, int]:
    """Return Aer's counts for a circuit whose state fits into memory."""
    circuit = QuantumCircuit(gates.num_qubits, len(places))
    circuit.compose(gates, inplace=True)
    for clbit, place in enumerate(places):
        if place is not None:
            circuit.measure(place, clbit)
    # Aer has the same limit, but some noisy circuits far beyond it crash the process.
    if len(active) > _STATE_VECTOR_QUBITS and 16 << len(active) > _memory_megabytes() << 20:
        raise ValueError(f"the state of {len(active)} qubits does not fit into memory")
    noise = circuit_noise_model(circuit, device.calibration, active) if device.noisy else None
    circuit = with_delays(circuit, device.calibration, active) if device.noisy else circuit
    seed = int(random.integers(1 << 31))
    result = _simulator().run(circuit, shots=shots, noise_model=noise, seed_simulator=seed).result()
    outcomes = result.data()["counts"]
    return {format(int(key, 16), f"0{len(places)}b"): n for key, n in outcomes.items()}


@cache
def _simulator() -> AerSimulator:
    return AerSimulator(max_memory_mb=_memory_megabytes())


def _memory_megabytes() -> int:
    """Return the memory that one simulation may use: half of the machine's, as another one may run beside it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 16 << 30
    return total >> 21
