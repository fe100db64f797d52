"""Folding of cx gates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus.primitives.suppression.folding import fold
from tests.support.native_circuits import PHI, THETA, bits_distribution, native


@pytest.mark.parametrize("seed", range(40))
def test_effect_and_number_of_gates(seed: int) -> None:
    """A folded circuit has the same distribution, its number of cx is the nearest, other gates stay."""
    rng = np.random.default_rng(seed)
    circuit = native(seed).assign_parameters({THETA: 0.4, PHI: 1.3}, strict=False)
    factor = rng.uniform(1, 6)
    folded, achieved = fold(circuit, factor, rng)
    before, after = circuit.count_ops(), folded.count_ops()

    np.testing.assert_allclose(bits_distribution(folded), bits_distribution(circuit), atol=1e-12)
    if "cx" in before:
        assert after["cx"] == pytest.approx(achieved * before["cx"], abs=1e-9)
        assert abs(achieved - factor) <= 1 / before["cx"] + 1e-9
        assert after.get("barrier", 0) - before.get("barrier", 0) == after["cx"] - before["cx"]
    else:
        assert (folded, achieved) == (circuit, 1.0)
    for name in ("rz", "sx", "x", "measure"):
        assert after.get(name, 0) == before.get(name, 0)


@pytest.mark.parametrize("factor", [1, 3, 5, 7])
def test_odd_factors_are_exact(factor: int) -> None:
    """Each cx is followed by its copies, a barrier on its qubits before each."""
    circuit = QuantumCircuit(3)
    circuit.cx(2, 0)
    circuit.rz(THETA, 0)
    circuit.cx(0, 1)
    folded, achieved = fold(circuit, factor, np.random.default_rng(1))
    expected = QuantumCircuit(3)
    for control, target in ((2, 0), (0, 1)):
        expected.cx(control, target)
        for _ in range(factor - 1):
            expected.barrier(control, target)
            expected.cx(control, target)
        if control == 2:
            expected.rz(THETA, 0)

    assert achieved == factor
    assert folded == expected


def test_fractions_fold_a_random_subset() -> None:
    """Each cx is in the subset equally often, and no cx is folded more than once more than another."""
    circuit = QuantumCircuit(2)
    for _ in range(10):
        circuit.cx(0, 1)
        circuit.sx(0)
    rng = np.random.default_rng(2)
    copies = np.zeros(10)
    for _ in range(400):
        folded, achieved = fold(circuit, 3.6, rng)
        runs = "".join("c" if item.name == "cx" else "s" for item in folded.data if item.name != "barrier").split("s")
        lengths = [len(run) for run in runs[:-1]]
        assert sorted(lengths) == [3] * 7 + [5] * 3
        assert achieved == 3.6
        copies += np.array(lengths) == 5

    # Binomial with mean 120 and spread 9.2.
    assert abs(copies - 120).max() < 45


@pytest.mark.parametrize("factor", [0.99, 0, -3, math.nan, math.inf])
def test_impossible_factors(factor: float) -> None:
    """A factor must be a finite number of at least 1."""
    with pytest.raises(ValueError, match="at least 1, not"):
        fold(QuantumCircuit(1), factor, np.random.default_rng(1))
