"""The connection pool, and the hosts it may connect to."""

from __future__ import annotations

import contextlib
import socket
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from oqtopus_client.errors import OqtopusConfigError, OqtopusStorageError
from oqtopus_client.rest.blocked_hosts import is_off_limits
from oqtopus_client.rest.http.certificates import tls_context
from oqtopus_client.rest.proxies import proxy_for

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection

    from aiohttp.abc import ResolveResult

    from oqtopus_client.config import OqtopusConfig

_MAX_CONNECTIONS = 64
"""Maximum number of connections per client; further requests wait for a free one."""

_KEPT = 5.0
"""Seconds to keep an idle connection, as long as common servers do."""


def transport(config: OqtopusConfig) -> httpx.AsyncBaseTransport:
    """Return the configuration's transport, or wrap its application, or else create a pool."""
    if config.transport is None:
        return Pool(config)
    if isinstance(config.transport, httpx.AsyncBaseTransport):
        return config.transport
    return httpx.ASGITransport(app=config.transport)


class Pool(httpx.AsyncBaseTransport):
    """Connections to any host, over the proxy that the configuration or else the environment names for it.

    Raises:
        OqtopusConfigError: A URL of the configuration cannot be used.
    """

    def __init__(self, config: OqtopusConfig) -> None:
        self._config = config
        self._proxies = getproxies()
        self._tls = tls_context()
        self._own = {host(url) for url in (config.base_url, config.proxy) if url}
        self._by_proxy: dict[str | None, AiohttpTransport] = {}
        self._through(self._proxy_for(config.base_url))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: D102 - the base's
        return await self._through(self._proxy_for(str(request.url))).handle_async_request(request)

    def _proxy_for(self, url: str) -> str | None:
        return self._config.proxy or proxy_for(url, self._proxies)

    def _through(self, proxy: str | None) -> AiohttpTransport:
        if proxy not in self._by_proxy:
            own = {*self._own, *([host(proxy)] if proxy else [])}
            self._by_proxy[proxy] = AiohttpTransport(
                verify=self._tls,
                proxy=httpx.Proxy(proxy) if proxy else None,
                client=lambda: _session(self._tls, own),
            )
        return self._by_proxy[proxy]

    async def aclose(self) -> None:  # noqa: D102 - the base's
        for connections in self._by_proxy.values():
            await connections.aclose()

    def abandon(self) -> None:
        """Release connections that were not closed, without the warning aiohttp would print."""
        for connections in self._by_proxy.values():
            session = connections.client
            if isinstance(session, aiohttp.ClientSession) and session.connector is not None:
                closing = session.connector.close()
                session.detach()
                with contextlib.suppress(StopIteration, RuntimeError):  # not awaited: its loop may have ended
                    next(closing.__await__())


def host(url: str) -> str:
    """Return the host of a URL of the configuration.

    Raises:
        OqtopusConfigError: It is not a valid URL. It is not shown, as it may contain a password.
    """
    try:
        return httpx.URL(url).host
    except (httpx.InvalidURL, UnicodeError) as error:
        raise OqtopusConfigError(f"base_url or proxy is not a valid URL: {error}.") from None


# All uploads to a server go to the same URL.
_parse = lru_cache(maxsize=16)(httpx.URL)


def storage_url(url: str, *, anywhere: bool) -> httpx.URL:
    """Parse a storage URL that the server sent, and check that its host is allowed.

    Args:
        url: The URL.
        anywhere: Whether link-local hosts are allowed, as the server itself is on one.

    Raises:
        OqtopusStorageError: It is not one of the web, or leads to this machine's own secrets.
    """
    try:
        # Parsed as it will be used: two parsers that disagree would allow a bypass.
        parsed, _ = _parse(url), urlsplit(url).port
        named = parsed.host  # decoded on access
    except (httpx.InvalidURL, ValueError, TypeError):
        raise OqtopusStorageError("The server sent a file URL that is not a valid URL.") from None
    if parsed.scheme not in {"http", "https"} or not named:
        raise OqtopusStorageError("The server sent a file URL that is not http or https.")
    if is_off_limits(named) and not anywhere:
        raise OqtopusStorageError(
            f"The server sent a file URL with the host {named}, which is link-local or a cloud's metadata service; "
            "it is not used."
        )
    return parsed


class _Resolver(aiohttp.ThreadedResolver):
    """Resolves hosts; a name that resolves to a blocked address is treated as unknown.

    Args:
        own: Hosts that the user configured.
    """

    def __init__(self, own: Collection[str]) -> None:
        super().__init__()
        self._own = own

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if host not in self._own and any(is_off_limits(address["host"]) for address in found):
            raise OSError(None, f"{host} is link-local or a cloud's metadata service; it is not used")
        return found


def _session(tls: ssl.SSLContext, own: Collection[str]) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=_MAX_CONNECTIONS, keepalive_timeout=_KEPT, ssl=tls, resolver=_Resolver(own))
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    # aiohttp would silently retry GET and DELETE when a connection breaks: a DELETE that succeeded would then be
    # reported as a 404, and the retry settings would not hold.
    session._retry_connection = False  # noqa: SLF001
    return session
