"""The emulated device: executes a circuit of its own gates and returns counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from oqtopus_client.emulator.noise import lifetimes, noisy_operations
from oqtopus_client.emulator.simulation.circuits import NOT_EXECUTED, PLAIN_OPERATIONS, measurements
from oqtopus_client.emulator.simulation.drawing import bits_of
from oqtopus_client.emulator.simulation.interruption import check_interrupt
from oqtopus_client.emulator.simulation.linear_algebra import one_thread
from oqtopus_client.emulator.simulation.methods import choose
from oqtopus_client.emulator.simulation.parts import operations_of, split

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray
    from qiskit import QuantumCircuit

    from oqtopus_client.emulator.device_files import EmulatedDevice
    from oqtopus_client.emulator.simulation.methods import Chosen
    from oqtopus_client.emulator.simulation.operations import Part

_OPERATIONS = PLAIN_OPERATIONS | NOT_EXECUTED
_JOINT_QUBITS = 16
"""Up to this number of qubits, all probabilities of a noiseless program are computed, so that shots cost no time."""

_PORTION = 1 << 21
"""Number of bits that are sampled at a time, which bounds memory to about 60 MB for any number of shots."""


@dataclass(frozen=True)
class Sampled:
    """Measured outcomes.

    Attributes:
        counts: Counts by outcome; the rightmost character of a key is bit 0.
        qubits: The qubit measured into each bit, from bit 0 on; None for a bit without measurement.
        approximations: The approximations that were made.
    """

    counts: dict[str, int]
    qubits: list[int | None]
    approximations: frozenset[str] = frozenset()


@one_thread()
def sample(
    circuit: QuantumCircuit | str, device: EmulatedDevice, shots: int, random: np.random.Generator | None = None
) -> Sampled:
    """Run a circuit on a device.

    As on real devices, only the device's own gates run, and every measurement counts as final, wherever it is in the
    circuit. A simulator returns all declared classical bits and ignores couplings; a QPU returns only measured bits.

    Args:
        circuit: The circuit; its qubits are those of the device.
        device: The device.
        shots: Number of shots.
        random: The source of all random numbers; by default a new one.

    Raises:
        TooLargeError: The circuit needs more memory than is available.
        ValueError: The device does not accept the circuit, or it is the text of an unreadable program.
    """
    if isinstance(circuit, str):
        raise ValueError("the device cannot read the program")  # noqa: TRY004 - the user's value
    _check(circuit, device)
    random = np.random.default_rng() if random is None else random
    measured = measurements(circuit)
    clbits = sorted(measured) if device.noisy else range(circuit.num_clbits)
    qubits = [measured.get(clbit) for clbit in clbits]
    parts = parts_of(circuit, device, measured.values())
    chosen = [choose(part, shots) for part, _ in parts]
    if not device.noisy and all(c.method.probabilities for c in chosen) and _n_qubits(parts) <= _JOINT_QUBITS:
        counts = _drawn(parts, chosen, qubits, shots, random)
    else:
        counts = _sampled(parts, chosen, qubits, shots, device, random)
    return Sampled(counts, qubits, frozenset(c.method.approximation for c in chosen) - {""})


def parts_of(
    circuit: QuantumCircuit, device: EmulatedDevice, measured: Collection[int]
) -> list[tuple[Part, list[int]]]:
    """Return what the device does with these measured qubits, as independent parts, and the qubits of each.

    Raises:
        ValueError: The device has no such coupling, or a delay is not positive.
    """
    operations = operations_of(circuit, timed=device.noisy)
    if not device.noisy:
        return split(operations, set(measured), {})
    times = {index: lifetimes(qubit) for index, qubit in enumerate(device.calibration["qubits"])}
    return split(noisy_operations(operations, measured, device), set(measured), times)


@one_thread()
def seconds(circuit: QuantumCircuit, device: EmulatedDevice, shots: int, measured: Collection[int]) -> float:
    """Estimate the time to sample a circuit; zero if the device refuses it."""
    try:
        _check(circuit, device)
        return sum(choose(part, shots).cost.seconds for part, _ in parts_of(circuit, device, measured))
    except ValueError:
        return 0.0


def _check(circuit: QuantumCircuit, device: EmulatedDevice) -> None:
    unknown = circuit.count_ops().keys() - _OPERATIONS
    if unknown:
        raise ValueError(f"the device has no {', '.join(sorted(unknown))}")
    if circuit.num_qubits > device.n_qubits:
        raise ValueError(f"the program has {circuit.num_qubits} qubits, the device {device.n_qubits}")


def _n_qubits(parts: Sequence[tuple[Part, list[int]]]) -> int:
    return sum(part.n_qubits for part, _ in parts)


def _drawn(
    parts: Sequence[tuple[Part, list[int]]],
    chosen: Sequence[Chosen],
    qubits: Sequence[int | None],
    shots: int,
    random: np.random.Generator,
) -> dict[str, int]:
    """Return counts drawn from the probabilities of all outcomes of all parts; their first qubits are the lowest."""
    each = [c.method.probabilities(part) for (part, _), c in zip(parts, chosen, strict=True) if c.method.probabilities]
    joint = np.ones(1)
    for probabilities in each:
        joint = np.outer(probabilities, joint).ravel()
    drawn = random.multinomial(shots, joint / joint.sum())
    outcomes = np.flatnonzero(drawn)
    place = {qubit: index for index, qubit in enumerate(qubit for _, on in parts for qubit in on)}
    columns = [column for column, qubit in enumerate(reversed(qubits)) if qubit in place]
    bits = np.zeros((len(outcomes), len(qubits)), bool)
    bits[:, columns] = bits_of(outcomes, [place[qubit] for qubit in reversed(qubits) if qubit in place])
    counts: Counter[str] = Counter()
    for key, n in zip(_keys(bits), drawn[outcomes].tolist(), strict=True):
        counts[key] += n
    return dict(counts)


def _sampled(
    parts: Sequence[tuple[Part, list[int]]],
    chosen: Sequence[Chosen],
    qubits: Sequence[int | None],
    shots: int,
    device: EmulatedDevice,
    random: np.random.Generator,
) -> dict[str, int]:
    """Return counts of outcomes that are sampled part by part, with readout errors."""
    samplers = [c.method.sampler(part, random) for (part, _), c in zip(parts, chosen, strict=True)]
    columns = [_columns(part, on, qubits) for part, on in parts]
    errors = [device.calibration["qubits"][qubit]["meas_error"] for qubit in reversed(qubits)] if device.noisy else []
    p10, p01 = (np.array([error[name] for error in errors]) for name in ("prob_meas1_prep0", "prob_meas0_prep1"))
    counts: Counter[str] = Counter()
    portion = max(1, _PORTION // max(1, len(qubits)))
    for start in range(0, shots, portion):
        check_interrupt()
        bits = np.zeros((min(portion, shots - start), len(qubits)), bool)
        for sampler, (of_part, of_bits) in zip(samplers, columns, strict=True):
            bits[:, of_bits] = sampler(len(bits))[:, of_part]
        if errors:
            bits ^= random.random(bits.shape) < np.where(bits, p01, p10)
        counts.update(_keys(bits))
    return dict(counts)


def _columns(part: Part, on: Sequence[int], qubits: Sequence[int | None]) -> tuple[list[int], list[int]]:
    """Return the columns of a part's outcomes, and those of the bits, of which the last is bit 0, that they go to."""
    place = {on[qubit]: column for column, qubit in enumerate(part.measured)}
    pairs = [(place[qubit], column) for column, qubit in enumerate(reversed(qubits)) if qubit in place]
    return [of_part for of_part, _ in pairs], [of_bits for _, of_bits in pairs]


def _keys(bits: NDArray[np.bool_]) -> Iterator[str]:
    """Return each row as text."""
    shots, width = bits.shape
    text = (bits + np.uint8(ord("0"))).tobytes().decode()
    return (text[row * width : (row + 1) * width] for row in range(shots))
