"""Waiting for jobs."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from oqtopus_client import rest
from oqtopus_client.checks import check_boolean, shown
from oqtopus_client.errors import BatchResultError, JobTimeoutError, OqtopusError, WaitTimeoutError
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus
from oqtopus_client.services.deadline import Deadline, DeadlinePassedError
from oqtopus_client.services.job_results import OqtopusJobResult
from oqtopus_client.services.polling import (
    Polling,
    PollingOptions,
    as_finished,
    fetch_patiently,
    outcomes,
)
from oqtopus_client.services.progress import Progress, progress_bar
from oqtopus_client.services.remedies import STUCK_ESTIMATION
from oqtopus_client.services.resources.jobs import Jobs, checked_statuses, listed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from oqtopus_client.rest.models import JobsGetJobStatusResponse
    from oqtopus_client.services.queue_position import QueuePosition

_FIRST_QUEUE_SECONDS = 2.0
"""Seconds until a progress bar shows the queue; many jobs have ended by then."""

_QUEUE_SECONDS = 30.0
"""Seconds between two looks at the queue; servers count a device's jobs once a minute."""

_Method = TypeVar("_Method", bound=Callable[..., Any])


class WaitOptions(PollingOptions, total=False):
    """The options of `AsyncOqtopusClient.wait_for_job`."""

    terminal_statuses: set[JobsJobStatus] | None
    failure_statuses: set[JobsJobStatus] | None
    on_status: Callable[[JobsGetJobStatusResponse], None] | None


def with_options_of(model: Callable[..., object]) -> Callable[[_Method], _Method]:
    """Show the model's keyword-only parameters in a method's signature, in place of its `**options`.

    The options and their defaults are written once, in the model, and help() and editors show them for every method.
    """
    options = [p for p in inspect.signature(model).parameters.values() if p.kind is p.KEYWORD_ONLY]

    def decorate(method: _Method) -> _Method:
        signature = inspect.signature(method)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        method.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        return method

    return decorate


def checked_ends(
    terminal_statuses: object = None, failure_statuses: object = None, on_status: object = None, **_: object
) -> tuple[Collection[JobsJobStatus], Collection[JobsJobStatus]]:
    """Return the statuses that end a wait, and those that then raise an error, from options of `wait_for_job`.

    Raises:
        TypeError: An option has the wrong type.
        ValueError: A status does not exist.
    """
    if not (on_status is None or callable(on_status)):
        raise TypeError(f"on_status must be a function of the status, or None, not {shown(on_status)}.")
    return (
        checked_statuses(terminal_statuses, "terminal_statuses", FINAL_STATUSES),
        checked_statuses(failure_statuses, "failure_statuses"),
    )


