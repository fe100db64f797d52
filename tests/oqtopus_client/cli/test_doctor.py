"""`doctor`, with a real failure for each check."""

from __future__ import annotations

import datetime as dt
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from typer.testing import Result

from tests.support.command_line import Typed, answer
from tests.support.servers import raw_server

TOKEN = "a-token-that-must-stay-secret-0123456789"


class ClockServer(http.server.BaseHTTPRequestHandler):
    """A server that accepts any token and whose clock is two hours behind."""

    def do_GET(self) -> None:
        """Answer a request for the token's status."""
        body = b'{"api_token_expiration": "2999-01-01T00:00:00Z"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time two hours ago."""
        return super().date_time_string((timestamp or dt.datetime.now(dt.UTC).timestamp()) - 7200)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def served(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve it on a port, with TLS if a context is given, and yield its host and port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), ClockServer) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign,assignment] - refused handshakes
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def authority() -> trustme.CA:
    """Return a certificate authority that is not trusted by default."""
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[str]:
    """Yield a server whose certificate expires soon."""
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=soon).configure_cert(context)
    yield from served(context)


@pytest.fixture
def plain() -> Iterator[str]:
    """Yield a server without TLS."""
    yield from served()


def states(found: list[dict[str, str]]) -> dict[str, str]:
    """Return the state of each check by name."""
    return {check["name"]: check["state"] for check in found}


def test_all_is_well(cli: Typed) -> None:
    """Every check runs and passes."""
    result = cli("doctor", "--json")
    found = states(answer(result))

    assert result.exit_code == 0
    assert set(found.values()) == {"ok"}
    assert {"python", "oqtopus-client", "qiskit", "server", "network", "tls", "clock", "token"} <= set(found)
    assert "environment variable OQTOPUS_API_TOKEN" in cli("doctor").stdout


