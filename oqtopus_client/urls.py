"""Checks of URLs and hosts."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def is_web_url(url: str, *, credentials: bool = False) -> bool:
    """Return whether a string is an http or https URL; user and password are allowed only with `credentials`."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked when it is read
        (parts.hostname or "").encode("idna")
    except ValueError:
        return False
    allowed = credentials or "@" not in parts.netloc
    whole = url.isprintable() and not set(url) & set(" \\")  # urlsplit() drops some of these
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and allowed and whole
