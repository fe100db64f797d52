"""All jobs that match, from a list that the API gives out page by page, and that changes meanwhile."""

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
"""How many pages in a row may bring nothing new. Each stands for a hundred jobs submitted since the one before."""

_SAFE_FIELDS = ("job_id", "status", "name", "description", "submitted_at", "device_id")
"""What servers list of every job."""


class _Page(NamedTuple):
    """One page of the list.

    Attributes:
        jobs: Its jobs, without those that were cancelled before they were submitted where a server cannot list them.
        is_last: Whether the server has no more.
        missing: Whether fields are missing that the server cannot list, and each job has to be asked for.
    """

    jobs: list[JobsJob]
    is_last: bool
    missing: bool


async def every_job(api: JobApi, query: Mapping[str, Any]) -> AsyncGenerator[JobsJob, None]:
    """Jobs, each once, page by page as they are asked for.

    The API tells neither a total nor a next page. New jobs push others on to the next page, where they are seen again.

    Args:
        api: The server.
        query: What `GET /jobs` takes.

    Raises:
        ResponseValidationError: The server sends the same jobs for ever.
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
    raise ResponseValidationError(
        f"GET /jobs: {_OLD_PAGES} pages up to page {number} have the same jobs as those before."
    )


async def jobs_of_page(api: JobApi, query: Mapping[str, Any]) -> list[JobsJob]:
    """See `AsyncOqtopusClient.list_jobs`."""
    page = await _page(api, query)
    return await _complete(api, query, page, page.jobs)


async def _page(api: JobApi, query: Mapping[str, Any]) -> _Page:
    """List a page, with the fields that all servers can list if this one cannot list others."""
    wanted = _wanted(query)
    try:
        jobs = await api.list_jobs(query)
    except UserApiError as error:
        if error.status_code != 500 or wanted <= set(_SAFE_FIELDS):  # noqa: PLR2004 - HTTP's own number
            raise
        try:
            jobs = await api.list_jobs({**query, "fields": ",".join(_SAFE_FIELDS)})
        except UserApiError:
            raise error from None
        submitted = [job for job in jobs if job.status != JobsJobStatus.CANCELLED or job.submitted_at is not None]
        return _Page(submitted, len(jobs) < rest.user_api.PAGE_SIZE, missing=True)
    return _Page(jobs, len(jobs) < rest.user_api.PAGE_SIZE, missing=False)


async def _complete(api: JobApi, query: Mapping[str, Any], page: _Page, jobs: list[JobsJob]) -> list[JobsJob]:
    """Read what a page lacks of these jobs; one that has been deleted meanwhile is left out."""
    if not page.missing:
        return jobs
    unwanted = dict.fromkeys(set(rest.JobsJob.model_fields) - _wanted(query))

    async def read(job: JobsJob) -> JobsJob | None:
        try:
            # A registered job has no more to read, and might be cancelled meanwhile.
            whole = job if job.status == JobsJobStatus.REGISTERED else await api.get_job(str(job.job_id))
        except NotFoundError:
            return None
        return whole.model_copy(update=unwanted)

    return [job for job in await in_order(read, jobs, max_workers=WORKERS) if job is not None]


def _wanted(query: Mapping[str, Any]) -> set[str]:
    fields = query.get("fields")
    return set(rest.JobsJob.model_fields if fields is None else fields.split(","))
