"""Middleware that requires the provider's API key, as the gateway in front of a real server does."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.guard import is_storage

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


def with_key(app: ASGIApp, key: str) -> ASGIApp:
    """Wrap an application so that it receives only requests with the key, and those to the storage."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        sent = dict(scope.get("headers", ())).get(b"x-api-key", b"")
        if scope["type"] == "http" and not is_storage(scope["path"]) and not hmac.compare_digest(sent, key.encode()):
            await JSONResponse({"message": "Forbidden"}, 403)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return wrapped
