"""Mitigation of calibrated readout errors, compared with matrices and with the spread of repeated runs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.observables import Observable
from qiskit_oqtopus.primitives.suppression.mitigated import MitigatedEstimate, MitigatedObservable
from qiskit_oqtopus.primitives.suppression.randomization import complementary_flips
from qiskit_oqtopus.primitives.suppression.readout_mitigation import IndependentReadout, TwirledReadout
from tests.support.readout import (
    FACTORS,
    basis_state,
    diagonal,
    gradient,
    misreading,
    multinomial_covariance,
    outcomes,
)


class Device:
    """A device whose readout errors are known, with a state of known outcomes.

    Args:
        seed: Seed of the errors, the state and the shots.
        width: Number of qubits.
        errors: The least and the largest readout error.
        concentration: Of the state's outcomes: the smaller, the fewer are likely.
    """

    def __init__(self, seed: int, width: int, errors: tuple[float, float], concentration: float = 0.2) -> None:
        self.rng = np.random.default_rng(seed)
        self.width = width
        self.matrix = misreading(self.rng.uniform(*errors, (width, 2)))
        self.state = self.rng.dirichlet(np.full(2**width, concentration))

    def exact(self, observable: Observable) -> float:
        """Return the value without readout errors."""
        return observable.constant + sum(c * float(diagonal(label) @ self.state) for label, c in observable.terms)

    def counts(self, state: np.ndarray, shots: int) -> np.ndarray:
        """Return a histogram of the outcomes of a state."""
        return self.rng.multinomial(shots, self.matrix @ state)

    def twirled(self, state: np.ndarray, flips: np.ndarray, shots: int) -> list[Outcomes]:
        """Return the outcomes of randomizations, with flips undone."""
        masks = flips @ (1 << np.arange(self.width))
        states = np.arange(len(state))
        return [outcomes(self.counts(state[states ^ mask], shots // len(masks))[states ^ mask]) for mask in masks]

    def independent(self, observable: Observable, shots: int, calibration_shots: int) -> MitigatedEstimate:
        """Return the estimate of a run with calibrated independent readout."""
        zeros, ones = (self.counts(basis_state(i, self.width), calibration_shots) for i in (0, -1))
        readout = IndependentReadout(range(self.width), outcomes(zeros), outcomes(ones))
        measured = MitigatedObservable(observable, ["Z" * self.width], readout)
        return measured.estimate([[[outcomes(self.counts(self.state, shots))]]])

    def with_twirling(
        self, observable: Observable, shots: int, calibration_shots: int, num_randomizations: int = 8
    ) -> MitigatedEstimate:
        """Return the estimate of a run with twirled readout."""
        flips = complementary_flips(num_randomizations, self.width, self.rng)
        calibration = Outcomes.concatenated(self.twirled(basis_state(0, self.width), flips, calibration_shots))
        readout = TwirledReadout(range(self.width), calibration, [label for label, _ in observable.terms])
        measured = MitigatedObservable(observable, ["Z" * self.width], readout)
        return measured.estimate([[self.twirled(self.state, flips, shots)]])


@pytest.mark.parametrize("seed", range(12))
def test_independent_readout_against_matrices(seed: int) -> None:
    """The value is that of the inverse matrix; the variance is a multinomial's, of the run and of the calibration."""
    width = 1 + seed % 4
    device = Device(seed, width, (0.01, 0.2), 1.0)
    labels = {"".join(device.rng.choice(sorted(FACTORS), width)): float(device.rng.normal()) for _ in range(5)}
    observable = Observable.of(labels | {"Z" * width: 1.0})
    counts = device.counts(device.state, 3000)
    calibration = [device.counts(basis_state(i, width), 1000) for i in (0, -1)]
    weights = sum(c * diagonal(label) for label, c in observable.terms)

    def value(frequencies: np.ndarray) -> float:
        zeros, ones = frequencies.reshape(2, -1)
        bits = np.arange(2**width)[:, None] >> np.arange(width) & 1
        errors = np.stack([zeros @ bits, ones @ (1 - bits)], axis=1)
        return float(np.linalg.solve(misreading(errors).T, weights) @ counts) / 3000

    measured = np.concatenate(calibration) / 1000
    derivatives = gradient(value, measured).reshape(2, -1)
    shared = sum(g @ multinomial_covariance(n / 1000, 1000) @ g for g, n in zip(derivatives, calibration, strict=True))
    readout = IndependentReadout(range(width), *map(outcomes, calibration))
    corrected = np.linalg.solve(misreading(readout.errors).T, weights)
    own = corrected @ multinomial_covariance(counts / 3000, 3000) @ corrected

    found = MitigatedObservable(observable, ["Z" * width], readout).estimate([[[outcomes(counts)]]])

    assert found.value == pytest.approx(observable.constant + value(measured), abs=1e-9)
    assert found.error == pytest.approx(math.sqrt(own + shared), rel=1e-5)
    assert found.pooled_error == found.error


