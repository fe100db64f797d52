"""An event loop in a thread, on which a blocking client runs its coroutines: `LoopThread`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import sys
import threading
import weakref
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from oqtopus_client.display import one_line
from oqtopus_client.errors import OqtopusError
from oqtopus_client.services.concurrency import Threads
from oqtopus_client.services.submission import GRACE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

    from oqtopus_client.services.async_client import AsyncOqtopusClient

_R = TypeVar("_R")
_CLOSED_MEANWHILE = "The client was closed while this call waited."
_ENDING = "The interpreter is ending, and the client cannot be used any more"

_LAST_ROUND = 0.1
_LAST_ROUNDS = 10
"""How long, in seconds, and how often closing waits for cancelled clean-up, which may start more of it."""


_SLICE = 0.5
"""Seconds after which a waiting thread checks for signals."""


class _Call(Generic[_R]):
    """A coroutine that a thread waits for and can cancel at any moment, even while an interrupt is raised.

    Attributes:
        ended: Set once no part of it is running.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, _R]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[Any] | None = None
        self._given_up = False
        self._notes: list[str] = []
        self.ended = threading.Event()

    async def run(self) -> _R:
        """Run it, unless it was cancelled before it began."""
        if self._given_up:
            raise asyncio.CancelledError
        self._task = asyncio.current_task()
        try:
            result = await self._coroutine
        except asyncio.CancelledError as error:
            self._notes.extend(getattr(error, "__notes__", []))
            raise
        else:
            self._result = result  # a caller that is interrupted at this moment has not received it yet
            return result
        finally:
            self.ended.set()

    def give_up(self) -> None:
        """Cancel it; called on its loop."""
        self._given_up = True
        if self._task is None:
            self._coroutine.close()
            self.ended.set()
        else:
            self._task.cancel()

    def notes(self) -> list[str]:
        """Information for the caller that cancelled it."""
        result = getattr(self, "_result", None)
        return self._notes if result is None else [f"The call had ended, and returned {result!r}."]


def _awaited(future: Future[_R]) -> _R:
    """Wait for a future in slices.

    CPython handles a signal that arrives just before a thread waits for a lock only after that wait: without the
    slices, a Ctrl-C at that moment would have no effect.
    """
    while True:
        try:
            return future.result(_SLICE)
        except TimeoutError:
            if future.done():  # perhaps it is the call's own error
                return future.result()


