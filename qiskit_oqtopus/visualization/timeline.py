"""Picture of when jobs waited and ran: `plot_timeline`."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.collections import PolyCollection
from matplotlib.ticker import MaxNLocator

from oqtopus_client.display import printable
from qiskit_oqtopus.visualization.style import canvas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Row = tuple[str, datetime | None, datetime | None, datetime | None, datetime | None]

# From light to dark, so that they can be distinguished by colour-blind people and in print.
_STAGES = {"submitted": "#c9ced6", "ready": "#56b4e9", "running": "#0b5394"}
_UNITS = {"Days": 86400, "Hours": 3600, "Minutes": 60, "Seconds": 1}

# In inches: the height of a row, and the dimensions around the rows.
_WIDTH, _ROW, _TALLEST, _AROUND = 8.0, 0.3, 12.0, 1.0
_MOST_LABELS, _LONGEST_LABEL = 36, 40


class _Span(NamedTuple):
    """The part of a bar that shows one stage."""

    y: int
    stage: str
    start: datetime
    end: datetime


def plot_timeline(rows: Sequence[Row], *, now: datetime | None = None) -> Figure:
    """Draw how long each job was submitted, ready and running.

    Each job is a bar, from the top down. The bar of a job that has not ended extends to the current time and ends with
    an arrow. A stage with an unknown start is drawn as part of the previous stage.

    Args:
        rows: For each job its label, and the times at which it was submitted, ready, running and ended; None for times
            in the future or unknown.
        now: The current time.

    Raises:
        ValueError: No job has been submitted.
    """
    now = now or datetime.now(UTC)
    spans = [span for y, row in enumerate(rows) for span in _spans(y, row, now)]
    if not spans:
        raise ValueError(f"None of {len(rows)} jobs has been submitted, so there is nothing to draw.")
    first = min(span.start for span in spans)
    duration = max((span.end - first).total_seconds() for span in spans)
    unit = next((unit for unit, seconds in _UNITS.items() if duration >= 2 * seconds), "Seconds")

    def position(time: datetime) -> float:
        return (time - first).total_seconds() / _UNITS[unit]

    with canvas(_WIDTH, min(_AROUND + _ROW * len(rows), _TALLEST)) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        for stage, colour in _STAGES.items():
            sides = [(span.y, position(span.start), position(span.end)) for span in spans if span.stage == stage]
            boxes = [[(a, y - 0.3), (b, y - 0.3), (b, y + 0.3), (a, y + 0.3)] for y, a, b in sides]
            # The edge shows a stage however short it was.
            axes.add_collection(PolyCollection(boxes, color=colour, linewidth=0.8, label=stage))
        unfinished = [span for span in spans if span.end is now]
        axes.scatter(
            [position(span.end) for span in unfinished],
            [span.y for span in unfinished],
            color=[_STAGES[span.stage] for span in unfinished],
            marker=">",
            s=180,
            clip_on=False,
        )
        axes.set_xlim(0, 1.03 * position(max(span.end for span in spans)) or 1)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(f"{unit} since {first.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
        axes.spines[["left", "right", "top"]].set_visible(False)
        _label(axes, [row[0] for row in rows])
        figure.legend(loc="outside upper center", ncols=len(_STAGES), frameon=False)
    return figure


def _spans(y: int, row: Row, now: datetime) -> Iterator[_Span]:
    _, *begun, ended = row
    times = [(stage, time) for stage, time in zip(_STAGES, begun, strict=True) if time is not None]
    if times:
        for (stage, start), (_, end) in pairwise([*times, ("ended", now if ended is None else ended)]):
            yield _Span(y, stage, start, end)


def _label(axes: Axes, labels: Sequence[str]) -> None:
    """Label the bars by name, or by number if there are too many."""
    if len(labels) > _MOST_LABELS:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("Job")
    else:
        axes.set_yticks(range(len(labels)), [_shortened(printable(label)) for label in labels], parse_math=False)
        axes.tick_params(axis="y", length=0)


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
