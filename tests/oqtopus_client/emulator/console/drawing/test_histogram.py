"""Histograms show the counts as they are."""

from __future__ import annotations

import random
import re

import pytest

from oqtopus_client.emulator.console.drawing.histogram import MOST_OUTCOMES, Histogram, histogram


def widths(drawn: Histogram) -> list[float]:
    """The widths of the bars, in percent."""
    return [float(re.findall(r'<rect width="([\d.]+)%"', bar.image)[0]) for bar in drawn.bars]


def test_few_outcomes_are_in_order() -> None:
    """All are shown, each with its count, its share, and a bar in proportion."""
    drawn = histogram({"11": 600, "00": 300, "01": 100})

    assert [(bar.outcome, bar.count, bar.share) for bar in drawn.bars] == [
        ("00", 300, 0.3), ("01", 100, 0.1), ("11", 600, 0.6)
    ]  # fmt: skip
    assert widths(drawn) == [50.0, 16.67, 100.0]
    assert (drawn.total, drawn.n_others, drawn.others) == (1000, 0, 0)


def test_many_outcomes_are_the_most_frequent_ones() -> None:
    """The others are counted, so that nothing is lost."""
    generator = random.Random(7)
    counts = {f"{n:016b}": generator.randrange(1, 50) for n in range(1 << 16)}
    drawn = histogram(counts)
    expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    assert [(bar.outcome, bar.count) for bar in drawn.bars] == expected[:MOST_OUTCOMES]
    assert drawn.n_others == len(counts) - MOST_OUTCOMES
    assert drawn.others == sum(count for _, count in expected[MOST_OUTCOMES:])
    assert drawn.total == sum(counts.values())
    assert drawn.others_share == pytest.approx(drawn.others / drawn.total)


def test_mitigated_counts_may_be_negative_or_fractional() -> None:
    """Bars of negative counts differ from others."""
    drawn = histogram({"0": 104.5, "1": -4.5})

    assert [bar.share for bar in drawn.bars] == [1.045, -0.045]
    assert widths(drawn) == [100.0, 4.31]
    assert ['"bar negative"' in bar.image for bar in drawn.bars] == [False, True]


@pytest.mark.parametrize("counts", [{}, {"00": 0, "11": 0}, {"": 0}])
def test_no_counts_have_no_shares(counts: dict[str, int]) -> None:
    """Zero counts are no error."""
    drawn = histogram(counts)

    assert [(bar.count, bar.share) for bar in drawn.bars] == [(0, None)] * len(counts)
    assert drawn.others_share is None
