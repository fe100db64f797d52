"""Status polling for any number of jobs: when to poll, and how to poll many jobs with few requests."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self, TypedDict, TypeVar

from oqtopus_client import rest
from oqtopus_client.checks import real_number, seconds_until, whole_number
from oqtopus_client.display import suggestion
from oqtopus_client.errors import (
    NotFoundError,
    OqtopusConnectionError,
    OqtopusStorageError,
    OqtopusTimeoutError,
    UserApiError,
    WaitTimeoutError,
)
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus
from oqtopus_client.rest.retries import TRANSIENT_STATUSES
from oqtopus_client.services.concurrency import WORKERS, in_order
from oqtopus_client.services.deadline import Deadline, DeadlinePassedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator

    from oqtopus_client.errors import OqtopusError
    from oqtopus_client.rest.models import JobsGetJobStatusResponse
    from oqtopus_client.rest.user_api import JobApi

_Result = TypeVar("_Result")
_SUBMISSION_SECONDS = 60.0
"""Seconds that a wait without a deadline gives a registered job, whose submission may be in progress."""

_logger = logging.getLogger("oqtopus_client")


class PollingOptions(TypedDict, total=False):
    """The options that every wait takes; `Polling` has their meanings and defaults."""

    interval: float
    interval_backoff: float
    max_interval: float | None
    timeout: float | None


@dataclass(frozen=True)
class Polling:
    """How often to ask for a status, and for how long.

    Attributes:
        quick_start: Whether to divide the first interval into quarters, so that short jobs come back soon.
        interval: Seconds between the first two polls.
        interval_backoff: Factor by which each pause exceeds the last, at least 1.
        max_interval: Longest pause in seconds.
        timeout: Seconds until the wait gives up, time in the queue included; None waits as long as it takes.

    Raises:
        TypeError: A value is not a number.
        ValueError: A value is out of range.
    """

    quick_start: bool = False
    _: KW_ONLY
    interval: float = 1.0
    interval_backoff: float = 1.0
    max_interval: float | None = None
    timeout: float | None = 300.0

    def __post_init__(self) -> None:
        real_number(self.interval, "interval must be at least 0 seconds", least=0)
        real_number(self.interval_backoff, "interval_backoff must be at least 1", least=1)
        if self.max_interval is not None:
            real_number(self.max_interval, "max_interval must be at least 0 seconds", least=0, infinite=True)
        seconds_until(self.timeout)

    @classmethod
    def of(cls, *, quick_start: bool = False, **options: Any) -> Self:
        """Return how to wait with a user's options.

        Raises:
            TypeError: An option does not exist, or is not a number.
            ValueError: A value is out of range.
        """
        known = list(PollingOptions.__annotations__)
        for name in options:
            if name not in known:
                raise TypeError(f"Unknown option {name!r} of a wait. {suggestion(name, known)}")
        return cls(quick_start, **options)

    def pauses(self) -> Iterator[float]:
        """The pauses between polls, in seconds, as an endless iterator.

        >>> from itertools import islice
        >>> list(islice(Polling(interval=1, interval_backoff=2, max_interval=5).pauses(), 4))
        [1, 2, 4, 5]
        """
        longest = math.inf if self.max_interval is None else self.max_interval
        pause = min(self.interval, longest)
        if self.quick_start:
            yield from [pause / 4] * 4
            pause = min(pause * self.interval_backoff, longest)
        while True:
            yield pause
            pause = min(pause * self.interval_backoff, longest)


async def as_finished(
    api: JobApi,
    job_ids: Collection[str],
    polling: Polling,
    deadline: Deadline,
    *,
    terminal_statuses: Collection[str] = FINAL_STATUSES,
    on_status: Callable[[JobsGetJobStatusResponse], None] | None = None,
    on_outage: Callable[[OqtopusError | None], object] | None = None,
) -> AsyncIterator[str]:
    """Yield each job's id once its status is terminal, or the server has no such job, in the order of completion.

    A dropped connection, a server error or a rate limit does not end the wait; the deadline does. Every job is polled
    at least once. Without a timeout, a job that is only registered is also yielded, after a minute, as it may never be
    submitted.

    Args:
        api: The server.
        job_ids: The jobs.
        polling: When to poll.
        deadline: When to give up.
        terminal_statuses: The statuses to wait for.
        on_status: Called with each answer, in a worker thread, so that it may block or use a blocking client.
        on_outage: Called with the error when the server stops answering, and with None when it answers again.

    Raises:
        WaitTimeoutError: The deadline passed with jobs unfinished.
    """
    submission = Deadline(_SUBMISSION_SECONDS if deadline.timeout is None else None)
    pending = set(job_ids)
    seen: dict[str, str] = {}
    trouble: OqtopusError | None = None
    for pause in polling.pauses():
        before = trouble
        answers: list[JobsGetJobStatusResponse] = []
        missing: list[str] = []
        trouble = await _poll_patiently(api, pending, deadline, before, answers, missing)
        if (trouble is None) != (before is None):
            _report_outage(trouble, on_outage)
        for answer in answers:
            if seen.get(answer.job_id) != answer.status:
                seen[answer.job_id] = answer.status
                _logger.info("Job %s: %s", answer.job_id, answer.status)
            if on_status is not None:
                await asyncio.to_thread(on_status, answer)
            late = answer.status == JobsJobStatus.REGISTERED and not submission.remaining()
            if late or answer.status in terminal_statuses:
                pending.discard(answer.job_id)
                yield answer.job_id
        for job_id in missing:
            pending.discard(job_id)
            yield job_id
        if not pending:
            return
        remaining = deadline.remaining()
        if not remaining:
            error = WaitTimeoutError(f"{len(pending)} jobs did not finish within {deadline.timeout} s.")
            error.statuses = {job_id: seen[job_id] for job_id in pending & seen.keys()}
            raise error from trouble
        await asyncio.sleep(min(pause, remaining))


async def outcomes(
    api: JobApi,
    job_ids: Collection[str],
    polling: Polling,
    deadline: Deadline,
    fetch: Callable[[str], Awaitable[_Result]],
    *,
    max_workers: int,
    on_outage: Callable[[OqtopusError | None], object] | None = None,
) -> AsyncIterator[tuple[str, _Result | Exception]]:
    """Yield each job's id with its result as soon as that is fetched, or with the error that fetching it raised.

    During an outage a result is fetched again until the deadline.

    Args:
        api: The server.
        job_ids: The jobs.
        polling: When to poll.
        deadline: When to give up.
        fetch: Reads one job's result.
        max_workers: Results fetched at the same time, at least 1.
        on_outage: See `as_finished`.

    Raises:
        WaitTimeoutError: The deadline passed with jobs unfinished; the finished ones have been yielded.
        ValueError: `max_workers` is less than 1.
    """
    whole_number(max_workers, "max_workers must be at least 1")
    slots = asyncio.Semaphore(max_workers)
    ready: asyncio.Queue[tuple[str, _Result | Exception] | None] = asyncio.Queue()
    fetches: list[asyncio.Task[None]] = []
    late: list[str] = []

    async def deliver(job_id: str) -> None:
        try:
            async with deadline.enforced(), slots:
                ready.put_nowait((job_id, await fetch_patiently(fetch, job_id, polling, deadline)))
        except DeadlinePassedError:
            late.append(job_id)
        except Exception as error:  # noqa: BLE001 - yielded as an outcome
            ready.put_nowait((job_id, error))

    async def watch() -> None:
        try:
            async for job_id in as_finished(api, job_ids, polling, deadline, on_outage=on_outage):
                fetches.append(asyncio.create_task(deliver(job_id)))  # noqa: PERF401 - at once, not at the end
        finally:
            await asyncio.gather(*fetches)
            ready.put_nowait(None)

    watcher = asyncio.create_task(watch())
    try:
        while (outcome := await ready.get()) is not None:
            yield outcome
        await watcher
        if late:
            raise WaitTimeoutError(f"{len(late)} results did not arrive within {deadline.timeout} s.")
    finally:
        for task in (watcher, *fetches):
            task.cancel()
        await asyncio.gather(watcher, *fetches, return_exceptions=True)


async def fetch_patiently(
    fetch: Callable[[str], Awaitable[_Result]], job_id: str, polling: Polling, deadline: Deadline
) -> _Result:
    """Fetch a result; during an outage, retry after each pause until the caller's deadline.

    Raises:
        OqtopusError: The error is not transient, or the deadline allows a single attempt only.
    """
    pauses = polling.pauses()
    while True:
        try:
            return await fetch(job_id)
        except (OqtopusConnectionError, OqtopusTimeoutError):
            if deadline.is_immediate:
                raise
        except (UserApiError, OqtopusStorageError) as error:
            # A plain 500 may be specific to this job.
            if error.status_code not in TRANSIENT_STATUSES or deadline.is_immediate:
                raise
        await asyncio.sleep(next(pauses))


async def _poll_patiently(
    api: JobApi,
    job_ids: Collection[str],
    deadline: Deadline,
    trouble: OqtopusError | None,
    found: list[JobsGetJobStatusResponse],
    missing: list[str],
) -> OqtopusError | None:
    """Poll once and return the error if it is transient. `trouble` is that of the previous poll."""
    try:
        async with deadline.enforced():
            await poll(api, job_ids, found, missing)
    except DeadlinePassedError:
        return trouble
    except (OqtopusConnectionError, OqtopusTimeoutError, UserApiError) as error:
        if isinstance(error, UserApiError) and error.status_code < 500 and error.status_code not in TRANSIENT_STATUSES:  # noqa: PLR2004 - an HTTP status
            raise
        return error
    return None


def _report_outage(trouble: OqtopusError | None, on_outage: Callable[[OqtopusError | None], object] | None) -> None:
    """Report that an outage has begun or ended."""
    if trouble is not None:
        _logger.warning("Still waiting, although the server does not respond correctly: %s", trouble)
    else:
        _logger.info("The server responds again.")
    if on_outage is not None:
        on_outage(trouble)


async def poll(
    api: JobApi, job_ids: Collection[str], found: list[JobsGetJobStatusResponse], missing: list[str] | None = None
) -> None:
    """Request the status of every job once, with few requests.

    Answers are appended to `found`, and ids that the server does not know to `missing`. Without `missing`, an unknown
    id is an error.

    A single job is requested by its id. Several are looked up in the list of the user's jobs, newest first, 100 per
    request, until that has taken as many requests as the remaining jobs would by id. The number of other jobs in the
    list is unknown; this rule needs at most twice as many requests as the better of the two methods.
    """
    wanted = set(job_ids)
    size = rest.user_api.PAGE_SIZE
    page = 1
    while len(job_ids) > 1 and page <= len(wanted):
        jobs = await api.list_jobs({"fields": "job_id,status", "order": "DESC", "size": size, "page": page})
        for job in jobs:
            if job.job_id in wanted and job.status is not None:
                wanted.discard(job.job_id)
                found.append(rest.JobsGetJobStatusResponse(job_id=job.job_id, status=job.status))
        if len(jobs) < size:
            break
        page += 1

    async def ask(job_id: str) -> None:
        try:
            found.append(await api.get_job_status(job_id))
        except NotFoundError:
            if missing is None:
                raise
            missing.append(job_id)

    await in_order(ask, sorted(wanted), max_workers=WORKERS)
