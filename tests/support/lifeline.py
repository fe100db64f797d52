"""A sign of life from processes under test."""

from __future__ import annotations

import socket


class Lifeline:
    """A port that processes under test connect to; its end of file is their end."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(60)

    @property
    def connect(self) -> str:
        """The Python expression that connects."""
        return f"__import__('socket').create_connection({self._listener.getsockname()!r})"

    def accept(self) -> socket.socket:
        """Wait until a process has connected."""
        connection, _ = self._listener.accept()
        connection.settimeout(60)
        return connection

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()
