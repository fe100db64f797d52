"""Quantum trajectories: whether their outcomes have the distribution of the density matrix."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Kraus, SuperOp

from oqtopus_client.emulator.simulation import trajectories
from oqtopus_client.emulator.simulation.operations import Operation, Part
from tests.support.parts import LIFETIMES, exact_probabilities, p_value, random_part, superoperator

FALSE_ALARM = 1e-7


def sampled(part: Part, shots: int, seed: int = 1) -> np.ndarray:
    """Outcomes of a part."""
    return trajectories.sampler(part, np.random.default_rng(seed))(shots)


@pytest.mark.parametrize("times", LIFETIMES.values(), ids=LIFETIMES.keys())
@pytest.mark.parametrize(
    "operation",
    [
        Operation("relax", (0,), 0.0),
        Operation("relax", (0,), 300.0),
        Operation("relax", (0,), 2e4),
        Operation("relax", (0,), 2e300),
        Operation("depolarize", (0,), 0.01),
        Operation("depolarize", (0,), 1.0),
        Operation("depolarize", (0, 1), 0.3),
        Operation("depolarize", (0, 1), 1.0),
    ],
    ids=str,
)
def test_kraus_operators_of_noise(operation: Operation, times: tuple[float, float]) -> None:
    """All Kraus operators of an operation together are its channel."""
    step = trajectories._step(operation, [times, times])
    assert step.errors is not None
    channel = SuperOp(Kraus([step.matrix, *step.errors]))
    np.testing.assert_allclose(channel.data, superoperator(operation, [times, times]).data, atol=1e-14)


@pytest.mark.parametrize("name", ["x", "sx", "rz", "rx"])
def test_matrices_of_one_qubit(name: str) -> None:
    """A gate's matrix is Qiskit's, up to a global phase."""
    operation = Operation(name, (0,), 0.7 if name.startswith("r") else 0.0)
    channel = SuperOp(Kraus([trajectories._step(operation, []).matrix]))
    np.testing.assert_allclose(channel.data, superoperator(operation, []).data, atol=1e-14)


@pytest.mark.parametrize("times", LIFETIMES.values(), ids=LIFETIMES.keys())
def test_distribution(times: tuple[float, float]) -> None:
    """Circuits of all operations, with strong noise, have the distribution of the density matrix."""
    part = random_part(2, 4, [times, (50.0, 60.0), times, (20.0, 10.0)])
    assert p_value(sampled(part, 2500), exact_probabilities(part)) > FALSE_ALARM


@pytest.mark.parametrize("times", LIFETIMES.values(), ids=LIFETIMES.keys())
def test_one_qubit(times: tuple[float, float]) -> None:
    """The smallest part has the distribution of the density matrix."""
    part = random_part(7, 1, [times])
    assert p_value(sampled(part, 2000), exact_probabilities(part)) > FALSE_ALARM


def test_more_qubits_than_a_product() -> None:
    """States are split into stacks of matrices, which changes nothing: here 64 outcomes of 13 qubits."""
    part = random_part(3, 6, [(30.0, 45.0)] * 6, gates=60)
    operations = [
        Operation(name, tuple(2 * qubit for qubit in qubits), value) for name, qubits, value in part.operations
    ]
    # The qubits between them take part in the noise, but do not change the others.
    others = [Operation("sx", (qubit,)) for qubit in (1, 3, 5, 7, 9, 11, 12)]
    wide = Part([*others, *operations], [2 * qubit for qubit in part.measured], [(30.0, 45.0)] * 13)
    assert p_value(sampled(wide, 1000), exact_probabilities(part)) > FALSE_ALARM


def test_certain_errors() -> None:
    """A state that certainly relaxes, and one that is certainly depolarized, have no path without error."""
    operations = [
        Operation("x", (0,)),
        Operation("relax", (0,), 2e300),
        Operation("x", (0,)),
        Operation("sx", (1,)),
        Operation("cx", (1, 0)),
        Operation("depolarize", (1, 2), 1.0),
        Operation("relax", (0,), 2e300),
    ]
    outcomes = sampled(Part(operations, [0, 1, 2], [(30.0, 20.0)] * 3), 4000)
    assert not outcomes[:, 0].any()
    assert p_value(outcomes[:, 1:], np.full(4, 0.25)) > FALSE_ALARM


def test_rare_errors() -> None:
    """Where most shots have no error, they share one evolution, and the others are in random places among them."""
    operations = [Operation("x", (0,)), Operation("relax", (0,), 1000.0)]
    outcomes = sampled(Part(operations, [0], [(100.0, 100.0)]), 10_000)[:, 0]
    decayed = np.flatnonzero(~outcomes)
    assert p_value(outcomes[:, np.newaxis], np.array([1 - np.exp(-0.01), np.exp(-0.01)])) > FALSE_ALARM
    assert decayed.min() < 3000
    assert decayed.max() > 7000


def test_same_seed() -> None:
    """The same random numbers give the same outcomes; later calls give new ones."""
    part = random_part(4, 4, [(30.0, 45.0)] * 4)
    sample = trajectories.sampler(part, np.random.default_rng(5))
    first, second = sample(200), sample(200)
    again = trajectories.sampler(part, np.random.default_rng(5))
    np.testing.assert_array_equal(again(200), first)
    np.testing.assert_array_equal(again(200), second)
    assert (first != second).any()


@pytest.mark.parametrize("measured", [[], [2], [2, 0, 2]])
def test_measured_qubits(measured: list[int]) -> None:
    """Outcomes have a column for each measured qubit, in order."""
    part = Part([Operation("x", (2,))], measured, [(np.inf, np.inf)] * 3)
    outcomes = sampled(part, 5)
    assert outcomes.dtype == bool
    np.testing.assert_array_equal(outcomes, np.array([[qubit == 2 for qubit in measured]] * 5).reshape(5, -1))


def test_no_shots() -> None:
    """Without shots, there are no outcomes."""
    assert sampled(random_part(1, 2, [(30.0, 45.0)] * 2), 0).shape == (0, 2)


def test_distant_gates() -> None:
    """Gates among many qubits are multiplied in an order that keeps their effect: a permutation of basis states."""
    random = np.random.default_rng(11)
    operations, bits = [], np.zeros(12, bool)
    for _ in range(400):
        first, second = (int(qubit) for qubit in random.choice(12, 2, replace=False))
        operations += [Operation("x", (first,)), Operation("cx", (first, second))]
        bits[first] ^= True
        bits[second] ^= bits[first]
    outcomes = sampled(Part(operations, range(12), [(np.inf, np.inf)] * 12), 3)
    np.testing.assert_array_equal(outcomes, [bits] * 3)


def test_estimate_counts_errors() -> None:
    """The expected number of errors is that of a fully mixed state."""
    operations = [
        Operation("x", (0,)),
        *[Operation("relax", (0,), 100.0)] * 3,
        *[Operation("depolarize", (0, 1), 0.1)] * 2,
    ]
    part = Part(operations, [0], [(30.0, 60.0)] * 2)
    expected = 3 * (1 - np.exp(-0.1 / 30)) / 2 + 2 * 0.1 * 15 / 16
    assert trajectories._expected_errors(part) == pytest.approx(expected)


def test_estimate() -> None:
    """Time grows with shots, qubits and errors; parts too wide for any memory are refused."""
    part = random_part(1, 4, [(30.0, 45.0)] * 4)
    cost = trajectories.estimate(part, 100)
    more = trajectories.estimate(part, 1000)
    wider = trajectories.estimate(Part(part.operations, [0], [(30.0, 45.0)] * 20), 100)
    quiet = [operation for operation in part.operations if operation.name not in ("relax", "depolarize")]
    noiseless = trajectories.estimate(Part(quiet, [0], part.lifetimes), 100)
    assert cost
    assert more
    assert wider
    assert noiseless
    assert more.seconds > 5 * cost.seconds
    assert wider.seconds > 100 * cost.seconds
    assert wider.megabytes > 2**20 * 16e-6
    assert noiseless.seconds < cost.seconds / 10
    assert trajectories.estimate(Part([], [0], [(30.0, 45.0)] * 40), 100) is None
