"""Expectation values, and how sure they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qiskit_oqtopus.primitives.observables import tells, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit_oqtopus.primitives.observables import Observable
    from qiskit_oqtopus.primitives.outcomes import Outcomes


class Estimate(NamedTuple):
    """An expectation value.

    Attributes:
        value: The value.
        error: Its standard error.
    """

    value: float
    error: float


def estimate(observable: Observable, measured: Sequence[str], outcomes: Sequence[Outcomes]) -> Estimate:
    """The expectation value of an observable from measurements.

    Terms that one measurement tells are seen in the same shots, so it is their weighted sum whose variance counts; the
    measurements themselves are independent. The standard error is thus the root of the sum, over measurements, of the
    sums' unbiased sample variances, each divided by its number of shots. (That the terms' covariances matter: McClean
    et al., New J. Phys. 18, 023023 (2016), section 5.)

    Args:
        observable: The observable.
        measured: The measurements; together they tell all its terms. A term counts in the first that tells it.
        outcomes: What each found: the last columns of bits are those of the measured qubits.
    """
    left = dict(observable.terms)
    value, variance = observable.constant, 0.0
    for measurement, outcome in zip(measured, outcomes, strict=True):
        told = [label for label in left if tells(measurement, label)]
        if not told:
            continue
        coefficients = np.array([left.pop(label) for label in told])
        sums = values(outcome.bits, measurement, told) @ coefficients
        shots = int(outcome.numbers.sum())
        mean = float(sums @ outcome.numbers) / shots
        value += mean
        if shots > 1:
            variance += float(((sums - mean) ** 2) @ outcome.numbers) / (shots - 1) / shots
        else:
            variance = np.inf  # one shot tells nothing of the spread
    return Estimate(float(value), float(np.sqrt(variance)))


def merged(parts: Sequence[tuple[Estimate, int]]) -> Estimate:
    """One estimate from independent ones with those numbers of shots."""
    shots = sum(number for _, number in parts)
    value = sum(part.value * number for part, number in parts) / shots
    error = float(np.sqrt(sum((part.error * number) ** 2 for part, number in parts))) / shots
    return Estimate(value, error)
