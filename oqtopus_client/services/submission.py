"""Two-phase submission: jobs are registered and uploaded, then submitted; failed ones are removed."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from oqtopus_client import rest
from oqtopus_client.checks import shown
from oqtopus_client.errors import BatchSubmissionError, JobSubmissionError, NotFoundError, OqtopusError, UserApiError
from oqtopus_client.rest.enums import JobsJobStatus
from oqtopus_client.rest.retries import TRANSIENT_STATUSES
from oqtopus_client.services.concurrency import WORKERS, in_order, settle
from oqtopus_client.services.journal import Journal, JournalEntry, JournalState
from oqtopus_client.services.remedies import with_remedy
from oqtopus_client.services.resources.pagination import every_job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from oqtopus_client.rest.connection import Connection
    from oqtopus_client.rest.models import JobsRegisterJobResponse, SuccessSuccessResponse
    from oqtopus_client.rest.user_api import JobApi
    from oqtopus_client.services.job_spec import OqtopusJobSpec

_T = TypeVar("_T")

UPLOAD_LIFETIME = timedelta(hours=1)
"""Time after registration during which servers accept a job's upload."""

GRACE_SECONDS = 10.0
"""Seconds that an interrupt, or closing, waits for clean-up."""

_NOT_ABOUT_THE_JOB = TRANSIENT_STATUSES | {401, 407}
"""Refusals of the credentials, or of a request at this time; the job itself may still be accepted."""


