"""Readout mitigation, compared with a slow and readable implementation."""

from __future__ import annotations

import math
from functools import reduce
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.result import QuasiDistribution

from oqtopus_client.emulator.mitigation import pseudo_inverse

error_rates = st.tuples(st.floats(0, 0.3), st.floats(0, 0.3))


def assignment(readout: list[tuple[float, float]]) -> np.ndarray:
    """Return the matrix from prepared to measured outcomes; bit 0 is the lowest, hence the last factor."""
    matrices = [np.array([[1 - p10, p01], [p10, 1 - p01]]) for p10, p01 in readout]
    return reduce(lambda low, high: np.kron(high, low), matrices)


def nearest(quasi: dict[str, float]) -> dict[str, float]:
    """The procedure of Smolin, Gambetta and Smith: the smallest become zero, their sum is shared by the rest."""
    owed, left, kept = 0.0, len(quasi), {}
    for outcome, value in sorted(quasi.items(), key=lambda item: item[1]):
        if value + owed / left < 0:
            owed += value
            left -= 1
        else:
            kept[outcome] = value + owed / left
    return kept


@st.composite
def histograms(draw: st.DrawFn) -> tuple[dict[str, int], list[tuple[float, float]]]:
    """Counts of up to five bits, and the error rates of each."""
    readout = draw(st.lists(error_rates, min_size=1, max_size=5))
    outcomes = ["".join(bits) for bits in product("01", repeat=len(readout))]
    counts = draw(st.dictionaries(st.sampled_from(outcomes), st.integers(1, 1000), min_size=1))
    return counts, readout


@settings(deadline=None, max_examples=200)
@given(histograms())
def test_dense_inverse(case: tuple[dict[str, int], list[tuple[float, float]]]) -> None:
    """Counts follow the full inverse and the nearest distribution, truncated rather than rounded."""
    counts, readout = case
    shots = sum(counts.values())
    measured = np.array([counts.get(format(i, f"0{len(readout)}b"), 0) for i in range(2 ** len(readout))]) / shots
    quasi = np.linalg.solve(assignment(readout), measured)
    expected = nearest({format(i, f"0{len(readout)}b"): q for i, q in enumerate(quasi)})
    mitigated = pseudo_inverse(counts, readout)

    assert sum(mitigated.values()) <= shots
    for outcome in mitigated.keys() | expected.keys():
        ours = mitigated.get(outcome, 0)
        assert ours - 1e-6 <= expected.get(outcome, 0) * shots < ours + 1 + 1e-6


@pytest.mark.parametrize("width", [1, 2, 5])
def test_certain_outcomes(width: int) -> None:
    """Truncation to integers loses a count as often as with Qiskit's functions, which servers use."""
    rng = np.random.default_rng(width)
    counts = []
    for _ in range(200):
        readout = [(float(p10), float(p01)) for p10, p01 in rng.uniform(0.001, 0.08, (width, 2))]
        outcome = format(rng.integers(2**width), f"0{width}b")
        inverses = [np.linalg.pinv([[1 - p10, p01], [p10, 1 - p01]]) for p10, p01 in readout]
        quasi = reduce(lambda low, high: np.kron(high, low), inverses)[:, int(outcome, 2)]
        nearest = QuasiDistribution(dict(enumerate(quasi))).nearest_probability_distribution()
        counts.append((pseudo_inverse({outcome: 1000}, readout)[outcome], int(nearest[int(outcome, 2)] * 1000)))
    ours, theirs = (sum(count[side] == 999 for count in counts) for side in (0, 1))

    assert {count for pair in counts for count in pair} == {999, 1000}
    assert 0.15 < ours / 200 < 0.85
    assert abs(ours - theirs) < 4 * math.sqrt(200 / 2)


