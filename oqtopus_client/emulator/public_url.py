"""The URL under which clients reach a served emulator through a proxy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from oqtopus_client.urls import is_web_url

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d+)?", re.IGNORECASE)
"""Hosts, with a port, as clients write them in `Host`."""


def checked_public_url(url: str) -> str:
    """Return a public URL without its final slash.

    Raises:
        ValueError: It is not the URL of a server.
    """
    if "@" in str(url):
        raise ValueError("The public URL must not contain a user name or a password.")  # which is not shown
    if not (isinstance(url, str) and is_web_url(url)):
        raise ValueError(
            f"The public URL must be an http or https URL, such as 'https://emulator.example.org', not {url!r}."
        )
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(
            f"The public URL must not have a path or a query, as {url!r} has; give the emulator a host name or a port "
            "for itself."
        )
    if not _HOST.fullmatch(parts.netloc):
        raise ValueError(
            f"The public URL must have a host name of ASCII letters, digits, dots and hyphens, not {parts.netloc!r}; "
            "write an international name in its form xn--..."
        )
    return f"{parts.scheme}://{parts.netloc}"


def under(public_url: str, app: ASGIApp) -> ASGIApp:
    """Return an application whose links and redirects begin with a public URL, whatever a request says about itself."""
    url = urlsplit(public_url)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope = {**scope, "scheme": url.scheme, "headers": [*headers, (b"host", url.netloc.encode())]}
        await app(scope, receive, send)

    return wrapped
