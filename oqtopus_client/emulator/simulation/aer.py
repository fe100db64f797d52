"""Operations as circuits for Qiskit Aer, with their noise as channels between the gates."""

from __future__ import annotations

from functools import cache, lru_cache, reduce
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.circuit.library import CXGate, PauliGate, RXGate, RZGate, RZXGate, RZZGate, SXGate, XGate
from qiskit_aer.noise import QuantumError, ReadoutError, thermal_relaxation_error

from oqtopus_client.emulator.noise import delay_nanoseconds, relaxation_and_depolarization

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from qiskit.circuit import Delay, Instruction

    from oqtopus_client.emulator.simulation.operations import Operation, Part

_FIXED = {"x": XGate(), "sx": SXGate(), "cx": CXGate()}
_ROTATIONS = {"rz": RZGate, "rx": RXGate, "rzz": RZZGate, "rzx": RZXGate}

_TILT = 1e-8
"""Relative difference between the weights of the Pauli errors of a depolarization."""


def aer_circuit(part: Part) -> QuantumCircuit:
    """Return a part of a program as a circuit for Aer, without classical bits and measurements."""
    circuit = QuantumCircuit(part.n_qubits)
    for instruction, qubits in instructions(part.operations, part.lifetimes):
        # The public method checks and broadcasts arguments, which takes several times as long.
        circuit._append(CircuitInstruction(instruction, [circuit.qubits[qubit] for qubit in qubits]))  # noqa: SLF001
    return circuit


def instructions(
    operations: Iterable[Operation], times: Sequence[tuple[float, float]]
) -> Iterator[tuple[Instruction, tuple[int, ...]]]:
    """Yield Aer's instruction for each operation, and its qubits.

    Args:
        operations: Operations without `delay` and `barrier`.
        times: T1 and T2 of each qubit, in microseconds.
    """
    pending: list[Operation] = []
    for operation in operations:
        name, qubits, value = operation
        if name == "relax":
            pending.append(operation)
            continue
        relaxing: list[Operation] = []
        if name == "depolarize" and tuple(relax.qubits[0] for relax in pending[-len(qubits) :]) == qubits:
            # One channel for all errors of a gate takes Aer less time than several.
            pending, relaxing = pending[: -len(qubits)], pending[-len(qubits) :]
        for relax in pending:
            yield _channel(((relax.value, times[relax.qubits[0]]),)), relax.qubits
        pending = []
        if name == "depolarize":
            yield _channel(tuple((r.value, times[r.qubits[0]]) for r in relaxing), value, len(qubits)), qubits
        else:
            yield _ROTATIONS[name](value) if name in _ROTATIONS else _FIXED[name], qubits
    for relax in pending:
        yield _channel(((relax.value, times[relax.qubits[0]]),)), relax.qubits


@lru_cache(maxsize=1 << 14)
def _channel(
    relaxations: tuple[tuple[float, tuple[float, float]], ...], p: float = 0.0, n_qubits: int = 1
) -> Instruction:
    """Return the relaxation of qubits for times in nanoseconds, if any, then full depolarization of `n_qubits`."""
    error = _relaxation(*relaxations) if relaxations else QuantumError([(QuantumCircuit(n_qubits), 1.0)])
    return (_depolarized(error, p) if p else error).to_instruction()


def gate_error(fidelity: float | None, duration: float, times: Sequence[tuple[float, float]]) -> QuantumError:
    """Return a channel of a given average gate fidelity: relaxation, then depolarization.

    The arguments are those of `noise.relaxation_and_depolarization`.
    """
    duration, p = relaxation_and_depolarization(fidelity, duration, times)
    return _depolarized(_relaxation(*((duration, each) for each in times)), p)


def readout_error(prob_meas1_prep0: float, prob_meas0_prep1: float) -> ReadoutError:
    """Return the readout error of a measurement."""
    return ReadoutError([[1 - prob_meas1_prep0, prob_meas1_prep0], [prob_meas0_prep1, 1 - prob_meas0_prep1]])


def readout_channel(prob_meas1_prep0: float, prob_meas0_prep1: float) -> QuantumError:
    """Return a channel that changes the outcomes of a measurement after it as the readout error does.

    It flips a qubit with the smaller of the probabilities, and otherwise sets it to the outcome that is read more often
    with their difference.
    """
    flipped, preferred = sorted((prob_meas1_prep0, prob_meas0_prep1))
    setting = QuantumCircuit(1)
    setting.reset(0)
    if prob_meas1_prep0 > prob_meas0_prep1:
        setting.x(0)
    flip, nothing = QuantumCircuit(1), QuantumCircuit(1)
    flip.x(0)
    return QuantumError([(nothing, 1 - preferred), (flip, flipped), (setting, preferred - flipped)])


def delay_error(delay: Delay, times: tuple[float, float]) -> QuantumError:
    """Return the relaxation during a delay of a qubit with lifetimes `(t1, t2)`, in microseconds.

    Raises:
        ValueError: The delay is not positive.
    """
    return _relaxation((delay_nanoseconds(delay), times))


def _relaxation(*each: tuple[float, tuple[float, float]]) -> QuantumError:
    """Return the independent relaxation of qubits, each for its time in nanoseconds, with T1 and T2 in microseconds.

    It is a mixture of resets and phase flips where T2 is at most T1.
    """
    return reduce(
        lambda error, other: error.expand(other),
        [thermal_relaxation_error(t1, t2, duration * 1e-3) for duration, (t1, t2) in each],
    )


def _depolarized(error: QuantumError, p: float) -> QuantumError:
    """Return an error followed by full depolarization with probability `p`.

    No error before full depolarization has an effect, so this is a mixture rather than a product of the two.
    """
    paulis = _paulis(error.num_qubits)
    # All weights differ: Aer's decomposition into Kraus operators may fail for a channel with equal eigenvalues, and
    # its threads then end the process. The identity, which alone determines the fidelity, keeps its weight.
    tilts = [*np.linspace(-_TILT, _TILT, len(paulis) - 1).tolist(), 0.0]
    return QuantumError(
        [(pauli, p / len(paulis) * (1 + tilt)) for pauli, tilt in zip(paulis, tilts, strict=True)]
        + [(terms, (1 - p) * weight) for terms, weight in zip(error.circuits, error.probabilities, strict=True)]
    )


@cache
def _paulis(n_qubits: int) -> list[QuantumCircuit]:
    """Return all Pauli gates, the identity last, as Aer searches an error for the first term that has an effect."""
    circuits = []
    for letters in product("XYZI", repeat=n_qubits):
        circuit = QuantumCircuit(n_qubits)
        circuit.append(PauliGate("".join(letters)), range(n_qubits))
        circuits.append(circuit)
    return circuits
