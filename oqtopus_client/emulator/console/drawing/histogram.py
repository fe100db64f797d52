"""Histograms of measurement outcomes."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_OUTCOMES = 32
"""Number of outcomes that are shown one by one."""


@dataclass(frozen=True)
class Bar:
    """One outcome.

    Attributes:
        outcome: The bitstring, classical bit 0 rightmost.
        count: How often it was measured; may be negative or fractional after error mitigation.
        share: The part of all counts; None if these add up to zero.
        image: The bar, as SVG.
    """

    outcome: str
    count: float
    share: float | None
    image: Markup


@dataclass(frozen=True)
class Histogram:
    """A histogram.

    Attributes:
        bars: The outcomes, in ascending order if all are shown, else the most frequent first.
        total: The sum of all counts.
        n_others: Number of outcomes that are not shown.
        others: The sum of their counts.
    """

    bars: Sequence[Bar]
    total: float
    n_others: int
    others: float

    @property
    def others_share(self) -> float | None:
        """The part of all counts that is not shown; None if these add up to zero."""
        return self.others / self.total if self.total else None


def histogram(counts: Mapping[str, float]) -> Histogram:
    """Return the histogram of counts by outcome. The lengths of bars are in proportion to the counts."""
    frequent = heapq.nsmallest(MOST_OUTCOMES, counts.items(), key=lambda item: (-item[1], item[0]))
    shown = dict(frequent if len(counts) > MOST_OUTCOMES else sorted(counts.items()))
    total = _sum(counts.values())
    longest = max(map(abs, shown.values()), default=0) or 1
    bars = [
        Bar(outcome, count, count / total if total else None, _image(count / longest))
        for outcome, count in shown.items()
    ]
    others = [count for outcome, count in counts.items() if outcome not in shown]
    return Histogram(bars, total, len(others), _sum(others))


def _image(length: float) -> Markup:
    kind = "negative" if length < 0 else "positive"
    return Markup(
        '<svg class="bar {}" width="100%" height="12" aria-hidden="true"><rect width="{:.2f}%" height="12"/></svg>'
    ).format(kind, 100 * abs(length))


def _sum(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) if all(isinstance(value, int) for value in values) else math.fsum(values)
