"""The console as one ASGI application, in front of the API."""

from __future__ import annotations

import logging
import re
import uuid
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.staticfiles import StaticFiles

from oqtopus_client.emulator.api.correlation_id import with_correlation_id
from oqtopus_client.emulator.api.dependencies import ApiError
from oqtopus_client.emulator.api.errors import DISK_FULL
from oqtopus_client.emulator.api.guard import guarded
from oqtopus_client.emulator.console import connect, dashboard, devices, faults, job, jobs, login, news, submit
from oqtopus_client.emulator.console.login import Gate
from oqtopus_client.emulator.console.pages import FOLDER, error_page
from oqtopus_client.emulator.database import DiskFullError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oqtopus_client.emulator.console.site import Site

_logger = logging.getLogger("oqtopus_client.emulator")

_OURS = re.compile(r"/|/console(/.*)?", re.DOTALL)
_STATIC = "/console/static"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With `no-referrer`, browsers would send `Origin: null` with the console's own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def create_console(site: Site, api: ASGIApp) -> ASGIApp:
    """Return an application that answers requests for `/` and `/console`, and passes all others to the API."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.site = site
    app.state.cloud = site.cloud
    app.mount(_STATIC, StaticFiles(directory=FOLDER / "static"))
    for part in (dashboard, jobs, job, submit, devices, faults, news, connect, login):
        app.include_router(part.router)
    app.add_middleware(Gate, site=site)
    app.add_middleware(guarded, refuse=lambda scope, error: error_page(Request(scope), error.status_code))
    _handle_errors(app)
    console = with_correlation_id(_with_headers(app), lambda _: str(uuid.uuid4()))

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _OURS.fullmatch(scope["path"]):
            await api(scope, receive, send)
        elif scope["method"] == "HEAD":  # the server leaves out the body
            await console({**scope, "method": "GET"}, receive, send)
        else:
            await console(scope, receive, send)

    return wrapped


def _with_headers(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                # A browser may keep files, but asks each time whether they have changed.
                headers["Cache-Control"] = "no-cache" if scope["path"].startswith(f"{_STATIC}/") else "no-store"
            await send(message)

        await app(scope, receive, send_with_headers)

    return wrapped


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def refuse(request: Request, error: ApiError) -> Response:
        return error_page(request, error.status_code, error.message)

    @app.exception_handler(StarletteHTTPException)
    async def show(request: Request, error: HTTPException) -> Response:
        return error_page(request, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def find_invalid(request: Request, _error: RequestValidationError) -> Response:
        return error_page(request, 400)

    @app.exception_handler(DiskFullError)
    async def refuse_to_store(request: Request, _error: DiskFullError) -> Response:
        return error_page(request, 507, DISK_FULL)

    @app.exception_handler(ClientDisconnect)  # during its request, so no one reads the answer
    @app.exception_handler(Exception)
    async def break_down(request: Request, error: Exception) -> Response:
        if not isinstance(error, ClientDisconnect):
            _logger.error("A page failed with an unexpected error.", exc_info=error)
        return error_page(request, 500)
