"""The URL under which clients reach a served emulator through a proxy."""

from __future__ import annotations

from urllib.parse import urlsplit

from oqtopus_client.urls import is_web_url


def checked_public_url(url: str) -> str:
    """Return a public URL without its final slash.

    Raises:
        ValueError: It is not the URL of a server.
    """
    if not is_web_url(url):
        raise ValueError(
            f"The public URL must be an http or https URL, such as 'https://emulator.example.org', not {url!r}."
        )
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(
            f"The public URL must not have a path, as {url!r} has; give the emulator a host name or a port for itself."
        )
    return f"{parts.scheme}://{parts.netloc}"
