"""The blocking client: `OqtopusClient`."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from oqtopus_client.config import OqtopusConfig
from oqtopus_client.errors import OqtopusError
from oqtopus_client.services.async_client import AsyncOqtopusClient
from oqtopus_client.services.connected import Connected
from oqtopus_client.services.journal import journal_path
from oqtopus_client.services.loop_thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
    from pathlib import Path

_P = ParamSpec("_P")
_R = TypeVar("_R")
_END = object()


def _blocking(
    method: Callable[Concatenate[AsyncOqtopusClient, _P], Coroutine[Any, Any, _R]],
) -> Callable[Concatenate[OqtopusClient, _P], _R]:
    """Make a method that runs the asynchronous client's method and waits for its result."""

    def call(self: OqtopusClient, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        running = self._start()
        return running.call(method(running.client, *args, **kwargs))

    functools.update_wrapper(call, method)
    return call


def _awaitable(
    method: Callable[Concatenate[AsyncOqtopusClient, _P], Coroutine[Any, Any, _R]],
) -> Callable[Concatenate[OqtopusClient, _P], Coroutine[Any, Any, _R]]:
    """Make a method that asynchronous programs await on a blocking client."""

    async def call(self: OqtopusClient, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        running = self._start()
        return await running.wait_for(method(running.client, *args, **kwargs))

    functools.update_wrapper(call, method)
    return call


def _streaming(
    method: Callable[Concatenate[AsyncOqtopusClient, _P], AsyncGenerator[_R, None]],
) -> Callable[Concatenate[OqtopusClient, _P], Iterator[_R]]:
    """Make a method that iterates over what the asynchronous method yields, item by item."""

    def call(self: OqtopusClient, /, *args: _P.args, **kwargs: _P.kwargs) -> Iterator[_R]:
        running = self._start()
        stream = method(running.client, *args, **kwargs)
        is_ending = sys.is_finalizing  # the module may be gone when the interpreter ends

        async def following() -> Any:
            return await anext(stream, _END)

        async def end() -> None:
            await stream.aclose()

        try:
            while (item := running.call(following())) is not _END:
                yield item
        finally:
            # If the loop is closed, or another process's, the stream needs no closing.
            if not is_ending():
                with contextlib.suppress(OqtopusError):
                    running.call(end())

    functools.update_wrapper(call, method)
    return call


class OqtopusClient(Connected):
    """Blocking client of the OQTOPUS User API.

    Each method runs the `AsyncOqtopusClient` method of the same name on an event loop in a background thread, which
    starts with the first call. Methods may be called from any thread, and while an event loop is running, as in a
    notebook. Close the client with `close()` or `with`; otherwise it is closed when garbage-collected or at exit.

    Args:
        config: Server URL and credentials. By default the environment, else the default profile.
        default_headers: Additional headers for every request to the User API.
        user_agent: The User-Agent header, in place of the client's name and version.
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
        self._config = OqtopusConfig.given_or_default(config)
        self.journal = None if journal is None else journal_path(journal)
        self._make_client = functools.partial(
            AsyncOqtopusClient, self._config, default_headers, user_agent, journal=self.journal
        )
        self._lock = threading.Lock()
        self._running: LoopThread | None = None

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
    get_jobs = _blocking(AsyncOqtopusClient.get_jobs)
    read_job_files = _blocking(AsyncOqtopusClient.read_job_files)
    read_job_file = _blocking(AsyncOqtopusClient.read_job_file)
    get_sselog = _blocking(AsyncOqtopusClient.get_sselog)
    get_job_status = _blocking(AsyncOqtopusClient.get_job_status)
    get_job_statuses = _blocking(AsyncOqtopusClient.get_job_statuses)
    status = _blocking(AsyncOqtopusClient.status)
    is_finished = _blocking(AsyncOqtopusClient.is_finished)
    queue_position = _blocking(AsyncOqtopusClient.queue_position)
    list_jobs = _blocking(AsyncOqtopusClient.list_jobs)
    cancel_job = _blocking(AsyncOqtopusClient.cancel_job)
    cancel_jobs = _blocking(AsyncOqtopusClient.cancel_jobs)
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
    run_program = _blocking(AsyncOqtopusClient.run_program)
    program_job = _blocking(AsyncOqtopusClient.program_job)
    wait_for_program = _blocking(AsyncOqtopusClient.wait_for_program)
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
        """The configuration in use; it cannot be changed."""
        return self._config

    @property
    def base_url(self) -> str:
        """URL of the User API."""
        return self._config.base_url

    def close(self) -> None:
        """Close every connection and stop the event loop; the next call starts them again.

        Calls that other threads wait for are cancelled and raise an `OqtopusError`. Their clean-up at the server, such
        as cancelling jobs whose ids are lost, may take ten seconds.
        """
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> LoopThread:
        with self._lock:
            # Threads do not survive a fork: the child starts its own loop and connections.
            if self._running is None or self._running.pid != os.getpid():
                running = LoopThread(self._make_client())
                # Weak, or neither would ever be garbage-collected.
                running.client._owner = weakref.ref(self)  # noqa: SLF001
                running.finalizer = weakref.finalize(self, running.close)
                self._running = running
            return self._running
