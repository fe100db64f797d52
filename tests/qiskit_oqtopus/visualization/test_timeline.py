"""`plot_timeline`: bars as long as their stages."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_rgba

from qiskit_oqtopus.visualization.timeline import plot_timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

START = datetime(2026, 8, 20, 1, 2, 3, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """Return the time this long after the start."""
    return START + timedelta(seconds=seconds)


def row(label: str, *seconds: float | None) -> tuple[Any, ...]:
    """Return a job that reached its stages at these times."""
    return (label, *(None if second is None else after(second) for second in seconds))


def drawn(figure: Figure) -> Figure:
    """Return the figure after rendering it without a warning."""
    figure.savefig(io.BytesIO(), format="png")
    return figure


def bars(figure: Figure) -> dict[str, list[tuple[int, float, float]]]:
    """Return the row, start and end of each bar by stage."""
    found = {}
    for collection in figure.axes[0].collections:
        if isinstance(collection, PolyCollection):
            boxes = [path.vertices for path in collection.get_paths()]
            found[collection.get_label()] = [
                (round(box[:, 1].mean()), box[:, 0].min(), box[:, 0].max()) for box in (b[:4] for b in boxes)
            ]
    return found


def arrows(figure: Figure) -> PathCollection:
    """Return the arrows of unfinished jobs."""
    return next(c for c in figure.axes[0].collections if isinstance(c, PathCollection))


def test_stages() -> None:
    """Each stage lasts from its start to the next stage; the first submission is the origin."""
    figure = drawn(plot_timeline([row("a", 1, 11, 31, 36), row("b", 0, 12, 36, 41)]))

    assert bars(figure) == {
        "submitted": [(0, 1, 11), (1, 0, 12)],
        "ready": [(0, 11, 31), (1, 12, 36)],
        "running": [(0, 31, 36), (1, 36, 41)],
    }
    axes = figure.axes[0]
    assert axes.get_xlabel() == "Seconds since 2026-08-20 01:02:03 UTC"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # from the top down
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["submitted", "ready", "running"]
    assert len(arrows(figure).get_offsets()) == 0


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((0, None, None, None), {"submitted": [(0, 0, 50)]}),
        ((0, 10, None, None), {"submitted": [(0, 0, 10)], "ready": [(0, 10, 50)]}),
        ((0, 10, 20, None), {"submitted": [(0, 0, 10)], "ready": [(0, 10, 20)], "running": [(0, 20, 50)]}),
    ],
)
def test_going_on(times: tuple[float | None, ...], expected: dict[str, Any]) -> None:
    """The last stage of an unfinished job extends to the current time, with an arrow of its colour."""
    figure = drawn(plot_timeline([row("a", *times)], now=after(50)))
    last = list(expected)[-1]
    colour = next(c for c in figure.axes[0].collections if c.get_label() == last).get_facecolor()

    assert {stage: spans for stage, spans in bars(figure).items() if spans} == expected
    assert arrows(figure).get_offsets().tolist() == [[50, 0]]
    assert np.array_equal(arrows(figure).get_facecolor(), colour)


def test_now() -> None:
    """The current time is the default of `now`."""
    before = datetime.now(UTC)
    figure = drawn(plot_timeline([("a", before - timedelta(seconds=60), None, None, None)]))
    [(_, start, end)] = bars(figure)["submitted"]

    assert start == 0
    assert 60 <= end <= 60 + (datetime.now(UTC) - before).total_seconds()


def test_unknown_stages() -> None:
    """A stage without a known start is part of the previous one; a job without times is a gap."""
    figure = drawn(
        plot_timeline(
            [row("refused", 0, 3, None, 4), row("registered", None, None, None, None), row("x", 0, None, 2, 9)]
        )
    )

    assert bars(figure) == {
        "submitted": [(0, 0, 3), (2, 0, 2)],
        "ready": [(0, 3, 4)],
        "running": [(2, 2, 9)],
    }


@pytest.mark.parametrize(
    ("seconds", "unit", "length"),
    [(90, "Seconds", 90), (600, "Minutes", 10), (36_000, "Hours", 10), (864_000, "Days", 10), (0, "Seconds", 0)],
)
def test_units(seconds: float, unit: str, length: float) -> None:
    """The axis has a suitable unit."""
    figure = drawn(plot_timeline([row("a", 0, 0, 0, seconds)]))

    assert figure.axes[0].get_xlabel().startswith(f"{unit} since ")
    assert bars(figure)["running"] == [(0, 0, pytest.approx(length))]


def test_time_zones() -> None:
    """Times may be in any time zone; the picture is in UTC."""
    tokyo = timezone(timedelta(hours=9))
    figure = drawn(plot_timeline([("a", after(0).astimezone(tokyo), after(5), after(6).astimezone(tokyo), after(7))]))

    assert bars(figure)["ready"] == [(0, 5, 6)]
    assert "2026-08-20 01:02:03 UTC" in figure.axes[0].get_xlabel()


def test_labels() -> None:
    """Labels are not formulas, and long ones are shortened."""
    figure = drawn(plot_timeline([row("$\\frac{1}$\x1b[1m", 0, 1, 2, 3), row("x" * 60, 0, 1, 2, 3)]))

    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["$\\frac{1}$[1m", "x" * 39 + "…"]


def test_many_jobs() -> None:
    """A thousand jobs are numbered, in a figure that fits a page."""
    figure = drawn(plot_timeline([row(f"job {i}", 0, i, i + 1, i + 2) for i in range(1000)]))

    assert len(bars(figure)["running"]) == 1000
    assert figure.get_size_inches()[1] <= 12
    assert figure.axes[0].get_ylabel() == "Job"
    assert not any("job" in label.get_text() for label in figure.axes[0].get_yticklabels())


def test_short_stages_are_visible() -> None:
    """A stage is visible even if it is very short."""
    figure = plot_timeline([row("a", 0, 86_400, 86_400, 86_403)])
    figure.savefig(buffer := io.BytesIO(), format="rgba")
    pixels = np.frombuffer(buffer.getvalue(), dtype=np.uint8).reshape(-1, 4)
    legend = figure.legends[0].get_window_extent()
    shape = (round(figure.bbox.height), round(figure.bbox.width), 4)
    below_legend = pixels.reshape(shape)[round(figure.bbox.height - legend.y0) :]
    running = np.array(to_rgba("#0b5394")) * 255

    assert (np.abs(below_legend - running) < 40).all(axis=-1).any()


@pytest.mark.parametrize("rows", [[], [row("a", None, None, None, None)]])
def test_nothing_to_draw(rows: list[Any]) -> None:
    """Without any times, an error is raised."""
    with pytest.raises(ValueError, match=f"None of {len(rows)} jobs has been submitted, so there is nothing to draw"):
        plot_timeline(rows)
