"""Mitigation of readout errors of circuits on several places of a chip, compared with matrices."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.observables import Observable
from qiskit_oqtopus.primitives.suppression.mitigated import MitigatedObservable
from qiskit_oqtopus.primitives.suppression.placed_readout import PlacedReadout, on_chip, places_of
from qiskit_oqtopus.primitives.suppression.readout_mitigation import IndependentReadout, TwirledReadout
from tests.support.readout import (
    basis_state,
    diagonal,
    gradient,
    misreading,
    multinomial_covariance,
    outcomes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CHIP = 4
PLACES = ((2, 0), (1, 3), (3, 2))
"""Qubits of the chip for each of the circuit's; in the first and the last, they are in the opposite order."""
SHOTS = (3000, 1000, 500)
CALIBRATION = 2000

OBSERVABLE = Observable.of({"ZI": 0.5, "IZ": -1.5, "ZZ": 2.0, "II": 0.25})
EVERYWHERE = {label: PLACES for label, _ in OBSERVABLE.terms}
WEIGHTS = sum(c * diagonal(label) for label, c in OBSERVABLE.terms)


class Run:
    """A state measured on each of the places of a chip with readout errors."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.errors = rng.uniform(0.02, 0.2, (CHIP, 2))
        self.state = rng.dirichlet(np.ones(4))
        matrices = [misreading(self.errors[list(place)]) for place in PLACES]
        self.counts = [
            rng.multinomial(shots, matrix @ self.state) for shots, matrix in zip(SHOTS, matrices, strict=True)
        ]
        chip = misreading(self.errors)
        self.calibration = [rng.multinomial(CALIBRATION, chip @ basis_state(i, CHIP)) for i in (0, -1)]

    @property
    def outcomes(self) -> Outcomes:
        """The outcomes of all places together."""
        measured = (outcomes(n).measured_on(place) for n, place in zip(self.counts, PLACES, strict=True))
        return Outcomes.concatenated(list(measured))

    def variance(
        self,
        weights: list[np.ndarray],
        value: Callable[[np.ndarray], float],
        calibration: list[np.ndarray],
    ) -> float:
        """Return the variance of a value: that of all shots with their corrected values, and the calibration's."""
        values = np.concatenate([np.repeat(w, n) for w, n in zip(weights, self.counts, strict=True)])
        measured = [each / CALIBRATION for each in calibration]
        derivatives = gradient(value, np.concatenate(measured)).reshape(len(measured), -1)
        shared = sum(g @ multinomial_covariance(n, CALIBRATION) @ g for g, n in zip(derivatives, measured, strict=True))
        return float(values.var(ddof=1) / len(values) + shared)


def bits() -> np.ndarray:
    """Return the chip's bits in each of its states."""
    return np.arange(2**CHIP)[:, None] >> np.arange(CHIP) & 1


@pytest.mark.parametrize("seed", range(8))
def test_independent_readout_at_places(seed: int) -> None:
    """The value is that of each place's inverse matrix, weighted by its shots; the variance has both parts."""
    run = Run(seed)

    def corrected(frequencies: np.ndarray) -> list[np.ndarray]:
        zeros, ones = frequencies.reshape(2, -1)
        errors = np.stack([zeros @ bits(), ones @ (1 - bits())], axis=1)
        return [np.linalg.solve(misreading(errors[list(place)]).T, WEIGHTS) for place in PLACES]

    def value(frequencies: np.ndarray) -> float:
        return float(sum(w @ n for w, n in zip(corrected(frequencies), run.counts, strict=True)) / sum(SHOTS))

    measured = np.concatenate(run.calibration) / CALIBRATION
    readout = PlacedReadout(IndependentReadout(range(CHIP), *map(outcomes, run.calibration)), EVERYWHERE)

    found = MitigatedObservable(OBSERVABLE, ["ZZ"], readout).estimate([[[run.outcomes]]])

    assert found.value == pytest.approx(OBSERVABLE.constant + value(measured), abs=1e-9)
    assert found.error**2 == pytest.approx(run.variance(corrected(measured), value, run.calibration), rel=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_twirled_readout_at_places(seed: int) -> None:
    """The value is a sum of ratios, each by the factor of the place's own qubits."""
    run = Run(seed)
    signs = np.array([diagonal(label) for label, _ in OBSERVABLE.terms])
    coefficients = np.array([c for _, c in OBSERVABLE.terms])
    supports = [[[place[1]], [place[0]], list(place)] for place in PLACES]  # of ZI, IZ and ZZ

    def corrected(frequencies: np.ndarray) -> list[np.ndarray]:
        products = [[(1 - 2 * bits()[:, qubits]).prod(axis=1) @ frequencies for qubits in each] for each in supports]
        return [(coefficients / np.array(factors)) @ signs for factors in products]

    def value(frequencies: np.ndarray) -> float:
        return float(sum(w @ n for w, n in zip(corrected(frequencies), run.counts, strict=True)) / sum(SHOTS))

    calibration = run.calibration[0]
    labels = {on_chip(label, place) for place in PLACES for label, _ in OBSERVABLE.terms}
    readout = PlacedReadout(TwirledReadout(range(CHIP), outcomes(calibration), sorted(labels)), EVERYWHERE)

    found = MitigatedObservable(OBSERVABLE, ["ZZ"], readout).estimate([[[run.outcomes]]])

    assert [label for label, _ in OBSERVABLE.terms] == ["ZI", "IZ", "ZZ"]
    assert found.value == pytest.approx(OBSERVABLE.constant + value(calibration / CALIBRATION), abs=1e-9)
    variance = run.variance(corrected(calibration / CALIBRATION), value, [calibration])
    assert found.error**2 == pytest.approx(variance, rel=1e-5)


def test_a_place_whose_readout_cannot_be_undone() -> None:
    """The factor of a term is that of the place where it is least certain: the observable is NaN, with a warning."""
    zeros = Outcomes(np.array([[0, 0], [0, 1]], np.uint8), np.array([50, 50]))
    ones = Outcomes(np.array([[1, 0], [1, 1]], np.uint8), np.array([50, 50]))
    readout = PlacedReadout(IndependentReadout((0, 1), zeros, ones), {"Z": [(0,), (1,)]})
    run = Outcomes(np.array([[0]], np.uint8), np.array([100])).measured_on([0])

    with pytest.warns(UserWarning, match="multiply the term Z by 0 "):
        found = MitigatedObservable(Observable.of({"Z": 1.0}), ["Z"], readout).estimate([[[run]]])

    assert math.isnan(found.value)


def test_places_of_outcomes() -> None:
    """Each place is listed once; outcomes on the circuit's own qubits have none."""
    bare = Outcomes(np.zeros((1, 1), np.uint8), np.array([1]))
    placed = [bare.measured_on(place) for place in itertools.chain(PLACES, PLACES)]

    assert places_of([bare]) == []
    assert places_of(placed) == list(PLACES)
