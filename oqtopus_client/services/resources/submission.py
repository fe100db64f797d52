"""Submission of jobs."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oqtopus_client.services.job_spec import OqtopusJobSpec
from oqtopus_client.services.journal import Journal, JournalEntry, journal_path
from oqtopus_client.services.resources.core import Core
from oqtopus_client.services.submission import UPLOAD_LIFETIME, Submission

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from oqtopus_client.rest.models import JobsRegisterJobResponse


class Submissions(Core):
    """Submission of jobs, and recovery of those recorded in a journal."""

    async def submit_job(self, body: OqtopusJobSpec) -> JobsRegisterJobResponse:
        """Register a job, upload its input and submit it.

        If a response is lost, the job's status shows whether it was submitted; if not, the job is removed. If this
        call is interrupted, the job is removed in any case, as its id is lost.

        Raises:
            TypeError: `body` is not an `OqtopusJobSpec`.
            JobSubmissionError: Upload or submission failed; the message says whether the job was removed.
        """
        check_spec(body)
        return await self._submission.submit_job(body)

    async def submit_jobs(
        self, jobs: Sequence[OqtopusJobSpec], *, max_workers: int = 4
    ) -> list[JobsRegisterJobResponse]:
        """Submit several jobs, `max_workers` at a time, and return the responses in the order of `jobs`.

        If this call is interrupted, the jobs submitted so far are cancelled, as their ids are lost.

        Raises:
            TypeError: An item is not an `OqtopusJobSpec`; no job was submitted.
            ValueError: `max_workers` is less than 1.
            BatchSubmissionError: A job could not be submitted, and the rest was not started; it has the ids of the
                submitted ones. If there are none, the first job's own error is raised instead.
        """
        check_specs(jobs)
        return await self._submission.submit_jobs(jobs, max_workers=max_workers)

    async def resume(
        self, journal: str | Path | None = None, *, submit: bool = True, max_workers: int = 4
    ) -> list[JournalEntry]:
        """Recover the jobs of a journal after its program ended, at whatever point.

        The server is asked about jobs whose submission the journal did not confirm. Those not submitted are
        removed and, like jobs that were never started, submitted now.

        Args:
            journal: The file; by default this client's own.
            submit: Whether to submit jobs that were not; otherwise they are returned as `INTENDED`.
            max_workers: Number of jobs processed at the same time.

        Returns:
            All jobs in submission order. Each is `SUBMITTED`, with an id to wait for; `REMOVED`, if the server
            refused it or it was deleted; or `INTENDED`.

        Raises:
            TypeError: `journal` is not a path.
            ValueError: No journal was given, and the client has none.
            OqtopusError: The server did not respond, or a job could not be submitted; resume again. Or another client
                has the journal open.
        """
        if journal is None and self.journal is None:
            raise ValueError("No journal to resume from: pass its path here, or as journal= to the client or provider.")
        if journal is None or journal_path(journal) == self.journal:
            return await self._submission.resume(submit=submit, max_workers=max_workers)
        with contextlib.closing(Journal(journal)) as opened:
            submission = Submission(self._http, self._jobs, self._cleanup_tasks, opened)
            return await submission.resume(submit=submit, max_workers=max_workers)

    async def remove_unsubmitted(self, *, older_than: timedelta = UPLOAD_LIFETIME) -> list[str]:
        """Remove ids that were registered but never submitted, as lost responses leave behind; return them.

        Args:
            older_than: Minimum age; another program may be about to submit younger ones. By default an hour, after
                which servers no longer accept their upload.
        """
        return await self._submission.remove_unsubmitted(older_than)


def check_specs(jobs: object) -> None:
    """Check that an object is a list of job specifications.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(jobs, Sequence):
        raise TypeError(f"jobs must be a list of OqtopusJobSpec, not {type(jobs).__name__}.")
    for job in jobs:
        check_spec(job)


def check_spec(job: object) -> None:
    """Check that an object is a job specification.

    Raises:
        TypeError: It is not an `OqtopusJobSpec`.
    """
    if not isinstance(job, OqtopusJobSpec):
        raise TypeError(f"A job must be an OqtopusJobSpec, not {type(job).__name__}.")
