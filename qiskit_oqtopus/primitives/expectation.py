"""Expectation values, and how sure they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from oqtopus_client.errors import ResponseValidationError
from qiskit_oqtopus.primitives.observables import measured_qubits, tells, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from qiskit_oqtopus.primitives.counts import Outcomes
    from qiskit_oqtopus.primitives.observables import Observable
    from qiskit_oqtopus.primitives.readout import Readout


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


def estimate(
    constant: float, told: Sequence[Share], outcomes: Sequence[Outcomes], readout: Readout | None = None
) -> Estimate:
    """The expectation value of an observable from measurements.

    Terms that one measurement tells are seen in the same shots, so it is their weighted sum whose variance counts; the
    measurements themselves are independent. The standard error is thus the root of the sum, over measurements, of the
    sums' unbiased sample variances, each divided by its number of shots. (That the terms' covariances matter: McClean
    et al., New J. Phys. 18, 023023 (2016), section 5.)

    Undoing readout errors changes what each outcome counts as, and no more than that: the value has no bias, and the
    variance of these numbers is the variance with mitigation.

    Args:
        constant: The identity's coefficient in the observable.
        told: What each measurement contributes; together all of the observable's other terms.
        outcomes: What each found: the last columns of bits are those of the measured qubits.
        readout: Readout errors to undo.
    """
    value, variance = constant, 0.0
    for share, outcome in zip(told, outcomes, strict=True):
        if not share.labels:
            continue
        errors = None if readout is None else _errors(share, outcome, readout)
        sums = values(outcome.bits, share.measurement, share.labels, errors) @ share.coefficients
        shots = int(outcome.numbers.sum())
        mean = float(sums @ outcome.numbers) / shots
        value += mean
        if shots > 1:
            spread = float(((sums - mean) ** 2) @ outcome.numbers) / (shots - 1)
            variance += max(spread, 0.0 if errors is None else _least_variance(share, outcome, errors)) / shots
        else:
            variance = np.inf  # one shot tells nothing of the spread
    return Estimate(float(value), float(np.sqrt(variance)))


def _errors(share: Share, outcome: Outcomes, readout: Readout) -> npt.NDArray[np.float64]:
    """The readout errors of each outcome's measured bits; once where all outcomes have the same."""
    measured = measured_qubits(share.measurement)
    qubits = np.array([measured])
    if outcome.qubits is not None:
        placed = outcome.qubits
        if placed.shape[1] <= max(measured) or not 0 <= placed.min() <= placed.max() < len(readout.errors):
            raise ResponseValidationError(
                f"The server says that it measured the qubits {np.unique(placed).tolist()} of a device of "
                f"{len(readout.errors)} qubits, which cannot be."
            )
        # One transpiled circuit is placed once, unless several jobs share its shots.
        qubits = placed[:1, measured] if (placed == placed[0]).all() else placed[:, measured]
    return readout.at(qubits)


def _least_variance(share: Share, outcome: Outcomes, errors: npt.NDArray[np.float64]) -> float:
    """What readout errors alone do to a share's value in one shot, at least.

    Where the few misreadings that there should have been were not seen, the sample has too little spread, and the value
    is off all the same. So the outcome seen most often is taken for a state of that probability, and the variance is
    that of at most two of its bits being misread.
    """
    top = int(np.argmax(outcome.numbers))
    state = outcome.bits[top]
    seen = float(outcome.numbers[(outcome.bits == state).all(axis=1)].sum() / outcome.numbers.sum())
    of_bits = errors[top if len(errors) > 1 else 0]
    width = len(of_bits)
    bits = state[-width:]
    misread = np.eye(width, dtype=np.uint8)
    first, second = np.triu_indices(width, 1)
    misread = np.concatenate([np.zeros_like(misread[:1]), misread, misread[first] | misread[second]])
    chances = of_bits[np.arange(width), bits]
    sums = values(bits ^ misread, share.measurement, share.labels, of_bits[np.newaxis]) @ share.coefficients
    (true,) = values(bits[np.newaxis], share.measurement, share.labels) @ share.coefficients
    return seen * float((sums - true) ** 2 @ np.where(misread, chances, 1 - chances).prod(axis=1))


def merged(parts: Sequence[tuple[Estimate, int]]) -> Estimate:
    """One estimate from independent ones with those numbers of shots."""
    shots = sum(number for _, number in parts)
    value = sum(part.value * number for part, number in parts) / shots
    error = float(np.sqrt(sum((part.error * number) ** 2 for part, number in parts))) / shots
    return Estimate(value, error)
