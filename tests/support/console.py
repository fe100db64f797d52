"""The console in this process, as a browser reaches it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from oqtopus_client.emulator.console.access import Access
from oqtopus_client.emulator.console.app import create_console
from oqtopus_client.emulator.console.site import Site

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from oqtopus_client.emulator import Emulator

LOCAL = "http://127.0.0.1:8080"
NETWORK = "http://192.0.2.7:8080"


class _InProcess(httpx.BaseTransport):
    """Passes requests to an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())


def console_of(
    emulator: Emulator,
    url: str = LOCAL,
    *,
    address: str = "127.0.0.1",
    public_url: str | None = None,
    is_own: bool = True,
) -> httpx.Client:
    """Return a browser at the console of an emulator.

    It follows no redirect, and sends the `Origin` of the console's pages.

    Args:
        emulator: The emulator.
        url: The URL in the browser.
        address: The address on which the emulator listens.
        public_url: The public URL of the emulator.
        is_own: Whether the browser is a process of the user who started the emulator.
    """
    access = Access.listening_on(address, public_url, is_own=lambda _: is_own)
    site = Site(emulator.cloud, access, emulator.token, emulator.data, public_url or url)
    return httpx.Client(transport=_InProcess(create_console(site, emulator)), base_url=url, headers={"Origin": url})


def on_network(emulator: Emulator) -> httpx.Client:
    """Return a browser at the console of an emulator that listens on a network."""
    return console_of(emulator, NETWORK, address="192.0.2.7")


def logged_in(emulator: Emulator, token: str) -> httpx.Client:
    """Return a browser at the console of an emulator on a network, where the user of a token has logged in."""
    browser = on_network(emulator)
    assert browser.post("/console/login", data={"token": token}).status_code == 303
    return browser
