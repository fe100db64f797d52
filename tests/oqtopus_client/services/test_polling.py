"""Polling: intervals, and statuses of many jobs."""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from typing import TYPE_CHECKING, Any, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oqtopus_client.errors import (
    NotFoundError,
    OqtopusConnectionError,
    OqtopusTimeoutError,
    UserApiError,
    WaitTimeoutError,
)
from oqtopus_client.rest.models import JobsGetJobStatusResponse, JobsJob
from oqtopus_client.services.deadline import Deadline
from oqtopus_client.services.polling import Polling, PollingOptions, as_finished, poll
from tests.support.virtual_clock import run_virtually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


class Jobs:
    """A server's jobs, oldest first, with their statuses and the recorded requests."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = {str(uuid.UUID(int=i)): status for i, status in enumerate(statuses)}
        self.asked: list[str] = []
        self.failures: list[Exception] = []

    async def get_job_status(self, job_id: str) -> JobsGetJobStatusResponse:
        """Return one job's status."""
        self.asked.append("one")
        if self.failures:
            raise self.failures.pop(0)
        if job_id not in self.statuses:
            raise NotFoundError(404, "job not found with the given id")
        return JobsGetJobStatusResponse(job_id=job_id, status=self.statuses[job_id])

    async def list_jobs(self, params: dict[str, Any]) -> list[JobsJob]:
        """Return a page of jobs."""
        self.asked.append(f"page {params['page']}")
        assert (params["order"], params["fields"]) == ("DESC", "job_id,status")
        newest_first = sorted(self.statuses.items(), reverse=True)
        start = (params["page"] - 1) * params["size"]
        return [JobsJob(job_id=i, status=s) for i, s in newest_first[start : start + params["size"]]]


def finished(jobs: Jobs, ids: list[str], **options: Unpack[PollingOptions]) -> AsyncIterator[str]:
    """Wait for jobs."""
    polling = Polling(**options)
    return as_finished(jobs, ids, polling, Deadline(polling.timeout))  # type: ignore[arg-type]


async def ask(jobs: Jobs, ids: list[str]) -> dict[str, str]:
    """Poll, and return statuses by id."""
    answers: list[JobsGetJobStatusResponse] = []
    await poll(jobs, ids, answers)  # type: ignore[arg-type]
    return {answer.job_id: str(answer.status) for answer in answers}


async def test_one_job_is_asked_by_its_id() -> None:
    """One job takes one request by its id."""
    jobs = Jobs("running", "ready")

    assert await ask(jobs, list(jobs.statuses)[:1]) == {next(iter(jobs.statuses)): "running"}
    assert jobs.asked == ["one"]


@pytest.mark.parametrize(("n", "pages"), [(2, 1), (100, 1), (101, 2), (250, 3)])
async def test_many_jobs_are_asked_100_at_a_time(n: int, pages: int) -> None:
    """Polling takes n/100 requests for n jobs, rounded up."""
    jobs = Jobs(*["running"] * n)

    assert await ask(jobs, list(jobs.statuses)) == jobs.statuses
    assert len(jobs.asked) == pages


async def test_old_jobs_among_many_are_asked_by_id() -> None:
    """Two old jobs are requested by id, not by paging through thousands of newer ones."""
    jobs = Jobs("ready", "running", *["succeeded"] * 5000)
    wanted = list(jobs.statuses)[:2]

    assert await ask(jobs, wanted) == {wanted[0]: "ready", wanted[1]: "running"}
    assert jobs.asked == ["page 1", "page 2", "one", "one"]


async def test_many_old_jobs_are_paged_to() -> None:
    """Forty pages of newer jobs are read rather than 900 jobs by id."""
    jobs = Jobs(*["ready"] * 900, *["succeeded"] * 4000)
    wanted = list(jobs.statuses)[:900]

    assert set(await ask(jobs, wanted)) == set(wanted)
    assert len(jobs.asked) == 49


async def test_answers_before_an_outage_count() -> None:
    """Statuses received before an outage are not requested again."""
    jobs = Jobs("succeeded", "succeeded", *["running"] * 300)
    ours = list(jobs.statuses)[:2]
    get_job_status = jobs.get_job_status

    async def breaking(job_id: str) -> JobsGetJobStatusResponse:
        if len(jobs.asked) == 3:
            jobs.failures = [OqtopusConnectionError("reset")]
        return await get_job_status(job_id)

    jobs.get_job_status = breaking  # type: ignore[method-assign]
    seen = [job_id async for job_id in finished(jobs, ours, interval=0)]

    assert sorted(seen) == ours
    assert jobs.asked == ["page 1", "page 2", "one", "one", "one"]


@given(st.lists(st.booleans(), min_size=1, max_size=700))
async def test_every_job_is_found_at_no_more_than_twice_the_least_cost(ours: list[bool]) -> None:
    """All jobs are found among others, in less than twice the requests that reading each would take."""
    jobs = Jobs(*["running"] * len(ours))
    wanted = [job_id for job_id, mine in zip(jobs.statuses, ours, strict=True) if mine]

    assert set(await ask(jobs, wanted)) == set(wanted)
    assert len(jobs.asked) <= max(2 * len(wanted), 1)