class Submission:
    """Submits, cancels and removes jobs; see `AsyncOqtopusClient.submit_job` and `submit_jobs` for the errors.

    Args:
        http: Sends the uploads.
        jobs: The server.
        cleanup_tasks: Receives the running clean-up tasks, which must not be cancelled.
        journal: Records each job before it is submitted and after.
    """

    def __init__(
        self, http: Connection, jobs: JobApi, cleanup_tasks: set[asyncio.Task[Any]], journal: Journal | None = None
    ) -> None:
        self._http = http
        self._jobs = jobs
        self._cleanup_tasks = cleanup_tasks
        self._journal = journal
        self._in_progress: set[int] = set()
        self._resuming = asyncio.Lock()

    async def submit_job(self, body: OqtopusJobSpec) -> JobsRegisterJobResponse:
        """Register a job, upload its input and submit it."""
        async with self._intended([body]) as (number,):
            return await self._submit(body, number)

    async def _submit(self, body: OqtopusJobSpec, number: int) -> JobsRegisterJobResponse:
        """Submit a job that is recorded in the journal under a number."""
        request, archive = body.to_model(), rest.storage.pack_input(body.to_s3_submit_job_info())
        try:
            registered = await self._register()
        except OqtopusError as error:
            await self._note(number, _unsubmitted(error))
            raise
        try:
            try:
                # From here until it responds, only the server knows the state.
                await self._note(number, JournalState.UNCERTAIN, registered.job_id)
                await rest.storage.upload(self._http, registered.presigned_url, archive)
                await self._jobs.submit_job(registered.job_id, request)
            except OqtopusError as error:
                settled = self._settle_failed_submission(registered.job_id, number, body.device_id, error)
                await asyncio.shield(self._shielded(settled))
        except OqtopusError:
            raise  # the job has been removed, or the error names it
        except BaseException:
            if self._journal is None:
                await self._clean_up(self.discard([registered.job_id]))
            raise
        try:
            await self._note(number, JournalState.SUBMITTED)
        except OqtopusError as error:
            error.add_note(f"Job {registered.job_id} has been submitted.")
            raise
        return registered

    async def _register(self) -> JobsRegisterJobResponse:
        """Register a job. An interrupt does not cancel the request, as a lost id could not be removed."""
        request = self._shielded(self._jobs.register_job_id())

        async def remove() -> None:
            with contextlib.suppress(OqtopusError):
                await self._remove_unsubmitted((await request).job_id)

        try:
            return await asyncio.shield(request)
        except asyncio.CancelledError:
            await self._clean_up(remove())
            raise

    @contextlib.asynccontextmanager
    async def _intended(self, specs: Sequence[OqtopusJobSpec]) -> AsyncIterator[Sequence[int]]:
        """Record jobs and yield their numbers; `resume` ignores them until the context exits."""
        numbers = range(len(specs)) if self._journal is None else await self._journal.intend(specs)
        self._in_progress.update(numbers)
        try:
            yield numbers
        finally:
            self._in_progress.difference_update(numbers)

    async def _note(self, number: int, state: JournalState, job_id: str | None = None) -> None:
        if self._journal is not None:
            await self._journal.note(number, state, job_id)

    async def submit_jobs(self, jobs: Sequence[OqtopusJobSpec], *, max_workers: int) -> list[JobsRegisterJobResponse]:
        """Submit several jobs, `max_workers` at a time, and return the responses in the order of `jobs`."""
        submitted: list[str] = []

        async def submit(intended: tuple[int, OqtopusJobSpec]) -> JobsRegisterJobResponse:
            number, job = intended
            answer = await self._submit(job, number)
            submitted.append(answer.job_id)
            return answer

        async with self._intended(jobs) as numbers:
            try:
                outcomes = await settle(submit, list(zip(numbers, jobs, strict=True)), max_workers=max_workers)
            except BaseException:
                if self._journal is None:
                    await self._clean_up(self.discard(submitted))
                raise
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if not errors:
            return cast("list[JobsRegisterJobResponse]", outcomes)
        uncertain = [error.job_id for error in errors if isinstance(error, JobSubmissionError) and error.uncertain]
        if not submitted and not uncertain:
            raise errors[0]
        raise BatchSubmissionError([*submitted, *uncertain], errors) from errors[0]

    async def _settle_failed_submission(self, job_id: str, number: int, device_id: str, error: OqtopusError) -> None:
        """Keep the job if it was submitted despite the error; otherwise remove it.

        Raises:
            JobSubmissionError: It was not submitted, or its state is unknown.
        """
        message = f"could not be submitted to {device_id!r}: {with_remedy(str(error)).rstrip('.')}."
        try:
            if (await self._jobs.get_job_status(job_id)).status != JobsJobStatus.REGISTERED:
                return
            await self._remove_unsubmitted(job_id, number)
        except OqtopusError as trouble:
            message += f" It may have been submitted anyway ({trouble}); check its status."
            raise JobSubmissionError(job_id, message, uncertain=True) from error
        await self._note(number, _unsubmitted(error))
        raise JobSubmissionError(job_id, f"{message} It has been removed.") from error

    async def resume(self, *, submit: bool, max_workers: int) -> list[JournalEntry]:
        """Recover the jobs of the journal; see `AsyncOqtopusClient.resume`."""
        journal = cast("Journal", self._journal)

        async def left(*states: JournalState) -> list[JournalEntry]:
            entries = [entry for state in states for entry in await journal.entries(state)]
            return [entry for entry in entries if entry.number not in self._in_progress]

        async with self._resuming:  # two concurrent calls would submit the same jobs
            undecided = await left(JournalState.UNCERTAIN, JournalState.REMOVING)
            await in_order(self._decide, undecided, max_workers=max_workers)
            if submit:
                await in_order(
                    lambda entry: self._submit(entry.spec, entry.number),
                    await left(JournalState.INTENDED),
                    max_workers=max_workers,
                )
        return await journal.entries()

    async def _decide(self, entry: JournalEntry) -> JournalState:
        """Determine the state of a job whose submission was in progress when a program ended.

        A job that was not submitted is removed, so that a delayed request cannot submit it later, and becomes
        `INTENDED` again.
        """
        job_id = cast("str", entry.job_id)
        removing = entry.state is JournalState.REMOVING
        try:
            status = (await self._jobs.get_job_status(job_id)).status
            # An interrupted removal may have left the id cancelled.
            if status == JobsJobStatus.REGISTERED or (removing and status == JobsJobStatus.CANCELLED):
                await self._remove_unsubmitted(job_id, entry.number)
                state = JournalState.INTENDED
            else:
                state = JournalState.SUBMITTED
        except NotFoundError:
            # Unless the program was removing it, the user has deleted it, so it is not submitted again.
            state = JournalState.INTENDED if removing else JournalState.REMOVED
        await self._note(entry.number, state)
        return state

    async def remove_unsubmitted(self, older_than: timedelta) -> list[str]:
        """Remove old unsubmitted jobs; see `AsyncOqtopusClient.remove_unsubmitted`."""
        if not isinstance(older_than, timedelta):
            raise TypeError(f"older_than must be a timedelta, not {shown(older_than)}.")
        try:
            limit = datetime.now(UTC) - older_than
        except OverflowError:
            raise ValueError(f"older_than is out of range: {older_than!r}.") from None
        # Read the whole list first, as removals shift its pages.
        old = [
            job.job_id
            for status in (JobsJobStatus.REGISTERED, JobsJobStatus.CANCELLED)
            async for job in every_job(self._jobs, {"fields": "job_id,submitted_at", "status": status})
            if job.job_id and job.submitted_at is None and (_registered_at(job.job_id) or limit) < limit
        ]
        await in_order(self._remove_unsubmitted, old, max_workers=WORKERS)
        return old

    async def _remove_unsubmitted(self, job_id: str, number: int | None = None) -> None:
        """Cancel and delete a job, as servers fail to show one that was cancelled while registered.

        With a number, the removal is first recorded in the journal.
        """
        if number is not None:
            await self._note(number, JournalState.REMOVING)
        with contextlib.suppress(NotFoundError):  # already removed
            await self._jobs.cancel_job(job_id)
            await self._jobs.delete_job(job_id)

    async def cancel(self, job_id: str) -> SuccessSuccessResponse:
        """Cancel a job; see `AsyncOqtopusClient.cancel_job`."""
        is_submitted = (await self._jobs.get_job_status(job_id)).status != JobsJobStatus.REGISTERED
        if is_submitted:
            return await self._jobs.cancel_job(job_id)

        async def cancel_and_delete() -> SuccessSuccessResponse:
            answer = await self._jobs.cancel_job(job_id)
            with contextlib.suppress(NotFoundError):
                await self._jobs.delete_job(job_id)
            return answer

        return await asyncio.shield(self._shielded(cancel_and_delete()))

    async def cancel_all(self, job_ids: Sequence[str]) -> None:
        """Cancel jobs; see `AsyncOqtopusClient.cancel_jobs`."""
        failures: dict[str, OqtopusError] = {}

        async def cancel(job_id: str) -> None:
            try:
                await self.cancel(job_id)
            except OqtopusError as error:
                # Servers answer 400 for a job that has finished.
                if not (isinstance(error, UserApiError) and error.status_code == 400):  # noqa: PLR2004 - an HTTP status
                    failures[job_id] = error

        await in_order(cancel, job_ids, max_workers=WORKERS)
        if failures:
            error = failures[next(job_id for job_id in job_ids if job_id in failures)]
            error.add_note(f"Not cancelled: {', '.join(failures)}")
            raise error

    async def discard(self, job_ids: Sequence[str]) -> None:
        """Cancel or remove jobs; see `AsyncOqtopusClient.discard_jobs`."""

        async def discard(job_id: str) -> None:
            with contextlib.suppress(OqtopusError):
                await self.cancel(job_id)

        await in_order(discard, job_ids, max_workers=WORKERS)

    def _shielded(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Start work that an interrupt must not cancel; closing the client waits for it."""
        task = asyncio.create_task(work)
        self._cleanup_tasks.add(task)
        task.add_done_callback(self._cleanup_tasks.discard)
        # Retrieve the error of a task whose caller was interrupted, or asyncio would log it.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _clean_up(self, work: Coroutine[Any, Any, None]) -> None:
        """Do clean-up before an interrupt propagates; after `GRACE_SECONDS` it continues in the background."""
        await asyncio.wait({self._shielded(work)}, timeout=GRACE_SECONDS)


def _unsubmitted(error: OqtopusError) -> JournalState:
    """Return the state of a job that could not be submitted: `REMOVED` if the server refused it permanently."""
    status = error.status_code if isinstance(error, UserApiError) else None
    refused = status is not None and status < 500 and status not in _NOT_ABOUT_THE_JOB  # noqa: PLR2004 - an HTTP status
    return JournalState.REMOVED if refused else JournalState.INTENDED


def _registered_at(job_id: str) -> datetime | None:
    """Return when a job was registered, from its version-7 UUID; None for other ids."""
    try:
        number = uuid.UUID(job_id)
    except ValueError:
        return None
    return datetime.fromtimestamp((number.int >> 80) / 1000, UTC) if number.version == 7 else None  # noqa: PLR2004
