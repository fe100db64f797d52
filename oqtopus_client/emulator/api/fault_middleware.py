"""Makes answers go wrong, as the faults want it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
from fastapi import Response
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.storage import expired
from oqtopus_client.emulator.faults import FaultKind

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oqtopus_client.emulator.faults import Fault, Faults

_CONTROL_PATH = "/emulator/"


def with_faults(app: ASGIApp, faults: Faults) -> ASGIApp:
    """The application, going wrong where a fault says so; the emulator's own control path never does."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith(_CONTROL_PATH):
            fault = faults.for_request(scope["method"], scope["path"])
        if fault is None:
            await app(scope, receive, send)
        else:
            await _go_wrong(fault, app, scope, receive, send)

    return wrapped


async def _go_wrong(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
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
            answer = await _collect(app, scope, receive)
            answer.body = answer.body[: len(answer.body) // 2]
            await _again(answer)(scope, receive, send)
        case FaultKind.UNKNOWN_STATUS:
            answer = await _collect(app, scope, receive)
            answer.body = json.dumps(_with_status(json.loads(bytes(answer.body)), fault.status)).encode()
            await _again(answer)(scope, receive, send)


def server_error() -> Response:
    """A server's answer when it breaks down."""
    body = {"message": "Internal Server Error", "message_code": "INTERNAL_SERVER_ERROR", "message_params": {}}
    return JSONResponse(body, 500)


async def _drop(send: Send) -> None:
    """Break the connection: a server closes it when an answer ends before its announced length."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionResetError("a fault broke the connection")


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """The whole answer of the application."""
    answer = Response()
    answer.body = b""

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status_code = message["status"]
            answer.raw_headers = list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, keep)
    return answer


def _again(answer: Response) -> Response:
    """The answer with the length that its body has now."""
    kept = [(name, value) for name, value in answer.raw_headers if name.lower() != b"content-length"]
    answer.raw_headers = [*kept, (b"content-length", str(len(answer.body)).encode())]
    return answer


def _with_status(answer: Any, status: str) -> Any:
    """The answer with another status, of every job in it that has one."""
    if isinstance(answer, list):
        return [_with_status(item, status) for item in answer]
    return {**answer, "status": status} if isinstance(answer, dict) and "status" in answer else answer
