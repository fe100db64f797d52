"""The SDK's core: `AsyncOqtopusClient`, every operation as a coroutine on one pool of connections."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import inspect
import logging
import os
import weakref
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict, TypeVar, Unpack, cast

from oqtopus_client import rest
from oqtopus_client.checks import whole_number
from oqtopus_client.config import OqtopusConfig
from oqtopus_client.errors import (
    BatchResultError,
    JobError,
    JobNotSubmittedError,
    JobTimeoutError,
    OqtopusError,
    OqtopusStorageError,
    ResponseValidationError,
    WaitTimeoutError,
)
from oqtopus_client.rest.enums import JobsJobStatus, JobsJobType
from oqtopus_client.services.concurrency import in_order
from oqtopus_client.services.connected import Connected
from oqtopus_client.services.device import OqtopusDevice
from oqtopus_client.services.job_results import OqtopusJobResult, typed_result
from oqtopus_client.services.job_spec import OqtopusJobSpec
from oqtopus_client.services.journal import Journal, JournalEntry, journal_path
from oqtopus_client.services.polling import (
    FINAL_STATUSES,
    DeadlinePassedError,
    Polling,
    as_finished,
    fetch_patiently,
    outcomes,
    poll,
    within,
)
from oqtopus_client.services.progress import progress_bar
from oqtopus_client.services.resources.pagination import every_job, jobs_of_page
from oqtopus_client.services.sse_container import in_sse_container, run_in_container
from oqtopus_client.services.submission import GRACE_SECONDS, UPLOAD_LIFETIME, Submission

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oqtopus_client.rest.http import HttpClient
    from oqtopus_client.rest.models import (
        AnnouncementsGetAnnouncementResponse,
        AnnouncementsGetAnnouncementsListResponse,
        ApiTokenApiToken,
        ApiTokenApiTokenStatus,
        DevicesDeviceHistoriesResponse,
        DevicesDeviceHistory,
        DevicesDeviceInfo,
        JobsGetJobStatusResponse,
        JobsGetSselogResponse,
        JobsJob,
        JobsRegisterJobResponse,
        SettingsGetSettingsResponse,
        SuccessSuccessResponse,
        UsersGetOneUserResponse,
    )
    from oqtopus_client.rest.user_api import AccountApi, DeviceApi, JobApi
    from oqtopus_client.services.job_results import (
        JobFile,
        OqtopusEstimationJobResult,
        OqtopusMultiManualJobResult,
        OqtopusSamplingJobResult,
        OqtopusSseJobResult,
    )

_logger = logging.getLogger("oqtopus_client")

_Device = TypeVar("_Device", "DevicesDeviceInfo", "DevicesDeviceHistory")
_Method = TypeVar("_Method", bound=Callable[..., Any])

_CALIBRATION_WORKERS = 16

_LEAST = {"page": 1, "size": 1, "limit": 1, "offset": 0}
"""The least that numbers in a query may be."""

_FILE_READERS: dict[str, Callable[[bytes], object]] = {
    "input": lambda content: rest.storage.read_model(rest.JobsS3SubmitJobInfo, content),
    "combined_program": rest.storage.read_text,
    "transpile_result": lambda content: rest.storage.read_model(rest.JobsS3TranspileResult, content),
}


class WaitOptions(TypedDict, total=False):
    """How to wait for a job; see `AsyncOqtopusClient.wait_for_job`."""

    interval: float
    interval_backoff: float
    max_interval: float | None
    timeout: float | None
    terminal_statuses: set[JobsJobStatus] | None
    failure_statuses: set[JobsJobStatus] | None
    on_status: Callable[[JobsGetJobStatusResponse], None] | None


def _with_options_of(model: Callable[..., object]) -> Callable[[_Method], _Method]:
    """Show another method's keyword parameters in a method's signature, in place of its `**wait`."""
    options = [p for p in inspect.signature(model).parameters.values() if p.kind is p.KEYWORD_ONLY]

    def decorate(method: _Method) -> _Method:
        signature = inspect.signature(method)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        method.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        return method

    return decorate


class AsyncOqtopusClient(Connected):
    """Asynchronous client of the OQTOPUS User API.

    Args:
        config: Where the server is and who asks. By default the environment, else the default profile.
        default_headers: Further headers for every request to the User API.
        user_agent: What to call this client, in place of its name and version.
        journal: A file that records each job before and after its submission, for `resume`.

    Attributes:
        config: The configuration in use.
        journal: The file that records jobs, if there is one.
        duties: Clean-up under way that must not be broken off.
        owner: Gives the client that jobs returned from here read their files through.

    Every coroutine raises `UserApiError` (or a subclass) when the server refuses, `OqtopusConnectionError` and
    `OqtopusTimeoutError` when it does not answer, and `ResponseValidationError` when its answer is unreadable.
    """

    def __init__(
        self,
        config: OqtopusConfig | None = None,
        default_headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
        *,
        journal: str | Path | None = None,
    ) -> None:
        self.config = config or OqtopusConfig.from_default()
        self.journal = None if journal is None else journal_path(journal)
        self._headers: dict[str, Any] = {"default_headers": default_headers, "user_agent": user_agent}
        self.duties: set[asyncio.Task[Any]] = set()
        self.owner: Callable[[], object] = weakref.ref(self)
        self._left = contextlib.ExitStack()
        # For a client that is not closed. At exit, what is made later, a blocking client's thread for one, ends before.
        weakref.finalize(self, _let_go, self._left, os.getpid())

    @cached_property
    def _http(self) -> HttpClient:
        # The URL is looked at with the first request. Inside the server's container, where jobs go through a driver,
        # there is none.
        http = rest.http.HttpClient(self.config, **self._headers)
        self._left.callback(http.abandon)
        return http

    @cached_property
    def _devices(self) -> DeviceApi:
        return rest.user_api.DeviceApi(self._http)

    @cached_property
    def _jobs(self) -> JobApi:
        return rest.user_api.JobApi(self._http)

    @cached_property
    def _submission(self) -> Submission:
        return Submission(self._http, self._jobs, self.duties, self._book)

    @cached_property
    def _book(self) -> Journal | None:
        return None if self.journal is None else self._left.enter_context(contextlib.closing(Journal(self.journal)))

    @cached_property
    def _account(self) -> AccountApi:
        return rest.user_api.AccountApi(self._http)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; the client is of no use afterwards."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                while self.duties:
                    await asyncio.wait(self.duties)
        if "_http" in vars(self):
            await self._http.aclose()
        self._left.close()

    # --- devices

    async def list_devices(self) -> list[OqtopusDevice]:
        """All devices the user may use.

        One whose calibration cannot be fetched is listed without, and the log says why; `get_device` raises the error.
        """

        async def with_calibration_if_any(device: DevicesDeviceInfo) -> OqtopusDevice:
            try:
                return OqtopusDevice(await self._with_calibration(device))
            except OqtopusError as error:
                _logger.warning("Device %s is listed without its calibration: %s", device.device_id, error)
                return OqtopusDevice(device.model_copy(update={"device_info": None}))

        devices = await self._devices.list_devices()
        return await in_order(with_calibration_if_any, devices, max_workers=_CALIBRATION_WORKERS)

    async def get_device(self, device_id: str) -> OqtopusDevice:
        """One device. A server answers 403, not 404, for an id it does not know.

        Raises:
            OqtopusStorageError: Its calibration cannot be downloaded or read.
        """
        return OqtopusDevice(await self._with_calibration(await self._devices.get_device(device_id)))

    async def list_device_histories(
        self,
        *,
        device_id: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> DevicesDeviceHistoriesResponse:
        """Past calibrations, newest first; servers have offered them since 2026. Times without a zone are local."""
        return await self._devices.list_device_histories(
            _given(device_id=device_id, **{"from": start_time, "to": end_time}, limit=limit, offset=offset)
        )

    async def get_device_history(self, history_uid: str) -> DevicesDeviceHistory:
        """One past calibration, its `device_info` read in."""
        return await self._with_calibration(await self._devices.get_device_history(history_uid))

    async def _with_calibration(self, device: _Device) -> _Device:
        """The device with its calibration read in, where the server sends its URL."""
        if not (device.device_info or "").startswith(("http://", "https://")):
            return device
        content = await self._http.fetch(cast("str", device.device_info))
        # Servers have sent both a zip archive and bare JSON.
        text = rest.storage.read_text(rest.storage.unpack(content) if content.startswith(b"PK") else content)
        return device.model_copy(update={"device_info": text})

    # --- submission

    async def submit_job(self, body: OqtopusJobSpec) -> JobsRegisterJobResponse:
        """Register a job, upload its input and submit it.

        If an answer gets lost, the job itself is asked whether it has been submitted. If it has not, it is removed;
        so it is, submitted or not, when this call is interrupted, as its id is lost then.

        Raises:
            TypeError: `body` is not an `OqtopusJobSpec`.
            JobSubmissionError: It went wrong after the registration; the message says what is left of the job.
        """
        _check_spec(body)
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
            _check_spec(job)
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
            submission = Submission(self._http, self._jobs, self.duties, book)
            return await submission.resume(submit=submit, max_workers=max_workers)

    async def remove_unsubmitted(self, *, older_than: timedelta = UPLOAD_LIFETIME) -> list[str]:
        """Remove ids that were registered and never submitted, as lost answers leave them behind; returns them.

        Args:
            older_than: Younger ones are left alone, as another program may be about to submit them. By default an
                hour, after which servers take no upload for them any more.
        """
        return await self._submission.remove_unsubmitted(older_than)

    # --- jobs

    async def get_job(self, job_id: str) -> OqtopusJobResult:
        """A job in the class that fits its type, with its result if it has succeeded.

        Raises:
            OqtopusStorageError: The result cannot be downloaded or read.
            JobNotSubmittedError: The job was registered only (a `ValueError`).
        """
        job = await self._jobs.get_job(job_id)
        if job.status == JobsJobStatus.REGISTERED:
            raise JobNotSubmittedError(job_id)
        if job.job_info is not None and isinstance(job.job_info.result, str):
            content = await rest.storage.download(self._http, job.job_info.result)
            job.job_info.result = rest.storage.read_model(rest.JobsS3JobResult, content)
        return typed_result(job, client=self.owner())

    get_job_result = get_job
    result = get_job
    refresh = get_job

    async def read_job_file(self, job_id: str, name: JobFile, *, url: str | None = None) -> Any:
        """Read a job's side file.

        Args:
            job_id: The job.
            name: `input`, `combined_program` or `transpile_result`.
            url: Where the file was; if that has expired, or without it, the server is asked for a fresh URL.

        Returns:
            A model of the content, text for `combined_program`, or None if the job has no such file.

        Raises:
            OqtopusStorageError: The file cannot be downloaded or read.
        """
        try:
            content = None if url is None else await rest.storage.download(self._http, url)
        except OqtopusStorageError:
            content = None
        if content is None:
            job = await self._jobs.get_job(job_id)
            fresh = getattr(job.job_info, name, None)
            if not isinstance(fresh, str):
                return None
            content = await rest.storage.download(self._http, fresh)
        return _FILE_READERS[name](content)

    async def get_sselog(self, job_id: str) -> JobsGetSselogResponse:
        """The log of a server-side program: a zip archive as base64 text, as the API once sent it.

        Raises:
            ResponseValidationError: The server keeps no log of this job; it does so of succeeded ones only.
        """
        job = await self._jobs.get_job(job_id)
        url = job.job_info.sse_log if job.job_info else None
        if not isinstance(url, str):
            raise ResponseValidationError(f"There is no log of job {job_id}; servers keep those of succeeded sse jobs.")
        archive = await self._http.fetch(url)
        return rest.JobsGetSselogResponse(file=base64.b64encode(archive).decode(), file_name=f"sselog_{job_id}.zip")

    async def get_job_status(self, job_id: str) -> JobsGetJobStatusResponse:
        """A job's status, with its id."""
        return await self._jobs.get_job_status(job_id)

    async def get_job_statuses(self, job_ids: Sequence[str]) -> list[JobsJobStatus | str]:
        """The statuses of several jobs, in the order of `job_ids`, with one request for 100 of them."""
        answers: list[JobsGetJobStatusResponse] = []
        await poll(self._jobs, job_ids, answers)
        found = {answer.job_id: answer.status for answer in answers}
        return [found[job_id] for job_id in job_ids]

    async def status(self, job_id: str) -> JobsJobStatus | str:
        """A job's status; plain text where the server knows one this version does not."""
        return (await self._jobs.get_job_status(job_id)).status

    async def is_finished(self, job_id: str, *, terminal_statuses: set[JobsJobStatus] | None = None) -> bool:
        """Whether a job has succeeded, failed or been cancelled (or is in one of `terminal_statuses`)."""
        return await self.status(job_id) in (FINAL_STATUSES if terminal_statuses is None else terminal_statuses)

    async def list_jobs(
        self,
        *,
        fields: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        status: JobsJobStatus | None = None,
        q: str | None = None,
        page: int | None = None,
        size: int | None = None,
        order: str | None = None,
    ) -> list[JobsJob]:
        """One page of the user's jobs.

        Servers cannot list a job that was cancelled before it was submitted, nor its page. Such a job is left out, and
        what the server does not list of the others is read job by job.

        Args:
            fields: Comma-separated names of the fields wanted; without, every job comes whole.
            start_time: Only jobs submitted at this time or later; local time, if it has no time zone.
            end_time: Only jobs submitted at this time or earlier; likewise.
            status: Only jobs with this status.
            q: Only jobs with this text in id, name or description; `%` and `_` are wildcards.
            page: Page to read, from 1.
            size: Jobs on a page, 1 to 100.
            order: `ASC` (the default) or `DESC`, by creation time.
        """
        return await jobs_of_page(
            self._jobs,
            _given(
                fields=fields,
                start_time=start_time,
                end_time=end_time,
                status=status,
                q=q,
                page=page,
                size=size,
                order=order,
            ),
        )

    async def iter_jobs(
        self,
        *,
        fields: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        status: JobsJobStatus | None = None,
        q: str | None = None,
        order: str | None = None,
    ) -> AsyncGenerator[JobsJob, None]:
        """All of the user's jobs that match, page by page as they are asked for; see `list_jobs` for the parameters.

        Each comes once, also when others are submitted meanwhile. Those deleted meanwhile make the next page begin
        further on, so whoever deletes jobs should have the whole list first.

        Raises:
            ResponseValidationError: The server sends the same jobs for ever.
        """
        query = _given(fields=fields, start_time=start_time, end_time=end_time, status=status, q=q, order=order)
        async for job in every_job(self._jobs, query):
            yield job

    async def cancel_job(self, job_id: str) -> SuccessSuccessResponse:
        """Cancel a job that has not ended. One that was never submitted is deleted as well, see `discard_jobs`."""
        return await self._submission.cancel(job_id)

    async def discard_jobs(self, job_ids: Sequence[str]) -> None:
        """Cancel jobs, several at a time, and delete those that were never submitted, as far as the server plays along.

        A server cannot show an id that is cancelled before it was submitted, nor the list it is in.
        """
        await self._submission.discard(job_ids)

    async def delete_job(self, job_id: str) -> SuccessSuccessResponse:
        """Delete a job that has ended, and its files."""
        return await self._jobs.delete_job(job_id)

    # --- waiting

    async def wait_for_job(
        self,
        job_id: str,
        *,
        interval: float = 1.0,
        interval_backoff: float = 1.0,
        max_interval: float | None = None,
        timeout: float | None = 300.0,
        terminal_statuses: set[JobsJobStatus] | None = None,
        failure_statuses: set[JobsJobStatus] | None = None,
        on_status: Callable[[JobsGetJobStatusResponse], None] | None = None,
    ) -> OqtopusJobResult:
        """Wait until a job has ended and return it, whatever its outcome.

        Args:
            job_id: The job.
            interval: Seconds between the first two polls.
            interval_backoff: Factor by which each pause exceeds the last.
            max_interval: Longest pause in seconds.
            timeout: Seconds until giving up, time in the queue included; None waits as long as it takes, but a minute
                only for a job that is not submitted.
            terminal_statuses: Statuses to wait for; by default succeeded, failed and cancelled.
            failure_statuses: Statuses to raise an error for.
            on_status: Called with the status on each poll, in a worker thread.

        Raises:
            JobTimeoutError: The job had not ended in time (a `TimeoutError`); it goes on.
            JobNotSubmittedError: It was registered only, and there is no timeout.
            JobFailedError: It ended with one of `failure_statuses`.
        """
        polling = Polling(interval, interval_backoff, max_interval, timeout)
        deadline = polling.deadline()
        terminal = FINAL_STATUSES if terminal_statuses is None else terminal_statuses
        try:
            async for _ in as_finished(self._jobs, [job_id], polling, terminal_statuses=terminal, on_status=on_status):
                pass
        except WaitTimeoutError as error:
            raise JobTimeoutError(job_id, _unfinished(timeout, error.statuses.get(job_id))) from error.__cause__
        except asyncio.CancelledError as error:
            error.add_note(f"Job {job_id} goes on; ask for it again by its id.")
            raise
        try:
            async with within(deadline):
                job = await fetch_patiently(self.get_job, job_id, polling)
        except DeadlinePassedError:
            message = f"has ended, but its result had not arrived after {timeout} s; ask for it again by its id."
            raise JobTimeoutError(job_id, message) from None
        return job.raise_for_status() if job.status in (failure_statuses or ()) else job

    wait = wait_for_job

    async def wait_for_jobs(
        self,
        job_ids: Sequence[str],
        *,
        interval: float = 1.0,
        interval_backoff: float = 1.0,
        max_interval: float | None = None,
        timeout: float | None = 300.0,
        max_workers: int = 4,
        progress: bool = False,
    ) -> list[OqtopusJobResult]:
        """Wait until all jobs have ended and return them in the order of `job_ids`, whatever their outcomes.

        The jobs are polled together, 100 a request; each is fetched as soon as it has ended.

        Args:
            job_ids: The jobs.
            interval: Seconds between polls; the first interval is taken in quarters, so that short jobs come back soon.
            interval_backoff: Factor by which each pause exceeds the last.
            max_interval: Longest pause in seconds.
            timeout: Seconds until giving up, time in the queue included; None waits as long as it takes.
            max_workers: Results fetched at the same time.
            progress: Whether to show a progress bar, in a terminal or notebook.

        Raises:
            WaitTimeoutError: Some had not ended in time; they go on, and `outcomes` has the others.
            BatchResultError: All ended, but some results could not be read; `outcomes` has the others.
            ValueError: `max_workers` is less than 1.
        """
        polling = Polling(interval, interval_backoff, max_interval, timeout, quick_start=True)
        found: dict[str, OqtopusJobResult | Exception | None] = dict.fromkeys(job_ids)
        try:
            with progress_bar(len(found), shown=progress) as told:
                async for job_id, outcome in outcomes(
                    self._jobs,
                    found.keys(),
                    polling,
                    self.get_job,
                    max_workers=max_workers,
                    on_outage=told.outage,
                ):
                    found[job_id] = outcome
                    told.advance()
        except WaitTimeoutError as error:
            error.outcomes = found
            failures = (outcome for outcome in found.values() if isinstance(outcome, Exception))
            raise error from next(failures, error.__cause__)
        except asyncio.CancelledError as error:
            unfinished = [job_id for job_id, outcome in found.items() if outcome is None]
            error.add_note(f"{len(unfinished)} jobs go on; ask for them again by their ids: {', '.join(unfinished)}")
            raise
        results = [outcome for outcome in map(found.get, job_ids) if isinstance(outcome, OqtopusJobResult)]
        if len(results) < len(job_ids):
            raise BatchResultError(found)
        return results

    async def as_completed(
        self,
        job_ids: Sequence[str],
        *,
        interval: float = 1.0,
        interval_backoff: float = 1.0,
        max_interval: float | None = None,
        timeout: float | None = 300.0,
        max_workers: int = 4,
        progress: bool = False,
    ) -> AsyncGenerator[OqtopusJobResult, None]:
        """Yield each job as soon as it has ended, whatever its outcome; see `wait_for_jobs` for the parameters.

        Raises:
            WaitTimeoutError: Some had not ended in time; they go on. `outcomes` has the errors of unreadable results.
            BatchResultError: Some results could not be read; all others have been yielded before.
        """
        polling = Polling(interval, interval_backoff, max_interval, timeout, quick_start=True)
        wanted = dict.fromkeys(job_ids)
        unreadable: dict[str, Exception] = {}
        try:
            with progress_bar(len(wanted), shown=progress) as told:
                async for job_id, outcome in outcomes(
                    self._jobs, wanted, polling, self.get_job, max_workers=max_workers, on_outage=told.outage
                ):
                    told.advance()
                    if isinstance(outcome, Exception):
                        unreadable[job_id] = outcome
                    else:
                        yield outcome
        except WaitTimeoutError as error:
            error.outcomes = unreadable
            raise
        if unreadable:
            raise BatchResultError(unreadable)

    # --- running

    @_with_options_of(wait_for_job)
    async def run_job(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusJobResult:
        """Submit a job and wait for it; see `submit_job` and `wait_for_job`.

        Inside the server's container for server-side execution, the job is handed to the container's driver.
        """
        _check_spec(job)
        _check_wait(wait)
        if in_sse_container():
            ran = await run_in_container(job.to_model(), job.to_s3_submit_job_info())
            return typed_result(ran, client=self.owner())
        registered = await self.submit_job(job)
        with _telling([registered.job_id]):
            return await self.wait_for_job(registered.job_id, **wait)

    @_with_options_of(wait_for_job)
    async def run_sampling(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusSamplingJobResult:
        """Run a sampling job; see `run_job`.

        Raises:
            ValueError: `job` is of another type.
        """
        return cast("OqtopusSamplingJobResult", await self._run_typed(JobsJobType.SAMPLING, job, wait))

    @_with_options_of(wait_for_job)
    async def run_estimation(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusEstimationJobResult:
        """Run an estimation job; see `run_job`.

        Raises:
            ValueError: `job` is of another type.
        """
        return cast("OqtopusEstimationJobResult", await self._run_typed(JobsJobType.ESTIMATION, job, wait))

    @_with_options_of(wait_for_job)
    async def run_multi_manual(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusMultiManualJobResult:
        """Run a multi_manual job; see `run_job`.

        Raises:
            ValueError: `job` is of another type.
        """
        return cast("OqtopusMultiManualJobResult", await self._run_typed(JobsJobType.MULTI_MANUAL, job, wait))

    @_with_options_of(wait_for_job)
    async def run_sse(self, job: OqtopusJobSpec, **wait: Unpack[WaitOptions]) -> OqtopusSseJobResult:
        """Run a Python program on the server; see `run_job`.

        Raises:
            ValueError: `job` is of another type.
        """
        return cast("OqtopusSseJobResult", await self._run_typed(JobsJobType.SSE, job, wait))

    async def _run_typed(self, job_type: JobsJobType, job: OqtopusJobSpec, wait: WaitOptions) -> OqtopusJobResult:
        _check_spec(job)
        if job.job_type != job_type:
            raise ValueError(f"run_{job_type.value} takes a job of type {job_type.value!r}, not {str(job.job_type)!r}.")
        return await self.run_job(job, **wait)

    @_with_options_of(wait_for_job)
    async def run_sse_file(
        self,
        *,
        file_path: str | Path,
        device_id: str,
        name: str | None = None,
        description: str | None = None,
        transpiler_info: dict[str, object] | None = None,
        simulator_info: dict[str, object] | None = None,
        mitigation_info: dict[str, object] | None = None,
        shots: int = 1,
        max_file_size: int = 10 * 1024 * 1024,
        **wait: Unpack[WaitOptions],
    ) -> OqtopusSseJobResult:
        """Run a Python file on the server and wait for it; see `OqtopusJobSpec.sse` and `wait_for_job`.

        Raises:
            ValueError: The file is missing, no Python file, not UTF-8 text or larger than `max_file_size` bytes.
        """
        job = OqtopusJobSpec.sse(
            device_id=device_id,
            program=_read_program(Path(file_path), max_file_size),
            shots=shots,
            name=name,
            description=description,
            transpiler_info=transpiler_info,
            simulator_info=simulator_info,
            mitigation_info=mitigation_info,
        )
        return await self.run_sse(job, **wait)

    async def run_jobs_batch(
        self,
        jobs: Sequence[OqtopusJobSpec],
        *,
        submit_workers: int = 4,
        wait_workers: int = 4,
        interval: float = 1.0,
        interval_backoff: float = 1.0,
        max_interval: float | None = None,
        timeout: float | None = 300.0,
        progress: bool = False,
    ) -> list[OqtopusJobResult]:
        """Submit jobs, `submit_workers` at a time, and wait for all; see `submit_jobs` and `wait_for_jobs`."""
        whole_number(wait_workers, "wait_workers must be at least 1")
        whole_number(submit_workers, "submit_workers must be at least 1")
        Polling(interval, interval_backoff, max_interval, timeout)  # an error now costs no job
        job_ids = [answer.job_id for answer in await self.submit_jobs(jobs, max_workers=submit_workers)]
        with _telling(job_ids):
            return await self.wait_for_jobs(
                job_ids,
                interval=interval,
                interval_backoff=interval_backoff,
                max_interval=max_interval,
                timeout=timeout,
                max_workers=wait_workers,
                progress=progress,
            )

    # --- account and server

    async def create_api_token(self) -> ApiTokenApiToken:
        """Make a new API token, which replaces the present one. Current servers refuse this to callers with a token."""
        return await self._account.create_api_token()

    async def get_api_token_status(self) -> ApiTokenApiTokenStatus:
        """When the API token expires."""
        return await self._account.get_api_token_status()

    get_api_token = get_api_token_status

    async def delete_api_token(self) -> None:
        """Delete the API token."""
        await self._account.delete_api_token()

    async def get_announcements_list(
        self,
        *,
        offset: int | None = None,
        limit: int | None = None,
        order: str | None = None,
        current_time: datetime | None = None,
    ) -> AnnouncementsGetAnnouncementsListResponse:
        """Announcements of the service.

        Args:
            offset: Announcements to skip.
            limit: Most announcements to return; 10 by default.
            order: `ASC` or `DESC`, by start time.
            current_time: Only announcements that are on at this time; local time, if it has no time zone.
        """
        params = _given(offset=offset, limit=limit, order=order, current_time=current_time)
        return await self._account.list_announcements(params)

    async def get_announcement(self, announcement_id: int) -> AnnouncementsGetAnnouncementResponse:
        """One announcement."""
        return await self._account.get_announcement(whole_number(announcement_id, "announcement_id must be an integer"))

    async def get_user(self) -> UsersGetOneUserResponse:
        """The user that the token belongs to."""
        return await self._account.get_user()

    async def update_user(self, *, name: str | None = None, organization: str | None = None) -> UsersGetOneUserResponse:
        """Change what the server lets users change of themselves."""
        return await self._account.update_user(rest.UsersUpdateUserRequest(name=name, organization=organization))

    async def delete_user(self) -> None:
        """Delete the account; servers refuse it to callers with a token."""
        await self._account.delete_user()

    async def get_settings(self) -> SettingsGetSettingsResponse:
        """What users of this server may see and change."""
        return await self._account.get_settings()


def _let_go(left: contextlib.ExitStack, pid: int) -> None:
    if pid == os.getpid():  # else it is the parent process's
        left.close()


def _unfinished(timeout: float | None, status: str | None) -> str:
    """What to say of a job that had this status when the time was up."""
    if status == JobsJobStatus.REGISTERED:
        return f"is registered, but was not submitted within {timeout} s; submit it again."
    message = f"had not ended after {timeout} s. It goes on; ask for it again by its id."
    if status == JobsJobStatus.RUNNING:
        # Servers never end an estimation whose circuits the device refuses, or whose device is inactive.
        message += " An estimation that stays 'running' may have failed: check its gates, and the device's status."
    return message


def _check_wait(wait: WaitOptions) -> None:
    """Make sure that waiting will work, before there is a job to wait for.

    Raises:
        TypeError: There is no such option.
        ValueError: A value is out of range.
    """
    inspect.signature(AsyncOqtopusClient.wait_for_job).bind(None, "", **wait)
    Polling(**{name: value for name, value in wait.items() if name in Polling.__dataclass_fields__})  # type: ignore[arg-type]


@contextlib.contextmanager
def _telling(job_ids: Sequence[str]) -> Iterator[None]:
    """Note the ids of jobs on whatever error keeps their results away: nobody else has them."""
    try:
        yield
    except (WaitTimeoutError, BatchResultError, JobError):
        raise  # these tell the ids themselves
    except OqtopusError as error:
        error.add_note(f"Submitted, and to be asked for again by id: {', '.join(job_ids)}")
        raise


def _check_spec(job: object) -> None:
    if not isinstance(job, OqtopusJobSpec):
        raise TypeError(f"A job must be an OqtopusJobSpec, not {type(job).__name__}.")


def _given(**params: object) -> dict[str, Any]:
    """The parameters that are given, times as the API takes them."""
    given = {name: value for name, value in params.items() if value is not None}
    for name, value in given.items():
        if isinstance(value, datetime):
            given[name] = _with_zone(value)
        elif name in _LEAST:
            given[name] = whole_number(
                value, f"{name} must be an integer of at least {_LEAST[name]}", least=_LEAST[name]
            )
    return given


def _with_zone(time: datetime) -> str:
    """A time as text that says its zone: without one, servers would take it for UTC, and not for the user's own."""
    if time.utcoffset() is not None:
        return time.isoformat()
    try:
        return time.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):  # `datetime.min` or `max`, which mean no more than long ago, or never
        return time.replace(tzinfo=UTC).isoformat()


def _read_program(file: Path, max_size: int) -> str:
    whole_number(max_size, "max_file_size must be a positive integer")
    if file.suffix != ".py":
        raise ValueError(f"{file} is not a Python file; its name must end in .py.")
    if not file.is_file():
        raise ValueError(f"There is no file {file}.")
    if file.stat().st_size > max_size:
        raise ValueError(f"{file} has {file.stat().st_size:,} bytes; at most {max_size:,} are allowed.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}.") from error
