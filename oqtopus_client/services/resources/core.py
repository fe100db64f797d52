"""State shared by all resources of a client: configuration, connections and journal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from oqtopus_client import rest
from oqtopus_client.config import OqtopusConfig, in_sse_container
from oqtopus_client.services.connected import Connected
from oqtopus_client.services.journal import Journal, journal_path
from oqtopus_client.services.submission import GRACE_SECONDS, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from oqtopus_client.rest.connection import Connection
    from oqtopus_client.rest.user_api import AccountApi, DeviceApi, JobApi


class Core(Connected):
    """Base of all resources: the configuration, the connections and the journal. See `AsyncOqtopusClient`."""

    def __init__(
        self,
        config: OqtopusConfig | None = None,
        default_headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
        *,
        journal: str | Path | None = None,
    ) -> None:
        self.config = OqtopusConfig.given_or_default(config)
        self.journal = None if journal is None else journal_path(journal)
        self._headers: dict[str, Any] = {"default_headers": default_headers, "user_agent": user_agent}
        self._cleanup_tasks: set[asyncio.Task[Any]] = set()
        self._owner: Callable[[], object] = weakref.ref(self)
        self._on_close = contextlib.ExitStack()
        # For clients that are never closed. At exit, finalizers run last-created first, so a blocking client's thread
        # ends before.
        weakref.finalize(self, _release, self._on_close, os.getpid())

    @cached_property
    def _uses_driver(self) -> bool:
        """Whether jobs go to the container's driver; an emulator within the program's own process has a transport."""
        return in_sse_container() and self.config.transport is None

    @cached_property
    def _http(self) -> Connection:
        if self._uses_driver:
            return rest.container.ContainerConnection()
        http = rest.http.HttpClient(self.config, **self._headers)
        self._on_close.callback(http.abandon)
        return http

    @cached_property
    def _devices(self) -> DeviceApi:
        return rest.user_api.DeviceApi(self._http)

    @cached_property
    def _jobs(self) -> JobApi:
        return rest.user_api.JobApi(self._http)

    @cached_property
    def _submission(self) -> Submission:
        return Submission(self._http, self._jobs, self._cleanup_tasks, self._open_journal)

    @cached_property
    def _open_journal(self) -> Journal | None:
        return None if self.journal is None else self._on_close.enter_context(contextlib.closing(Journal(self.journal)))

    @cached_property
    def _account(self) -> AccountApi:
        return rest.user_api.AccountApi(self._http)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; the client cannot be used afterwards."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                while self._cleanup_tasks:
                    await asyncio.wait(self._cleanup_tasks)
        if "_http" in vars(self):
            await self._http.aclose()
        self._on_close.close()


def _release(on_close: contextlib.ExitStack, pid: int) -> None:
    if pid == os.getpid():  # else it is the parent process's
        on_close.close()
