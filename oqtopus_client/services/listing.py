"""All jobs that match, from a list that the API gives out page by page, and that changes meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oqtopus_client import rest
from oqtopus_client.errors import ResponseValidationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from oqtopus_client.rest.models import JobsJob
    from oqtopus_client.rest.user_api import JobApi

_OLD_PAGES = 100
"""How many pages in a row may bring nothing new. Each stands for a hundred jobs submitted since the one before."""


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
    page = old_pages = 0
    while old_pages < _OLD_PAGES:
        page += 1
        jobs = await api.list_jobs({**query, "page": page, "size": rest.user_api.PAGE_SIZE})
        new = [job for job in jobs if job.job_id not in seen]
        seen.update(job.job_id for job in new if job.job_id is not None)
        for job in new:
            yield job
        if len(jobs) < rest.user_api.PAGE_SIZE:
            return
        old_pages = 0 if new else old_pages + 1
    raise ResponseValidationError(
        f"GET /jobs: {_OLD_PAGES} pages up to page {page} have the same jobs as those before."
    )
