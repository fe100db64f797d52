"""Clients that leave in the middle of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from oqtopus_client.emulator import Emulator


@pytest.mark.anyio
@pytest.mark.parametrize(("method", "path"), [("POST", "/jobs"), ("GET", "/jobs"), ("POST", "/emulator/faults")])
async def test_nothing_to_log(emulator: Emulator, method: str, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """A killed client causes no log entry."""
    answered = []

    async def leave() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answered.append(message)

    headers = [(b"q-api-token", emulator.token.encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    await emulator(scope, leave, send)

    assert answered
    assert caplog.text == ""
