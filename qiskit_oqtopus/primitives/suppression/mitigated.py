"""Expectation values with mitigation of readout and of gate errors: `MitigatedObservable`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.primitives.expectation import contributions
from qiskit_oqtopus.primitives.observables import term_values
from qiskit_oqtopus.primitives.suppression.readout_mitigation import CorrectedTerms
from qiskit_oqtopus.primitives.suppression.terms import TermSamples, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit_oqtopus.primitives.counts import Outcomes
    from qiskit_oqtopus.primitives.observables import Observable
    from qiskit_oqtopus.primitives.suppression.extrapolation import Extrapolated, Extrapolation
    from qiskit_oqtopus.primitives.suppression.readout_mitigation import Correction, Factor
    from qiskit_oqtopus.primitives.suppression.terms import Array


class Values(NamedTuple):
    """Values and their standard errors, as arrays of the same shape.

    Attributes:
        values: The values.
        errors: The standard errors to report.
        pooled_errors: The standard errors if all shots of a program were of one circuit. They differ from the errors
            where these are from the spread between randomizations.
    """

    values: Array
    errors: Array
    pooled_errors: Array

    def at(self, index: int) -> tuple[float, float, float]:
        """Return one value and its errors."""
        return float(self.values[index]), float(self.errors[index]), float(self.pooled_errors[index])


class MitigatedEstimate(NamedTuple):
    """An expectation value with mitigation.

    Attributes:
        value: The value.
        error: Its standard error.
        pooled_error: Its standard error as in `Values`.
        by_factor: The values at each noise factor, without extrapolation.
        extrapolated: The values of all extrapolators at all points, of shape (extrapolators, points); None without
            extrapolation. They are NaN for an extrapolator without a fit for some term.
        extrapolators: The names of the extrapolators chosen for the terms, each once.
    """

    value: float
    error: float
    pooled_error: float
    by_factor: Values
    extrapolated: Values | None = None
    extrapolators: tuple[str, ...] = ()


class _Part(NamedTuple):
    """The outcomes of one measurement with one noise factor, and the terms that it determines.

    Attributes:
        factor: Index of the noise factor.
        measurement: The measurement.
        indices: Indices of the terms.
        labels: Their labels.
        outcomes: The outcomes of all randomizations.
        samples: The values of the terms.
    """

    factor: int
    measurement: str
    indices: list[int]
    labels: list[str]
    outcomes: Outcomes
    samples: TermSamples


class MitigatedObservable:
    """An observable whose terms are corrected one by one.

    Values are linear in the means of terms, or nearly so where they are extrapolated. Their variance is thus that of a
    weighted sum of the terms: over the shots of each measurement, in which terms covary, and over the calibration's,
    which all terms, measurements and noise factors share.

    Args:
        observable: The observable.
        measurements: The measurements that determine its terms.
        correction: Correction of readout errors; None to leave them.
        extrapolation: Extrapolation of values; None without it.
        from_spread: Whether standard errors are from the spread between randomizations.
    """

    def __init__(
        self,
        observable: Observable,
        measurements: Sequence[str],
        correction: Correction | None = None,
        extrapolation: Extrapolation | None = None,
        *,
        from_spread: bool = False,
    ) -> None:
        self._constant = observable.constant
        self._labels = [label for label, _ in observable.terms]
        self._coefficients = np.array([coefficient for _, coefficient in observable.terms])
        indices = {label: i for i, label in enumerate(self._labels)}
        self._measured = [
            (each.measurement, labels, [indices[label] for label in labels])
            for each in contributions(observable, measurements)
            for labels in [[label for label, _ in each.terms]]
        ]
        self._correction = correction
        self._extrapolation = extrapolation
        self._from_spread = from_spread
        self._relative_errors = np.zeros(len(self._labels))
        if correction is not None:
            factors = [correction.factor(label) for label in self._labels]
            self._is_defined = _are_significant(self._labels, factors)
            if self._is_defined:
                self._relative_errors = np.array([factor.error / abs(factor.value) for factor in factors])
        else:
            self._is_defined = True

    def estimate(self, runs: Sequence[Sequence[Sequence[Outcomes]]]) -> MitigatedEstimate:
        """Return the expectation value for one binding.

        It is NaN if a readout factor is not significantly different from zero; the constructor warns of that.

        Args:
            runs: For each noise factor, and each measurement, the outcomes of its randomizations, with flips undone.
                The last columns of bits are those of the measured qubits.
        """
        count = len(runs)
        if not (self._labels and self._is_defined):
            return self._of_constant(count)
        parts = [
            self._part(factor, randomizations, *measured)
            for factor, run in enumerate(runs)
            for randomizations, measured in zip(run, self._measured, strict=True)
            if measured[1]
        ]
        means = np.zeros((count, len(self._labels)))
        for part in parts:
            means[part.factor, part.indices] = part.samples.means()
        weights = [np.eye(count)[:, np.newaxis] * self._coefficients[:, np.newaxis]]
        totals = [means @ self._coefficients]
        terms: list[Extrapolated] = []
        if self._extrapolation is not None:
            terms = self._extrapolated(self._extrapolation, means, parts)
            responses = np.stack([term.response for term in terms], axis=1)[..., np.newaxis]
            curves = np.stack([term.responses for term in terms]).transpose(3, 0, 1, 2).reshape(*means.shape, -1)
            weights += [each * self._coefficients[:, np.newaxis] for each in (responses, curves)]
            totals += [
                np.array([term.value for term in terms])[np.newaxis] @ self._coefficients,
                self._coefficients @ np.stack([term.curves.ravel() for term in terms]),
            ]
        found = Values(np.concatenate(totals) + self._constant, *self._errors(parts, np.concatenate(weights, axis=2)))
        return self._to_estimate(found, count, terms)

    def _part(
        self, factor: int, randomizations: Sequence[Outcomes], measurement: str, labels: list[str], indices: list[int]
    ) -> _Part:
        outcomes, starts = joined(randomizations)
        if self._correction is None:
            values = np.stack([*term_values(outcomes.bits, measurement, labels)], axis=1).astype(float)
        else:
            values = self._correction.values(outcomes, measurement, labels)
        return _Part(factor, measurement, indices, labels, outcomes, TermSamples(values, outcomes.numbers, starts))

    def _extrapolated(self, how: Extrapolation, means: Array, parts: Sequence[_Part]) -> list[Extrapolated]:
        """Return the extrapolation of each term."""
        errors = np.zeros_like(means)
        for part in parts:
            errors[part.factor, part.indices] = np.sqrt(part.samples.variances(from_spread=self._from_spread))
        return [
            how.of(*each, relative_error=relative_error)
            for *each, relative_error in zip(means.T, errors.T, self._relative_errors.tolist(), strict=True)
        ]

    def _errors(self, parts: Sequence[_Part], weights: Array) -> tuple[Array, Array]:
        """Return the standard errors of weighted sums of terms, and those from pooled shots.

        Args:
            parts: The outcomes.
            weights: The weight of each term at each noise factor: shape (noise factors, terms, sums).
        """
        pooled = np.zeros(weights.shape[2])
        spread = np.zeros_like(pooled)
        sensitivities: Any = 0
        for part in parts:
            of_part, least = weights[part.factor, part.indices], np.zeros_like(pooled)
            if self._correction is not None:
                corrected = CorrectedTerms(part.outcomes, part.measurement, part.labels, part.samples.values)
                least = self._correction.least_variances(corrected, of_part) / part.outcomes.numbers.sum()
                sensitivities = sensitivities + of_part.T @ self._correction.sensitivities(corrected)
            pooled += np.maximum(part.samples.variances(of_part), least)
            if self._from_spread:
                spread += np.maximum(part.samples.variances(of_part, from_spread=True), least)
        shared = 0 if self._correction is None else self._correction.variances(sensitivities)
        errors = np.sqrt(pooled + shared)
        return (np.sqrt(spread + shared) if self._from_spread else errors), errors

    def _to_estimate(self, found: Values, count: int, terms: Sequence[Extrapolated]) -> MitigatedEstimate:
        by_factor = Values(*(each[:count] for each in found))
        if self._extrapolation is None:
            return MitigatedEstimate(*found.at(0), by_factor)
        shape = len(self._extrapolation.extrapolators), len(self._extrapolation.points)
        return MitigatedEstimate(
            *found.at(count),
            by_factor,
            Values(*(each[count + 1 :].reshape(shape) for each in found)),
            tuple(dict.fromkeys(term.extrapolator for term in terms)),
        )

    def _of_constant(self, count: int) -> MitigatedEstimate:
        """Return the estimate of an observable without terms; NaN for one whose terms cannot be corrected."""
        size = count
        if self._extrapolation is not None:
            size += 1 + len(self._extrapolation.extrapolators) * len(self._extrapolation.points)
        value, error = (self._constant, 0.0) if self._is_defined else (math.nan, math.nan)
        return self._to_estimate(Values(np.full(size, value), *np.full((2, size), error)), count, ())


def _are_significant(labels: Sequence[str], factors: Sequence[Factor]) -> bool:
    """Return whether all factors are, and warn of the first that is not."""
    for label, factor in zip(labels, factors, strict=True):
        if not factor.is_significant:
            warn_user(
                f"Readout errors multiply the term {label} by {factor.value:.2g} ± {factor.error:.1g}, which may be "
                "zero, so they cannot be undone: observables with this term are NaN. Use more shots, better qubits or "
                "terms of fewer qubits; the same jobs without readout mitigation have a value."
            )
            return False
    return True
