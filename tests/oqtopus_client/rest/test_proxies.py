"""Proxies of the environment: which URL gets which, for the API and for storage."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from oqtopus_client import OqtopusConfig
from oqtopus_client.errors import OqtopusConfigError
from oqtopus_client.rest.http import HttpClient
from oqtopus_client.rest.proxies import proxy_for
from tests.support.servers import answer_all

if TYPE_CHECKING:
    from collections.abc import Iterator

PROXY = "http://me:word@proxy.example:3128"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of this machine's takes part."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("url", "exceptions", "direct"),
    [
        ("https://api.example.org", "", False),
        ("https://api.example.org", "*", True),
        ("https://api.example.org", "example.org", True),
        ("https://api.example.org", ".example.org", True),
        ("https://api.example.org", "*.example.org", True),
        ("https://API.example.org.", "elsewhere , Example.ORG", True),
        ("https://api.example.org", "other.net example.org", True),
        ("https://notexample.org", "example.org", False),
        ("https://example.org.evil.net", "example.org", False),
        ("https://api.example.org", "example.org:8443", False),
        ("https://api.example.org", "example.org:443", True),
        ("https://api.example.org:8443", "example.org:8443", True),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://[2001:db8::1]:8443", "2001:db8::/32", True),
        ("https://[2001:db8::1]", "[2001:db8::1]", True),
        ("https://[2001:db9::1]", "2001:db8::/32", False),
        ("https://localhost:8080", "", True),
        ("https://emulator.localhost", "", True),
        ("https://127.0.0.2", "", True),
        ("https://[::1]:80", "", True),
        ("https://[::ffff:127.0.0.1]:80", "", True),
    ],
)
def test_exceptions(url: str, exceptions: str, direct: bool) -> None:
    """Names with their subdomains, ports, addresses, networks and `*`; this machine itself always."""
    assert proxy_for(url, {"https": PROXY, "no": exceptions}) == (None if direct else PROXY)


def test_schemes() -> None:
    """A scheme's own proxy comes before that for all; one without a scheme is an http proxy."""
    proxies = {"http": "one.example:1", "all": "https://all.example:2"}

    assert proxy_for("http://a.example", proxies) == "http://one.example:1"
    assert proxy_for("https://a.example", proxies) == "https://all.example:2"
    assert proxy_for("https://a.example", {"http": "one.example:1"}) is None


@pytest.mark.parametrize("proxy", ["socks5://me:word@proxy.example:1080", "http://me:word@", "http://me:word@a:port"])
def test_proxies_that_cannot_be_used(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, with what to do, and its password stays secret."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(
        OqtopusConfigError, match=r"ALL_PROXY does not name an http .*OQTOPUS_PROXY.*NO_PROXY"
    ) as caught:
        HttpClient(OqtopusConfig("https://api.example.org"))

    assert "word" not in str(caught.value)


class Proxy:
    """Something that answers like a proxy, and remembers which requests came."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        with self._listener:
            answer_all(self._listener.accept()[0], self.seen)

    def join(self) -> None:
        """Wait until the connection has been closed; without one, until there is none to come."""
        if not self.seen:
            socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """One that runs."""
    proxy = Proxy()
    yield proxy
    proxy.join()


@pytest.mark.anyio
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_variables(variable: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """API and storage are reached through the environment's proxy."""
    monkeypatch.setenv(variable, proxy.url)
    http = HttpClient(OqtopusConfig("http://api.example", allow_http=True))
    await http.fetch("http://storage.example/result.zip")
    await http.post_form("http://storage.example/upload", {"key": "input.zip"}, b"zip")
    await http.aclose()

    assert [request.split(b" HTTP")[0] for request in proxy.seen] == [
        b"GET http://storage.example/result.zip",
        b"POST http://storage.example/upload",
    ]


@pytest.mark.anyio
async def test_the_configuration_comes_first(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a proxy of its own is configured, the environment's variables do not count."""
    monkeypatch.setenv("ALL_PROXY", "http://unreachable.invalid:1")
    monkeypatch.setenv("NO_PROXY", "*")
    http = HttpClient(OqtopusConfig("http://api.example", proxy=proxy.url, allow_http=True))
    await http.fetch("http://storage.example/result.zip")
    await http.aclose()

    assert proxy.seen[0].startswith(b"GET http://storage.example/result.zip HTTP")


@pytest.mark.anyio
async def test_this_machine_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator needs no exception."""
    monkeypatch.setenv("ALL_PROXY", "http://unreachable.invalid:1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen: list[bytes] = []
        thread = threading.Thread(target=lambda: answer_all(listener.accept()[0], seen))
        thread.start()
        http = HttpClient(OqtopusConfig("https://api.example.org", retry_max_attempts=1))
        await http.fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/result.zip")
        await http.aclose()
        thread.join()

    assert seen[0].startswith(b"GET /result.zip HTTP")
