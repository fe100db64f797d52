"""Whose process is at the other end of a connection."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator

import pytest

from oqtopus_client.emulator import peers
from oqtopus_client.emulator.peers import is_own_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has the tables")


@contextlib.contextmanager
def connection(host: str, client_host: str | None = None) -> Iterator[tuple[dict[str, object], socket.socket]]:
    """Connect to this process; yield the scope as the HTTP server makes it, and the client."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this computer has no {host}")
    with listener, socket.create_connection((client_host or host, listener.getsockname()[1])) as client:
        server, address = listener.accept()
        with server:
            yield {"client": address[:2], "server": server.getsockname()[:2]}, client


@pytest.mark.parametrize(
    ("host", "client_host"), [("127.0.0.1", None), ("::1", None), ("127.0.0.1", "::ffff:127.0.0.1")]
)
def test_own_processes(host: str, client_host: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are recognized by the user who owns the socket."""
    with connection(host, client_host) as (scope, _):
        assert is_own_process(scope)
        monkeypatch.setattr(peers, "_ROOT", -1)
        other = os.getuid() + 1
        monkeypatch.setattr(os, "getuid", lambda: other)
        assert not is_own_process(scope)


def test_closed_connections() -> None:
    """A client that sends a request and leaves is unknown, although its socket then seems to be root's."""
    with connection("127.0.0.1") as (scope, client):
        client.close()
        assert not is_own_process(scope)


def test_other_ends() -> None:
    """Neither the server's own end nor another connection counts."""
    with connection("127.0.0.1") as (scope, _):
        assert not is_own_process({"client": scope["server"], "server": ("127.0.0.1", 1)})
        assert not is_own_process({"client": ("192.0.2.7", 80), "server": scope["server"]})


def test_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing tells users apart, all processes of the computer are the user's."""
    monkeypatch.setattr(sys, "platform", "win32")

    assert is_own_process({"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)})
