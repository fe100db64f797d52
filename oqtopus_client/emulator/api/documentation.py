"""`/docs` and `/redoc`: the documentation of an API, to be read and tried without a network."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.security import APIKeyHeader
from fastapi_offline import FastAPIOffline
from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATHS = ("/docs", "/redoc", "/openapi.json")

API_TOKEN = APIKeyHeader(name="q-api-token", scheme_name="ApiToken", auto_error=False)
"""Declares the header of the token, so that the page can send it. The guard is what checks it."""

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "worker-src blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Scripts within the pages are allowed, because that is how Swagger UI is started: no page has text from a user."""


def documented_app(title: str) -> FastAPI:
    """Create an application that documents itself; the pages' scripts and styles are served below `/docs`."""
    app = FastAPI(title=title, version="1.0", docs_url=None, redoc_url=None)
    app.router.routes.extend(_pages(title))
    return app


@cache
def _pages(title: str) -> list[BaseRoute]:
    # FastAPI remembers the functions of routes, and these refer to their application: each would stay in memory.
    return FastAPIOffline(title=title, openapi_url="/openapi.json", static_url="/docs/static").routes


def with_policy(app: ASGIApp) -> ASGIApp:
    """Wrap an application so that its documentation can load nothing from elsewhere."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Security-Policy"] = _POLICY
            await send(message)

        is_documentation = scope["type"] == "http" and scope["path"].startswith(PATHS)
        await app(scope, receive, send_with_policy if is_documentation else send)

    return wrapped
