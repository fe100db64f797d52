"""Expectation values as the cloud's estimator measures them: one circuit for each group of observables."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from oqtopus_client.emulator.simulation.circuits import without_measurements
from oqtopus_client.emulator.simulation.inputs import JobFailure, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FACTOR = re.compile(r"([IXYZ])\s*(\d+)")
_MIN_QUBITS = 2


@dataclass(frozen=True)
class Group:
    """Qubit-wise commuting Pauli strings, measured together.

    Attributes:
        circuit: Measures qubit `qubits[i]` in the group's basis into classical bit i.
        terms: Coefficient of each Pauli string, and the classical bits whose parity it is.
    """

    circuit: QuantumCircuit
    terms: list[tuple[float, list[int]]]


def read_operator(operator: Any) -> list[tuple[dict[int, str], float]]:
    """The terms of a job's operator: the Pauli letter at each qubit, and the real coefficient.

    As servers do, whatever is not a capital letter of I, X, Y, Z with an index behind it is passed over: dense labels
    (`XX`), small letters and an empty text all mean the identity.

    Raises:
        JobFailure: There is no operator, a coefficient is missing or not real, or a qubit is named twice.
    """
    if not operator:
        raise JobFailure("the operator is not specified in the job.")
    terms = []
    for term in operator if isinstance(operator, list) else [operator]:
        coeff = term.get("coeff") if isinstance(term, dict) else None
        if not isinstance(coeff, int | float) or isinstance(coeff, bool) or not isinstance(term.get("pauli"), str):
            raise invalid("each term of the operator needs a pauli and a real coeff.")
        factors = [(int(index), letter) for letter, index in _FACTOR.findall(term["pauli"])]
        if len({index for index, _ in factors}) < len(factors):
            raise _estimator_failure(f"a qubit is named twice in {term['pauli']!r}")
        terms.append(({index: letter for index, letter in factors if letter != "I"}, float(coeff)))
    return terms


def split(
    circuit: QuantumCircuit, terms: Sequence[tuple[Mapping[int, str], float]], qubit_mapping: Mapping[str, int] | None
) -> list[Group]:
    """The circuits that measure an operator.

    Args:
        circuit: In the device's gates; its measurements are dropped.
        terms: The operator, on the qubits of the submitted program.
        qubit_mapping: Where transpiling has put these qubits; None if it has not moved them.

    Raises:
        JobFailure: The operator names a qubit that the program does not have, or the program has only one.
    """
    gates = without_measurements(circuit)
    if gates.num_qubits < _MIN_QUBITS:
        raise _estimator_failure("'cx' gate needs two qubits, and the program has one")
    sparse = [("".join(p.values()), [_qubit(i, gates, qubit_mapping) for i in p], coeff) for p, coeff in terms]
    operator = SparsePauliOp.from_sparse_list(sparse, gates.num_qubits)
    return [_group(gates, group.to_sparse_list()) for group in operator.group_commuting(qubit_wise=True)]


def estimate(groups: Sequence[Group], counts: Sequence[Mapping[str, int]], shots: int) -> tuple[float, float]:
    """The expectation value and its standard error, from each group's counts.

    With P the Pauli strings, c their coefficients and `shots` for every group, the value is the sum of c <P>; the
    error is the sum of |c| sqrt((1 - <P>^2) / shots): linear, not in quadrature, as the cloud's estimator adds it up.
    """
    value = error = 0.0
    for group, outcomes in zip(groups, counts, strict=True):
        for coeff, clbits in group.terms:
            mean = _mean(outcomes, clbits)
            value += coeff * mean
            error += abs(coeff) * math.sqrt(max(0.0, 1 - mean**2) / shots)
    return value, error


def _qubit(index: int, circuit: QuantumCircuit, mapping: Mapping[str, int] | None) -> int:
    qubit = index if mapping is None else mapping.get(str(index))
    if qubit is None or qubit >= circuit.num_qubits:
        raise _estimator_failure(f"the operator acts on qubit {index}, which the program does not have")
    return qubit


def _group(gates: QuantumCircuit, terms: list[tuple[str, list[int], complex]]) -> Group:
    basis = {qubit: letter for letters, qubits, _ in terms for qubit, letter in zip(qubits, letters, strict=True)}
    qubits = sorted(basis) or [0]
    circuit = QuantumCircuit(gates.num_qubits, len(qubits))
    circuit.compose(gates, inplace=True)
    for clbit, qubit in enumerate(qubits):
        for name, angles in _rotations(basis.get(qubit, "Z")):
            getattr(circuit, name)(*angles, qubit)
        circuit.measure(qubit, clbit)
    return Group(circuit, [(coeff.real, [qubits.index(qubit) for qubit in where]) for _, where, coeff in terms])


def _rotations(letter: str) -> Iterator[tuple[str, list[float]]]:
    """Device gates after which a measurement in Z tells of X or Y (what they do to the phase is lost in it)."""
    if letter == "X":
        yield "rz", [math.pi / 2]
    if letter in {"X", "Y"}:
        yield "sx", []


def _mean(counts: Mapping[str, int], clbits: Sequence[int]) -> float:
    total = sum(counts.values())
    odd = sum(n for key, n in counts.items() if sum(key[-1 - clbit] == "1" for clbit in clbits) % 2)
    return 1 - 2 * odd / total if total else 0.0


def _estimator_failure(reason: str) -> JobFailure:
    # Servers let the text of the exception between two of their programs through.
    return JobFailure(f"Exception calling application: {reason}")
