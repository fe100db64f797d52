"""Where a served emulator listens, and the URL under which others reach it."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import uvicorn

from oqtopus_client.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from oqtopus_client.emulator.tls import Certificate

_REASONS = {
    errno.EACCES: "only the system's administrator may use this port; choose one above 1023.",
    errno.EADDRINUSE: "another program listens there, perhaps another emulator; choose another port, or 0 for any.",
    errno.EADDRNOTAVAIL: "this machine does not have that address.",
    socket.EAI_NONAME: "the host is unknown; name an address of this machine, such as 127.0.0.1.",
}

_LAST_SECONDS = 1
"""Time that pending answers get when the server is stopped."""


def listen(host: str, port: int) -> socket.socket:
    """Listen on a port; 0 is any free one.

    Raises:
        OSError: This is not possible.
    """
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise OSError(f"cannot listen on {host} port {port}: {_reason(error)}") from error
    # An answer is sent in two parts; the second would wait up to 40 ms for the acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _reason(error: OSError | OverflowError) -> str:
    """Return why a program cannot listen, and what to do."""
    if isinstance(error, OverflowError):
        return "ports are numbers from 0 to 65535."
    # `create_server` adds the address to the system's text.
    return _REASONS.get(error.errno or 0) or f"{str(error.strerror).partition(' (')[0]}."


def url_of(listener: socket.socket, host: str, certificate: Certificate | None = None) -> str:
    """Return the URL of what listens, as other programs can use it.

    Args:
        listener: The listening socket.
        host: The host that the user asked for.
        certificate: The certificate for https; None for http.
    """
    address, port = listener.getsockname()[:2]
    if ipaddress.ip_address(address).is_unspecified:  # all addresses of this machine; no client can connect to it
        names = [name for name in certificate.names if "*" not in name] if certificate else []
        name = next(iter(names), None) or _outward_address(listener.family)
    else:
        name = address if _is_address(host) else host
    return f"{'https' if certificate else 'http'}://{f'[{name}]' if ':' in name else name}:{port}"


def sends_tokens_unencrypted(listener: socket.socket, url: str) -> bool:
    """Return whether tokens travel unencrypted between machines.

    Args:
        listener: The listening socket.
        url: The URL that clients use.
    """
    parts = urlsplit(url)
    local = is_loopback(str(parts.hostname)) and is_loopback(listener.getsockname()[0])
    return parts.scheme == "http" and not local


def settings(app: ASGIApp, certificate: Certificate | None = None, proxies: Sequence[str] = ()) -> uvicorn.Config:
    """Return the settings of the HTTP server.

    Args:
        app: The application to serve.
        certificate: The certificate for https; None for http.
        proxies: Addresses whose forwarded headers are believed.
    """
    return uvicorn.Config(
        app,
        http="h11",  # the other implementation accepts headers of any length
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=_LAST_SECONDS,
        ssl_certfile=certificate.file if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),  # an empty list, unlike None, is not replaced by 127.0.0.1
    )


def by_port(port: int, app: ASGIApp, others: ASGIApp) -> ASGIApp:
    """Return an application that gives requests to a port to `app`, and those to other ports to `others`."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["server"][1] == port else others)(scope, receive, send)

    return wrapped


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _outward_address(family: int) -> str:
    """Return the address with which this machine connects to others, or its name if it has no network."""
    elsewhere = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"  # for documentation: nothing is sent
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((elsewhere, 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()
