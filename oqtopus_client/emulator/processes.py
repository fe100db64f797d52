"""Worker processes that run the simulations beside a server, so that it answers while they calculate."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from multiprocessing.connection import Connection

_PRELOADED = "oqtopus_client.emulator.simulation.server_side"
_NICENESS = 10


class WorkerProcesses(Executor):
    """Processes, by default one a core, that end with the process that made them, however it ends.

    They step back for the server whenever both want the processor. When one dies, killed for its memory perhaps,
    what it had in work, and nothing else, fails with `BrokenProcessPool`, and a new process takes its place.

    Args:
        max_workers: How many.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        count = max_workers or os.cpu_count() or 1
        # Forking a process of many threads is unsafe; where there is a fork server, workers start from one that has
        # imported what they need.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload([_PRELOADED])
        self._end, self._ending = self._context.Pipe(duplex=False)
        # Pools of one process each, for a pool fails as a whole: so nobody suffers for what another did to a process.
        # The last one used is used next, so that no more processes start than are needed.
        self._pools: queue.LifoQueue[ProcessPoolExecutor] = queue.LifoQueue()
        for _ in range(count):
            self._pools.put(self._new_pool())
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="oqtopus-worker")

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=self._context, initializer=_begin, initargs=(self._end,))

    def _in_place_of(self, broken: ProcessPoolExecutor) -> ProcessPoolExecutor:
        broken.shutdown(wait=True)  # else its threads may be busy giving back semaphores when this process ends
        return self._new_pool()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn` in one of the processes."""
        return self._threads.submit(self._run, fn, *args, **kwargs)

    def _run(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        pool = self._pools.get()
        try:
            try:
                future = pool.submit(fn, *args, **kwargs)
            except BrokenProcessPool:  # it died when it had nothing to do
                pool = self._in_place_of(pool)
                future = pool.submit(fn, *args, **kwargs)
            return future.result()
        except BrokenProcessPool:
            pool = self._in_place_of(pool)
            raise
        finally:
            self._pools.put(pool)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: ARG002
        """Take no more work, and end the processes; what they have in work is lost."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._ending.close()
        if wait:
            self._threads.shutdown(wait=True)
            while not self._pools.empty():
                self._pools.get().shutdown(wait=True)


def _begin(end: Connection) -> None:
    # Ctrl-C in a terminal reaches these processes too, but it is the server's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    threading.Thread(target=_wait_for, args=(end,), daemon=True).start()


def _wait_for(end: Connection) -> None:
    """End when the executor is shut down, or its process is no more."""
    parent = multiprocessing.parent_process()
    multiprocessing.connection.wait([end] if parent is None else [end, parent.sentinel])
    os._exit(1)
