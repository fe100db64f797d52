"""The emulator's User API and storage as one ASGI application."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect

from oqtopus_client.emulator.api import control, devices, jobs, storage, users
from oqtopus_client.emulator.api.dependencies import ApiError, Cloud, ServerError, require_text
from oqtopus_client.emulator.api.fault_middleware import server_error, with_faults
from oqtopus_client.emulator.api.guard import Refused, guarded, refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_logger = logging.getLogger("oqtopus_client.emulator")

_SAFE = ("type", "loc", "msg")


def create_app(cloud: Cloud) -> ASGIApp:
    """Create the application for a cloud; it works in any event loop, and in several at once."""
    app = FastAPI(title="OQTOPUS User API", version="1.0")
    app.state.cloud = cloud
    for part in (devices, jobs, users, control):
        app.include_router(part.router, dependencies=[Depends(require_text)])
    app.include_router(storage.router)

    @app.exception_handler(ApiError)
    async def refuse(_request: Request, error: ApiError) -> JSONResponse:
        return JSONResponse({"message": error.message}, error.status_code)

    @app.exception_handler(Refused)
    async def refuse_body(request: Request, error: Refused) -> Response:
        return refusal(request.url.path, error)

    @app.exception_handler(RequestValidationError)
    async def find_invalid(request: Request, error: RequestValidationError) -> Response:
        try:
            return await request_validation_exception_handler(request, error)
        except (ValueError, RecursionError):
            # Servers break when they repeat an input that is NaN or too deep in their answer. Our own paths do not.
            if not request.url.path.startswith(control.router.prefix):
                return server_error()
            return JSONResponse({"detail": [{name: item[name] for name in _SAFE} for item in error.errors()]}, 422)

    @app.exception_handler(ClientDisconnect)  # during its request, so no one reads the answer
    @app.exception_handler(ServerError)
    @app.exception_handler(Exception)
    async def break_down(_request: Request, error: Exception) -> Response:
        if not isinstance(error, ClientDisconnect | ServerError):
            _logger.error("A request broke the emulator.", exc_info=error)
        return server_error()

    return _with_correlation_id(with_faults(guarded(app, cloud.users), cloud.faults))


def _with_correlation_id(app: ASGIApp) -> ASGIApp:
    """Add the header `X-Correlation-Id` to every answer."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        answered = False

        async def send_with_id(message: Message) -> None:
            nonlocal answered
            answered = True
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Correlation-Id"] = str(uuid.uuid4())
            await send(message)

        try:
            await app(scope, receive, send_with_id)
        except Exception as error:
            # Starlette answers 500 and raises the error again; the answer and the log are enough. A broken connection,
            # however, must reach the server, which notices it only by the error.
            if not answered or isinstance(error, ConnectionError):
                raise

    return wrapped
