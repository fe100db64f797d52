"""An executor that works when a test says so: the way to look at a job in each of its states."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class HeldExecutor(Executor):
    """Keeps what it is given until `step()`, which does one piece of work in the calling thread."""

    def __init__(self) -> None:
        self._work: list[tuple[Future[Any], Callable[[], Any], asyncio.Task[Any] | None]] = []
        self._news = threading.Condition()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Take a piece of work."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # running work cannot be interrupted
        try:
            run = asyncio.current_task()  # the engine's coroutine for the job
        except RuntimeError:
            run = None
        if run is not None:
            run.add_done_callback(self._notify)
        with self._news:
            self._work.append((future, lambda: fn(*args, **kwargs), run))
        self._notify()
        return future

    def await_work(self) -> None:
        """Wait until there is work."""
        with self._news:
            assert self._news.wait_for(lambda: self._work, timeout=30)

    def step(self) -> None:
        """Wait until there is work, do the oldest piece, and wait until the engine has dealt with the outcome.

        The job has ended or has more work then. One that a fault holds, or that waits for room, has neither: a second
        is enough to get there.
        """
        self.await_work()
        with self._news:
            future, work, run = self._work.pop(0)
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - it is the future's
            future.set_exception(error)
        if run is not None:
            with self._news:
                self._news.wait_for(lambda: run.done() or any(run is other for *_, other in self._work), timeout=1)

    def _notify(self, *_: object) -> None:
        with self._news:
            self._news.notify_all()
