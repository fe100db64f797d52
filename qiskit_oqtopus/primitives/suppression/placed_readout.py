"""Readout errors of circuits that ran on several places of a chip, undone: `PlacedReadout`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.observables import measured_qubits, moved
from qiskit_oqtopus.primitives.suppression.readout_mitigation import CorrectedTerms, Correction, Factor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from qiskit_oqtopus.primitives.suppression.terms import Array


class PlacedReadout(Correction):
    """The correction of a chip's qubits, applied to a circuit that ran on several places of it.

    Terms are written on the circuit's qubits. For the outcomes of each place, they are rewritten on the chip's.

    Args:
        correction: The correction, for terms on the chip's qubits.
        places: For each term, the places at which it was measured: the chip's qubit of each of the circuit's.
    """

    def __init__(self, correction: Correction, places: Mapping[str, Sequence[tuple[int, ...]]]) -> None:
        self._correction = correction
        self._places = places

    def values(self, outcomes: Outcomes, measurement: str, labels: Sequence[str]) -> Array:
        """Return the value of each term for each outcome, as `Correction.values`."""
        values = np.empty((len(outcomes.numbers), len(labels)))
        for part in _by_place(outcomes, measurement, labels):
            values[part.rows] = self._correction.values(part.outcomes, part.measurement, part.labels)
        return values

    def sensitivities(self, terms: CorrectedTerms) -> Array:
        """Return the derivative of each term's mean by each calibrated quantity, as `Correction.sensitivities`."""
        shares = [share * self._correction.sensitivities(each) for each, share in _shares(terms)]
        total: Array = np.sum(shares, axis=0)
        return total

    def variances(self, sensitivities: Array) -> Array:
        """Return the variances that the calibration causes, as `Correction.variances`."""
        return self._correction.variances(sensitivities)

    def least_variances(self, terms: CorrectedTerms, weights: Array) -> Array:
        """Return the least variances of weighted sums, as `Correction.least_variances`."""
        shares = [share * self._correction.least_variances(each, weights) for each, share in _shares(terms)]
        total: Array = np.sum(shares, axis=0)
        return total

    def factor(self, label: str) -> Factor:
        """Return the least significant of the factors by which readout errors multiply a Pauli at the places."""
        factors = (self._correction.factor(on_chip(label, place)) for place in self._places[label])
        return min(factors, key=lambda factor: abs(factor.value) / factor.error if factor.error else np.inf)


def places_of(outcomes: Sequence[Outcomes]) -> list[tuple[int, ...]]:
    """Return the places at which circuits ran, each once; none if their qubits are the chip's."""
    found: dict[tuple[int, ...], None] = {}
    for each in outcomes:
        if each.qubits is not None:
            found |= dict.fromkeys(map(tuple, np.unique(each.qubits, axis=0).tolist()))
    return list(found)


def on_chip(label: str, place: Sequence[int]) -> str:
    """Return a term on the chip's qubits, as far as the last qubit of a place."""
    return moved(label, dict(enumerate(place)), max(place) + 1)


class _Part(NamedTuple):
    """The outcomes of one place, with the chip's qubits.

    Attributes:
        rows: The indices of the outcomes.
        outcomes: The outcomes, with the measured bits in the order of the chip's qubits.
        measurement: The measurement.
        labels: The terms.
    """

    rows: npt.NDArray[np.intp]
    outcomes: Outcomes
    measurement: str
    labels: list[str]


def _by_place(outcomes: Outcomes, measurement: str, labels: Sequence[str]) -> Iterator[_Part]:
    """Yield the outcomes of each place."""
    assert outcomes.qubits is not None  # noqa: S101 - the caller's part
    places, of_rows = np.unique(outcomes.qubits, axis=0, return_inverse=True)
    measured = measured_qubits(measurement)
    bits = outcomes.bits[:, -len(measured) :]
    for i, place in enumerate(places):
        rows = np.flatnonzero(of_rows.ravel() == i)
        columns = np.argsort(place[measured])
        yield _Part(
            rows,
            Outcomes(bits[np.ix_(rows, columns)], outcomes.numbers[rows]),
            on_chip(measurement, place.tolist()),
            [on_chip(label, place.tolist()) for label in labels],
        )


def _shares(terms: CorrectedTerms) -> Iterator[tuple[CorrectedTerms, float]]:
    """Yield the terms at each place, and the place's share of the shots."""
    shots = terms.outcomes.numbers.sum()
    for part in _by_place(terms.outcomes, terms.measurement, terms.labels):
        corrected = CorrectedTerms(part.outcomes, part.measurement, part.labels, terms.values[part.rows])
        yield corrected, float(part.outcomes.numbers.sum() / shots)
