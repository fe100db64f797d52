"""A tap on a cloud: which requests came, how many at once, over how many connections."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# Routes of requests that only wait for jobs.
WAITING = {"GET /jobs", "GET /jobs/{id}/status"}

_JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass(frozen=True)
class RecordedRequest:
    """One request, without its body."""

    route: str
    headers: dict[str, str]
    connection: tuple[str, int] | None


class RecordedCloud:
    """An ASGI application that hands every request on to another, and remembers it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.requests: list[RecordedRequest] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    @property
    def routes(self) -> list[str]:
        """Method and path of each request, job ids replaced by `{id}`."""
        return [request.route for request in self.requests]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        if scope["type"] == "http":
            self._record(scope)
        try:
            await self.app(scope, receive, send)
        finally:
            with self._lock:
                self._at_once -= 1

    def _record(self, scope: Scope) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        route = f"{scope['method']} {_JOB_ID.sub('{id}', scope['path'])}"
        with self._lock:
            self.requests.append(RecordedRequest(route, headers, scope["client"]))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
