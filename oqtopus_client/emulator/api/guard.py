"""Checks before a body is read: the caller, the size of the request, and the time that it takes."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import anyio
from fastapi import HTTPException
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.storage import storage_error
from oqtopus_client.emulator.presigning import MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oqtopus_client.emulator.users import Users

MAX_HEADERS = 100
MAX_HEADER_BYTES = 64 << 10
MAX_BODY_BYTES = 10 << 20
"""Maximum size of a body, as at the gateway of a real cloud; for uploads it is `MAX_FORM_BYTES`."""

MAX_VALUES = 100_000
"""Maximum number of values in a JSON body: validating millions takes gigabytes of memory, and the server's time."""

MAX_FORM_BYTES = MAX_UPLOAD_BYTES + (1 << 20)
BODY_SECONDS = 120.0
"""Maximum time for a body to arrive, in seconds."""

_STORAGE = re.compile(r"/storage(/|$)")
_PUBLIC = re.compile(r"/(storage|openapi\.json|docs|redoc)(/|$)")


class Refused(HTTPException):
    """A body that is too large or too slow; an `HTTPException`, as FastAPI hides other errors raised while reading."""


def guarded(
    app: ASGIApp,
    users: Users | None = None,
    refuse: Callable[[Scope, HTTPException], ASGIApp] = lambda scope, error: refusal(scope["path"], error),
) -> ASGIApp:
    """Wrap an application so that it receives only requests that pass the checks.

    Args:
        app: The application.
        users: The users whose tokens are accepted; None to accept requests without a token.
        refuse: Returns the response to a rejected request.
    """

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        try:
            _check_headers(scope)
            if users is not None and not _PUBLIC.match(scope["path"]):
                _check_token(scope, users)
            body = _Body(scope, receive)
        except HTTPException as error:
            await refuse(scope, error)(scope, receive, send)
        else:
            await app(scope, body, send)

    return wrapped


def is_storage(path: str) -> bool:
    """Return whether a path is the storage's, which presigned URLs alone authorize."""
    return _STORAGE.match(path) is not None


def refusal(path: str, error: HTTPException) -> Response:
    """Return the response to a rejected request, in the format of the API or of the storage."""
    if is_storage(path):
        code = "EntityTooLarge" if error.status_code == 413 else "RequestTimeout"
        return storage_error(error.status_code, code, str(error.detail))
    name = "detail" if error.status_code in {401, 403} else "message"
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
        raise HTTPException(403, "Forbidden")
    scope.setdefault("state", {})["user"] = user


class _Body:
    """Receives a body, and enforces its limits of size and time.

    Raises:
        Refused: The `Content-Length` exceeds the limit.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        is_form = is_storage(scope["path"])
        self._left = MAX_FORM_BYTES if is_form else MAX_BODY_BYTES
        is_json = not _header(scope, b"content-type").startswith("multipart/form-data")
        self._commas_left = MAX_VALUES if is_json else MAX_FORM_BYTES
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
