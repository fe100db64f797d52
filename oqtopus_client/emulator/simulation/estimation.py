"""Expectation values as the cloud's estimator measures them: one circuit per group of observables."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp

from oqtopus_client.emulator.simulation.inputs import ServiceFailure, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_INDEX = re.compile(r"(?<=[IXYZ])\d+")
_MIN_QUBITS = 2
_ROWS = 256
"""Number of Pauli strings that are compared with all others at a time."""


@dataclass(frozen=True)
class Group:
    """Qubit-wise commuting Pauli strings, measured together.

    Attributes:
        basis: Pauli letter of the measurement basis by qubit, in ascending order.
        terms: Coefficient of each Pauli string, and the classical bits whose parity it measures.
    """

    basis: dict[int, str]
    terms: list[tuple[float, list[int]]]

    def measuring(self, gates: QuantumCircuit) -> QuantumCircuit:
        """Return the gates followed by measurements of the basis's i-th qubit into classical bit i."""
        circuit = QuantumCircuit(gates.num_qubits, len(self.basis))
        circuit.compose(gates, inplace=True)
        for clbit, (qubit, letter) in enumerate(self.basis.items()):
            for name, angles in _rotations(letter):
                getattr(circuit, name)(*angles, qubit)
            circuit.measure(qubit, clbit)
        return circuit


def read_operator(operator: Any) -> list[tuple[str, float]] | None:
    """Return the terms of a job's operator, each a Pauli string and a real coefficient; None if it has no operator.

    As on servers, a coefficient may also be a string.

    Raises:
        JobFailure: The operator is not a list of such terms.
    """
    if operator is None:
        return None
    try:
        terms = [(term["pauli"], float(term["coeff"])) for term in operator]
    except (TypeError, KeyError, ValueError) as error:
        raise invalid("each term of the operator needs a pauli and a real coeff.") from error
    if not all(isinstance(pauli, str) for pauli, _ in terms):
        raise invalid("each term of the operator needs a pauli and a real coeff.")
    return terms


def factors_of(pauli: str) -> dict[int, str]:
    """Read a Pauli string: its letter at each qubit.

    As on servers, all letters are matched with all indices that follow a capital I, X, Y or Z, and those without a
    match are skipped: dense labels (`XX`), small letters and an empty text all mean the identity.

    Raises:
        JobFailure: A qubit is named twice, or a letter with an index is not a Pauli operator.
    """
    text = pauli.replace(" ", "")
    letters, indices = _INDEX.sub("", text), [int(index) for index in _INDEX.findall(text)]
    factors = dict(zip(indices, letters, strict=False))
    if len(set(indices)) < len(indices):
        raise ServiceFailure(f"a qubit is named twice in {pauli!r}")
    if unknown := set(factors.values()) - set("IXYZ"):
        raise ServiceFailure(f"{''.join(sorted(unknown))!r} in {pauli!r} is not a Pauli operator")
    return factors


def split(
    gates: QuantumCircuit, terms: Sequence[tuple[Mapping[int, str], float]], qubit_mapping: Mapping[str, int] | None
) -> list[Group]:
    """Return the groups to measure for an operator.

    Args:
        gates: The circuit, without measurements.
        terms: The operator, on the qubits of the submitted program.
        qubit_mapping: Position of each of these qubits after transpilation; None if they have not moved.

    Raises:
        JobFailure: The operator acts on a qubit that the program does not have, the program has only one qubit, or the
            last qubit of the transpiled program is not one of the submitted program, which servers do not support.
    """
    if not terms:
        return []
    if gates.num_qubits < _MIN_QUBITS:
        raise ServiceFailure("'cx' gate needs two qubits, and the program has one")
    if qubit_mapping is not None and max(qubit_mapping.values()) != gates.num_qubits - 1:
        raise ServiceFailure("the layout does not match the qubits that the transpiled program uses")
    sparse = [("".join(p.values()), [_qubit(i, gates, qubit_mapping) for i in p], coeff) for p, coeff in terms]
    operator = SparsePauliOp.from_sparse_list(sparse, gates.num_qubits).simplify(atol=0)
    return [_group(operator[together].to_sparse_list()) for together in _together(operator.paulis)]


def estimate(groups: Iterable[Group], counts: Iterable[Mapping[str, int]]) -> tuple[float, float]:
    """Return the expectation value and its standard error from each group's counts.

    With P the Pauli strings, c their coefficients and `shots` the sum of the group's counts (which mitigation may
    reduce), the value is the sum of c <P>. The error is the sum of |c| sqrt((1 - <P>^2) / shots): added linearly, not
    in quadrature, and both are in single precision, as in the cloud's estimator.
    """
    value = error = 0.0
    for group, outcomes in zip(groups, counts, strict=True):
        shots = sum(outcomes.values())
        for coeff, clbits in group.terms:
            mean = _mean(outcomes, clbits, shots)
            value += coeff * mean
            error += abs(coeff) * math.sqrt(max(0.0, 1 - mean**2) / shots) if shots else 0.0
    # The estimator answers in single precision.
    return float(np.float32(value)), float(np.float32(error))


def _qubit(index: int, circuit: QuantumCircuit, mapping: Mapping[str, int] | None) -> int:
    qubit = index if mapping is None else mapping.get(str(index))
    if qubit is None or qubit >= circuit.num_qubits:
        raise ServiceFailure(f"the operator acts on qubit {index}, which the program does not have")
    return qubit


def _together(paulis: PauliList) -> list[list[int]]:
    """Return the indices of the Pauli strings in each group, as Qiskit's `group_commuting` forms them.

    A graph connects strings that do not commute, and nodes with the most neighbours are coloured first. Qiskit needs
    gigabytes for a few thousand strings on many qubits.
    """
    of_each_letter = [(paulis.x & ~paulis.z), (paulis.x & paulis.z), (~paulis.x & paulis.z)]
    factors = [letter.astype(np.float32) for letter in of_each_letter]
    acted_on = sum(factors)
    apart = np.empty((len(paulis), len(paulis)), bool)
    for start in range(0, len(paulis), _ROWS):
        rows = slice(start, start + _ROWS)
        apart[rows] = acted_on[rows] @ acted_on.T > sum(letter[rows] @ letter.T for letter in factors)
    colors = np.full(len(paulis), -1)
    groups: list[list[int]] = []
    for index in np.argsort(-apart.sum(1), kind="stable"):
        taken = set(colors[apart[index]])
        color = next(color for color in range(len(groups) + 1) if color not in taken)
        colors[index] = color
        if color == len(groups):
            groups.append([])
        groups[color].append(int(index))
    return groups


def _group(terms: list[tuple[str, list[int], complex]]) -> Group:
    basis = {qubit: letter for letters, qubits, _ in terms for qubit, letter in zip(qubits, letters, strict=True)}
    clbits = {qubit: clbit for clbit, qubit in enumerate(sorted(basis) or [0])}
    measured = {qubit: basis.get(qubit, "Z") for qubit in clbits}
    return Group(measured, [(coeff.real, [clbits[qubit] for qubit in where]) for _, where, coeff in terms])


def _rotations(letter: str) -> Iterator[tuple[str, list[float]]]:
    """Return device gates that turn a measurement of Z into one of X or Y, up to a phase."""
    if letter == "X":
        yield "rz", [math.pi / 2]
    if letter in {"X", "Y"}:
        yield "sx", []


def _mean(counts: Mapping[str, int], clbits: Sequence[int], shots: int) -> float:
    odd = sum(n for key, n in counts.items() if sum(key[-1 - clbit] == "1" for clbit in clbits) % 2)
    return 1 - 2 * odd / shots if shots else 0.0
