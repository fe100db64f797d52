"""Submission in two phases: a job is registered and uploaded, then submitted; what cannot be leaves nothing behind."""

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
from oqtopus_client.services.concurrency import WORKERS, in_order, settle
from oqtopus_client.services.journal import Journal, JournalEntry, JournalState
from oqtopus_client.services.resources.pagination import every_job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from oqtopus_client.rest.http import HttpClient
    from oqtopus_client.rest.models import JobsRegisterJobResponse, SuccessSuccessResponse
    from oqtopus_client.rest.user_api import JobApi
    from oqtopus_client.services.job_spec import OqtopusJobSpec

_T = TypeVar("_T")

UPLOAD_LIFETIME = timedelta(hours=1)
"""How long after its registration servers take a job's upload."""


GRACE_SECONDS = 10.0
"""How long an interrupt, or closing, waits for clean-up."""

_NOT_ABOUT_THE_JOB = frozenset({401, 407, 408, 429})
"""Refusals of whoever asks, or of asking now; the job itself may still be taken."""


class Submission:
    """Brings jobs to a server; `AsyncOqtopusClient.submit_job` and `submit_jobs` say what is raised and what is left.

    Args:
        http: Carries the uploads.
        jobs: The server.
        cleanup_tasks: Where clean-up under way is noted; it must not be broken off.
        journal: Records each job before it is submitted and after.
    """

    def __init__(
        self, http: HttpClient, jobs: JobApi, cleanup_tasks: set[asyncio.Task[Any]], journal: Journal | None = None
    ) -> None:
        self._http = http
        self._jobs = jobs
        self._cleanup_tasks = cleanup_tasks
        self._journal = journal
        self._in_hand: set[int] = set()
        self._resuming = asyncio.Lock()

    async def submit_job(self, body: OqtopusJobSpec) -> JobsRegisterJobResponse:
        """Register a job, upload its input and submit it."""
        async with self._intended([body]) as (number,):
            return await self._submit(body, number)

    async def _submit(self, body: OqtopusJobSpec, number: int) -> JobsRegisterJobResponse:
        """Submit a job that is in the journal under a number."""
        request, archive = body.to_model(), rest.storage.pack_input(body.to_s3_submit_job_info())
        try:
            registered = await self._register()
        except OqtopusError as error:
            await self._note(number, _unsubmitted(error))
            raise
        try:
            try:
                # From here on the server alone knows, until it has answered.
                await self._note(number, JournalState.UNCERTAIN, registered.job_id)
                await rest.storage.upload(self._http, registered.presigned_url, archive)
                await self._jobs.submit_job(registered.job_id, request)
            except OqtopusError as error:
                await asyncio.shield(self._shielded(self._settle_failed_submission(registered.job_id, number, error)))
        except OqtopusError:
            raise  # and nothing is left, or the error names the job
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
        """Get an id. An interrupt does not break off the request, as an id that never arrived could not be removed."""
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
        """Record jobs under these numbers; `resume` does not take them up as long as they are on their way."""
        numbers = range(len(specs)) if self._journal is None else await self._journal.intend(specs)
        self._in_hand.update(numbers)
        try:
            yield numbers
        finally:
            self._in_hand.difference_update(numbers)

    async def _note(self, number: int, state: JournalState, job_id: str | None = None) -> None:
        if self._journal is not None:
            await self._journal.note(number, state, job_id)

    async def submit_jobs(self, jobs: Sequence[OqtopusJobSpec], *, max_workers: int) -> list[JobsRegisterJobResponse]:
        """Submit several jobs, `max_workers` at a time, and return the answers in the order of `jobs`."""
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

    async def _settle_failed_submission(self, job_id: str, number: int, error: OqtopusError) -> None:
        """Leave the job alone if it was submitted all the same; otherwise remove it.

        Raises:
            JobSubmissionError: It was not submitted, or nobody can tell.
        """
        message = f"could not be submitted: {str(error).rstrip('.')}."
        try:
            if (await self._jobs.get_job_status(job_id)).status != JobsJobStatus.REGISTERED:
                return
            await self._remove_unsubmitted(job_id, number)
        except OqtopusError as trouble:
            message += f" Whether it was all the same is unknown ({trouble}); ask for its status."
            raise JobSubmissionError(job_id, message, uncertain=True) from error
        await self._note(number, _unsubmitted(error))
        raise JobSubmissionError(job_id, f"{message} It has been removed.") from error

    async def resume(self, *, submit: bool, max_workers: int) -> list[JournalEntry]:
        """See `AsyncOqtopusClient.resume`."""
        journal = cast("Journal", self._journal)

        async def left(*states: JournalState) -> list[JournalEntry]:
            entries = [entry for state in states for entry in await journal.entries(state)]
            return [entry for entry in entries if entry.number not in self._in_hand]

        async with self._resuming:  # two at once would submit the same jobs
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
        """Find out what became of a job that was on its way when a program ended.

        One that was not submitted is removed, so that what is still under way of it cannot submit it later, and is
        `INTENDED` again.
        """
        job_id = cast("str", entry.job_id)
        removing = entry.state is JournalState.REMOVING
        try:
            status = (await self._jobs.get_job_status(job_id)).status
            # A removal that was broken off may have left the id cancelled.
            if status == JobsJobStatus.REGISTERED or (removing and status == JobsJobStatus.CANCELLED):
                await self._remove_unsubmitted(job_id, entry.number)
                state = JournalState.INTENDED
            else:
                state = JournalState.SUBMITTED
        except NotFoundError:
            # If not the program itself, somebody has deleted it: it is not to be sent again then.
            state = JournalState.INTENDED if removing else JournalState.REMOVED
        await self._note(entry.number, state)
        return state

    async def remove_unsubmitted(self, older_than: timedelta) -> list[str]:
        """See `AsyncOqtopusClient.remove_unsubmitted`."""
        if not isinstance(older_than, timedelta):
            raise TypeError(f"older_than must be a timedelta, not {shown(older_than)}.")
        try:
            limit = datetime.now(UTC) - older_than
        except OverflowError:
            raise ValueError(f"older_than is beyond the calendar: {older_than!r}.") from None
        # The whole list first: what is removed from it makes its pages begin elsewhere.
        old = [
            job.job_id
            for status in (JobsJobStatus.REGISTERED, JobsJobStatus.CANCELLED)
            async for job in every_job(self._jobs, {"fields": "job_id,submitted_at", "status": status})
            if job.job_id and job.submitted_at is None and (_registered_at(job.job_id) or limit) < limit
        ]
        await in_order(self._remove_unsubmitted, old, max_workers=WORKERS)
        return old

    async def _remove_unsubmitted(self, job_id: str, number: int | None = None) -> None:
        """Cancel and delete a job in one go: a server cannot show one that was cancelled while registered.

        With a number, the journal knows of it before it begins.
        """
        if number is not None:
            await self._note(number, JournalState.REMOVING)
        with contextlib.suppress(NotFoundError):  # somebody else has removed it
            await self._jobs.cancel_job(job_id)
            await self._jobs.delete_job(job_id)

    async def cancel(self, job_id: str) -> SuccessSuccessResponse:
        """See `AsyncOqtopusClient.cancel_job`."""
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
        """See `AsyncOqtopusClient.cancel_jobs`."""
        failures: dict[str, OqtopusError] = {}

        async def cancel(job_id: str) -> None:
            try:
                await self.cancel(job_id)
            except OqtopusError as error:
                # 400 is the answer for a job that has finished.
                if not (isinstance(error, UserApiError) and error.status_code == 400):  # noqa: PLR2004 - HTTP's number
                    failures[job_id] = error

        await in_order(cancel, job_ids, max_workers=WORKERS)
        if failures:
            error = failures[next(job_id for job_id in job_ids if job_id in failures)]
            error.add_note(f"Not cancelled: {', '.join(failures)}")
            raise error

    async def discard(self, job_ids: Sequence[str]) -> None:
        """See `AsyncOqtopusClient.discard_jobs`."""

        async def discard(job_id: str) -> None:
            with contextlib.suppress(OqtopusError):
                await self.cancel(job_id)

        await in_order(discard, job_ids, max_workers=WORKERS)

    def _shielded(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Begin something that an interrupt must not break off; closing the client waits for it."""
        task = asyncio.create_task(work)
        self._cleanup_tasks.add(task)
        task.add_done_callback(self._cleanup_tasks.discard)
        # An error is of no interest once its caller has been interrupted.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _clean_up(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something before an interrupt goes on; what takes longer than `GRACE_SECONDS` goes on by itself."""
        await asyncio.wait({self._shielded(work)}, timeout=GRACE_SECONDS)


def _unsubmitted(error: OqtopusError) -> JournalState:
    """What is left to do about a job that could not be submitted: nothing if the server refused it for good."""
    status = error.status_code if isinstance(error, UserApiError) else None
    refused = status is not None and status < 500 and status not in _NOT_ABOUT_THE_JOB  # noqa: PLR2004 - HTTP's border
    return JournalState.REMOVED if refused else JournalState.INTENDED


def _registered_at(job_id: str) -> datetime | None:
    """When a job was registered, which its id tells: servers give out UUIDs of version 7. None for another id."""
    try:
        number = uuid.UUID(job_id)
    except ValueError:
        return None
    return datetime.fromtimestamp((number.int >> 80) / 1000, UTC) if number.version == 7 else None  # noqa: PLR2004
