"""What a request may be, checked before its body is read: its caller, its size, and the time it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
from fastapi import HTTPException
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.storage import storage_error
from oqtopus_client.emulator.presigning import MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from fastapi import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oqtopus_client.emulator.users import Users

MAX_HEADERS = 100
MAX_HEADER_BYTES = 64 << 10
MAX_BODY_BYTES = 10 << 20
"""Most bytes of a body, as at the gateway of a real cloud; of an upload, `MAX_FORM_BYTES`."""

MAX_VALUES = 100_000
"""Most values in the JSON of a body: millions take gigabytes, and the server's time, when they are checked."""

MAX_FORM_BYTES = MAX_UPLOAD_BYTES + (1 << 20)
BODY_SECONDS = 120.0
"""How long a body may take to arrive."""

_STORAGE = "/storage"
_PUBLIC = (_STORAGE, "/openapi.json", "/docs", "/redoc")


class Refused(HTTPException):
    """A body that is too large or too slow. An `HTTPException`: FastAPI lets no other out when it reads a body."""


def guarded(app: ASGIApp, users: Users) -> ASGIApp:
    """The application, for requests that may be answered; the others are refused."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        try:
            _check_headers(scope)
            if not scope["path"].startswith(_PUBLIC):
                _check_token(scope, users)
            body = _Body(scope, receive)
        except HTTPException as error:
            await refusal(scope["path"], error)(scope, receive, send)
        else:
            await app(scope, body, send)

    return wrapped


def refusal(path: str, error: HTTPException) -> Response:
    """The answer to a request that was refused, in the format of the API or of the storage."""
    if path.startswith(_STORAGE):
        code = "EntityTooLarge" if error.status_code == 413 else "RequestTimeout"
        return storage_error(error.status_code, code, str(error.detail))
    name = "detail" if error.status_code == 401 else "message"
    return JSONResponse({name: error.detail}, error.status_code, error.headers)


def _check_headers(scope: Scope) -> None:
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if len(scope["headers"]) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        limits = f"{MAX_HEADERS} headers and {MAX_HEADER_BYTES:,} bytes of them"
        raise HTTPException(431, f"The request has more than {limits}.")


def _check_token(scope: Scope, users: Users) -> None:
    token = _header(scope, b"q-api-token")
    user = users.with_token(token)
    if user is None:
        raise HTTPException(401, "Unauthorized", None if token else {"WWW-Authenticate": "Bearer"})
    if user["status"] != "approved":
        status = user["status"]
        raise HTTPException(403, f"this operation is currently unavailable because the status of user is [{status}]")
    scope.setdefault("state", {})["user"] = user


class _Body:
    """Receives a body that is neither too large nor too slow.

    Raises:
        Refused: It has announced that it is too large.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        is_form = scope["path"].startswith(_STORAGE)
        self._left = MAX_FORM_BYTES if is_form else MAX_BODY_BYTES
        self._commas_left = MAX_FORM_BYTES if is_form else MAX_VALUES
        self._deadline: float | None = None
        self._complete = False
        self._too_large = Refused(413, f"The body of the request has more than {self._left:,} bytes.")
        announced = _header(scope, b"content-length")
        if announced.isdecimal() and int(announced[:20]) > self._left:
            raise self._too_large

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        self._deadline = self._deadline or time.monotonic() + BODY_SECONDS
        try:
            with anyio.fail_after(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise Refused(408, f"The body of the request took longer than {BODY_SECONDS:g} seconds.") from None
        piece = message.get("body", b"")
        self._left -= len(piece)
        if self._left < 0:
            raise self._too_large
        self._commas_left -= piece.count(b",")
        if self._commas_left < 0:
            raise Refused(413, f"The body of the request has more than {MAX_VALUES:,} values.")
        self._complete = not message.get("more_body", False)
        return message


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")