@pytest.mark.parametrize("seed", range(12))
def test_twirled_readout_against_matrices(seed: int) -> None:
    """The value is a sum of ratios; the variance is a multinomial's, of the run and of the calibration."""
    width = 1 + seed % 4
    device = Device(seed, width, (0.01, 0.2), 1.0)
    products = ("".join(letters) for letters in itertools.product("IZ", repeat=width))
    observable = Observable.of({label: float(device.rng.normal()) for label in products})
    counts, calibration = device.counts(device.state, 3000), device.counts(basis_state(0, width), 1000)
    labels, coefficients = zip(*observable.terms, strict=True)
    signs = np.array([diagonal(label) for label in labels])

    def value(frequencies: np.ndarray) -> float:
        return float(np.array(coefficients) @ (signs @ counts / 3000 / (signs @ frequencies)))

    measured = calibration / 1000
    shared = gradient(value, measured)
    weights = (np.array(coefficients) / (signs @ measured)) @ signs
    own = weights @ multinomial_covariance(counts / 3000, 3000) @ weights

    readout = TwirledReadout(range(width), outcomes(calibration), labels)
    found = MitigatedObservable(observable, ["Z" * width], readout).estimate([[[outcomes(counts)]]])

    assert found.value == pytest.approx(observable.constant + value(measured), abs=1e-9)
    assert found.error == pytest.approx(
        math.sqrt(own + shared @ multinomial_covariance(measured, 1000) @ shared), rel=1e-5
    )


OBSERVABLE = Observable.of({"IIIZ": 1.0, "ZZII": -0.7, "ZIZZ": 0.5, "ZZZZ": 1.3, "IIII": 0.25})


def check(repeats: list[MitigatedEstimate], exact: float) -> None:
    """Check the mean, the spread and the coverage of one standard error of repeated estimates."""
    values, errors = np.array([(each.value, each.error) for each in repeats]).T
    assert abs(values.mean() - exact) < 4 * values.std() / math.sqrt(len(values))
    assert values.std() == pytest.approx(math.sqrt((errors**2).mean()), rel=0.1)
    assert 0.63 < (abs(values - exact) < errors).mean() < 0.77


@pytest.mark.parametrize("method", ["independent", "with_twirling"])
@pytest.mark.parametrize(
    ("seed", "errors", "shots", "calibration_shots"),
    [(0, (0.01, 0.04), 4096, 4096), (1, (0.05, 0.12), 256, 256), (2, (0.1, 0.15), 4096, 512)],
    ids=["usual", "few shots, many errors", "errors of the calibration"],
)
def test_coverage(method: str, seed: int, errors: tuple[float, float], shots: int, calibration_shots: int) -> None:
    """One standard error covers the exact value in 68 % of the repeats, and there is no bias."""
    device = Device(seed, 4, errors)
    repeats = [getattr(device, method)(OBSERVABLE, shots, calibration_shots) for _ in range(1000)]

    check(repeats, device.exact(OBSERVABLE))


@pytest.mark.parametrize("method", ["independent", "with_twirling"])
def test_coverage_of_a_stabilizer(method: str) -> None:
    """Also of a value of 1, from which only readout errors differ, and at weight 6, where a product has a bias."""
    device = Device(3, 6, (0.02, 0.05))
    device.state = (basis_state(0, 6) + basis_state(-1, 6)) / 2
    observable = Observable.of({"ZZZZZZ": 1.0})
    repeats = [getattr(device, method)(observable, 2048, 2048) for _ in range(1000)]

    check(repeats, 1.0)


