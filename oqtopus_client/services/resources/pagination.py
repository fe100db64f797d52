"""Iteration over all matching jobs, from a paginated list that changes meanwhile."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from oqtopus_client import rest
from oqtopus_client.errors import NotFoundError, ResponseValidationError, UserApiError
from oqtopus_client.rest.enums import JobsJobStatus
from oqtopus_client.services.concurrency import WORKERS, in_order

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from oqtopus_client.rest.models import JobsJob
    from oqtopus_client.rest.user_api import JobApi

_OLD_PAGES = 100
"""Maximum number of consecutive pages without new jobs; each means a hundred jobs submitted since the previous one."""

_SAFE_FIELDS = ("job_id", "status", "name", "description", "submitted_at", "device_id")
"""Fields that servers can list for every job."""


class _Page(NamedTuple):
    """One page of the list.

    Attributes:
        jobs: Its jobs; if the server cannot list jobs cancelled before submission, without those.
        is_last: Whether it is the last page.
        missing: Whether the server could not list all fields, so that each job must be read.
    """

    jobs: list[JobsJob]
    is_last: bool
    missing: bool


async def every_job(api: JobApi, query: Mapping[str, Any]) -> AsyncGenerator[JobsJob, None]:
    """Yield each job once, reading pages on demand.

    The API returns neither a total nor a next page. New jobs push others to the next page, where they appear again.

    Args:
        api: The server.
        query: Query parameters of `GET /jobs`.

    Raises:
        ResponseValidationError: The server keeps sending the same jobs.
    """
    seen: set[str] = set()
    number = old_pages = 0
    while old_pages < _OLD_PAGES:
        number += 1
        page = await _page(api, {**query, "page": number, "size": rest.user_api.PAGE_SIZE})
        new = [job for job in page.jobs if job.job_id not in seen]
        seen.update(job.job_id for job in new if job.job_id is not None)
        rest_of_page = iter(new)
        while some := list(islice(rest_of_page, WORKERS)):
            for job in await _complete(api, query, page, some):
                yield job
        if page.is_last:
            return
        old_pages = 0 if new else old_pages + 1
    raise ResponseValidationError(f"GET /jobs: {_OLD_PAGES} pages in a row, up to page {number}, contain no new jobs.")


async def jobs_of_page(api: JobApi, query: Mapping[str, Any]) -> list[JobsJob]:
    """Return one page of jobs; see `AsyncOqtopusClient.list_jobs`."""
    page = await _page(api, query)
    return await _complete(api, query, page, page.jobs)


async def _page(api: JobApi, query: Mapping[str, Any]) -> _Page:
    """List a page; if the server fails on the requested fields, list those that every server supports."""
    wanted = _wanted(query)
    try:
        jobs = await api.list_jobs(query)
    except UserApiError as error:
        if error.status_code != 500 or wanted <= set(_SAFE_FIELDS):  # noqa: PLR2004 - an HTTP status
            raise
        try:
            jobs = await api.list_jobs({**query, "fields": ",".join(_SAFE_FIELDS)})
        except UserApiError:
            raise error from None
        submitted = [job for job in jobs if job.status != JobsJobStatus.CANCELLED or job.submitted_at is not None]
        return _Page(submitted, len(jobs) < rest.user_api.PAGE_SIZE, missing=True)
    return _Page(jobs, len(jobs) < rest.user_api.PAGE_SIZE, missing=False)


async def _complete(api: JobApi, query: Mapping[str, Any], page: _Page, jobs: list[JobsJob]) -> list[JobsJob]:
    """Read the fields that a page lacks; leave out jobs that were deleted meanwhile."""
    if not page.missing:
        return jobs
    unwanted = dict.fromkeys(set(rest.JobsJob.model_fields) - _wanted(query))

    async def read(job: JobsJob) -> JobsJob | None:
        try:
            # A registered job has no further fields, and might be cancelled meanwhile.
            whole = job if job.status == JobsJobStatus.REGISTERED else await api.get_job(str(job.job_id))
        except NotFoundError:
            return None
        return whole.model_copy(update=unwanted)

    return [job for job in await in_order(read, jobs, max_workers=WORKERS) if job is not None]


def _wanted(query: Mapping[str, Any]) -> set[str]:
    fields = query.get("fields")
    return set(rest.JobsJob.model_fields if fields is None else fields.split(","))
