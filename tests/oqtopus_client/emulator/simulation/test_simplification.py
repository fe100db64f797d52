"""Clifford circuits are recognised however they are spelt, and nothing else is."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Statevector, random_clifford
from scipy import stats

from oqtopus_client.emulator.simulation import clifford
from oqtopus_client.emulator.simulation.operations import Operation, Part
from oqtopus_client.emulator.simulation.parts import operations_of
from oqtopus_client.emulator.simulation.simplification import clifford_form

if TYPE_CHECKING:
    from collections.abc import Iterable

FALSE_ALARM = 1e-7
NATIVE = ["rz", "sx", "x", "cx"]
LARGE = [1e15, 1e17, -1e17, -3e22, 1e100, 1.7e300]
INFINITE = math.inf, math.inf


def part_of(circuit: QuantumCircuit) -> Part:
    """Return a noiseless circuit of device gates as one part that measures all qubits."""
    n_qubits = circuit.num_qubits
    return Part(operations_of(circuit, timed=False), range(n_qubits), [INFINITE] * n_qubits)


def between_turns(angles: Iterable[float]) -> Part:
    """Return rotations of one qubit about Z, which a quarter turn before and after them makes observable."""
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    for angle in angles:
        circuit.rz(angle, 0)
    circuit.sx(0)
    return part_of(circuit)


def assert_same_distribution(part: Part, circuit: QuantumCircuit, seed: int, shots: int = 2000) -> None:
    """Compare samples of a part with the exact distribution of a circuit."""
    bits = clifford.sampler(part, np.random.default_rng(seed))(shots)
    counts = Counter((bits @ (1 << np.arange(part.n_qubits))).tolist())
    expected = Statevector(circuit).probabilities()
    likely = [outcome for outcome, probability in enumerate(expected) if probability > 1e-9]

    assert counts.keys() <= set(likely)
    if len(likely) > 1:
        observed = [counts[outcome] for outcome in likely]
        assert stats.chisquare(observed, expected[likely] / expected[likely].sum() * shots).pvalue > FALSE_ALARM


@pytest.mark.parametrize("basis", [["rz", "sx", "ecr"], ["rz", "sx", "cz"], ["u", "rzz"], ["r", "rxx"], ["u", "cp"]])
@pytest.mark.parametrize("level", range(4))
def test_respelt_cliffords(basis: list[str], level: int) -> None:
    """Random Clifford circuits by way of other gates, at all levels of Qiskit's transpiler."""
    for seed in range(3):
        circuit = random_clifford(4, seed=seed).to_circuit()
        other = transpile(circuit, basis_gates=basis, optimization_level=(seed + level) % 4, seed_transpiler=seed)
        respelt = transpile(other, basis_gates=NATIVE, optimization_level=level, seed_transpiler=seed)
        part = part_of(respelt)

        assert clifford_form(part) is not None
        assert_same_distribution(part, respelt, seed)


@pytest.mark.parametrize("coupling", ["any", "line", "alternating"])
@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("n_qubits", [30, 64])
def test_transpiled_ghz(n_qubits: int, level: int, coupling: str) -> None:
    """GHZ states at all levels, with couplings in one direction only."""
    circuit = QuantumCircuit(n_qubits)
    circuit.h(0)
    for qubit in range(n_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    pairs = [[qubit, qubit + 1] for qubit in range(n_qubits - 1)]
    maps = {"any": None, "line": pairs, "alternating": [pair[:: 1 if pair[0] % 2 else -1] for pair in pairs]}
    respelt = transpile(circuit, basis_gates=NATIVE, coupling_map=maps[coupling], optimization_level=level)
    bits = clifford.sampler(part_of(respelt), np.random.default_rng(level))(1000)

    assert (bits == bits[:, :1]).all()
    assert stats.binomtest(int(bits[:, 0].sum()), 1000, 0.5).pvalue > FALSE_ALARM


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=6), st.floats(-1e-8, 1e-8), st.integers(0, 2**32))
def test_quarter_turns(quarters: list[int], rounding: float, seed: int) -> None:
    """Any number of quarter turns is a Clifford gate with the right effect, also if it is 1e-8 off."""
    circuit = QuantumCircuit(2)
    for turns in quarters:
        circuit.rz(turns * math.pi / 2 + rounding, 0)
        circuit.sx(0)
        circuit.cx(0, 1)
        circuit.x(1)

    assert_same_distribution(part_of(circuit), circuit, seed)


@pytest.mark.parametrize("angle", LARGE)
def test_large_angles(angle: float) -> None:
    """Large angles are not taken for quarter turns, although their quotients have no digits after the point."""
    assert min(abs(math.sin(angle)), abs(math.cos(angle))) > 0.01
    assert clifford_form(between_turns([angle])) is None
    assert clifford_form(between_turns([angle, -angle])) is not None


@pytest.mark.parametrize(
    ("deviation", "repetitions", "expected"),
    [(1e-9, 100, True), (-1e-9, 100, True), (1e-9, 2000, False), (5e-7, 1, True), (5e-7, 3, False), (1e-5, 1, False)],
)
@pytest.mark.parametrize("turns", [0, 1, -3, 10**5])
def test_deviations_add_up(deviation: float, repetitions: int, *, expected: bool, turns: int) -> None:
    """Deviations add up, even if each is negligible."""
    part = between_turns([turns * math.pi / 2 + deviation] * repetitions)

    assert (clifford_form(part) is not None) == expected


@pytest.mark.parametrize(("repetitions", "expected"), [(190, True), (210, False)])
def test_tiny_deviations_add_up(repetitions: int, *, expected: bool) -> None:
    """Deviations that are each left out at once make a circuit no Clifford circuit if there are enough of them."""
    circuit = QuantumCircuit(2)
    circuit.sx(1)
    for _ in range(repetitions):
        circuit.rz(5e-9, 1)
        circuit.cx(0, 1)

    assert (clifford_form(part_of(circuit)) is not None) == expected


def test_small_angles_cancel() -> None:
    """Small angles that cancel do not add up, and angles next to quarter turns do not keep others from cancelling."""
    circuit = QuantumCircuit(2)
    for angle in (4e-7, 1.3e-6, 0.3):
        for _ in range(5):
            circuit.rz(math.pi / 2 + 1e-9, 0)
            circuit.sx(0)
            circuit.rz(angle, 0)
            circuit.cx(0, 1)
            circuit.rz(-angle, 0)

    assert clifford_form(part_of(circuit)) is not None


@pytest.mark.parametrize("noise", [Operation("depolarize", (0, 1), 0.1), Operation("relax", (0,), 500.0)])
@pytest.mark.parametrize("same", [True, False])
def test_noise_between_rotations(noise: Operation, *, same: bool) -> None:
    """Rotations merge across noise only if it commutes with them: about X with depolarization of the same qubits."""
    turn = [Operation("rz", (0,), math.pi / 2), Operation("sx", (0,)), Operation("rz", (0,), math.pi / 2)]
    angles = (0.3, -0.3) if same else (0.3, -0.2)
    operations = [
        *[operation for angle in angles for operation in (*turn, Operation("rz", (0,), angle), *turn, noise)],
        Operation("cx", (0, 1)),
    ]
    part = Part(operations, [0, 1], [INFINITE if noise.name == "depolarize" else (30.0, 20.0)] * 2)

    assert (clifford_form(part) is not None) == (same and noise.name == "depolarize")