def test_wrong_token(cli: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rejected token has the exit code of authentication."""
    monkeypatch.setenv("OQTOPUS_API_TOKEN", TOKEN)
    result = cli("doctor", "--json")

    assert result.exit_code == 3
    assert states(answer(result))["token"] == "fail"
    assert TOKEN not in result.output


def test_nothing_configured(oqtopus: Typed) -> None:
    """Without configuration, the remedy is to log in."""
    result = oqtopus("doctor", "--json")

    assert result.exit_code == 2
    assert answer(result)[-1]["remedy"] == "Run `oqtopus-client login`."


def test_no_connection(cli: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, the exit code is that of an unreachable server."""
    monkeypatch.setenv("OQTOPUS_URL", "http://127.0.0.1:9")
    result = cli("doctor", "--json")

    assert result.exit_code == 5
    assert states(answer(result))["network"] == "fail"


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n" + b"a" * 70000 + b"\r\n"])
def test_not_a_proxy(oqtopus: Typed, monkeypatch: pytest.MonkeyPatch, garbage: bytes) -> None:
    """If the proxy does not speak HTTP, the check fails and names OQTOPUS_PROXY."""
    with raw_server(lambda _path: garbage) as proxy:
        monkeypatch.setenv("OQTOPUS_PROXY", proxy.url)
        result = examined("https://api.example", oqtopus, monkeypatch)
    (network,) = (check for check in answer(result) if check["name"] == "network")

    assert result.exit_code == 5
    assert network["state"] == "fail"
    assert "OQTOPUS_PROXY" in network["remedy"]


@pytest.mark.parametrize("variable", ["OQTOPUS_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
def test_proxy_that_asks_for_a_password(oqtopus: Typed, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """The remedy says where a proxy's user and password belong; the doctor uses the proxy that the client uses."""
    with raw_server(lambda _path: b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as proxy:
        monkeypatch.setenv(variable, proxy.url)
        (network,) = (
            c for c in answer(examined("https://api.example", oqtopus, monkeypatch)) if c["name"] == "network"
        )
        refused = oqtopus("devices")

    assert "http://user:password@proxy" in network["remedy"]
    assert "the proxy answered HTTP 407 Proxy Authentication Required" in refused.stderr


def test_wrong_token_of_a_profile(oqtopus: Typed, server: dict[str, str]) -> None:
    """The remedy names the profile, as `login` would replace the default one."""
    words = ("--url", server["OQTOPUS_URL"], "--no-verify", "--token-stdin")
    oqtopus("login", "--profile", "my lab", *words, text=TOKEN)
    check = answer(oqtopus("--profile", "my lab", "doctor", "--json", secrets=(TOKEN,)))[-1]

    assert check["remedy"] == "Run `oqtopus-client login --profile 'my lab'` with a new token."


def test_invalid_host_name(oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid host name fails the check of the server's URL."""
    result = examined("https://a..b.example", oqtopus, monkeypatch)

    assert result.exit_code == 2
    assert states(answer(result))["server"] == "fail"


def examined(url: str, oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run the doctor against a server."""
    monkeypatch.setenv("OQTOPUS_URL", url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", TOKEN)
    return oqtopus("doctor", "--json", secrets=(TOKEN,))


def test_clock(plain: str, oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong clock causes a warning with the difference."""
    result = examined(f"http://{plain}", oqtopus, monkeypatch)
    (clock,) = (check for check in answer(result) if check["name"] == "clock")

    assert result.exit_code == 0
    assert clock["state"] == "warn"
    assert 7195 < float(clock["found"].split()[0]) < 7205
    assert "ahead of" in clock["found"]


def test_plain_http_to_another_machine(oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where plain http is allowed, the TLS check warns; elsewhere the server check fails and says how to allow it."""
    refused = answer(examined("http://api.example", oqtopus, monkeypatch))[-1]
    monkeypatch.setenv("OQTOPUS_ALLOW_HTTP", "1")
    with raw_server(lambda _path: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("OQTOPUS_PROXY", proxy.url)
        found = answer(examined("http://api.example", oqtopus, monkeypatch))
    (tls,) = (check for check in found if check["name"] == "tls")

    assert (refused["name"], refused["state"]) == ("server", "fail")
    assert "OQTOPUS_ALLOW_HTTP=1" in refused["found"]
    assert tls["state"] == "warn"
    assert "others on the way can read the token" in tls["found"]


def test_untrusted_certificate(secure: str, oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate from an unknown authority fails the TLS check."""
    result = examined(f"https://{secure}", oqtopus, monkeypatch)

    assert result.exit_code == 5
    assert states(answer(result))["tls"] == "fail"
    assert "token" not in states(answer(result))


def test_missing_certificate_authorities(secure: str, oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL ignores a file of authorities that does not exist; the remedy, and the errors of commands, name it."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    (tls,) = (check for check in answer(examined(f"https://{secure}", oqtopus, monkeypatch)) if check["name"] == "tls")

    assert tls["remedy"].startswith("SSL_CERT_FILE names '/nonexistent.pem'")
    assert "SSL_CERT_FILE names '/nonexistent.pem'" in oqtopus("devices").stderr


def test_certificate_that_expires_soon(
    secure: str, authority: trustme.CA, oqtopus: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that expires soon causes a warning; its authority comes from the environment."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    result = examined(f"https://{secure}", oqtopus, monkeypatch)
    (tls,) = (check for check in answer(result) if check["name"] == "tls")

    assert result.exit_code == 0
    assert tls["state"] == "warn"
    assert "certificate verified" in tls["found"]


def test_profile_that_others_can_read(oqtopus: Typed, server: dict[str, str], tmp_path: Path) -> None:
    """If other users can read the profile, the remedy is the command that prevents it."""
    token = server["OQTOPUS_API_TOKEN"]
    oqtopus("login", "--url", server["OQTOPUS_URL"], "--token-stdin", text=token)
    file = tmp_path / "config" / "oqtopus" / "config.ini"
    file.chmod(0o644)
    (check,) = (c for c in answer(oqtopus("doctor", "--json", secrets=(token,))) if c["name"] == "server")

    assert (check["state"], check["remedy"]) == ("warn", f"chmod 600 {file}")
