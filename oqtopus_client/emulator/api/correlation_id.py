"""Middleware that gives every response the header `X-Correlation-Id`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def with_correlation_id(app: ASGIApp, choose: Callable[[Scope], str]) -> ASGIApp:
    """Wrap an application.

    Args:
        app: The application.
        choose: Returns the id for a request.
    """

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        answered = False

        async def send_with_id(message: Message) -> None:
            nonlocal answered
            answered = True
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Correlation-Id"] = choose(scope)
            await send(message)

        try:
            await app(scope, receive, send_with_id)
        except Exception as error:
            # Starlette answers 500 and raises the error again; the answer and the log are enough. A broken connection,
            # however, must reach the server, which notices it only by the error.
            if not answered or isinstance(error, ConnectionError):
                raise

    return wrapped
