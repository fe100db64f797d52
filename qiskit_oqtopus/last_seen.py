"""What is known about jobs without a request, for display: `LastSeen`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from oqtopus_client import rest
from oqtopus_client.display import moment, printable
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus
from qiskit_oqtopus.status import aggregate_status
from qiskit_oqtopus.tags import user_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from oqtopus_client import OqtopusJobResult, OqtopusJobSpec
    from oqtopus_client.rest.models import JobsJob

FIELDS = "job_id,status,name,description,device_id,submitted_at"
"""The fields of listed jobs from which this is known."""


class LastSeen:
    """The common data of OQTOPUS jobs that were submitted together, and their status, as last seen.

    Args:
        job_ids: Their ids.

    Attributes:
        name: Name of the first; None if unknown.
        description: Its description; None if unknown.
        device_id: The device; None if unknown.
        submitted_at: Time at which the first was submitted, as far as seen.
    """

    def __init__(self, job_ids: Sequence[str]) -> None:
        self._job_ids = job_ids
        self._statuses: dict[str, str] = {}
        self.name: str | None = None
        self.description: str | None = None
        self.device_id: str | None = None
        self.submitted_at: datetime | None = None

    def note(self, jobs: Iterable[OqtopusJobResult | JobsJob]) -> None:
        """Note the current state of some of the jobs."""
        for job in jobs:
            self.note_status(str(job.job_id), job.status)
            if job.job_id == self._job_ids[0]:
                self.name, self.description, self.device_id = job.name, job.description, job.device_id
                self.submitted_at = job.submitted_at or self.submitted_at

    def note_status(self, job_id: str, status: str | None) -> None:
        """Note the status of a job."""
        if status is not None:
            self._statuses[job_id] = status

    @property
    def status(self) -> str:
        """Name of the status, such as `DONE`; empty unless that of each job is known."""
        if len(self._statuses) < len(self._job_ids):
            return ""
        return str(aggregate_status(self._statuses.values()).name)

    @property
    def tags(self) -> list[str]:
        """The user's tags, as far as seen."""
        return user_tags(self.description)

    def phrases(self) -> list[str]:
        """Return the name, status, device, time and tags as parts of a sentence."""
        is_final = self._statuses.keys() == set(self._job_ids) and FINAL_STATUSES.issuperset(self._statuses.values())
        status = self.status and (self.status if is_final else f"last seen {self.status}")
        return [
            *([repr(printable(self.name))] if self.name else []),
            " on ".join(part for part in (status, printable(self.device_id or "")) if part),
            *([f"submitted {moment(self.submitted_at)}"] if self.submitted_at else []),
            *([f"tags: {', '.join(map(printable, self.tags))}"] if self.tags else []),
        ]


def just_submitted(job_id: str, spec: OqtopusJobSpec) -> JobsJob:
    """Return a job as it is just after its submission, by this computer's clock."""
    return rest.JobsJob(
        job_id=job_id,
        status=JobsJobStatus.SUBMITTED,
        name=spec.name,
        description=spec.description,
        device_id=spec.device_id,
        submitted_at=datetime.now(UTC),
    )
