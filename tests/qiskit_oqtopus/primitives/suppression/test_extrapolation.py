"""Extrapolation to zero noise, compared with SciPy's curve_fit and with the spread of repeated runs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import curve_fit

from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.observables import Observable
from qiskit_oqtopus.primitives.suppression.extrapolation import (
    EXTRAPOLATORS,
    Extrapolation,
    check_extrapolator,
    fit,
)
from qiskit_oqtopus.primitives.suppression.mitigated import MitigatedEstimate, MitigatedObservable
from qiskit_oqtopus.primitives.suppression.readout_mitigation import TwirledReadout

CURVES = {
    "linear": lambda x, a, b: a + b * x,
    "polynomial_degree_2": lambda x, a, b, c: a + b * x + c * x**2,
    "exponential": lambda x, a, b: a * np.exp(-b * x),
    "double_exponential": lambda x, a, b, c, d: a * np.exp(-b * x) + c * np.exp(-d * x),
}
CASES = {
    "linear": (0.8, -0.1),
    "polynomial_degree_2": (0.8, -0.2, 0.01),
    "exponential": (-0.8, 0.2),
    "double_exponential": (0.5, 0.05, 0.4, 0.8),
}
FACTORS = (1.0, 1.5, 3.0, 4.0, 5.0)


@pytest.mark.parametrize("name", CASES)
def test_exact_values(name: str) -> None:
    """A curve through values without noise is that curve, wherever it is evaluated."""
    values = CURVES[name](np.array(FACTORS), *CASES[name])
    found = fit(name, FACTORS, values, np.full(5, 1e-6))

    assert found is not None
    points = [0.0, 0.5, 2.0, 7.0]
    assert found.at(points)[0] == pytest.approx(CURVES[name](np.array(points), *CASES[name]), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", CASES)
def test_against_curve_fit(name: str, seed: int) -> None:
    """Value and error at zero noise are those of SciPy's fit with absolute errors and its covariance."""
    rng = np.random.default_rng(seed)
    errors = rng.uniform(0.001, 0.003, 5)
    values = CURVES[name](np.array(FACTORS), *CASES[name]) + errors * rng.normal(size=5)
    start = np.array(CASES[name])
    best, covariance = curve_fit(CURVES[name], FACTORS, values, start, errors, absolute_sigma=True)
    derivative = [
        (CURVES[name](0.0, *(best + step)) - CURVES[name](0.0, *(best - step))) / 2e-6
        for step in 1e-6 * np.eye(len(best))
    ]
    expected = math.sqrt(derivative @ covariance @ derivative)

    found = fit(name, FACTORS, values, errors)

    assert found is not None
    if name == "double_exponential" and min(best[1], best[3]) < 0:
        assert min(found.parameters[[1, 3]]) >= 0
        return
    (value,), (response,) = found.at([0.0])
    assert value == pytest.approx(CURVES[name](0.0, *best), abs=1e-4)
    assert np.linalg.norm(response * errors) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", ["linear", "polynomial_degree_2", "exponential"])
def test_coverage(name: str) -> None:
    """If the curve has the form, one standard error covers the exact value in 68 % of the repeats without bias."""
    rng = np.random.default_rng(1)
    errors = np.array([0.01, 0.012, 0.009])
    factors = (1.0, 3.0, 5.0)
    how = Extrapolation(factors, (name,))
    exact = CURVES[name](np.array(factors), *CASES[name])
    found = [how.of(exact + errors * rng.normal(size=3), errors) for _ in range(1000)]
    off = np.array([each.value for each in found]) - CASES[name][0]
    reported = np.array([np.linalg.norm(each.response * errors) for each in found])

    assert {each.extrapolator for each in found} == {name}
    assert abs(off.mean()) < 4 * off.std() / math.sqrt(1000)
    assert 0.63 < (abs(off) < reported).mean() < 0.77


def sampled(rng: np.random.Generator, state: np.ndarray, shots: int) -> Outcomes:
    """Return outcomes of qubits in a state of known probabilities, bit 0 first."""
    counts = rng.multinomial(shots, state.ravel())
    bits = np.array(list(itertools.product((0, 1), repeat=state.ndim)), np.uint8)
    return Outcomes(bits, counts)


