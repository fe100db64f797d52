"""Submission in two phases: a job is registered and uploaded, then submitted; what cannot be leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from oqtopus_client import rest
from oqtopus_client.errors import BatchSubmissionError, JobSubmissionError, NotFoundError, OqtopusError, UserApiError
from oqtopus_client.rest.enums import JobsJobStatus
from oqtopus_client.services.concurrency import in_order, settle
from oqtopus_client.services.journal import Journal, JournalEntry, JournalState
from oqtopus_client.services.listing import every_job

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from oqtopus_client.rest.http import HttpClient
    from oqtopus_client.rest.models import JobsRegisterJobResponse
    from oqtopus_client.rest.user_api import JobApi
    from oqtopus_client.services.job_spec import OqtopusJobSpec

_T = TypeVar("_T")

UPLOAD_LIFETIME = timedelta(hours=1)
"""How long after its registration servers take a job's upload."""


class Submission:
    """Brings jobs to a server; `AsyncOqtopusClient.submit_job` and `submit_jobs` say what is raised and what is left.

    Args:
        http: Carries the uploads.
        jobs: The server.
        duties: Where clean-up under way is noted; it must not be broken off.
        journal: Records each job before it is submitted and after.
    """

    def __init__(
        self, http: HttpClient, jobs: JobApi, duties: set[asyncio.Task[Any]], journal: Journal | None = None
    ) -> None:
        self._http = http
        self._jobs = jobs
        self._duties = duties
        self._journal = journal

    async def submit_job(self, body: OqtopusJobSpec) -> JobsRegisterJobResponse:
        """Register a job, upload its input and submit it."""
        (number,) = await self._intend([body])
        return await self.submit_intended(body, number)

    async def submit_intended(self, body: OqtopusJobSpec, number: int) -> JobsRegisterJobResponse:
        """Submit a job that is in the journal under a number."""
        request, archive = body.to_model(), rest.storage.pack_input(body.to_s3_submit_job_info())
        try:
            registered = await self._jobs.register_job_id()
        except OqtopusError as error:
            await self._note(number, _unsubmitted(error))
            raise
        try:
            # From here on the server alone knows, until it has answered.
            await self._note(number, JournalState.UNCERTAIN, registered.job_id)
            await rest.storage.upload(self._http, registered.presigned_url, archive)
            await self._jobs.submit_job(registered.job_id, request)
        except OqtopusError as error:
            await self._see_to(self._settle_failed_submission(registered.job_id, number, error))
        except BaseException:
            if self._journal is None:
                await self._see_to(self._cancel_quietly([registered.job_id]))
            raise
        await self._note(number, JournalState.SUBMITTED)
        return registered

    async def _intend(self, specs: Sequence[OqtopusJobSpec]) -> Sequence[int]:
        return range(len(specs)) if self._journal is None else await self._journal.intend(specs)

    async def _note(self, number: int, state: JournalState, job_id: str | None = None) -> None:
        if self._journal is not None:
            await self._journal.note(number, state, job_id)

    async def submit_jobs(self, jobs: Sequence[OqtopusJobSpec], *, max_workers: int) -> list[JobsRegisterJobResponse]:
        """Submit several jobs, `max_workers` at a time, and return the answers in the order of `jobs`."""
        submitted: list[str] = []

        async def submit(intended: tuple[int, OqtopusJobSpec]) -> JobsRegisterJobResponse:
            number, job = intended
            answer = await self.submit_intended(job, number)
            submitted.append(answer.job_id)
            return answer

        numbered = list(zip(await self._intend(jobs), jobs, strict=True))
        try:
            outcomes = await settle(submit, numbered, max_workers=max_workers)
        except BaseException:
            if self._journal is None:
                await self._see_to(self._cancel_quietly(submitted))
            raise
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if not errors:
            return cast("list[JobsRegisterJobResponse]", outcomes)
        uncertain = [error.job_id for error in errors if isinstance(error, JobSubmissionError) and error.uncertain]
        if not submitted and not uncertain:
            raise errors[0]
        raise BatchSubmissionError([*submitted, *uncertain], errors) from errors[0]

    async def _settle_failed_submission(self, job_id: str, number: int, error: OqtopusError) -> None:
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
        await self._note(number, _unsubmitted(error))
        raise JobSubmissionError(job_id, f"{message} It has been removed.") from error

    async def resume(self, *, submit: bool, max_workers: int) -> list[JournalEntry]:
        """See `AsyncOqtopusClient.resume`."""
        journal = cast("Journal", self._journal)
        await in_order(self._decide, await journal.entries(JournalState.UNCERTAIN), max_workers=max_workers)
        if submit:
            intended = await journal.entries(JournalState.INTENDED)
            await in_order(
                lambda entry: self.submit_intended(entry.spec, entry.number), intended, max_workers=max_workers
            )
        return await journal.entries()

    async def remove_unsubmitted(self, older_than: timedelta) -> list[str]:
        """See `AsyncOqtopusClient.remove_unsubmitted`."""
        limit = datetime.now(UTC) - older_than
        listed = every_job(self._jobs, {"fields": "job_id,status", "status": "registered"})
        # The whole list first: what is removed from it makes its pages begin elsewhere.
        old = [job.job_id async for job in listed if job.job_id and (_registered_at(job.job_id) or limit) < limit]
        for job_id in old:
            await self._remove_unsubmitted(job_id)
        return old

    async def _decide(self, entry: JournalEntry) -> JournalState:
        """Find out what became of a job that was on its way when a program ended.

        One that was not submitted is removed, so that what is still under way of it cannot submit it later, and is
        `INTENDED` again.
        """
        job_id = cast("str", entry.job_id)
        try:
            if (await self._jobs.get_job_status(job_id)).status != JobsJobStatus.REGISTERED:
                state = JournalState.SUBMITTED
            else:
                await self._remove_unsubmitted(job_id)
                state = JournalState.INTENDED
        except NotFoundError:
            # The program had just removed it, or somebody has deleted it since: either way it is not to be sent again.
            state = JournalState.REMOVED
        await self._note(entry.number, state)
        return state

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


def _unsubmitted(error: OqtopusError) -> JournalState:
    """What is left to do about a job that could not be submitted: nothing if the server refused it for good."""
    status = error.status_code if isinstance(error, UserApiError) else None
    refused = status is not None and status < 500 and status not in {408, 429}  # noqa: PLR2004 - HTTP's own numbers
    return JournalState.REMOVED if refused else JournalState.INTENDED


def _registered_at(job_id: str) -> datetime | None:
    """When a job was registered, which its id tells: servers give out UUIDs of version 7. None for another id."""
    try:
        number = uuid.UUID(job_id)
    except ValueError:
        return None
    return datetime.fromtimestamp((number.int >> 80) / 1000, UTC) if number.version == 7 else None  # noqa: PLR2004
