"""Every request of the SDK against everything that networks and servers do to it, over real sockets.

Pauses are as long as they get, and seconds are those of a clock that does not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from oqtopus_client import OqtopusConfig, OqtopusError, UserApiError
from oqtopus_client.errors import (
    OqtopusConnectionError,
    OqtopusStorageError,
    OqtopusTimeoutError,
    ResponseValidationError,
)
from oqtopus_client.rest.endpoints import DOWNLOAD, OPERATIONS, UPLOAD, Operation
from oqtopus_client.rest.http import HttpClient
from tests.support.virtual_clock import run_virtually

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

TIMEOUT = 30.0
IDS = dict.fromkeys(("job_id", "device_id", "history_uid", "announcement_id"), "some-id")


async def read_request(reader: asyncio.StreamReader) -> None:
    """Read one request to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = head.partition("content-length: ")[2].partition("\r\n")[0]
    await reader.readexactly(int(length or 0))


def head(status: int, length: int, content_type: str = "application/json") -> bytes:
    """The head of an answer."""
    return f"HTTP/1.1 {status} Whatever\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n".encode()


def reset(writer: asyncio.StreamWriter) -> None:
    """Cut the connection the hard way."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reset_before(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cut the connection when the first byte arrives."""
    await reader.read(1)
    reset(writer)


async def reset_after(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the request, perhaps act on it, and never say so."""
    await read_request(reader)
    reset(writer)


async def slow_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and never answer."""
    await read_request(reader)
    await asyncio.sleep(1e6)
    writer.close()


async def slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then without end."""
    await read_request(reader)
    writer.write(head(200, 10**6))
    for _ in range(10**6):
        writer.write(b" ")
        await asyncio.sleep(TIMEOUT / 2)


async def half_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promise more than there is."""
    await read_request(reader)
    writer.write(head(200, 100) + b'{"job_id":')
    writer.close()


def answer(status: int, body: bytes = b"{}", content_type: str = "application/json") -> Handler:
    """Answer, and close the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head(status, len(body), content_type) + body)
        writer.close()

    return handle


@dataclass(frozen=True)
class Fault:
    """What happens to each try, and what comes of it."""

    handler: Handler | None
    error: type[OqtopusError] | None
    attempts: int
    seconds: float


PAUSES = 0.2 + 0.4
FAULTS = {
    "refused": Fault(None, OqtopusConnectionError, 3, PAUSES),
    "reset before": Fault(reset_before, OqtopusConnectionError, 3, PAUSES),
    "reset after": Fault(reset_after, OqtopusConnectionError, 3, PAUSES),
    "half body": Fault(half_body, OqtopusConnectionError, 3, PAUSES),
    # A third try would begin after more than the 60 s of the budget.
    "slow head": Fault(slow_head, OqtopusTimeoutError, 2, 2 * TIMEOUT + 0.2),
    "slow body": Fault(slow_body, OqtopusTimeoutError, 1, 10 * TIMEOUT),
    "not JSON": Fault(answer(200, b"<html>", "text/html"), ResponseValidationError, 1, 0.0),
    **{f"HTTP {status}": Fault(answer(status), UserApiError, 1, 0.0) for status in (400, 401, 403, 404, 409, 422, 500)},
    **{f"HTTP {status}": Fault(answer(status), UserApiError, 3, PAUSES) for status in (429, 502, 503, 504)},
}


def expected(operation: Operation, name: str) -> Fault:
    """What the table says, for operations that must not be repeated and for storage."""
    fault = FAULTS[name]
    attempts, seconds, error = fault.attempts, fault.seconds, fault.error
    if not operation.idempotent:
        attempts = 1
        seconds = {"slow head": TIMEOUT, "slow body": 10 * TIMEOUT}.get(name, 0.0)
    if operation in {UPLOAD, DOWNLOAD}:
        error = {UserApiError: OqtopusStorageError, ResponseValidationError: None}.get(error, error)  # type: ignore[call-overload]
    if operation.missing_is_success and operation.route.endswith("token") and name == "not JSON":
        error = None  # its body is ignored
    if operation.method == "DELETE" and operation.route == "/users/me" and name == "not JSON":
        error = None
    return Fault(fault.handler, error, attempts, seconds)


async def send(operation: Operation, url: str) -> Any:
    """Make the request as the SDK does."""
    http = HttpClient(OqtopusConfig(url, "some.token", timeout=TIMEOUT))
    try:
        if operation is UPLOAD:
            return await http.post_form(f"{url}/upload", {"key": "input.zip"}, b"zip")
        if operation is DOWNLOAD:
            return await http.fetch(f"{url}/result.zip")
        empty = operation.method == "DELETE" and "{" not in operation.route
        return await http.call(
            operation, empty=empty, **{name: IDS[name] for name in IDS if f"{{{name}}}" in operation.route}
        )
    finally:
        await http.aclose()


async def meet(operation: Operation, fault: Fault) -> tuple[OqtopusError | None, int, float]:
    """Send a request to a server with a fault; returns the error, the tries that arrived and the seconds."""
    connections = 0
    handlers = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        assert fault.handler is not None
        handlers.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await fault.handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if fault.handler is None:
        server.close()
        await server.wait_closed()
    clock = asyncio.get_running_loop().time
    start = clock()
    error = None
    try:
        await send(operation, f"http://127.0.0.1:{port}")
    except OqtopusError as caught:
        error = caught
    seconds = clock() - start
    server.close()
    for handler in handlers:
        handler.cancel()
    await asyncio.gather(*handlers)
    return error, connections, seconds


@pytest.fixture(autouse=True)
def _longest_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are drawn at random; here, the longest."""
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize("name", FAULTS)
def test_outcome(name: str, operation: Operation) -> None:
    """The error's class, the number of tries, and the seconds until it is raised."""
    fault = expected(operation, name)
    (error, attempts, seconds), _ = run_virtually(meet(operation, fault))

    assert type(error) is (type(None) if fault.error is None else type(error))
    assert error is None if fault.error is None else isinstance(error, fault.error)
    assert attempts == (0 if name == "refused" else fault.attempts)
    assert seconds == pytest.approx(fault.seconds, abs=1.0)


def test_every_operation_is_in_the_table() -> None:
    """Whatever the SDK sends is tested here."""
    assert len(OPERATIONS) == 22
    assert sum(not operation.idempotent for operation in OPERATIONS) == 2
