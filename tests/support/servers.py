"""Servers that send exactly the bytes a test wants."""

from __future__ import annotations

import functools
import gzip
import socket
import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from oqtopus_client import OqtopusClient, OqtopusConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

SECRET = "idpart.secretpart"


def answering(status: int, body: bytes, content_type: str = "application/json") -> ASGIApp:
    """A server that gives everyone the same answer."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type.encode())]}
        )
        await send({"type": "http.response.body", "body": body})

    return app


def answer_all(connection: socket.socket, seen: list[bytes]) -> None:
    """Answer each request on a connection with an empty list."""
    with connection:
        while head := connection.recv(65536):
            seen.append(head)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]")


MEBIBYTE = 1 << 20


class RawServer(socketserver.ThreadingTCPServer):
    """Sends given bytes in response to each request, and records the requests' heads."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Callable[[str], Any]) -> None:
        self.heads: list[str] = []
        self.sent = 0
        server = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                head = b""
                while b"\r\n\r\n" not in head and (more := self.request.recv(65536)):
                    head += more
                server.heads.append(head.decode(errors="replace"))
                pieces = answer(server.heads[-1].split(" ")[1]) if head else b""
                try:
                    for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                        self.request.sendall(piece)
                        server.sent += len(piece)
                    self.request.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # the client has had enough

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def raw_server(answer: Callable[[str], Any]) -> Iterator[RawServer]:
    """Run such a server."""
    with RawServer(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An answer that is whole."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@functools.cache
def bomb() -> bytes:
    """An eighth of a mebibyte that unpacks to 128."""
    return gzip.compress(bytes(128 * MEBIBYTE))


def client_of(server: RawServer, **settings: Any) -> OqtopusClient:
    """A client of that server, which is not patient."""
    return OqtopusClient(OqtopusConfig(server.url, SECRET, timeout=5, retry_max_attempts=1, **settings))
