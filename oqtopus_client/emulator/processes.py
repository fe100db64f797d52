"""Worker processes that run the simulations beside a server, so that it answers while they calculate."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

_PRELOADED = "oqtopus_client.emulator.simulation.server_side"
_NICENESS = 10


class WorkerProcesses(Executor):
    """Processes, by default one a core, that end with the process that made them, however it ends.

    They step back for the server whenever both want the processor. When one dies, killed for its memory perhaps,
    what was in work fails with `BrokenProcessPool`, and new processes take over.

    Args:
        max_workers: How many.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        self._max_workers = max_workers or os.cpu_count()
        self._lock = threading.Lock()
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        # Forking a process of many threads is unsafe; where there is a fork server, workers start from one that has
        # imported what they need.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        context = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload([_PRELOADED])
        return ProcessPoolExecutor(self._max_workers, mp_context=context, initializer=_begin)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn` in one of the processes."""
        with self._lock:
            try:
                return self._pool.submit(fn, *args, **kwargs)
            except BrokenProcessPool:
                self._pool = self._new_pool()
                return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work, and end the processes; what they have in work is lost."""
        self._pool.shutdown(wait=False, cancel_futures=cancel_futures)
        for process in multiprocessing.active_children():
            process.terminate()
        if wait:
            self._pool.shutdown(wait=True)


def _begin() -> None:
    # Ctrl-C in a terminal reaches these processes too, but it is the server's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
