"""The values of an observable's terms in the shots of a program: `TermSamples`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qiskit_oqtopus.primitives.counts import Outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Numbers = npt.NDArray[np.float64 | np.int8 | np.uint8]


_LEAST_PAIRED = 16
"""The fewest randomizations whose pairs give a standard error; eight values give it to a quarter."""


@dataclass(frozen=True, eq=False)
class TermSamples:
    """The values of terms that were measured in the same shots.

    Attributes:
        values: The value of each term for each outcome: shape (outcomes, terms).
        numbers: Number of observations of each outcome.
        starts: The first outcome of each randomization.
    """

    values: Array
    numbers: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    def means(self) -> Array:
        """Return the mean of each term."""
        return mean(self.values, self.numbers)

    def variances(self, weights: Array | None = None, *, from_spread: bool = False) -> Array:
        """Return the variances of the means of weighted sums of the terms.

        Args:
            weights: The weights of the terms in each sum: shape (terms, sums). Without them, the sums are the terms.
            from_spread: Whether they are from the spread between pairs of randomizations, which includes that of the
                gates drawn at random; where this leaves fewer than eight values, from the spread between
                randomizations, which overestimates it; it is infinite for a single randomization. If not, the shots are
                taken for those of one circuit.
        """
        sums = self.values if weights is None else self.values @ weights
        if not from_spread:
            return variance_of_mean(sums, self.numbers)
        starts = self.starts[::2] if len(self.starts) >= _LEAST_PAIRED else self.starts
        if (count := len(starts)) == 1:
            return np.full(sums.shape[1], np.inf)
        shots = np.add.reduceat(self.numbers, starts)[:, np.newaxis]
        totals = np.add.reduceat(sums * self.numbers[:, np.newaxis], starts)
        deviations = totals - shots * (totals.sum(axis=0) / shots.sum())
        variances: Array = (deviations**2).sum(axis=0) / shots.sum() ** 2 * (count / (count - 1))
        return variances


def joined(randomizations: Sequence[Outcomes]) -> tuple[Outcomes, npt.NDArray[np.int64]]:
    """Return the outcomes of a program's randomizations together, and the first of each."""
    rows = np.array([len(each.numbers) for each in randomizations])
    return Outcomes.concatenated(randomizations), np.cumsum(rows) - rows


def mean(values: Numbers, numbers: npt.NDArray[np.int64]) -> Array:
    """Return the mean of each column of values, which were observed so many times."""
    means: Array = numbers @ values / numbers.sum()
    return means


def variance_of_mean(values: Numbers, numbers: npt.NDArray[np.int64]) -> Array:
    """Return the variance of the mean of each column: the unbiased sample variance over the number of shots.

    It is infinite for a single shot, whose spread is unknown.
    """
    shots = int(numbers.sum())
    if shots == 1:
        return np.full(values.shape[1], np.inf)
    variances: Array = numbers @ (values - mean(values, numbers)) ** 2 / (shots - 1) / shots
    return variances