def test_known_distribution_comes_back() -> None:
    """Expected counts with different asymmetric errors for each bit give the prepared distribution."""
    readout = [(0.01, 0.05), (0.03, 0.1), (0.2, 0.02)]
    prepared = np.array([0.5, 0, 0.125, 0, 0, 0.25, 0, 0.125])
    shots = 10**9
    measured = assignment(readout) @ prepared * shots
    mitigated = pseudo_inverse({format(i, "03b"): round(n) for i, n in enumerate(measured)}, readout)

    assert [mitigated.get(format(i, "03b"), 0) / shots for i in range(8)] == pytest.approx(prepared, abs=1e-7)


def test_perfect_readout_changes_nothing() -> None:
    """Perfect readout changes no counts and adds no outcome."""
    counts = {"000": 500, "011": 125, "101": 375}

    assert pseudo_inverse(counts, [(0, 0)] * 3) == counts


def test_observed_outcomes_only() -> None:
    """Beyond 16 bits, only the observed rows and columns of the full inverse are used."""
    rng = np.random.default_rng(4)
    readout = [tuple(rates) for rates in rng.uniform(0, 0.08, (20, 2))]
    base = "01101001100101101001"
    near = [base[:i] + str(1 - int(base[i])) + base[i + 1 :] for i in range(20)]
    counts = {base: 4000, **{outcome: int(n) for outcome, n in zip(near, rng.integers(1, 300, 20), strict=True)}}
    shots = sum(counts.values())
    inverses = [np.linalg.inv([[1 - p10, p01], [p10, 1 - p01]]) for p10, p01 in readout]

    def element(row: str, column: str) -> float:
        return float(np.prod([m[int(r), int(c)] for m, r, c in zip(inverses, row[::-1], column[::-1], strict=True)]))

    quasi = np.array([sum(element(row, column) * n / shots for column, n in counts.items()) for row in counts])
    low, high = -10.0, 10.0
    for _ in range(100):  # bisection of how much to take away from all, so that what stays positive adds up to one
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(quasi - middle, 0).sum() > 1 else (low, middle)
    expected = dict(zip(counts, np.maximum(quasi - low, 0) * shots, strict=True))
    mitigated = pseudo_inverse(counts, readout)

    assert {outcome for outcome, n in expected.items() if n > 1e-6} == set(mitigated)
    assert all(n - 1e-6 <= expected[outcome] < n + 1 + 1e-6 for outcome, n in mitigated.items())


def test_thirty_bits() -> None:
    """The two outcomes of a GHZ state of thirty bits are recovered."""
    rng = np.random.default_rng(30)
    readout = [tuple(rates) for rates in rng.uniform(0.005, 0.03, (30, 2))]
    rates = np.array(readout)
    prepared = rng.integers(0, 2, (4000, 1))
    flipped = rng.random((4000, 30)) < np.where(prepared == 0, rates[:, 0], rates[:, 1])
    outcomes, numbers = np.unique((prepared ^ flipped)[:, ::-1], axis=0, return_counts=True)
    counts = {"".join(map(str, bits)): int(n) for bits, n in zip(outcomes, numbers, strict=True)}
    mitigated = pseudo_inverse(counts, readout)

    assert counts["0" * 30] + counts["1" * 30] < 2800
    assert mitigated["0" * 30] + mitigated["1" * 30] > 3700


def test_bounds() -> None:
    """Up to 32 bits are mitigated, as on servers; outcomes of another width than the errors are refused."""
    assert pseudo_inverse({"0" * 32: 7}, [(0.1, 0.1)] * 32) == {"0" * 32: 7}
    assert pseudo_inverse({"": 7}, []) == {"": 7}
    assert pseudo_inverse({}, [(0.1, 0.1)]) == {}
    with pytest.raises(ValueError, match="Readout mitigation takes up to 32 bits, not 33"):
        pseudo_inverse({"0" * 33: 7}, [(0.1, 0.1)] * 33)
    with pytest.raises(ValueError, match="Outcome '01' has 2 bits, readout errors are given for 3"):
        pseudo_inverse({"01": 7}, [(0.1, 0.1)] * 3)