class Waiting(Jobs):
    """Waiting for jobs, one or many."""

    @with_options_of(Polling)
    async def wait_for_job(
        self,
        job_id: str,
        *,
        terminal_statuses: set[JobsJobStatus] | None = None,
        failure_statuses: set[JobsJobStatus] | None = None,
        on_status: Callable[[JobsGetJobStatusResponse], None] | None = None,
        **options: Unpack[PollingOptions],
    ) -> OqtopusJobResult:
        """Wait until a job has finished and return it, whatever its outcome.

        Args:
            job_id: The job.
            interval: Seconds between the first two polls.
            interval_backoff: Factor by which each pause is longer than the one before.
            max_interval: Longest pause in seconds.
            timeout: Seconds until giving up, time in the queue included; None waits as long as it takes, but only a
                minute for a job that has not been submitted.
            terminal_statuses: Statuses to wait for; by default succeeded, failed and cancelled.
            failure_statuses: Statuses that raise an error.
            on_status: Called with the status on each poll, in a worker thread.

        Raises:
            JobTimeoutError: The job did not finish in time (a `TimeoutError`). It is not cancelled.
            JobNotSubmittedError: It was only registered, and `timeout` is None.
            JobFailedError: It finished with one of `failure_statuses`.
        """
        rest.user_api.check_id(job_id)
        polling = Polling.of(**options)
        terminal, failures = checked_ends(terminal_statuses, failure_statuses, on_status)
        deadline = Deadline(polling.timeout)
        try:
            async for _ in as_finished(
                self._jobs, [job_id], polling, deadline, terminal_statuses=terminal, on_status=on_status
            ):
                pass
        except WaitTimeoutError as error:
            message = _unfinished(polling.timeout, error.statuses.get(job_id))
            raise JobTimeoutError(job_id, message) from error.__cause__
        except asyncio.CancelledError as error:
            error.add_note(f"Job {job_id} is still running; call wait_for_job() again with its id.")
            raise
        try:
            async with deadline.enforced():
                job = await fetch_patiently(self.get_job, job_id, polling, deadline)
        except DeadlinePassedError:
            message = f"finished, but its result did not arrive within {polling.timeout} s; call get_job() with its id."
            raise JobTimeoutError(job_id, message) from None
        return job.raise_for_status() if job.status in failures else job

    wait = wait_for_job

    @with_options_of(Polling)
    async def wait_for_jobs(
        self,
        job_ids: Sequence[str],
        *,
        max_workers: int = 4,
        progress: bool = False,
        **options: Unpack[PollingOptions],
    ) -> list[OqtopusJobResult]:
        """Wait until all jobs have finished and return them in the order of `job_ids`, whatever their outcomes.

        The jobs are polled together, 100 a request; each is fetched as soon as it has finished.

        Args:
            job_ids: The jobs.
            interval: Seconds between polls; the first is divided into quarters, so that short jobs come back soon.
            interval_backoff: Factor by which each pause is longer than the one before.
            max_interval: Longest pause in seconds.
            timeout: Seconds until giving up, time in the queue included; None waits as long as it takes.
            max_workers: Results fetched at the same time.
            progress: Whether to show a progress bar, in a terminal or notebook.

        Raises:
            TypeError: `job_ids` is one id, or not a list.
            WaitTimeoutError: Some did not finish in time. They are not cancelled; `outcomes` has the others.
            BatchResultError: All finished, but some results could not be read; `outcomes` has the others.
            ValueError: `max_workers` is less than 1.
        """
        job_ids = listed(job_ids)
        polling = Polling.of(quick_start=True, **options)
        deadline = Deadline(polling.timeout)
        found: dict[str, OqtopusJobResult | Exception | None] = dict.fromkeys(job_ids)
        try:
            async with self._progress(found, shown=progress) as bar:
                async for job_id, outcome in outcomes(
                    self._jobs,
                    found.keys(),
                    polling,
                    deadline,
                    self.get_job,
                    max_workers=max_workers,
                    on_outage=bar.outage,
                ):
                    found[job_id] = outcome
                    bar.advance()
        except WaitTimeoutError as error:
            error.outcomes = found
            failures = (outcome for outcome in found.values() if isinstance(outcome, Exception))
            raise error from next(failures, error.__cause__)
        except asyncio.CancelledError as error:
            unfinished = [job_id for job_id, outcome in found.items() if outcome is None]
            error.add_note(
                f"{'1 job is' if len(unfinished) == 1 else f'{len(unfinished)} jobs are'} still running; call "
                f"wait_for_jobs() again with the ids: {', '.join(unfinished)}"
            )
            raise
        results = [outcome for outcome in map(found.get, job_ids) if isinstance(outcome, OqtopusJobResult)]
        if len(results) < len(job_ids):
            raise BatchResultError(found)
        return results

    @with_options_of(Polling)
    async def as_completed(
        self,
        job_ids: Sequence[str],
        *,
        max_workers: int = 4,
        progress: bool = False,
        **options: Unpack[PollingOptions],
    ) -> AsyncGenerator[OqtopusJobResult, None]:
        """Yield each job as soon as it has finished, whatever its outcome; see `wait_for_jobs` for the parameters.

        Raises:
            WaitTimeoutError: Some did not finish in time. They are not cancelled; `outcomes` has the errors of
                unreadable results.
            BatchResultError: Some results could not be read; all others have been yielded.
        """
        job_ids = listed(job_ids)
        polling = Polling.of(quick_start=True, **options)
        deadline = Deadline(polling.timeout)
        wanted = dict.fromkeys(job_ids)
        unreadable: dict[str, Exception] = {}
        try:
            async with self._progress(wanted, shown=progress) as bar:
                async for job_id, outcome in outcomes(
                    self._jobs, wanted, polling, deadline, self.get_job, max_workers=max_workers, on_outage=bar.outage
                ):
                    bar.advance()
                    if isinstance(outcome, Exception):
                        unreadable[job_id] = outcome
                    else:
                        yield outcome
        except WaitTimeoutError as error:
            error.outcomes = unreadable
            raise
        if unreadable:
            raise BatchResultError(unreadable)

    @contextlib.asynccontextmanager
    async def _progress(self, job_ids: Collection[str], *, shown: bool) -> AsyncGenerator[Progress, None]:
        """Show a progress bar over jobs, and how many jobs are ahead of them while they wait."""
        check_boolean(shown, "progress")
        with progress_bar(len(job_ids), shown=shown) as bar:
            queue = asyncio.create_task(self._follow_queue(job_ids, bar)) if shown else None
            try:
                yield bar
            finally:
                if queue is not None:
                    queue.cancel()
                    await asyncio.gather(queue, return_exceptions=True)

    async def _follow_queue(self, job_ids: Collection[str], bar: Progress) -> None:
        position: QueuePosition | None = None
        pause = _FIRST_QUEUE_SECONDS
        while True:
            await asyncio.sleep(pause)
            with contextlib.suppress(OqtopusError):  # the wait reports it
                position = await self.queue_position(list(job_ids))
            bar.queue(position)
            pause = _QUEUE_SECONDS


def _unfinished(timeout: float | None, status: str | None) -> str:
    """The message for a job that had this status when its deadline passed."""
    if status == JobsJobStatus.REGISTERED:
        return f"is registered, but was not submitted within {timeout} s; submit it again."
    message = f"did not finish within {timeout} s and is still running; call wait_for_job() again with its id."
    if status == JobsJobStatus.RUNNING:
        message += f" {STUCK_ESTIMATION}"
    return message
