"""Requests that are refused before their bodies are read, or as soon as these are too large or too slow."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.api import guard
from oqtopus_client.rest.storage import pack
from tests.support.callers import form_of

pytestmark = pytest.mark.anyio

API = [("POST", "/jobs"), ("GET", "/jobs"), ("POST", "/jobs/x/submit"), ("PATCH", "/users/me"), ("GET", "/devices"),
       ("POST", "/emulator/faults"), ("DELETE", "/jobs/x"), ("POST", "/nowhere")]  # fmt: skip
PIECE = b"x" * 65_536


class Client:
    """Sends a request to an emulator piece by piece, for as long as it reads."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.pieces = 0
        self.status = 0
        self.body = b""
        self.headers: dict[bytes, bytes] = {}

    async def __call__(
        self, method: str, path: str, pieces: AsyncIterator[bytes], token: str | None = None, **headers: str
    ) -> int:
        """Send a request, and return the status of the response."""

        async def receive() -> dict[str, Any]:
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return {"type": "http.request", "body": b"", "more_body": False}
            self.pieces += 1
            return {"type": "http.request", "body": piece, "more_body": True}

        async def send(message: Any) -> None:
            self.status = message.get("status", self.status)
            self.headers |= dict(message.get("headers", []))
            self.body += message.get("body", b"")

        sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        sent.append((b"q-api-token", (self._emulator.token if token is None else token).encode()))
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": sent}
        await self._emulator(scope, receive, send)
        return self.status


@pytest.fixture
def client(emulator: Emulator) -> Client:
    """Return a client of the emulator."""
    return Client(emulator)


async def endless() -> AsyncIterator[bytes]:
    """A body of a terabyte."""
    for _ in range(1 << 24):
        yield PIECE


async def stuck() -> AsyncIterator[bytes]:
    """A body whose second piece never comes."""
    yield b"-"
    await anyio.sleep_forever()


async def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body."""
    for piece in pieces:
        yield piece


def form(fields: dict[str, str], file: bytes = b"") -> bytes:
    """The beginning of a form, up to the file."""
    head = "".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    return f'{head}--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'.encode() + file


async def signed(emulator: Emulator) -> dict[str, str]:
    """The fields of a presigned form."""
    caller = Client(emulator)
    assert await caller("POST", "/jobs", pieces_of()) == 200
    return form_of(json.loads(caller.body)["presigned_url"])


FORM = {"content_type": "multipart/form-data; boundary=B"}


@pytest.mark.parametrize(("method", "path"), API)
@pytest.mark.parametrize("token", ["", "wrong"])
async def test_the_token_comes_first(client: Client, method: str, path: str, token: str) -> None:
    """The body of a request without a valid token is not read."""
    assert await client(method, path, endless(), token) == 401
    assert (client.pieces, json.loads(client.body)) == (0, {"detail": "Unauthorized"})
    assert (client.headers.get(b"www-authenticate") is None) == bool(token)
    assert b"x-correlation-id" in client.headers


@pytest.mark.parametrize(("method", "path"), API[:-1])
async def test_bodies_are_bounded(client: Client, method: str, path: str) -> None:
    """Bodies may have ten megabytes, whether their length is announced or not."""
    assert await client(method, path, endless(), content_type="application/json") == 413
    assert client.pieces == guard.MAX_BODY_BYTES // len(PIECE) + 1
    assert json.loads(client.body) == {"message": "The body of the request has more than 10,485,760 bytes."}


@pytest.mark.parametrize(("method", "path"), API[:-1])
async def test_values_are_bounded(client: Client, method: str, path: str) -> None:
    """Bodies with too many short values are refused."""
    assert await client(method, path, pieces_of(*[b"0," * 10_000] * 20), content_type="application/json") == 413
    assert client.pieces == 11
    assert json.loads(client.body) == {"message": "The body of the request has more than 100,000 values."}


@pytest.mark.parametrize(("method", "path"), [*API, ("POST", "/storage"), ("GET", "/storage/x")])
@pytest.mark.parametrize("length", ["100000000", "9" * 5000])
async def test_announced_bodies(client: Client, method: str, path: str, length: str) -> None:
    """A body that is announced to be too large is not read."""
    assert await client(method, path, endless(), content_length=length) == 413
    assert client.pieces == 0
    assert (b"EntityTooLarge" in client.body) == path.startswith("/storage")


@pytest.mark.parametrize("path", ["/jobs", "/storage"])
async def test_slow_bodies(client: Client, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies must arrive within a time limit."""
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.05)
    with anyio.fail_after(30):
        assert await client("POST", path, stuck(), **FORM) == 408
    assert b"took longer than 0.05 seconds" in client.body


@pytest.mark.parametrize("headers", [{f"x-{i}": "" for i in range(200)}, {"x": "x" * 100_000}])
async def test_headers_are_bounded(client: Client, headers: dict[str, str]) -> None:
    """The number and size of headers are limited."""
    assert await client("GET", "/devices", endless(), **headers) == 431
    assert client.pieces == 0


@pytest.mark.parametrize("change", [{}, {"signature": "x"}, {"key": "other/input.zip"}, {"policy": "e30="}])
async def test_signatures_come_before_files(emulator: Emulator, client: Client, change: dict[str, str]) -> None:
    """A file with an invalid signature is not stored, and a valid one only up to the policy's size."""
    fields = await signed(emulator) | change

    async def upload() -> AsyncIterator[bytes]:
        yield form(fields)
        async for piece in endless():
            yield piece

    status = await client("POST", "/storage", upload(), **FORM)

    assert (status, client.pieces) == ((403, 1) if change else (400, client.pieces))
    assert client.pieces <= 1 + guard.MAX_UPLOAD_BYTES // len(PIECE) + 1
    assert emulator._store.get_file(fields["key"]) is None
    if not change:
        assert b"EntityTooLarge" in client.body


@pytest.mark.parametrize("damage", [
    lambda whole: whole[:-20],
    lambda whole: whole.replace(b"--B", b"--C"),
    lambda whole: whole.replace(b'name="file"', b'name="elif"'),
    lambda whole: whole.replace(b"name=", b"nom="),
    lambda whole: b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + b"x" * 30_000 + b"\r\n" + whole,
    lambda whole: b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n" * 1_000 + whole,
    lambda _: b"",
])  # fmt: skip
async def test_damaged_forms(emulator: Emulator, client: Client, damage: Callable[[bytes], bytes]) -> None:
    """The storage names the error in a damaged form, and stores nothing."""
    fields = await signed(emulator)
    whole = form(fields, pack(b"{}", "input.json")) + b"\r\n--B--\r\n"

    assert await client("POST", "/storage", pieces_of(damage(whole)), **FORM) == 400
    assert emulator._store.get_file(fields["key"]) is None


async def test_a_form_in_any_pieces(emulator: Emulator) -> None:
    """Fields before the file are read in any pieces; fields after it are ignored."""
    fields = await signed(emulator)
    archive = pack(b"{}", "input.json")
    whole = form(fields, archive) + b'\r\n--B\r\nContent-Disposition: form-data; name="key"\r\n\r\nx\r\n--B--\r\n'
    for size in (1, 7, len(whole)):
        pieces = [whole[i : i + size] for i in range(0, len(whole), size)]
        assert await Client(emulator)("POST", "/storage", pieces_of(*pieces), **FORM) == 204
        assert emulator._store.get_file(fields["key"]) == archive
