"""An executor that works when a test says so: the way to look at a job in each of its states."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class HeldExecutor(Executor):
    """Keeps what it is given until `step()`, which does one piece of work in the calling thread.

    Attributes:
        settled: Whether whoever gave the work has reacted to what was done; `step()` returns then.
    """

    def __init__(self) -> None:
        self._work: list[tuple[Future[Any], Callable[[], Any]]] = []
        self._news = threading.Condition()
        self.settled: Callable[[], bool] = lambda: True

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Take a piece of work."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # whoever works cannot be interrupted
        with self._news:
            self._work.append((future, lambda: fn(*args, **kwargs)))
            self._news.notify()
        return future

    def await_work(self) -> None:
        """Wait until there is work."""
        with self._news:
            assert self._news.wait_for(lambda: self._work, timeout=30)

    def step(self) -> None:
        """Wait until there is work, and do the oldest piece."""
        self.await_work()
        with self._news:
            future, work = self._work.pop(0)
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - it is the future's
            future.set_exception(error)
        deadline = time.monotonic() + 30
        while not self.settled():
            assert time.monotonic() < deadline
            time.sleep(0.001)
