"""A server with scripted answers, for responses that the emulator does not give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class ScriptedServer:
    """Answers each route, such as `GET /jobs/1`, with JSON, bytes, or a status alone; remembers what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = answers
        self.asked: list[str] = []
        self.bodies: list[Any] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        query = scope["query_string"].decode()
        route = f"{scope['method']} {scope['path']}"
        self.asked.append(f"{route}?{query}" if query else route)
        body = (await receive()).get("body")
        self.bodies.append(json.loads(body) if body and body.startswith(b"{") else body)
        answer = self.answers.get(route, 404)
        if isinstance(answer, list) and answer and isinstance(answer[0], int | bytes):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        status = answer if isinstance(answer, int) else 200
        content = (
            answer if isinstance(answer, bytes) else json.dumps({} if isinstance(answer, int) else answer).encode()
        )
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": content})
