"""A job that the engine has claimed: `JobRun`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oqtopus_client.emulator.sse.job import stop_program

if TYPE_CHECKING:
    from concurrent.futures import Future

    from oqtopus_client.emulator.database import Row


@dataclass(eq=False)
class JobRun:
    """A claimed job in progress.

    Attributes:
        job: The job as it was when claimed.
        task: The coroutine that runs it.
        waiting: Whether it waits for room, without a place.
        heavy: Whether it occupies a place as a heavy job.
        room: Set when a heavy job may run.
        hold: The latest wait that an injected fault caused.
        future: What the executor does for it.
        reading: Whether that is reading and transpiling its input.
        reading_since: When that was first seen to run.
    """

    job: Row
    task: asyncio.Task[None] | None = None
    waiting: bool = False
    heavy: bool = False
    room: asyncio.Event = field(default_factory=asyncio.Event)
    hold: asyncio.Task[None] | None = None
    future: Future[Any] | None = None
    reading: bool = False
    reading_since: float | None = None

    @property
    def job_id(self) -> str:
        """The job's id."""
        return str(self.job["job_id"])

    def cancel(self) -> None:
        """Cancel the work, as far as the executor can; a server-side program in this process is always ended."""
        if self.task and self.waiting:
            self.task.cancel()
        if self.hold:
            self.hold.cancel()
        is_program = self.job["job_type"] == "sse" and not self.reading
        if self.future and not self.future.cancel() and self.future.running() and is_program:
            stop_program(self.job_id)

    def seconds_reading(self) -> float:
        """Return for how long the executor has been reading the job's input, not counting time in its queue."""
        if not (self.reading and self.future and self.future.running()):
            return -1.0
        self.reading_since = self.reading_since or time.monotonic()
        return time.monotonic() - self.reading_since
