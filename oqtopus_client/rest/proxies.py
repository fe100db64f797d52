"""Selection of a proxy from environment variables: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass_environment  # type: ignore[attr-defined]

from oqtopus_client.errors import OqtopusConfigError
from oqtopus_client.urls import is_loopback, is_web_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client.config import OqtopusConfig


def proxy_to_server(config: OqtopusConfig) -> str | None:
    """Return the proxy for requests to the server of a configuration; see `proxy_for`."""
    return config.proxy or proxy_for(config.base_url, getproxies())


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """Return the proxy for a URL, or None for a direct connection; loopback addresses are always direct.

    Args:
        url: The URL of the request.
        proxies: What `urllib.request.getproxies` returns: URLs by scheme, `all` for any scheme, and under `no` a
            comma-separated list of hosts without a proxy: names (including their subdomains), addresses and networks,
            each with an optional port, or `*` for all.

    Raises:
        OqtopusConfigError: The proxy is not an http or https URL; SOCKS proxies are not supported.

    >>> proxies = {"https": "http://proxy.example:3128", "no": "example.org, 10.0.0.0/8, example.com:8443"}
    >>> proxy_for("https://api.example.net", proxies)
    'http://proxy.example:3128'
    >>> hosts = "http://api.example.net", "https://api.example.org", "https://10.1.2.3", "https://example.com:8443"
    >>> [proxy_for(host, proxies) for host in hosts]
    [None, None, None, None]
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    source = parts.scheme if proxies.get(parts.scheme) else "all"
    proxy = proxies.get(source)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    if not proxy or is_loopback(host) or _is_excepted(host, port, proxies.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not is_web_url(proxy, credentials=True):
        # Its value is not shown, as it may contain a password.
        raise OqtopusConfigError(
            f"The environment variable {source.upper()}_PROXY does not name an http or https proxy; others, such as "
            f"SOCKS proxies, are not supported. Set OQTOPUS_PROXY to one, or add {host} to NO_PROXY to use none."
        )
    return proxy


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    entries = re.split(r"[,\s]+", exceptions)
    names = ",".join(entry if entry == "*" else entry.removeprefix("*") for entry in entries)
    # Entries with a port are compared with host and port, entries without with the host.
    by_name = proxy_bypass_environment(f"{host}:{port}", {"no": names})
    return bool(by_name) or any(_is_in_network(host, entry) for entry in entries)


def _is_in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(re.sub(r"[\[\]]", "", network), strict=False)
    except ValueError:  # one of them is a name
        return False
