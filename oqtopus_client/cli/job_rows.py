"""Rows of tables of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.cli.output import coloured, utc

if TYPE_CHECKING:
    from oqtopus_client.rest import JobsJob

HEADINGS = ("Job", "Name", "Type", "Status", "Device", "Shots", "Submitted")
_MEDIUM_HEADINGS = ("Job", "Name", "Status", "Device")
_NARROW_HEADINGS = ("Status", "Device", "Job")
_WIDE = 110
"""Terminals with fewer columns show `_MEDIUM_HEADINGS`; other columns would be too narrow to read."""

_MEDIUM = 70
"""Terminals with fewer columns show `_NARROW_HEADINGS`; after a whole id, there would be no room for the status."""


def headings_for(width: int) -> tuple[str, ...]:
    """Return the headings for a terminal of this width."""
    if width >= _WIDE:
        return HEADINGS
    return _MEDIUM_HEADINGS if width >= _MEDIUM else _NARROW_HEADINGS


def cells(job: JobsJob) -> dict[str, object]:
    """Return a job's cells by heading."""
    return {
        "Job": job.job_id,
        "Name": job.name,
        "Type": job.job_type,
        "Status": coloured(job.status or ""),
        "Device": job.device_id,
        "Shots": None if job.shots is None else f"{job.shots:,}",
        "Submitted": utc(job.submitted_at),
    }
