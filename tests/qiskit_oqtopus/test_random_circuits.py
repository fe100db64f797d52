"""Counts against the exact distribution, for circuits and registers of every shape."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit
from qiskit.quantum_info import Statevector

from tests.support.statistics import FALSE_ALARM, SHOTS, p_value

if TYPE_CHECKING:
    from qiskit_oqtopus import OqtopusBackend

EXAMPLES = 200
"""Probability that a correct circuit fails its test; for all 200 together at most 2e-5."""

angles = st.floats(-7, 7).map(lambda angle: round(angle, 6))


@dataclass(frozen=True)
class Case:
    """A circuit with the data that predict its counts."""

    circuit: QuantumCircuit
    unitary: QuantumCircuit
    measured: dict[int, int]
    words: list[int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw circuits of 1-6 qubits with 0-3 registers and loose bits, some of them measured, in any order."""
    n = draw(st.integers(1, 6))
    unitary = QuantumCircuit(QuantumRegister(n, "q"))
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["h", "x", "sx", "rx", "ry", "rz", "t", "cx", "cz", "rzz", "cswap", "cp"]))
        qubits = draw(st.permutations(range(n)))
        if kind in {"rx", "ry", "rz"}:
            getattr(unitary, kind)(draw(angles), qubits[0])
        elif kind in {"rzz", "cp"} and n > 1:
            getattr(unitary, kind)(draw(angles), *qubits[:2])
        elif kind in {"cx", "cz"} and n > 1:
            getattr(unitary, kind)(*qubits[:2])
        elif kind == "cswap" and n > 2:
            unitary.cswap(*qubits[:3])
        elif kind in {"h", "x", "sx", "t"}:
            getattr(unitary, kind)(qubits[0])
    before, after = draw(st.sampled_from([(0, 0), (0, 0), (1, 0), (0, 2), (2, 1)]))
    # An empty register has no place of its own among loose bits.
    sizes = st.integers(1 if before + after else 0, 5)
    registers = draw(st.lists(sizes, max_size=3).filter(lambda sizes: before + after or any(sizes)))
    circuit = _with_clbits(unitary, before, registers, after)
    words = [before] * bool(before) + registers + [after] * bool(after)
    if not registers:
        words = [before + after]
    clbits = draw(st.lists(st.integers(0, sum(words) - 1), min_size=1, max_size=8))
    measured = {}
    for clbit in clbits:
        qubit = draw(st.integers(0, n - 1))
        circuit.measure(qubit, clbit)
        measured[clbit] = qubit
    return Case(circuit, unitary, measured, words)


def _with_clbits(unitary: QuantumCircuit, before: int, registers: list[int], after: int) -> QuantumCircuit:
    """Return the circuit with registers, and loose bits before and after them."""
    circuit = unitary.copy()
    circuit.add_bits([Clbit() for _ in range(before)])
    for i, size in enumerate(registers):
        circuit.add_register(ClassicalRegister(size, f"r{i}"))
    circuit.add_bits([Clbit() for _ in range(after)])
    return circuit


def exact_distribution(case: Case) -> dict[str, float]:
    """Return the probability of each key, from the state vector and the sizes of the key's words."""
    distribution: dict[str, float] = defaultdict(float)
    for state, probability in enumerate(Statevector(case.unitary).probabilities()):
        bits = ["0"] * sum(case.words)
        for clbit, qubit in case.measured.items():
            bits[clbit] = str(state >> qubit & 1)
        words, position = [], 0
        for size in case.words:
            words.append("".join(reversed(bits[position : position + size])))
            position += size
        distribution[" ".join(reversed(words))] += probability
    return distribution


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=cases())
def test_counts_follow_the_exact_distribution(backend: OqtopusBackend, case: Case) -> None:
    """Bit order, register spacing and total shots are right for any registers."""
    counts = backend.run(case.circuit, shots=SHOTS).result().get_counts()
    distribution = exact_distribution(case)

    assert sum(counts.values()) == SHOTS
    assert all(distribution.get(key, 0.0) > 1e-12 for key in counts)
    assert p_value(counts, distribution) > FALSE_ALARM


@pytest.mark.parametrize(("observed", "alarm"), [({"0": 500, "1": 500}, False), ({"0": 600, "1": 400}, True)])
def test_the_test_notices(observed: dict[str, int], alarm: bool) -> None:
    """The bound accepts a fair coin and rejects one that is biased by a fifth."""
    assert (p_value(observed, {"0": 0.5, "1": 0.5}) < FALSE_ALARM) is alarm
    assert math.isclose(p_value({"0": 1000}, {"0": 1.0}), 1.0)
