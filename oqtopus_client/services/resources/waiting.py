"""Waiting for jobs."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from oqtopus_client.errors import BatchResultError, JobTimeoutError, WaitTimeoutError
from oqtopus_client.rest.enums import JobsJobStatus
from oqtopus_client.services.job_results import OqtopusJobResult
from oqtopus_client.services.polling import (
    FINAL_STATUSES,
    DeadlinePassedError,
    Polling,
    as_finished,
    fetch_patiently,
    outcomes,
    within,
)
from oqtopus_client.services.progress import progress_bar
from oqtopus_client.services.resources.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oqtopus_client.rest.models import JobsGetJobStatusResponse

_Method = TypeVar("_Method", bound=Callable[..., Any])


class WaitOptions(TypedDict, total=False):
    """How to wait for a job; see `AsyncOqtopusClient.wait_for_job`."""

    interval: float
    interval_backoff: float
    max_interval: float | None
    timeout: float | None
    terminal_statuses: set[JobsJobStatus] | None
    failure_statuses: set[JobsJobStatus] | None
    on_status: Callable[[JobsGetJobStatusResponse], None] | None


def with_options_of(model: Callable[..., object]) -> Callable[[_Method], _Method]:
    """Show another method's keyword parameters in a method's signature, in place of its `**wait`."""
    options = [p for p in inspect.signature(model).parameters.values() if p.kind is p.KEYWORD_ONLY]

    def decorate(method: _Method) -> _Method:
        signature = inspect.signature(method)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        method.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        return method

    return decorate


class Waiting(Jobs):
    """Waiting for jobs, one or many."""

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


def _unfinished(timeout: float | None, status: str | None) -> str:
    """What to say of a job that had this status when the time was up."""
    if status == JobsJobStatus.REGISTERED:
        return f"is registered, but was not submitted within {timeout} s; submit it again."
    message = f"had not ended after {timeout} s. It goes on; ask for it again by its id."
    if status == JobsJobStatus.RUNNING:
        # Servers never end an estimation whose circuits the device refuses, or whose device is inactive.
        message += " An estimation that stays 'running' may have failed: check its gates, and the device's status."
    return message