class LoopThread:
    """An event loop in a thread, with the client that runs on it.

    The thread is a daemon, so that a client that is never closed does not keep the interpreter from exiting.

    anyio's blocking portal was considered. It does not cancel the coroutine when the calling thread is interrupted,
    leaves the parent's sockets and epoll object to a forked child, and puts no limit on clean-up when it closes.

    Attributes:
        client: The client.
        pid: The process that the thread runs in.
        finalizer: Calls `close` once: when the client's owner is garbage-collected, at exit, or when it is called.
    """

    finalizer: weakref.finalize[..., Any]

    def __init__(self, client: AsyncOqtopusClient) -> None:
        self.client = client
        self.pid = os.getpid()
        # Reentrant: garbage collection may run while a thread holds it and close an iterator, which acquires it again.
        self._lock = threading.RLock()
        self._closed = False
        self._loop = asyncio.new_event_loop()
        _in_this_process.add(self)
        self._loop.set_default_executor(Threads(thread_name_prefix="oqtopus-client"))
        self._thread = threading.Thread(target=self._loop.run_forever, name="oqtopus-client", daemon=True)
        try:
            self._start()
        except RuntimeError as error:
            self._loop.close()
            raise OqtopusError(f"{_ENDING}: {error}.") from None

    def _start(self) -> None:
        if sys.is_finalizing():  # starting a thread would never return
            raise RuntimeError("no thread runs any more")
        self._thread.start()

    def disown(self) -> None:
        """In a forked process, keep the inherited loop away from the parent's resources, and silence its errors."""
        if isinstance(self._loop, asyncio.SelectorEventLoop):
            # The epoll object is shared with the parent; unregistering a socket here would unregister it there.
            self._loop._selector = selectors.SelectSelector()  # type: ignore[attr-defined]  # noqa: SLF001
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._loop.set_debug(False)
        self.client._on_close.close()  # noqa: SLF001

    def call(self, coroutine: Coroutine[Any, Any, _R]) -> _R:
        """Run a coroutine on the loop and wait for its result.

        An interrupt (Ctrl-C) is raised in this thread, not in the coroutine. The coroutine is then cancelled as well,
        and what it reports of its clean-up is added to the interrupt as a note.
        """
        call = _Call(coroutine)
        try:
            return _awaited(self._begin(call.run()))
        except CancelledError:
            _end_with_the_interpreter()
            raise OqtopusError(_CLOSED_MEANWHILE) from None
        except Exception:
            coroutine.close()  # in case it never began
            raise
        except BaseException as error:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(call.give_up)
                call.ended.wait(GRACE_SECONDS)
            for note in call.notes():
                error.add_note(one_line(note))
            raise

    async def wait_for(self, coroutine: Coroutine[Any, Any, _R]) -> _R:
        """Like `call`, for a caller that is a coroutine on another loop."""
        caller = cast("asyncio.Task[Any]", asyncio.current_task())
        cancellations = caller.cancelling()
        try:
            return await asyncio.wrap_future(self._begin(coroutine))
        except asyncio.CancelledError:
            # A cancellation or timeout of the caller passes through unchanged, even if the client was closed as well.
            if not self._closed or caller.cancelling() > cancellations:
                raise
            raise OqtopusError(_CLOSED_MEANWHILE) from None

    def _begin(self, coroutine: Coroutine[Any, Any, _R]) -> Future[_R]:
        # The lock comes last: a thread that held it at a fork does not exist here to release it.
        if self.pid != os.getpid():
            trouble = "This iterator was created before the process forked; create a new one here."
        elif threading.current_thread() is self._thread:
            trouble = "Blocking call made from the client's own event-loop thread; it would deadlock."
        elif sys.is_finalizing():
            trouble = f"{_ENDING}."
        else:
            with self._lock:
                if not self._closed:
                    return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
            _end_with_the_interpreter()
            trouble = "The client has been closed."
        coroutine.close()
        raise OqtopusError(trouble)

    def close(self) -> None:
        """Close the connections and end the thread, unless already closed or owned by another process."""
        if self.pid != os.getpid() or sys.is_finalizing():  # its thread, a daemon, no longer runs
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if threading.current_thread() is self._thread:
            # Garbage collection may run on the very loop that has to be stopped.
            threading.Thread(target=self._stop).start()
        else:
            self._stop()

    def _stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._wind_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _wind_up(self) -> None:
        """Cancel the calls that other threads still wait for, then close the connections.

        Clean-up at the server may take `GRACE_SECONDS` and is then cancelled as well: there may be any number of jobs
        to cancel, and the server may never answer.
        """
        for task in _other_tasks() - self.client._cleanup_tasks:  # noqa: SLF001
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                while others := _other_tasks():
                    await asyncio.wait(others)
        for _ in range(_LAST_ROUNDS):
            if not (others := _other_tasks()):
                break
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=_LAST_ROUND)
        await self.client.aclose()
        await self._loop.shutdown_asyncgens()


def _end_with_the_interpreter() -> None:
    """Block a daemon thread while the interpreter shuts down, as it would only print its error."""
    if threading.current_thread().daemon and not threading.main_thread().is_alive():
        threading.Event().wait()


_in_this_process: weakref.WeakSet[LoopThread] = weakref.WeakSet()


def _disown_all() -> None:
    for running in list(_in_this_process):
        running.disown()
    _in_this_process.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_all)


def _other_tasks() -> set[asyncio.Task[Any]]:
    """The unfinished tasks of this loop, without the current one."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
