"""The jobs that a device runs before a user's own: `QueuePosition`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from oqtopus_client.rest.enums import JobsJobStatus
from oqtopus_client.services.resources.pagination import every_job

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from oqtopus_client.rest.models import JobsJob
    from oqtopus_client.rest.user_api import DeviceApi, JobApi

_WAITING = (JobsJobStatus.SUBMITTED, JobsJobStatus.READY)
_FIELDS = "job_id,device_id,submitted_at"


class QueuePosition(NamedTuple):
    """The jobs that a device may run before a waiting job; `print` shows them as a phrase.

    Servers show a user no other user's jobs, only their number, so the position is an estimate from above: some of the
    others may have been submitted later. Real servers count the jobs of a device about once a minute.

    Attributes:
        own_jobs: Number of the user's own jobs on the device that were submitted before and have not ended.
        other_jobs: Number of other users' jobs on the device that have not ended.
    """

    own_jobs: int
    other_jobs: int

    @property
    def jobs_ahead(self) -> int:
        """Number of jobs that may run before, including those that are running."""
        return self.own_jobs + self.other_jobs

    @property
    def position(self) -> int:
        """Place in the device's queue: 1 if no job is ahead."""
        return self.jobs_ahead + 1

    def __str__(self) -> str:
        ahead = self.jobs_ahead
        if not ahead:
            return "next in the queue"
        # Only the user's own jobs are certain to be ahead.
        phrase = f"{'up to ' if self.other_jobs else ''}{ahead:,} job{'s' if ahead > 1 else ''} ahead"
        return phrase if not self.own_jobs else f"{phrase}, {self.own_jobs:,} of them yours"


async def queue_position(jobs: JobApi, devices: DeviceApi, job_ids: Collection[str]) -> QueuePosition | None:
    """Return the position of the first of some jobs of one device; None unless one waits and none is running.

    It takes a request for each hundred of the user's jobs that have not ended, and one for the device.
    """
    wanted = set(job_ids)
    # In this order, a job that advances meanwhile is seen once at least.
    listed = {status: await _listed(jobs, status) for status in (*_WAITING, JobsJobStatus.RUNNING)}
    running = {job.job_id for job in listed[JobsJobStatus.RUNNING]}
    waiting = [job for status in _WAITING for job in listed[status] if job.job_id in wanted]
    if not waiting or wanted & running:
        return None
    first = min(waiting, key=age)
    own = {
        job.job_id: age(job) for of_status in listed.values() for job in of_status if job.device_id == first.device_id
    }
    pending = (await devices.get_device(str(first.device_id))).n_pending_jobs
    return QueuePosition(sum(each < age(first) for each in own.values()), max(0, pending - len(own)))


async def _listed(jobs: JobApi, status: JobsJobStatus) -> list[JobsJob]:
    return [job async for job in every_job(jobs, {"fields": _FIELDS, "status": status})]


def age(job: JobsJob) -> tuple[bool, datetime | None, str]:
    """Return a key by which jobs sort in the order of submission; ids decide within a second, servers' resolution."""
    return job.submitted_at is None, job.submitted_at, str(job.job_id)
