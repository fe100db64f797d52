"""Timelines show the times as the database keeps them."""

from __future__ import annotations

import re

import pytest

from oqtopus_client.emulator.console.drawing.timeline import Stage, stages, timeline

SUBMITTED, READY, RUNNING, ENDED, NOW = (
    f"2026-08-20T06:14:{second}Z" for second in ("00.000000", "03.500000", "04.000000", "10.000000", "20.000000")
)


def job(status: str, *times: str | None) -> dict[str, str | None]:
    """A job with its first times."""
    names = ("submitted_at", "ready_at", "running_at", "ended_at")
    return {"status": status, **dict.fromkeys(names), **dict(zip(names, times, strict=False))}


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_ended_jobs(status: str) -> None:
    """Each stage ends where the next begins."""
    assert stages(job(status, SUBMITTED, READY, RUNNING, ENDED), NOW) == [
        Stage("submitted", SUBMITTED, 3.5, over=True),
        Stage("ready", READY, 0.5, over=True),
        Stage("running", RUNNING, 6.0, over=True),
    ]


def test_jobs_in_progress() -> None:
    """The last stage lasts until now."""
    assert stages(job("submitted", SUBMITTED), NOW) == [Stage("submitted", SUBMITTED, 20.0, over=False)]
    assert stages(job("running", SUBMITTED, READY, RUNNING), NOW)[-1] == Stage("running", RUNNING, 16.0, over=False)
    assert stages(job("registered"), NOW) == []


def test_unknown_times() -> None:
    """A cancelled job's end is not recorded, nor are all times of one that an external engine ran."""
    assert stages(job("cancelled", SUBMITTED, READY), NOW) == [
        Stage("submitted", SUBMITTED, 3.5, over=True),
        Stage("ready", READY, None, over=True),
    ]
    assert stages(job("succeeded", SUBMITTED, None, RUNNING, ENDED), NOW) == [
        Stage("submitted", SUBMITTED, 4.0, over=True),
        Stage("running", RUNNING, 6.0, over=True),
    ]
    assert stages(job("failed", READY, None, None, SUBMITTED), NOW) == [Stage("submitted", READY, 0.0, over=True)]
    assert stages(job("cancelled"), NOW) == []


def test_widths_are_in_proportion() -> None:
    """The stages fill the picture, and none is too narrow to be seen."""
    drawn = timeline(stages(job("succeeded", SUBMITTED, READY, RUNNING, ENDED), NOW))
    parts = [(float(x), float(width)) for x, width in re.findall(r'x="([\d.]+)%" width="([\d.]+)%"', drawn)]

    assert parts == [(0.0, 35.0), (35.0, 5.0), (40.0, 60.0)]
    short = timeline([Stage("submitted", SUBMITTED, 1e6, over=True), Stage("running", READY, 0.0, over=True)])
    assert float(re.findall(r'width="([\d.]+)%"', short)[-1]) > 0.5
    unknown = timeline([Stage("submitted", SUBMITTED, 2.0, over=True), Stage("ready", READY, None, over=True)])
    assert re.findall(r'class="stage (\w+ \w+)" x="[\d.]+%" width="([\d.]+)%"', unknown) == [
        ("submitted over", "50.00"), ("ready unknown", "50.00")
    ]  # fmt: skip
