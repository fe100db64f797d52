"""Worker processes that run the simulations, so that the server keeps answering."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
import traceback
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

if sys.platform == "linux":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

_PRELOADED = "oqtopus_client.emulator.sse.job"
_NICENESS = 10


class WorkerProcesses(Executor):
    """Processes, by default one per core, that end with their parent process, however it ends.

    They have a lower priority than the server. If one dies, killed for its memory use perhaps, the call that it ran
    fails with `BrokenProcessPool`, no other call is affected, and a new process replaces it. Cancelling a running call
    kills its process; `result()` then raises `CancelledError`.

    Args:
        max_workers: Number of processes.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        count = max_workers or os.cpu_count() or 1
        # Forking a multithreaded process is unsafe. Where a fork server is available, it has the modules imported.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload([_PRELOADED])
        # The most recently used worker is used next, so that no more processes start than needed.
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(_Worker(self._context))
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="oqtopus-worker")
        self._calls: set[_Call] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn` in one of the processes."""
        call = _Call()
        self._threads.submit(self._run, call, (fn, args, kwargs))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    def _run(self, call: _Call, task: tuple[Any, ...]) -> None:
        if not call.set_running_or_notify_cancel():
            return
        worker = self._idle.get()
        try:
            result = call.run_on(worker, task)
        except BaseException as error:  # noqa: BLE001 - passed to the caller
            self._idle.put(worker)
            call.set_exception(error)
        else:
            self._idle.put(worker)
            call.set_result(result)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: ARG002
        """Accept no more calls and kill the processes; running calls are lost."""
        self._threads.shutdown(wait=False)
        for call in list(self._calls):
            call.cancel()
        self._threads.shutdown(wait=wait)
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()


class _Call(Future[Any]):
    """A call that can be cancelled while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self._worker: _Worker | None = None
        self._unwanted = False

    def cancel(self) -> bool:
        """Cancel the call and kill the process that runs it; False if the call has ended."""
        if super().cancel():
            return True
        with self._guard:
            if self.done():
                return False
            self._unwanted = True
            if self._worker:
                self._worker.kill()
        return True

    def run_on(self, worker: _Worker, task: tuple[Any, ...]) -> Any:
        """Run the call in a worker's process.

        Raises:
            BrokenProcessPool: The process died.
            CancelledError: The call was cancelled.
        """
        worker.start()
        with self._guard:
            if self._unwanted:
                raise CancelledError
            self._worker = worker
        try:
            return worker.run(task)
        except BrokenProcessPool:
            if self._unwanted:
                raise CancelledError from None
            raise
        finally:
            # From now on, the process may run another call.
            with self._guard:
                self._worker = None


class _Worker:
    """A process that is started when it is needed, and restarted after it has died."""

    def __init__(self, context: BaseContext) -> None:
        self._context = context
        self._process: BaseProcess | None = None

    def start(self) -> None:
        """Start the process unless it is alive."""
        if self._process and self._process.is_alive():
            return
        self.end()
        self._connection, theirs = self._context.Pipe()
        watched, self._lifeline = self._context.Pipe(duplex=False)
        # multiprocessing kills daemons at exit.
        process = self._context.Process(target=_work, args=(theirs, watched), daemon=True)  # type: ignore[attr-defined]
        with theirs, watched:
            process.start()
        self._process = process

    def run(self, task: tuple[Any, ...]) -> Any:
        """Run a function in the process; return its value or raise its exception.

        Raises:
            BrokenProcessPool: The process died.
        """
        try:
            self._connection.send(task)
            succeeded, value, alone = self._connection.recv()
        except (EOFError, OSError) as error:
            self.end()
            raise BrokenProcessPool("the process that ran this has died") from error
        if not alone:
            self.end()
        if succeeded:
            return value
        raise value

    def kill(self) -> None:
        """Kill the process; may be called in any thread."""
        if self._process:
            self._process.kill()

    def end(self) -> None:
        """Kill the process and release its resources."""
        if self._process:
            self._process.kill()
            self._process.join()
            self._process = None
            self._connection.close()
            self._lifeline.close()


def _work(connection: Connection, lifeline: Connection) -> None:
    """Run the calls received over the connection until it is closed."""
    # Ctrl-C in a terminal reaches these processes too, but the server handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    _end_with(lifeline)
    threads = threading.active_count()
    while True:
        try:
            function, args, kwargs = connection.recv()
        except EOFError:
            return
        try:
            outcome = True, function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - passed to the caller
            error.add_note(traceback.format_exc())
            outcome = False, error
        # A leftover thread, with an abandoned simulation perhaps, would slow down the next call.
        alone = threading.active_count() <= threads
        try:
            connection.send((*outcome, alone))
        except Exception as error:  # noqa: BLE001 - the outcome cannot be pickled
            connection.send((False, RuntimeError(f"{error!r} about {outcome[1]!r}"), alone))


def _end_with(lifeline: Connection) -> None:
    """Kill this process as soon as the other end of the pipe is closed or its owner has ended."""
    if sys.platform == "linux":
        # The kernel does it, as no Python thread runs while native code holds the GIL.
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        if not lifeline.poll():
            return
    threading.Thread(target=_wait_for, args=(lifeline,), daemon=True).start()


def _wait_for(lifeline: Connection) -> None:
    lifeline.poll(None)
    os._exit(1)
