"""Jobs: status, results, files, listing, cancellation and deletion."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from oqtopus_client import rest
from oqtopus_client.checks import check_kind, shown
from oqtopus_client.errors import JobNotSubmittedError, OqtopusStorageError, ResponseValidationError
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus
from oqtopus_client.services.concurrency import WORKERS, in_order
from oqtopus_client.services.job_results import OqtopusJobResult, typed_result
from oqtopus_client.services.polling import poll
from oqtopus_client.services.queue_position import QueuePosition, queue_position
from oqtopus_client.services.resources.core import Core
from oqtopus_client.services.resources.pagination import every_job, jobs_of_page
from oqtopus_client.services.resources.query import given
from oqtopus_client.services.side_files import is_url

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Sequence
    from datetime import datetime

    from oqtopus_client.rest.models import (
        JobsGetJobStatusResponse,
        JobsGetSselogResponse,
        JobsJob,
        SuccessSuccessResponse,
    )
    from oqtopus_client.services.job_results import JobFile

_FILE_READERS: dict[str, Callable[[bytes], object]] = {
    "input": lambda content: rest.storage.read_model(rest.JobsS3SubmitJobInfo, content),
    "combined_program": rest.storage.read_text,
    "transpile_result": lambda content: rest.storage.read_model(rest.JobsS3TranspileResult, content),
}


class Jobs(Core):
    """Submitted jobs."""

    async def get_job(self, job_id: str) -> OqtopusJobResult:
        """Return a job in the class for its type, with its result if it has succeeded.

        Raises:
            OqtopusStorageError: The result cannot be downloaded or read.
            JobNotSubmittedError: The job was never submitted (a `ValueError`).
        """
        job = await self._jobs.get_job(job_id)
        if job.status == JobsJobStatus.REGISTERED:
            raise JobNotSubmittedError(job_id)
        if job.job_info is not None and isinstance(job.job_info.result, str):
            content = await rest.storage.download(self._http, job.job_info.result)
            job.job_info.result = rest.storage.read_model(rest.JobsS3JobResult, content)
        return typed_result(job, client=self._owner())

    get_job_result = get_job
    result = get_job
    refresh = get_job

    async def get_jobs(self, job_ids: Sequence[str], *, files: Collection[JobFile] = ()) -> list[OqtopusJobResult]:
        """Return several jobs in the order of `job_ids`, read concurrently, 16 at a time; see `get_job`.

        Args:
            job_ids: The jobs.
            files: Side files to read as well: `input`, `combined_program` or `transpile_result`. If one cannot be
                downloaded or read, the job's property of that name raises the error.

        Raises:
            TypeError: `job_ids` is a single id.
            ValueError: A side file with that name does not exist.
            OqtopusError: A job, or its result, cannot be read.
        """
        job_ids = listed(job_ids)
        _check_files(files)

        async def read(job_id: str) -> OqtopusJobResult:
            job = await self.get_job(job_id)
            await self._read_files(job, files)
            return job

        return await in_order(read, job_ids, max_workers=WORKERS)

    async def read_job_files(self, jobs: Sequence[OqtopusJobResult], files: Collection[JobFile]) -> None:
        """Read side files of jobs that were already fetched, 16 jobs at a time; see `get_jobs`.

        Args:
            jobs: The jobs. Their properties then return the files without a request.
            files: `input`, `combined_program` or `transpile_result`.

        Raises:
            ValueError: A side file with that name does not exist.
        """
        _check_files(files)
        for job in jobs:
            check_kind(job, OqtopusJobResult, "Each of jobs")
        await in_order(lambda job: self._read_files(job, files), jobs, max_workers=WORKERS)

    async def _read_files(self, job: OqtopusJobResult, files: Collection[JobFile]) -> None:
        for name in files:
            url = getattr(job.job_info, name)
            if is_url(url):
                # The URL of an unreadable file is kept, so that accessing the file raises the error.
                with contextlib.suppress(OqtopusStorageError):
                    setattr(job.job_info, name, await self.read_job_file(job.job_id, name, url=url))

    async def read_job_file(self, job_id: str, name: JobFile, *, url: str | None = None) -> Any:
        """Read a job's side file.

        Args:
            job_id: The job.
            name: `input`, `combined_program` or `transpile_result`.
            url: URL of the file; if it has expired or is None, a fresh one is requested.

        Returns:
            A model of the content, text for `combined_program`, or None if the job has no such file.

        Raises:
            OqtopusStorageError: The file cannot be downloaded or read.
        """
        _check_files([name])
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
        """Return the log of a server-side program as a base64-encoded zip archive, as an earlier API sent it.

        Raises:
            ResponseValidationError: The server has no log of this job; it keeps those of succeeded jobs only.
            JobNotSubmittedError: The job was never submitted (a `ValueError`).
        """
        job = await self._jobs.get_job(job_id)
        if job.status == JobsJobStatus.REGISTERED:
            raise JobNotSubmittedError(job_id)
        url = job.job_info.sse_log if job.job_info else None
        if not isinstance(url, str):
            raise ResponseValidationError(
                f"Job {job_id} ({job.job_type}, {job.status}) has no log; servers keep logs of succeeded sse jobs only."
            )
        archive = await self._http.fetch(url)
        return rest.JobsGetSselogResponse(file=base64.b64encode(archive).decode(), file_name=f"sselog_{job_id}.zip")

    async def get_job_status(self, job_id: str) -> JobsGetJobStatusResponse:
        """A job's status, with its id."""
        return await self._jobs.get_job_status(job_id)

    async def get_job_statuses(self, job_ids: Sequence[str]) -> list[JobsJobStatus | str]:
        """The statuses of several jobs, in the order of `job_ids`, with one request for 100 of them."""
        job_ids = listed(job_ids)
        answers: list[JobsGetJobStatusResponse] = []
        await poll(self._jobs, job_ids, answers)
        found = {answer.job_id: answer.status for answer in answers}
        return [found[job_id] for job_id in job_ids]

    async def status(self, job_id: str) -> JobsJobStatus | str:
        """A job's status; plain text where the server knows one this version does not."""
        return (await self._jobs.get_job_status(job_id)).status

    async def is_finished(self, job_id: str, *, terminal_statuses: set[JobsJobStatus] | None = None) -> bool:
        """Whether a job has succeeded, failed or been cancelled (or is in one of `terminal_statuses`)."""
        terminal = checked_statuses(terminal_statuses, "terminal_statuses", FINAL_STATUSES)
        return await self.status(job_id) in terminal

    async def queue_position(self, job_ids: str | Sequence[str]) -> QueuePosition | None:
        """Return how many jobs the device may run before a waiting job; None for a job that runs or has ended.

        `print` shows it as a phrase, such as "up to 3 jobs ahead, 1 of them yours". It takes at least four requests,
        and one more for each hundred of the user's jobs that have not ended.

        Args:
            job_ids: The job, or jobs of one device, of which the first counts; None once one of them runs.

        Raises:
            NotFoundError: The server has no such job.
        """
        if not isinstance(job_ids, str):
            return await queue_position(self._jobs, self._devices, listed(job_ids))
        found = await queue_position(self._jobs, self._devices, [job_ids])
        if found is None:
            await self._jobs.get_job_status(job_ids)  # raises for an unknown job
        return found

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
        """Return one page of the user's jobs.

        Servers fail to list a page with a job that was cancelled before submission. Such a job is left out, and missing
        fields of the others are read job by job.

        Args:
            fields: Comma-separated names of the fields to return; all by default.
            start_time: Only jobs submitted at this time or later; local time if it has no time zone.
            end_time: Only jobs submitted at this time or earlier; likewise.
            status: Only jobs with this status.
            q: Only jobs with this text in their id, name or description; `%` and `_` are wildcards.
            page: Page to read, from 1.
            size: Jobs on a page, 1 to 100.
            order: `ASC` (the default) or `DESC`, by creation time.
        """
        return await jobs_of_page(
            self._jobs,
            given(
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
        """Yield the user's matching jobs, reading pages on demand; see `list_jobs` for the parameters.

        Each job is yielded once, even if others are submitted meanwhile. Deleting jobs meanwhile shifts the next page,
        so read the whole list before deleting.

        Raises:
            ResponseValidationError: The server keeps sending the same jobs.
        """
        query = given(fields=fields, start_time=start_time, end_time=end_time, status=status, q=q, order=order)
        async for job in every_job(self._jobs, query):
            yield job

    async def cancel_job(self, job_id: str) -> SuccessSuccessResponse:
        """Cancel an unfinished job. A job that was never submitted is also deleted; see `discard_jobs`."""
        return await self._submission.cancel(job_id)

    async def cancel_jobs(self, job_ids: Sequence[str]) -> None:
        """Cancel jobs, several at a time; see `cancel_job`. Jobs that have already finished stay as they are.

        Raises:
            TypeError: `job_ids` is a single id.
            OqtopusError: A job could not be cancelled; its notes name all such jobs. The others were cancelled.
        """
        job_ids = listed(job_ids)
        await self._submission.cancel_all(job_ids)

    async def discard_jobs(self, job_ids: Sequence[str]) -> None:
        """Cancel jobs, several at a time, and delete those that were never submitted; ignore errors.

        A server fails to show a job that was cancelled before submission, and any list that contains it.
        """
        await self._submission.discard(listed(job_ids))

    async def delete_job(self, job_id: str) -> SuccessSuccessResponse:
        """Delete a finished job and its files."""
        return await self._jobs.delete_job(job_id)


def listed(job_ids: Iterable[str]) -> list[str]:
    """Return ids as a list.

    Raises:
        TypeError: It is one id, whose characters would be taken for ids, or something else than ids.
    """
    ids: list[Any] = list(job_ids) if isinstance(job_ids, Iterable) and not isinstance(job_ids, str) else [None]
    if not all(isinstance(job_id, str) for job_id in ids):
        raise TypeError(f"job_ids must be a list of ids, not {shown(job_ids)}.")
    return ids


def checked_statuses(statuses: object, name: str, default: Collection[JobsJobStatus] = ()) -> Collection[JobsJobStatus]:
    """Return statuses as a set; the default for None.

    Raises:
        TypeError: It is one status, or not iterable.
        ValueError: A status does not exist, so that no job would ever have it.
    """
    if statuses is None:
        return default
    if isinstance(statuses, str) or not isinstance(statuses, Iterable):
        raise TypeError(f"{name} must be a set of statuses, such as {{'succeeded'}}, not {shown(statuses)}.")
    found = set()
    for status in statuses:
        try:
            found.add(JobsJobStatus(status))
        except ValueError:
            known = ", ".join(map(repr, map(str, JobsJobStatus)))
            raise ValueError(f"{name} must be a set of {known}, not of {shown(status)}.") from None
    return found


def _check_files(files: Collection[str]) -> None:
    is_one = isinstance(files, str) or not isinstance(files, Iterable)
    for name in [files] if is_one else files:
        if is_one or name not in list(_FILE_READERS):
            raise ValueError(f"files must be a list of {', '.join(map(repr, _FILE_READERS))}, not {shown(name)}.")
