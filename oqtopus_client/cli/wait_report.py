"""Reports on a wait: one line that changes on a terminal, else lines at growing intervals."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Self

from oqtopus_client.cli.output import animated, console, say
from oqtopus_client.display import printable
from oqtopus_client.errors import OqtopusError
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from oqtopus_client import OqtopusClient
    from oqtopus_client.services.queue_position import QueuePosition

_QUIET_SECONDS = 2.0
"""Time after which a wait is reported; many jobs have finished by then."""

_QUEUE_SECONDS = 30.0
"""Time between two requests for the queue; servers count a device's jobs once a minute."""

_LONGEST_PAUSE = 600.0
"""Longest time between two lines, in seconds."""

_WAITING = {JobsJobStatus.SUBMITTED, JobsJobStatus.READY}


def queue_position(client: OqtopusClient, job_id: str, status: str) -> QueuePosition | None:
    """Return how many jobs are ahead of a job with this status; None if it does not wait, or if that is unknown."""
    with contextlib.suppress(OqtopusError):
        return client.queue_position(job_id) if status in _WAITING else None
    return None


class WaitReport:
    """Shows on stderr what a command waits for. A context manager.

    Args:
        client: The client.
        job_id: The job.
        clock: Returns the time in seconds.
    """

    def __init__(self, client: OqtopusClient, job_id: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._job_id = job_id
        self._clock = clock
        self._start = clock()
        self._device = ""
        self._queue = ""
        self._next_look = self._next_line = _QUIET_SECONDS
        self._reported = ""
        terminal = console(stderr=True)
        self._spinner = terminal.status(f"Job {printable(job_id)} ...")
        self._animated = animated(terminal)

    def __enter__(self) -> Self:
        if self._animated:
            self._spinner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._spinner.stop()

    def update(self, status: str) -> None:
        """Report the job's status, with its place in the queue."""
        seconds = self._clock() - self._start
        if seconds >= self._next_look:
            self._look(status)
            self._next_look = seconds + _QUEUE_SECONDS
        if status not in _WAITING:
            self._queue = ""
        text = f"ob {printable(self._job_id)}{self._device}: {printable(status)}{self._queue}, waited {seconds:.0f} s"
        if self._animated:
            self._spinner.update(f"J{text}")
        elif status not in FINAL_STATUSES and (
            seconds >= self._next_line or (self._reported and status != self._reported)
        ):
            say(f"Waiting for j{text}.")
            self._reported = status
            self._next_line = seconds + min(max(2 * seconds, 10.0), _LONGEST_PAUSE)

    def _look(self, status: str) -> None:
        """Ask for the job's device, once, and for its place in the queue."""
        with contextlib.suppress(OqtopusError):  # the wait reports it
            self._device = self._device or f" on {printable(self._client.get_job(self._job_id).device_id)}"
        position = queue_position(self._client, self._job_id, status)
        self._queue = "" if position is None else f", {position}"
