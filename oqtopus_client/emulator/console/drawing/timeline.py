"""The stages of a job, and a picture of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oqtopus_client.emulator.database import Row

_TIMES = {"submitted": "submitted_at", "ready": "ready_at", "running": "running_at"}
_UNFINISHED = ("submitted", "ready", "running", "cancelling")

_NARROWEST = 0.6
"""Minimum width of a stage, in percent of the picture, so that it can be seen."""


@dataclass(frozen=True)
class Stage:
    """One stage of a job.

    Attributes:
        name: `submitted`, `ready` or `running`.
        start: When it began, as the database writes it.
        seconds: Its duration, until now if it has not ended; None if its end is not recorded.
        over: Whether it has ended.
    """

    name: str
    start: str
    seconds: float | None
    over: bool


def stages(job: Row | Mapping[str, Any], now: str) -> list[Stage]:
    """Return the stages of a job that have begun.

    A stage whose start is not recorded is part of the one before. Jobs that were cancelled have no time of their end.

    Args:
        job: The job's `status` and times, as the database writes them.
        now: The present time.
    """
    begun = [(name, job[column]) for name, column in _TIMES.items() if job[column] is not None]
    in_progress = job["status"] in _UNFINISHED and job["ended_at"] is None
    end = now if in_progress else job["ended_at"]
    return [
        Stage(name, start, _seconds(start, until), over=not in_progress or until is not end)
        for (name, start), (_, until) in pairwise([*begun, ("ended", end)])
    ]


def timeline(shown: Sequence[Stage]) -> Markup:
    """Return the stages as an SVG image, side by side, their widths in proportion to their durations.

    A stage whose end is not recorded is as wide as all others together.
    """
    known = sum(stage.seconds or 0.0 for stage in shown)
    seconds = [(known or 1.0) if stage.seconds is None else stage.seconds for stage in shown]
    shares = [max(100 * value / (sum(seconds) or 1.0), _NARROWEST) for value in seconds]
    parts, left = [], 0.0
    for stage, share in zip(shown, shares, strict=True):
        kind = "unknown" if stage.seconds is None else "over" if stage.over else "current"
        width = 100 * share / sum(shares)
        parts.append(_PART.format(stage.name, kind, left, width))
        left += width
    return _IMAGE.format(Markup().join(parts))


_IMAGE = Markup('<svg class="timeline" width="100%" height="18" aria-hidden="true">{}</svg>')
_PART = Markup('<rect class="stage {} {}" x="{:.2f}%" width="{:.2f}%" height="18"/>')


def _seconds(start: str, end: str | None) -> float | None:
    if end is None:
        return None
    # An external engine reports some of the times, and its clock may differ.
    return max((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 0.0)
