"""Expectation values of observables, and their standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from oqtopus_client.errors import ResponseValidationError
from qiskit_oqtopus.primitives.observables import is_measured_by, measured_qubits, weighted_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from qiskit_oqtopus.primitives.counts import Outcomes
    from qiskit_oqtopus.primitives.observables import Observable
    from qiskit_oqtopus.primitives.readout import Readout

_MOST_ROWS = 1 << 13
"""The most outcomes to evaluate at a time: their arrays stay in the processor's cache."""


class Estimate(NamedTuple):
    """An expectation value.

    Attributes:
        value: The value.
        error: Its standard error.
    """

    value: float
    error: float

    @classmethod
    def weighted_mean(cls, parts: Sequence[tuple[Self, int]]) -> Self:
        """Return the mean of independent estimates, weighted by their numbers of shots."""
        shots = sum(number for _, number in parts)
        value = sum(part.value * number for part, number in parts) / shots
        error = float(np.sqrt(sum((part.error * number) ** 2 for part, number in parts))) / shots
        return cls(value, error)


class Contribution(NamedTuple):
    """The terms of an observable that are taken from one measurement.

    Attributes:
        measurement: The measurement.
        terms: Label and coefficient of each term.
    """

    measurement: str
    terms: tuple[tuple[str, float], ...]


def contributions(observable: Observable, measurements: Sequence[str]) -> list[Contribution]:
    """Return each measurement's contribution to an observable. A term is taken from the first that determines it.

    >>> from qiskit_oqtopus.primitives.observables import Observable
    >>> observable = Observable.of({"ZI": 1.0, "XX": 1.0, "ZZ": 1.0})
    >>> contributions(observable, ["ZZ", "XX"])[1]
    Contribution(measurement='XX', terms=(('XX', 1.0),))
    """
    left = dict(observable.terms)
    found = []
    for measurement in measurements:
        labels = [label for label in left if is_measured_by(label, measurement)]
        found.append(Contribution(measurement, tuple((label, left.pop(label)) for label in labels)))
    return found


def estimates(
    observable: Observable,
    measured: Sequence[tuple[str, Sequence[Outcomes]]],
    num_bindings: int,
    readout: Readout | None = None,
) -> list[Estimate]:
    """Return the expectation value of an observable for each of some bindings.

    The terms of a contribution are measured in the same shots, so it is the variance of their weighted sum that counts;
    the measurements themselves are independent. The standard error is thus the root of the sum, over measurements, of
    the sums' unbiased sample variances, each divided by its number of shots. (On the covariances of terms: McClean et
    al., New J. Phys. 18, 023023 (2016), section 5.)

    Undoing readout errors changes only the value of each outcome, so the mean has no bias, and the variance of these
    values is the variance with mitigation.

    Args:
        observable: The observable.
        measured: The measurements, which together determine all of its terms, and the outcomes of each for each
            binding. The last columns of bits are those of the measured qubits.
        num_bindings: Number of bindings.
        readout: Readout errors to undo.
    """
    values, variances = np.full(num_bindings, observable.constant), np.zeros(num_bindings)
    shares = contributions(observable, [measurement for measurement, _ in measured])
    for contribution, (_, outcomes) in zip(shares, measured, strict=True):
        if contribution.terms:
            step = max(1, _MOST_ROWS // max(len(each.numbers) for each in outcomes))
            for start in range(0, num_bindings, step):
                chunk = slice(start, start + step)
                means, spreads = _moments(contribution, outcomes[chunk], readout)
                values[chunk] += means
                variances[chunk] += spreads
    return [Estimate(*each) for each in zip(values.tolist(), np.sqrt(variances).tolist(), strict=True)]


def _moments(
    contribution: Contribution, outcomes: Sequence[Outcomes], readout: Readout | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the mean of a contribution for each binding, and the variance of that mean."""
    rows = np.array([len(each.numbers) for each in outcomes])
    starts = np.cumsum(rows) - rows
    numbers = np.concatenate([each.numbers for each in outcomes])
    bits = np.concatenate([each.bits for each in outcomes])
    errors, of_rows = None, None
    if readout is not None:
        errors = [_errors(contribution, each, readout) for each in outcomes]
        of_rows = np.concatenate(
            [np.broadcast_to(each, (n, *each.shape[1:])) for each, n in zip(errors, rows, strict=True)]
        )
    sums = weighted_sums(bits, *contribution, of_rows)
    shots = np.add.reduceat(numbers, starts)
    means = np.add.reduceat(sums * numbers, starts) / shots
    squares = np.add.reduceat((sums - np.repeat(means, rows)) ** 2 * numbers, starts)
    variances = squares / np.maximum(shots - 1, 1)
    if errors is not None:
        least = [least_variance(contribution, *each) for each in zip(outcomes, errors, strict=True)]
        variances = np.maximum(variances, least)
    # The spread of a single shot is unknown.
    return means, np.where(shots > 1, variances / shots, np.inf)


def _errors(contribution: Contribution, outcomes: Outcomes, readout: Readout) -> npt.NDArray[np.float64]:
    """Return the readout errors of each outcome's measured bits; once if all outcomes have the same."""
    measured = measured_qubits(contribution.measurement)
    qubits = np.array([measured])
    if outcomes.qubits is not None:
        layout = outcomes.qubits
        if layout.shape[1] <= max(measured) or not 0 <= layout.min() <= layout.max() < len(readout.errors):
            raise ResponseValidationError(
                f"The server reports that it measured the qubits {np.unique(layout).tolist()} of a device of "
                f"{len(readout.errors)} qubits, which is impossible."
            )
        # A circuit has one layout, unless several jobs share its shots.
        qubits = layout[:1, measured] if (layout == layout[0]).all() else layout[:, measured]
    return readout.at(qubits)


def least_variance(contribution: Contribution, outcomes: Outcomes, errors: npt.NDArray[np.float64]) -> float:
    """Return the least variance of a contribution in one shot, caused by readout errors alone.

    Where none of the few misreadings to be expected was observed, the sample's spread is too small, and its value is
    off by as much as they would have changed it. So the most frequent outcome is taken for a state of that probability,
    and the variance is that of at most two of its bits being misread.
    """
    top = int(np.argmax(outcomes.numbers))
    state = outcomes.bits[top]
    seen = float(outcomes.numbers[(outcomes.bits == state).all(axis=1)].sum() / outcomes.numbers.sum())
    of_bits = errors[top if len(errors) > 1 else 0]
    width = len(of_bits)
    bits = state[-width:]
    misread = np.eye(width, dtype=np.uint8)
    first, second = np.triu_indices(width, 1)
    misread = np.concatenate([np.zeros_like(misread[:1]), misread, misread[first] | misread[second]])
    chances = of_bits[np.arange(width), bits]
    sums = weighted_sums(bits ^ misread, *contribution, of_bits[np.newaxis])
    (true,) = weighted_sums(bits[np.newaxis], *contribution)
    return seen * float((sums - true) ** 2 @ np.where(misread, chances, 1 - chances).prod(axis=1))
