"""Expectation values, and how sure they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qiskit_oqtopus.primitives.observables import tells, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

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


class Share(NamedTuple):
    """What a measurement contributes to an observable.

    Attributes:
        measurement: The measurement.
        labels: The terms that count in it.
        coefficients: Theirs.
    """

    measurement: str
    labels: tuple[str, ...]
    coefficients: npt.NDArray[np.float64]


def shares(observable: Observable, measured: Sequence[str]) -> list[Share]:
    """What each measurement contributes to an observable; a term counts in the first that tells it.

    >>> from qiskit_oqtopus.primitives.observables import Observable
    >>> [share.labels for share in shares(Observable.of({"ZI": 1.0, "XX": 1.0, "ZZ": 1.0}), ["ZZ", "XX"])]
    [('ZI', 'ZZ'), ('XX',)]
    """
    left = dict(observable.terms)
    found = []
    for measurement in measured:
        told = tuple(label for label in left if tells(measurement, label))
        found.append(Share(measurement, told, np.array([left.pop(label) for label in told])))
    return found


def estimate(constant: float, told: Sequence[Share], outcomes: Sequence[Outcomes]) -> Estimate:
    """The expectation value of an observable from measurements.

    Terms that one measurement tells are seen in the same shots, so it is their weighted sum whose variance counts; the
    measurements themselves are independent. The standard error is thus the root of the sum, over measurements, of the
    sums' unbiased sample variances, each divided by its number of shots. (That the terms' covariances matter: McClean
    et al., New J. Phys. 18, 023023 (2016), section 5.)

    Args:
        constant: The identity's coefficient in the observable.
        told: What each measurement contributes; together all of the observable's other terms.
        outcomes: What each found: the last columns of bits are those of the measured qubits.
    """
    value, variance = constant, 0.0
    for share, outcome in zip(told, outcomes, strict=True):
        if not share.labels:
            continue
        sums = values(outcome.bits, share.measurement, share.labels) @ share.coefficients
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