def test_two_randomizations_are_enough() -> None:
    """A pair of complementary flips removes the bias of errors that differ as those of devices do."""
    device = Device(4, 4, (0.01, 0.04))
    device.matrix = misreading(np.array([(0.01, 0.04)] * 4))
    repeats = [device.with_twirling(OBSERVABLE, 4096, 4096, 2) for _ in range(1000)]

    check(repeats, device.exact(OBSERVABLE))


def test_correlated_errors() -> None:
    """Twirled readout removes errors that two qubits have together; independent readout does not."""
    device = Device(5, 2, (0.01, 0.04))
    together = np.array([0.0, 0.0, 0.0, 1.0])
    device.matrix = 0.92 * np.eye(4) + 0.08 * np.array([np.roll(together, 0)[i ^ np.arange(4)] for i in range(4)]).T
    device.state = basis_state(1, 2)
    observable = Observable.of({"IZ": 1.0, "ZZ": 1.0})
    exact = device.exact(observable)
    twirled = [device.with_twirling(observable, 4096, 4096) for _ in range(1000)]
    independent = [device.independent(observable, 4096, 4096) for _ in range(100)]

    check(twirled, exact)
    assert abs(np.mean([each.value for each in independent]) - exact) > 0.05


def test_nothing_is_certain_before_an_error_was_seen() -> None:
    """Few shots without an error have the standard error of the errors to be expected."""
    shots = outcomes(np.array([20, 0]))
    calibration = np.array([950, 50])
    observable = Observable.of({"Z": 1.0})
    independent = IndependentReadout([0], outcomes(calibration), outcomes(calibration[::-1]))
    twirled = TwirledReadout([0], outcomes(calibration), ["Z"])

    for readout in (independent, twirled):
        found = MitigatedObservable(observable, ["Z"], readout).estimate([[[shots]]])
        assert found.value == pytest.approx(1 / 0.9)
        assert found.error > 2 * math.sqrt(0.05 * 0.95 / 20)


@pytest.mark.parametrize("flipped", [500, 480])
def test_a_factor_that_may_be_zero(flipped: int) -> None:
    """A warning names the term and its factor, and the value is not a number."""
    calibration = outcomes(np.array([1000 - flipped, flipped]))
    other = outcomes(np.array([flipped, 1000 - flipped]))
    observable = Observable.of({"Z": 1.0})
    for readout in (TwirledReadout([0], calibration, ["Z"]), IndependentReadout([0], calibration, other)):
        with pytest.warns(UserWarning, match=r"multiply the term Z by 0(\.04)? ± 0\.0"):
            measured = MitigatedObservable(observable, ["Z"], readout)

        assert np.isnan(measured.estimate([[[calibration]]]).value)


def test_projectors_have_no_factor() -> None:
    """Twirled readout refuses terms with projectors."""
    with pytest.raises(ValueError, match="The term Z0 has projectors"):
        TwirledReadout([0, 1], outcomes(np.array([9, 1, 0, 0])), ["Z0"])


def test_qubits_of_the_calibration() -> None:
    """Each measured qubit has its own calibrated errors, in whatever order they were calibrated."""
    calibration = Outcomes(np.array([[1, 0, 0], [0, 0, 0]], np.uint8), np.array([100, 900]))
    ones = Outcomes(np.array([[1, 1, 1]], np.uint8), np.array([1000]))
    readout = IndependentReadout([5, 2, 3], calibration, ones)
    twirled = TwirledReadout([5, 2, 3], calibration, ["ZIIIII", "IIZZII", "ZIIZII"])

    assert readout.errors.tolist() == [[0.1, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert [readout.factor(label).value for label in ("ZIIIII", "IIZZII")] == [0.9, 1.0]
    assert [twirled.factor(label).value for label in ("ZIIIII", "IIZZII", "ZIIZII")] == [0.8, 1.0, 0.8]
