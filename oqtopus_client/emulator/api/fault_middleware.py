"""Middleware that injects faults into responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
from fastapi import Response
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api import documentation
from oqtopus_client.emulator.api.storage import expired
from oqtopus_client.emulator.faults import FaultKind

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oqtopus_client.emulator.faults import Fault, Faults

_EXEMPT = ("/emulator/", *documentation.PATHS)


def with_faults(app: ASGIApp, faults: Faults) -> ASGIApp:
    """Wrap an application with the pending faults; the control path and the documentation are exempt."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith(_EXEMPT):
            fault = faults.for_request(scope["method"], scope["path"])
        if fault is None:
            await app(scope, receive, send)
        else:
            await _inject(fault, app, scope, receive, send)

    return wrapped


async def _inject(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    match fault.kind:
        case FaultKind.DELAY:
            await anyio.sleep(fault.seconds)
            await app(scope, receive, send)
        case FaultKind.TOO_MANY_REQUESTS:
            headers = {"Retry-After": f"{fault.seconds:g}"}
            await JSONResponse({"message": "Too Many Requests"}, 429, headers)(scope, receive, send)
        case FaultKind.SERVER_ERROR:
            await server_error()(scope, receive, send)
        case FaultKind.EXPIRED_URL:
            await expired()(scope, receive, send)
        case FaultKind.DROP:
            await _drop(send)
        case FaultKind.LOST_ANSWER:
            await _collect(app, scope, receive)
            await _drop(send)
        case FaultKind.TRUNCATE:
            response = await _collect(app, scope, receive)
            response.body = response.body[: len(response.body) // 2]
            await _with_length(response)(scope, receive, send)
        case FaultKind.UNKNOWN_STATUS:
            response = await _collect(app, scope, receive)
            response.body = json.dumps(_with_status(json.loads(bytes(response.body)), fault.status)).encode()
            await _with_length(response)(scope, receive, send)


def server_error() -> Response:
    """Return the response of a server that fails internally."""
    body = {"message": "Internal Server Error", "message_code": "INTERNAL_SERVER_ERROR", "message_params": {}}
    return JSONResponse(body, 500)


async def _drop(send: Send) -> None:
    """Break the connection: a server closes it when a response is shorter than announced."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionResetError("a fault broke the connection")


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """Return the complete response of the application."""
    response = Response()
    response.body = b""

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            response.status_code = message["status"]
            response.raw_headers = list(message["headers"])
        else:
            response.body += message.get("body", b"")

    await app(scope, receive, keep)
    return response


def _with_length(response: Response) -> Response:
    """Return the response with its length corrected."""
    kept = [(name, value) for name, value in response.raw_headers if name.lower() != b"content-length"]
    response.raw_headers = [*kept, (b"content-length", str(len(response.body)).encode())]
    return response


def _with_status(response: Any, status: str) -> Any:
    """Return the response with the status of each job in it replaced."""
    if isinstance(response, list):
        return [_with_status(item, status) for item in response]
    return {**response, "status": status} if isinstance(response, dict) and "status" in response else response
