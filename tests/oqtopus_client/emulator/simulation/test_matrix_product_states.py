"""Matrix product states: whether their outcomes have the right distribution, with noise and many qubits."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
import stim
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector
from scipy.stats import binom, chisquare

from oqtopus_client.emulator.simulation import matrix_product_states as mps
from oqtopus_client.emulator.simulation.operations import Operation, Part
from tests.support.parts import GATES, LIFETIMES, ROTATIONS, exact_probabilities, p_value, random_part

FALSE_ALARM = 1e-7


def sampled(part: Part, shots: int, seed: int = 1) -> np.ndarray:
    """Outcomes of a part."""
    return mps.sampler(part, np.random.default_rng(seed))(shots)


def noiseless(part: Part) -> Part:
    """The same part without noise."""
    operations = [operation for operation in part.operations if operation.name in GATES or operation.name in ROTATIONS]
    return Part(operations, part.measured, part.lifetimes)


def ghz(n_qubits: int) -> list[Operation]:
    """The gates of a GHZ state."""
    first = [Operation("rz", (0,), np.pi / 2), Operation("sx", (0,)), Operation("rz", (0,), np.pi / 2)]
    return [*first, *(Operation("cx", (qubit, qubit + 1)) for qubit in range(n_qubits - 1))]


@pytest.mark.parametrize("times", LIFETIMES.values(), ids=LIFETIMES.keys())
@pytest.mark.parametrize("n_qubits", [1, 2, 5])
def test_distribution(times: tuple[float, float], n_qubits: int) -> None:
    """Circuits of all operations, with strong noise, have the distribution of the density matrix."""
    part = random_part(n_qubits, n_qubits, [times, (50.0, 60.0), times, (20.0, 10.0), times][:n_qubits])
    assert p_value(sampled(part, 4000), exact_probabilities(part)) > FALSE_ALARM


@pytest.mark.parametrize("nanoseconds", [0.0, 1e-9, 16.0, 2e4, 2e300])
@pytest.mark.parametrize("times", LIFETIMES.values(), ids=LIFETIMES.keys())
def test_relaxation(times: tuple[float, float], nanoseconds: float) -> None:
    """A qubit of an entangled pair relaxes for any time as its lifetimes say, in populations and coherence."""
    turn = [Operation("rz", (0,), 0.4), Operation("sx", (0,)), Operation("cx", (0, 1)), Operation("sx", (1,))]
    operations = [Operation("sx", (0,)), *turn, Operation("relax", (0,), nanoseconds), *turn]
    part = Part(operations, [0, 1], [times, times])
    assert p_value(sampled(part, 5000), exact_probabilities(part)) > FALSE_ALARM


@pytest.mark.parametrize("t1", [1e9, 1e12])
def test_long_lifetimes(t1: float) -> None:
    """A qubit that hardly relaxes at all keeps its state."""
    part = Part([Operation("x", (0,)), Operation("relax", (0,), 20.0)], [0], [(t1, 2 * t1)])
    assert sampled(part, 100).all()


def test_certain_depolarization() -> None:
    """A state that is certainly depolarized is the fully mixed one."""
    outcomes = sampled(Part([*ghz(3), Operation("depolarize", (0, 2), 1.0)], [0, 2], [(np.inf, np.inf)] * 3), 10_000)
    assert p_value(outcomes, np.full(4, 0.25)) > FALSE_ALARM


@pytest.mark.parametrize("seed", range(3))
def test_states(seed: int) -> None:
    """Without noise, the state is exact to ten digits, wherever gates are and however entangled it becomes."""
    part = noiseless(random_part(seed, 8, [(np.inf, np.inf)] * 8, gates=150))
    chain = mps._order(part)
    states = mps._States(chain, 1, np.random.default_rng(0))
    circuit = QuantumCircuit(8)
    for operation in mps._by_place(part.operations, chain):
        states.apply(operation, part.lifetimes)
    for name, qubits, value in part.operations:
        circuit.append(GATES[name]() if name in GATES else ROTATIONS[name](value), qubits)
    tensors = [each[0] for each in states._tensors]
    amplitudes = reduce(lambda left, right: np.tensordot(left, right, 1), tensors).reshape((2,) * 8)
    amplitudes = amplitudes.transpose([states._places[qubit] for qubit in reversed(range(8))]).ravel()
    assert abs(np.vdot(Statevector(circuit).data, amplitudes)) == pytest.approx(1, abs=1e-10)


def test_many_relaxing_qubits() -> None:
    """The excited half of a GHZ state of 70 qubits decays qubit by qubit."""
    relaxing = [Operation("relax", (qubit,), 10_000.0) for qubit in range(70)]
    part = Part([*ghz(70), *relaxing], range(70), [(100.0, 150.0), (100.0, 80.0)] * 35)
    ones = sampled(part, 1000).sum(axis=1)
    assert p_value(ones[:, np.newaxis] > 0, np.array([0.5, 0.5])) > FALSE_ALARM
    edges = [1, 60, 62, 64, 66, 71]
    observed = np.histogram(ones[ones > 0], edges)[0]
    expected = np.diff(binom.cdf(np.array(edges) - 1, 70, np.exp(-0.1)))
    assert chisquare(observed, expected / expected.sum() * observed.sum()).pvalue > FALSE_ALARM


def test_many_qubits_with_pauli_errors() -> None:
    """Random Clifford gates on 40 qubits, near and far, have the pair correlations that Stim finds."""
    random = np.random.default_rng(5)
    operations, program = [], stim.Circuit()
    for _ in range(45):
        start = int(random.integers(38))
        first, second = (int(qubit) for qubit in start + random.choice(3, 2, replace=False))
        operations += [
            Operation("sx", (first,)),
            Operation("rz", (first,), np.pi / 2),
            Operation("cx", (first, second)),
        ]
        operations.append(Operation("depolarize", (first, second), 0.05))
        program.append("SQRT_X", first)
        program.append("S", first)
        program.append("CX", (first, second))
        program.append("DEPOLARIZE2", (first, second), 0.05 * 15 / 16)
    program.append("M", range(40))
    part = Part(operations, range(40), [(np.inf, np.inf)] * 40)
    signs = [1.0 - 2 * sampled(part, 1000), 1.0 - 2 * program.compile_sampler(seed=1).sample(200_000)]
    correlations = [each.T @ each / len(each) for each in signs]
    # 1000 shots have a standard deviation of at most 0.032; six of them are exceeded once in 5e8 correlations.
    assert np.abs(correlations[0] - correlations[1]).max() < 6 * 0.032


def test_same_seed() -> None:
    """The same random numbers give the same outcomes; later calls give new ones."""
    part = random_part(4, 4, [(30.0, 45.0)] * 4)
    sample = mps.sampler(part, np.random.default_rng(5))
    first, second = sample(200), sample(200)
    again = mps.sampler(part, np.random.default_rng(5))
    np.testing.assert_array_equal(again(200), first)
    np.testing.assert_array_equal(again(200), second)
    assert (first != second).any()


@pytest.mark.parametrize("measured", [[], [2], [2, 0, 2]])
@pytest.mark.parametrize("shots", [0, 1, 100])
def test_measured_qubits(measured: list[int], shots: int) -> None:
    """Outcomes have a column for each measured qubit, in order."""
    part = Part([Operation("x", (2,))], measured, [(np.inf, np.inf)] * 3)
    outcomes = sampled(part, shots)
    assert outcomes.dtype == bool
    np.testing.assert_array_equal(outcomes, np.tile([qubit == 2 for qubit in measured], (shots, 1)))


def test_one_shot_with_errors() -> None:
    """A single shot has its own state from the start."""
    part = Part([*ghz(3), Operation("relax", (0,), 2e300)], [0, 1, 2], [(30.0, 45.0)] * 3)
    outcomes = np.concatenate([sampled(part, 1, seed) for seed in range(40)])
    assert not outcomes[:, 0].any()
    assert (outcomes[:, 1] == outcomes[:, 2]).all()
    assert 0 < outcomes[:, 1].sum() < 40


def test_estimate() -> None:
    """Time grows with noisy shots, and hardly with others."""
    relaxing = [Operation("relax", (qubit,), 300.0) for qubit in range(40)]
    part = Part([*ghz(40), *relaxing], range(40), [(30.0, 45.0)] * 40)
    cost, more = mps.estimate(part, 100), mps.estimate(part, 10_000)
    quiet = mps.estimate(noiseless(part), 10_000)
    assert cost
    assert more
    assert quiet
    assert 50 < more.seconds / cost.seconds < 150
    assert quiet.seconds < more.seconds / 3
    assert cost.megabytes < 10


def test_entangled_parts_are_left_to_other_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """The estimate ends at the largest bond, however wide the part is, and after a second."""
    deep = random_part(1, 40, [(30.0, 45.0)] * 40, gates=300)
    monkeypatch.setattr(mps, "_BOND", 8)
    assert mps.estimate(deep, 100) is None
    monkeypatch.setattr(mps, "_BOND", 128)
    monkeypatch.setattr(mps, "_PILOT_SECONDS", 0.01)
    assert mps.estimate(deep, 100) is None


def test_narrow_parts_are_left_to_state_vectors() -> None:
    """States that would take no more time as vectors are not estimated to the end."""
    assert mps.estimate(random_part(1, 12, [(30.0, 45.0)] * 12, gates=200), 100) is None


def test_order() -> None:
    """Qubits that are joined to a line, in any order of their numbers, are next to each other in the chain."""
    line = np.random.default_rng(2).permutation(50).tolist()
    operations = [Operation("cx", pair) for pair in pairwise(line)]
    assert mps._order(Part(operations, [], [(30.0, 45.0)] * 50)) in (line, line[::-1])