async def test_jobs_come_as_they_finish() -> None:
    """Jobs are yielded once, in the order they finish."""
    jobs = Jobs("running", "succeeded", "running")
    first, second, third = jobs.statuses
    order = []
    async for job_id in finished(jobs, list(jobs.statuses), interval=0):
        order.append(job_id)
        jobs.statuses[third] = "failed"
        if third in order:
            jobs.statuses[first] = "cancelled"

    assert order == [second, third, first]


@pytest.mark.parametrize("status", ["cancelling", "hibernating", "registered"])
async def test_not_final(status: str) -> None:
    """Neither `cancelling` nor an unknown status ends a wait."""
    jobs = Jobs(status)
    with pytest.raises(OqtopusTimeoutError, match=r"1 jobs did not finish within 0\.02 s"):
        async for _ in finished(jobs, list(jobs.statuses), interval=0.01, timeout=0.02):
            pass


def test_a_job_that_is_only_registered_is_not_waited_for_without_end() -> None:
    """A registered job is waited for up to a minute, or up to an explicit timeout."""
    jobs = Jobs("registered")
    ids = list(jobs.statuses)

    async def wait(timeout: float | None) -> list[str]:
        return [a async for a in finished(jobs, ids, interval=30, timeout=timeout)]

    assert run_virtually(wait(None)) == (ids, 60)
    with pytest.raises(WaitTimeoutError) as caught:
        run_virtually(wait(100))
    assert caught.value.statuses == {ids[0]: "registered"}
    jobs.statuses[ids[0]] = "running"
    with pytest.raises(TimeoutError):
        run_virtually(asyncio.wait_for(wait(None), 600))


async def test_outages_do_not_end_a_wait() -> None:
    """Dropped connections, timeouts and 5xx do not end a wait."""
    jobs = Jobs("succeeded")
    jobs.failures = [
        OqtopusConnectionError("reset"),
        OqtopusTimeoutError("silent"),
        UserApiError(503, "busy"),
        UserApiError(429, "slow down"),
    ]
    seen = [a async for a in finished(jobs, list(jobs.statuses), interval=0)]

    assert len(seen) == 1
    assert len(jobs.asked) == 5


async def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """An outage is logged once."""
    jobs = Jobs("succeeded")
    jobs.failures = [OqtopusConnectionError("reset")] * 3
    _ = [a async for a in finished(jobs, list(jobs.statuses), interval=0)]

    assert caplog.messages == ["Still waiting, although the server does not respond correctly: reset"]


async def test_every_job_is_asked_for_once() -> None:
    """With a timeout of 0, every job is requested once."""
    jobs = Jobs("succeeded")
    seen = [a async for a in finished(jobs, list(jobs.statuses), timeout=0)]

    assert len(seen) == 1


async def test_there_is_no_such_job() -> None:
    """A job that does not exist is an error, and the others are waited for."""
    jobs = Jobs("running", "running")
    gone, other = jobs.statuses
    del jobs.statuses[gone]
    order = []
    async for job_id in finished(jobs, [gone, other], interval=0):
        order.append(job_id)
        jobs.statuses[other] = "succeeded"

    assert order == [gone, other]


async def test_callbacks_may_block() -> None:
    """Callbacks run in a separate thread, so they may block."""
    jobs, threads = Jobs("succeeded"), []
    wait = as_finished(
        jobs,  # type: ignore[arg-type]
        list(jobs.statuses),
        Polling(),
        Deadline(None),
        on_status=lambda _answer: threads.append(threading.current_thread()),
    )
    _ = [a async for a in wait]

    assert threads
    assert threading.current_thread() not in threads


async def test_refusals_end_a_wait() -> None:
    """Refusals such as 403 end a wait."""
    jobs = Jobs("succeeded")
    jobs.failures = [UserApiError(403, "not yours")]
    with pytest.raises(UserApiError, match="not yours"):
        _ = [a async for a in finished(jobs, list(jobs.statuses), interval=0)]


@given(
    interval=st.floats(0, 100), backoff=st.floats(1, 3), longest=st.none() | st.floats(0, 100), count=st.integers(1, 30)
)
def test_pauses_grow_up_to_the_longest(interval: float, backoff: float, longest: float | None, count: int) -> None:
    """Each pause is the last one times the backoff, limited to the longest."""
    pauses = list(
        itertools.islice(Polling(interval=interval, interval_backoff=backoff, max_interval=longest).pauses(), count)
    )

    assert pauses == sorted(pauses)
    assert longest is None or max(pauses) <= longest
    assert pauses[0] == (interval if longest is None else min(interval, longest))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"interval": -1}, "interval must be at least 0 seconds, not -1"),
        ({"interval_backoff": 0.5}, "interval_backoff must be at least 1, not 0.5"),
        ({"max_interval": -2}, "max_interval must be at least 0 seconds, not -2"),
        ({"timeout": -3}, "timeout must be at least 0 seconds or None, not -3"),
        ({"interval": float("nan")}, "interval must be at least 0 seconds, not nan"),
    ],
)
def test_bad_settings(setting: dict[str, float], message: str) -> None:
    """Each message names the value."""
    with pytest.raises(ValueError, match=message):
        Polling(**setting)
