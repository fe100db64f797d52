"""Submitting jobs."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from oqtopus_client.services.job_spec import OqtopusJobSpec
from oqtopus_client.services.journal import Journal, JournalEntry
from oqtopus_client.services.resources.core import Core
from oqtopus_client.services.submission import UPLOAD_LIFETIME, Submission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from oqtopus_client.rest.models import JobsRegisterJobResponse


class Submissions(Core):
    """Submitting jobs, and finding those that a journal recorded."""

    async def submit_job(self, body: OqtopusJobSpec) -> JobsRegisterJobResponse:
        """Register a job, upload its input and submit it.

        If an answer gets lost, the job itself is asked whether it has been submitted. If it has not, it is removed;
        so it is, submitted or not, when this call is interrupted, as its id is lost then.

        Raises:
            TypeError: `body` is not an `OqtopusJobSpec`.
            JobSubmissionError: It went wrong after the registration; the message says what is left of the job.
        """
        check_spec(body)
        return await self._submission.submit_job(body)

    async def submit_jobs(
        self, jobs: Sequence[OqtopusJobSpec], *, max_workers: int = 4
    ) -> list[JobsRegisterJobResponse]:
        """Submit several jobs, `max_workers` at a time, and return the answers in the order of `jobs`.

        When this call is interrupted, the jobs submitted so far are cancelled, as their ids are lost then.

        Raises:
            TypeError: An item is not an `OqtopusJobSpec`. Nothing has been submitted then.
            ValueError: `max_workers` is less than 1.
            BatchSubmissionError: A job could not be submitted; it lists the ids of those that were, and the rest
                was not begun. If none was, the first job's own error is raised instead.
        """
        for job in jobs:
            check_spec(job)
        return await self._submission.submit_jobs(jobs, max_workers=max_workers)

    async def resume(
        self, journal: str | Path | None = None, *, submit: bool = True, max_workers: int = 4
    ) -> list[JournalEntry]:
        """Find every job of a journal, whatever moment the program that wrote it died at.

        The server is asked about jobs of which the journal does not know whether they were submitted. One that was not
        is removed, and is then, like those never begun, submitted now.

        Args:
            journal: The file; by default this client's own.
            submit: Whether to submit what has not been; if not, it is returned as `INTENDED`.
            max_workers: Jobs looked after at the same time.

        Returns:
            All jobs in the order in which they were to be submitted. Each is `SUBMITTED`, its id there to be waited
            for; or `REMOVED`, as the server refused it, or somebody deleted it; or `INTENDED`.

        Raises:
            ValueError: There is no journal.
            OqtopusError: The server cannot be asked, or a job could not be submitted; resume again. Or another client
                has the journal.
        """
        if journal is None and self.journal is None:
            raise ValueError("There is no journal: name its file here, or where the client or provider is made.")
        if journal is None or Path(journal) == self.journal:
            return await self._submission.resume(submit=submit, max_workers=max_workers)
        with contextlib.closing(Journal(journal)) as book:
            submission = Submission(self._http, self._jobs, self._cleanup_tasks, book)
            return await submission.resume(submit=submit, max_workers=max_workers)

    async def remove_unsubmitted(self, *, older_than: timedelta = UPLOAD_LIFETIME) -> list[str]:
        """Remove ids that were registered and never submitted, as lost answers leave them behind; returns them.

        Args:
            older_than: Younger ones are left alone, as another program may be about to submit them. By default an
                hour, after which servers take no upload for them any more.
        """
        return await self._submission.remove_unsubmitted(older_than)


def check_spec(job: object) -> None:
    """Refuse what is not a job specification.

    Raises:
        TypeError: It is not an `OqtopusJobSpec`.
    """
    if not isinstance(job, OqtopusJobSpec):
        raise TypeError(f"A job must be an OqtopusJobSpec, not {type(job).__name__}.")
