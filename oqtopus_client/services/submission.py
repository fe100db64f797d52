"""Submission in two phases: a job is registered and uploaded, then submitted; what cannot be leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar, cast

from oqtopus_client import rest
from oqtopus_client.errors import BatchSubmissionError, JobSubmissionError, OqtopusError
from oqtopus_client.rest.enums import JobsJobStatus
from oqtopus_client.services.concurrency import settle

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from oqtopus_client.rest.http import HttpClient
    from oqtopus_client.rest.models import JobsRegisterJobResponse
    from oqtopus_client.rest.user_api import JobApi
    from oqtopus_client.services.job_spec import OqtopusJobSpec

_T = TypeVar("_T")


class Submission:
    """Brings jobs to a server; `AsyncOqtopusClient.submit_job` and `submit_jobs` say what is raised and what is left.

    Args:
        http: Carries the uploads.
        jobs: The server.
        duties: Where clean-up under way is noted; it must not be broken off.
    """

    def __init__(self, http: HttpClient, jobs: JobApi, duties: set[asyncio.Task[Any]]) -> None:
        self._http = http
        self._jobs = jobs
        self._duties = duties

    async def submit_job(self, body: OqtopusJobSpec) -> JobsRegisterJobResponse:
        """Register a job, upload its input and submit it."""
        request, archive = body.to_model(), rest.storage.pack_input(body.to_s3_submit_job_info())
        registered = await self._jobs.register_job_id()
        try:
            await rest.storage.upload(self._http, registered.presigned_url, archive)
            await self._jobs.submit_job(registered.job_id, request)
        except OqtopusError as error:
            await self._see_to(self._settle_failed_submission(registered.job_id, error))
        except BaseException:
            await self._see_to(self._cancel_quietly([registered.job_id]))
            raise
        return registered

    async def submit_jobs(self, jobs: Sequence[OqtopusJobSpec], *, max_workers: int) -> list[JobsRegisterJobResponse]:
        """Submit several jobs, `max_workers` at a time, and return the answers in the order of `jobs`."""
        submitted: list[str] = []

        async def submit(job: OqtopusJobSpec) -> JobsRegisterJobResponse:
            answer = await self.submit_job(job)
            submitted.append(answer.job_id)
            return answer

        try:
            outcomes = await settle(submit, jobs, max_workers=max_workers)
        except BaseException:
            await self._see_to(self._cancel_quietly(submitted))
            raise
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if not errors:
            return cast("list[JobsRegisterJobResponse]", outcomes)
        uncertain = [error.job_id for error in errors if isinstance(error, JobSubmissionError) and error.uncertain]
        if not submitted and not uncertain:
            raise errors[0]
        raise BatchSubmissionError([*submitted, *uncertain], errors) from errors[0]

    async def _settle_failed_submission(self, job_id: str, error: OqtopusError) -> None:
        """Leave the job alone if it was submitted all the same; otherwise remove it.

        Raises:
            JobSubmissionError: It was not submitted, or nobody can tell.
        """
        message = f"could not be submitted: {str(error).rstrip('.')}."
        try:
            if (await self._jobs.get_job_status(job_id)).status != JobsJobStatus.REGISTERED:
                return
            await self._remove_unsubmitted(job_id)
        except OqtopusError as trouble:
            message += f" Whether it was all the same is unknown ({trouble}); ask for its status."
            raise JobSubmissionError(job_id, message, uncertain=True) from error
        raise JobSubmissionError(job_id, f"{message} It has been removed.") from error

    async def _remove_unsubmitted(self, job_id: str) -> None:
        """Cancel and delete a job in one go: a server cannot show one that was cancelled while registered."""
        await self._jobs.cancel_job(job_id)
        await self._jobs.delete_job(job_id)

    async def _cancel_quietly(self, job_ids: Sequence[str]) -> None:
        """Cancel jobs, deleting those never submitted, as far as the server plays along."""
        for job_id in job_ids:
            with contextlib.suppress(OqtopusError):
                if (await self._jobs.get_job_status(job_id)).status == JobsJobStatus.REGISTERED:
                    await self._remove_unsubmitted(job_id)
                else:
                    await self._jobs.cancel_job(job_id)

    async def _see_to(self, duty: Coroutine[Any, Any, _T]) -> _T:
        """Do something that an interrupt must not break off; closing the client waits for it."""
        task = asyncio.create_task(duty)
        self._duties.add(task)
        task.add_done_callback(self._duties.discard)
        return await asyncio.shield(task)
