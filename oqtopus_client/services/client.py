"""The blocking face of the SDK: `OqtopusClient`."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import selectors
import sys
import threading
import weakref
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

from oqtopus_client.config import OqtopusConfig
from oqtopus_client.display import one_line
from oqtopus_client.errors import OqtopusError
from oqtopus_client.services.async_client import AsyncOqtopusClient
from oqtopus_client.services.concurrency import Threads
from oqtopus_client.services.connected import Connected
from oqtopus_client.services.journal import journal_path
from oqtopus_client.services.submission import GRACE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

_P = ParamSpec("_P")
_R = TypeVar("_R")
_END = object()
_CLOSED_MEANWHILE = "The client was closed while this call waited."
_ENDING = "The interpreter is ending, and the client cannot be used any more"

_LAST_ROUND = 0.1
_LAST_ROUNDS = 10
"""How many seconds, and how often, closing waits for clean-up that it has broken off, which may begin some more."""


def _blocking(
    method: Callable[Concatenate[AsyncOqtopusClient, _P], Coroutine[Any, Any, _R]],
) -> Callable[Concatenate[OqtopusClient, _P], _R]:
    """Make a method that runs the asynchronous client's method of that name and waits for what it returns."""

    def call(self: OqtopusClient, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        running = self._start()
        return running.call(method(running.client, *args, **kwargs))

    functools.update_wrapper(call, method)
    return call


def _awaitable(
    method: Callable[Concatenate[AsyncOqtopusClient, _P], Coroutine[Any, Any, _R]],
) -> Callable[Concatenate[OqtopusClient, _P], Coroutine[Any, Any, _R]]:
    """The same for asynchronous programs that hold a blocking client."""

    async def call(self: OqtopusClient, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        running = self._start()
        return await running.wait_for(method(running.client, *args, **kwargs))

    functools.update_wrapper(call, method)
    return call


def _streaming(
    method: Callable[Concatenate[AsyncOqtopusClient, _P], AsyncGenerator[_R, None]],
) -> Callable[Concatenate[OqtopusClient, _P], Iterator[_R]]:
    """The same for a method that yields, item by item as they are asked for."""

    def call(self: OqtopusClient, /, *args: _P.args, **kwargs: _P.kwargs) -> Iterator[_R]:
        running = self._start()
        stream = method(running.client, *args, **kwargs)

        async def following() -> Any:
            return await anext(stream, _END)

        async def end() -> None:
            await stream.aclose()

        try:
            while (item := running.call(following())) is not _END:
                yield item
        finally:
            # Where the loop has gone, or never was in this process, there is nothing left to end.
            with contextlib.suppress(OqtopusError):
                running.call(end())

    functools.update_wrapper(call, method)
    return call


class OqtopusClient(Connected):
    """Client of the OQTOPUS User API for programs that are not asynchronous.

    Each method is the one of `AsyncOqtopusClient`, run on an event loop in a thread of its own, which starts with
    the first call. So it may be called from any thread, and from inside a running event loop such as a notebook's.
    Close it with `close()` or `with`; otherwise that happens with garbage collection or at exit.

    Args:
        config: Where the server is and who asks. By default the environment, else the default profile.
        default_headers: Further headers for every request to the User API.
        user_agent: What to call this client, in place of its name and version.
        journal: A file that records each job before and after its submission, for `resume`.

    Attributes:
        journal: That file, if there is one.
    """

    def __init__(
        self,
        config: OqtopusConfig | None = None,
        default_headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
        *,
        journal: str | Path | None = None,
    ) -> None:
        self._config = config or OqtopusConfig.from_default()
        self.journal = None if journal is None else journal_path(journal)
        self._make_client = functools.partial(
            AsyncOqtopusClient, self._config, default_headers, user_agent, journal=self.journal
        )
        self._lock = threading.Lock()
        self._running: _Running | None = None

    list_devices = _blocking(AsyncOqtopusClient.list_devices)
    get_device = _blocking(AsyncOqtopusClient.get_device)
    list_device_histories = _blocking(AsyncOqtopusClient.list_device_histories)
    get_device_history = _blocking(AsyncOqtopusClient.get_device_history)
    submit_job = _blocking(AsyncOqtopusClient.submit_job)
    submit_jobs = _blocking(AsyncOqtopusClient.submit_jobs)
    resume = _blocking(AsyncOqtopusClient.resume)
    remove_unsubmitted = _blocking(AsyncOqtopusClient.remove_unsubmitted)
    get_job = _blocking(AsyncOqtopusClient.get_job)
    get_job_result = _blocking(AsyncOqtopusClient.get_job_result)
    result = _blocking(AsyncOqtopusClient.result)
    refresh = _blocking(AsyncOqtopusClient.refresh)
    read_job_file = _blocking(AsyncOqtopusClient.read_job_file)
    get_sselog = _blocking(AsyncOqtopusClient.get_sselog)
    get_job_status = _blocking(AsyncOqtopusClient.get_job_status)
    get_job_statuses = _blocking(AsyncOqtopusClient.get_job_statuses)
    status = _blocking(AsyncOqtopusClient.status)
    is_finished = _blocking(AsyncOqtopusClient.is_finished)
    list_jobs = _blocking(AsyncOqtopusClient.list_jobs)
    cancel_job = _blocking(AsyncOqtopusClient.cancel_job)
    discard_jobs = _blocking(AsyncOqtopusClient.discard_jobs)
    delete_job = _blocking(AsyncOqtopusClient.delete_job)
    wait_for_job = _blocking(AsyncOqtopusClient.wait_for_job)
    wait = _blocking(AsyncOqtopusClient.wait)
    wait_for_jobs = _blocking(AsyncOqtopusClient.wait_for_jobs)
    run_job = _blocking(AsyncOqtopusClient.run_job)
    run_sampling = _blocking(AsyncOqtopusClient.run_sampling)
    run_estimation = _blocking(AsyncOqtopusClient.run_estimation)
    run_multi_manual = _blocking(AsyncOqtopusClient.run_multi_manual)
    run_sse = _blocking(AsyncOqtopusClient.run_sse)
    run_sse_file = _blocking(AsyncOqtopusClient.run_sse_file)
    run_jobs_batch = _blocking(AsyncOqtopusClient.run_jobs_batch)
    create_api_token = _blocking(AsyncOqtopusClient.create_api_token)
    get_api_token_status = _blocking(AsyncOqtopusClient.get_api_token_status)
    get_api_token = _blocking(AsyncOqtopusClient.get_api_token)
    delete_api_token = _blocking(AsyncOqtopusClient.delete_api_token)
    get_announcements_list = _blocking(AsyncOqtopusClient.get_announcements_list)
    get_announcement = _blocking(AsyncOqtopusClient.get_announcement)
    get_user = _blocking(AsyncOqtopusClient.get_user)
    update_user = _blocking(AsyncOqtopusClient.update_user)
    delete_user = _blocking(AsyncOqtopusClient.delete_user)
    get_settings = _blocking(AsyncOqtopusClient.get_settings)
    iter_jobs = _streaming(AsyncOqtopusClient.iter_jobs)
    as_completed = _streaming(AsyncOqtopusClient.as_completed)
    submit_jobs_async = _awaitable(AsyncOqtopusClient.submit_jobs)
    wait_for_jobs_async = _awaitable(AsyncOqtopusClient.wait_for_jobs)

    @property
    def config(self) -> OqtopusConfig:
        """The configuration in use; make another client for another one."""
        return self._config

    @property
    def base_url(self) -> str:
        """URL of the User API."""
        return self._config.base_url

    def close(self) -> None:
        """Close every connection and stop the event loop; the next call would start them anew.

        Calls that other threads wait for are broken off, with an `OqtopusError`. What they then clean up at the server,
        such as to cancel jobs whose ids are lost, has ten seconds.
        """
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> _Running:
        with self._lock:
            # Threads do not survive a fork; the child starts its own loop and connections.
            if self._running is None or self._running.pid != os.getpid():
                running = _Running(self._make_client())
                # Weakly, or neither would ever be collected.
                running.client.owner = weakref.ref(self)
                running.finalizer = weakref.finalize(self, running.close)
                self._running = running
            return self._running


class _Call(Generic[_R]):
    """A coroutine that a thread waits for, and can give up at any moment, an interrupt's included.

    Attributes:
        ended: Set when nothing of it runs any more.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, _R]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[Any] | None = None
        self._given_up = False
        self._notes: list[str] = []
        self.ended = threading.Event()

    async def run(self) -> _R:
        """Run it, unless it has been given up before it began."""
        if self._given_up:
            raise asyncio.CancelledError
        self._task = asyncio.current_task()
        try:
            result = await self._coroutine
        except asyncio.CancelledError as error:
            self._notes.extend(getattr(error, "__notes__", []))
            raise
        else:
            self._result = result  # which a caller who is interrupted right now has not got yet
            return result
        finally:
            self.ended.set()

    def give_up(self) -> None:
        """Break it off; called on its loop."""
        self._given_up = True
        if self._task is None:
            self._coroutine.close()
            self.ended.set()
        else:
            self._task.cancel()

    def notes(self) -> list[str]:
        """What whoever gave it up should know."""
        result = getattr(self, "_result", None)
        return self._notes if result is None else [f"The call had ended, and returned {result!r}."]


class _Running:
    """An event loop in a thread, with the client that lives on it.

    The thread is a daemon, so that a client nobody closed does not keep the interpreter from ending.

    Attributes:
        client: The client.
        pid: The process that the thread runs in.
        finalizer: Calls `close` when the client's owner is collected, at exit, or when called; then it lets go.
    """

    finalizer: weakref.finalize[..., OqtopusClient]

    def __init__(self, client: AsyncOqtopusClient) -> None:
        self.client = client
        self.pid = os.getpid()
        # Garbage collection may run while a thread holds it, and end an iterator, for which the same thread takes it.
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
        if sys.is_finalizing():  # to start a thread would never return
            raise RuntimeError("no thread runs any more")
        self._thread.start()

    def disown(self) -> None:
        """Keep what a forked process has inherited from touching what is the parent's, and from complaining."""
        if isinstance(self._loop, asyncio.SelectorEventLoop):
            # An epoll object is shared with the parent: what is unregistered here would be so there.
            self._loop._selector = selectors.SelectSelector()  # type: ignore[attr-defined]  # noqa: SLF001
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._loop.set_debug(False)
        self.client._left.close()  # noqa: SLF001

    def call(self, coroutine: Coroutine[Any, Any, _R]) -> _R:
        """Run a coroutine on the loop and wait for what it returns.

        An interrupt (Ctrl-C) hits this thread, not the coroutine: it is broken off as well, and what it has to say of
        that becomes a note on the interrupt.
        """
        call = _Call(coroutine)
        try:
            return self._begin(call.run()).result()
        except CancelledError:
            _end_with_the_interpreter()
            raise OqtopusError(_CLOSED_MEANWHILE) from None
        except Exception:
            coroutine.close()  # if it was refused before it began
            raise
        except BaseException as error:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(call.give_up)
                call.ended.wait(GRACE_SECONDS)
            for note in call.notes():
                error.add_note(one_line(note))
            raise

    async def wait_for(self, coroutine: Coroutine[Any, Any, _R]) -> _R:
        """The same for a caller that is a coroutine, in whichever loop."""
        caller = cast("asyncio.Task[Any]", asyncio.current_task())
        cancellations = caller.cancelling()
        try:
            return await asyncio.wrap_future(self._begin(coroutine))
        except asyncio.CancelledError:
            # The caller's own cancellation, or a timeout's, is not ours to change, even if the client was closed, too.
            if not self._closed or caller.cancelling() > cancellations:
                raise
            raise OqtopusError(_CLOSED_MEANWHILE) from None

    def _begin(self, coroutine: Coroutine[Any, Any, _R]) -> Future[_R]:
        # The lock comes last: whichever thread held it at a fork is not here to let go of it.
        if self.pid != os.getpid():
            trouble = "This was begun in the process that this one was forked from; begin it anew here."
        elif threading.current_thread() is self._thread:
            trouble = "This call would wait for itself."
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
        """Close the connections and end the thread, unless they are another process's or closed already."""
        if self.pid != os.getpid() or sys.is_finalizing():  # its thread, a daemon, runs no more
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if threading.current_thread() is self._thread:
            # Garbage collection may run here, on the very loop that has to be stopped.
            threading.Thread(target=self._stop).start()
        else:
            self._stop()

    def _stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._wind_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _wind_up(self) -> None:
        """Break off what other threads still wait for, then close the connections.

        What has to be cleaned up at the server has `GRACE_SECONDS`, and is broken off as well when they are over: there
        may be any number of jobs to cancel, or no answer ever.
        """
        for task in _other_tasks() - self.client.duties:
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
    """Let a daemon thread rest where the interpreter is ending, and ends it: its error would only be printed."""
    if threading.current_thread().daemon and not threading.main_thread().is_alive():
        threading.Event().wait()


_in_this_process: weakref.WeakSet[_Running] = weakref.WeakSet()


def _disown_all() -> None:
    for running in list(_in_this_process):
        running.disown()
    _in_this_process.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_all)


def _other_tasks() -> set[asyncio.Task[Any]]:
    """Those of this loop that have not ended, but for the one that asks."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