def run(rng: np.random.Generator, shots: int, extrapolation: Extrapolation) -> MitigatedEstimate:
    """Return the estimate of Z0 + 0.5 Z1 + ZZ, whose terms decay from 0.9, 0.8 and 0.9 at different rates.

    Readout multiplies the terms by 0.9, 0.9 and 0.81.
    """
    observable = Observable.of({"IZ": 1.0, "ZI": 0.5, "ZZ": 1.0})
    calibration = np.outer([0.95, 0.05], [0.95, 0.05])
    runs = []
    for factor in extrapolation.noise_factors:
        first, second, both = (
            0.9 * math.exp(-0.2 * factor),
            0.8 * math.exp(-0.1 * factor),
            0.9 * math.exp(-0.3 * factor),
        )
        signs = np.array([1, -1])
        state = 1 + 0.9 * first * signs[:, None] + 0.9 * second * signs + 0.81 * both * np.outer(signs, signs)
        runs.append([[sampled(rng, state / 4, shots // 8) for _ in range(8)]])
    readout = TwirledReadout([0, 1], sampled(rng, calibration, shots), ["IZ", "ZI", "ZZ"])
    return MitigatedObservable(observable, ["ZZ"], readout, extrapolation, from_spread=False).estimate(runs)


def test_coverage_with_readout_mitigation() -> None:
    """Terms share shots, noise factors share the calibration; one standard error covers 68 % of the repeats."""
    rng = np.random.default_rng(3)
    how = Extrapolation((1.0, 3.0, 5.0), ("exponential", "linear"), (0.0, 1.0))
    found = [run(rng, 16_000, how) for _ in range(1000)]
    values, errors = np.array([(each.value, each.error) for each in found]).T
    exact = 0.9 + 0.5 * 0.8 + 0.9

    assert abs(values.mean() - exact) < 5 * values.std() / math.sqrt(1000)
    assert 0.63 < (abs(values - exact) < errors).mean() < 0.77
    for each in found[:10]:
        assert each.extrapolators == ("exponential",)
        assert each.extrapolated is not None
        assert each.extrapolated.values[0, 0] == pytest.approx(each.value)
        assert each.extrapolated.errors[0, 0] == pytest.approx(each.error)
        # The fitted value at factor 1 is better than the measured one, and agrees with it.
        assert each.extrapolated.errors[0, 1] < each.by_factor.errors[0]
        assert abs(each.extrapolated.values[0, 1] - each.by_factor.values[0]) < 5 * each.by_factor.errors[0]


def test_spread_between_randomizations() -> None:
    """It is the standard error if randomizations differ, where that of pooled shots is too small."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(1000):
        # The second of a pair is off by the opposite of most of what the first is off by.
        common, opposite = 0.1 * rng.normal(size=(2, 16))
        means = 0.3 + np.stack([common + 2 * opposite, common - 2 * opposite], axis=1).ravel()
        outcomes = [sampled(rng, np.array([1 + z, 1 - z]) / 2, 500) for z in np.clip(means, -1, 1)]
        found.append(MitigatedObservable(Observable.of({"Z": 2.0}), ["Z"], from_spread=True).estimate([[outcomes]]))
    values, errors, pooled = np.array([(each.value, each.error, each.pooled_error) for each in found]).T

    assert 0.63 < (abs(values - 0.6) < errors).mean() < 0.77
    assert pooled.mean() < errors.mean() / 2


@pytest.mark.parametrize(
    "values",
    [(0, 0, 0, 0), (0.5,) * 4, (0.1, -0.2, 0.1, -0.1), (1, 0, 0, 0), (0, 0, 0, 1), (1e-9, 1e-5, 0.1, 1), (1, 1, 1, -1)],
    ids=str,
)
@pytest.mark.parametrize("error", [0.0, 1e-9, 0.1, 3.0, math.inf])
def test_degenerate_values(values: tuple[float, ...], error: float) -> None:
    """The value is a finite number whatever was measured, and what was chosen fits well or is the fallback."""
    how = Extrapolation((1.0, 2.0, 3.0, 4.0), tuple(EXTRAPOLATORS))
    errors = np.full(4, error)
    found = how.of(np.array(values, float), errors)

    assert math.isfinite(found.value)
    assert np.isfinite(found.response).all()
    if found.extrapolator != "fallback":
        assert abs(found.value) <= 1 + 2 * np.linalg.norm(found.response * errors) < math.inf


def test_noise_larger_than_the_signal() -> None:
    """No error of fits without signal claims more than the data hold."""
    rng = np.random.default_rng(5)
    how = Extrapolation((1.0, 3.0, 5.0), ("exponential", "linear"))
    errors = np.full(3, 0.05)
    found = [how.of(errors * rng.normal(size=3), errors) for _ in range(1000)]
    off = np.array([each.value / np.linalg.norm(each.response * errors) for each in found])

    assert (abs(off) < 3).mean() > 0.97


@pytest.mark.parametrize("value", [1.6, -1.6])
def test_values_that_no_pauli_has(value: float) -> None:
    """An extrapolation beyond 1 is not taken, be its error ever so small."""
    found = Extrapolation((1.0, 3.0), ("linear",)).of(value * np.array([0.4, 0.2]), np.full(2, 1e-3))

    assert found.extrapolator == "linear"
    found = Extrapolation((1.0, 3.0), ("linear",)).of(value * np.array([0.6, 0.1]), np.full(2, 1e-3))
    assert found.extrapolator == "fallback"
    assert found.value == pytest.approx(value * 0.6)


def test_a_shared_relative_error_widens_the_range() -> None:
    """A value beyond 1 by no more than the calibration's error is taken."""
    values, errors = np.array([0.7, 0.4, 0.2]), np.full(3, 1e-3)
    how = Extrapolation((1.0, 2.0, 3.0), ("exponential", "polynomial_degree_1"))

    assert how.of(values, errors).extrapolator == "polynomial_degree_1"
    assert how.of(values, errors, relative_error=0.5).extrapolator == "exponential"


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("linear", [1, 1, 1]),
        ("exponential", [1]),
        ("double_exponential", [1, 2, 3]),
        ("polynomial_degree_7", [1, 3, 5]),
    ],
)
def test_too_few_factors(name: str, factors: list[float]) -> None:
    """They are refused by name; values that were measured anyway fall back to those of least noise."""
    with pytest.raises(ValueError, match=f"{name} needs . different noise factors"):
        check_extrapolator(name, factors)

    found = Extrapolation(tuple(factors), (name,)).of(np.linspace(0.4, 0.6, len(factors)), np.full(len(factors), 0.01))
    least = [value for value, factor in zip(np.linspace(0.4, 0.6, len(factors)), factors, strict=True) if factor == 1]
    assert found.extrapolator == "fallback"
    assert found.value == pytest.approx(np.mean(least))
