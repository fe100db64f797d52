"""The times at which OQTOPUS jobs reached each stage: `JobTimes`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Self

from oqtopus_client.rest.enums import JobsJobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from oqtopus_client import OqtopusJobResult

    Time = datetime | None
    TimelineRow = tuple[str, Time, Time, Time, Time]


class JobTimes(NamedTuple):
    """Times at which a job reached each stage, as reported by the server; None for a stage not reached.

    Attributes:
        job_id: The id of the OQTOPUS job.
        submitted_at: Time of submission.
        ready_at: Time at which the engine took the job from the queue.
        running_at: Start of execution.
        ended_at: Time of success or failure; None for a cancelled job.
        execution_time: Seconds on the device.
    """

    job_id: str
    submitted_at: datetime | None
    ready_at: datetime | None
    running_at: datetime | None
    ended_at: datetime | None
    execution_time: float | None

    @classmethod
    def of(cls, job: OqtopusJobResult) -> Self:
        """Return the times of a job."""
        return cls(**{name: getattr(job, name) for name in cls._fields})


def stages(times: Sequence[JobTimes]) -> dict[str, datetime | None]:
    """Return when the first job reached each stage, and when the last one ended."""
    ends = [time.ended_at for time in times]
    return {
        "submitted": min((time.submitted_at for time in times if time.submitted_at), default=None),
        "ready": min((time.ready_at for time in times if time.ready_at), default=None),
        "running": min((time.running_at for time in times if time.running_at), default=None),
        "ended": None if None in ends else max((end for end in ends if end), default=None),
    }


def timeline(jobs: Sequence[OqtopusJobResult]) -> list[TimelineRow]:
    """Return the name and the times of each job, as timelines show them; equal names get the job's number."""
    rows = []
    uses = Counter(job.name for job in jobs)
    for number, job in enumerate(jobs, 1):
        times = job.submitted_at, job.ready_at, job.running_at
        ended = job.ended_at
        if job.status == JobsJobStatus.CANCELLED:  # servers do not report when
            ended = max((time for time in times if time), default=None)
        name = job.name or job.job_id
        rows.append((f"{name} ({number})" if uses[job.name] > 1 else name, *times, ended))
    return rows
