"""What becomes of the server's refusals, silences and nonsense."""

from __future__ import annotations

import json
import pickle
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client import (
    AsyncOqtopusClient,
    OqtopusClient,
    OqtopusConfig,
    OqtopusJobSpec,
    ResponseValidationError,
    UserApiError,
)
from oqtopus_client.errors import (
    AuthenticationError,
    NotFoundError,
    OqtopusConfigError,
    OqtopusConnectionError,
    OqtopusError,
    OqtopusStorageError,
    OqtopusTimeoutError,
    PermissionDeniedError,
)
from oqtopus_client.rest.http import HttpClient
from tests.support.circuits import BELL
from tests.support.scripted_server import ScriptedServer
from tests.support.servers import answer_all, answering

if TYPE_CHECKING:
    from starlette.types import ASGIApp

SECRET = "idpart.secretpart"


def ask(app: ASGIApp, **settings: Any) -> object:
    """Ask such a server for its devices."""
    with OqtopusClient(OqtopusConfig("http://server.example", SECRET, transport=app, **settings)) as client:
        return client.list_devices()


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (400, {"message": "device not found"}, UserApiError, "HTTP 400: device not found"),
        (403, {"message": "Forbidden"}, PermissionDeniedError, "HTTP 403: Forbidden"),
        (404, {"detail": "not here"}, NotFoundError, "HTTP 404: not here (GET http://server.example/devices)"),
        (404, {"message": "gone"}, NotFoundError, "HTTP 404: gone (GET http://server.example/devices)"),
        (
            422,
            {"detail": [{"type": "x", "loc": ["body", "shots"], "msg": "too many", "input": 0}]},
            UserApiError,
            "HTTP 422: body.shots: too many (GET http://server.example/devices)",
        ),
        (
            500,
            {"message": "Internal Server Error", "message_code": "INTERNAL_SERVER_ERROR", "message_params": {}},
            UserApiError,
            "HTTP 500: Internal Server Error",
        ),
        (502, "<html>Bad gateway</html>", UserApiError, "HTTP 502: Bad Gateway (GET http://server.example/devices)"),
    ],
)
def test_refusals(status: int, body: object, error: type[UserApiError], message: str) -> None:
    """The server's own words reach the user, whichever of its layers spoke."""
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    with pytest.raises(error) as caught:
        ask(answering(status, raw))

    assert str(caught.value) == message
    assert caught.value.status_code == status
    assert caught.value.payload == body


def test_refusals_say_what_was_asked() -> None:
    """The id that a server does not know is in the message; a query is not."""
    server = answering(404, b'{"message": "job not found"}')
    config = OqtopusConfig("http://server.example/api", SECRET, transport=server)
    with OqtopusClient(config) as client:
        with pytest.raises(NotFoundError) as caught:
            client.get_job("a/b")
        with pytest.raises(NotFoundError) as listing:
            client.list_jobs(q="hidden")

    assert str(caught.value) == "HTTP 404: job not found (GET http://server.example/api/jobs/a%2Fb)"
    assert str(listing.value) == "HTTP 404: job not found (GET http://server.example/api/jobs)"


def test_rejected_token() -> None:
    """The error says where the token came from, and never what it is."""
    with pytest.raises(AuthenticationError) as caught:
        ask(answering(401, b'{"detail": "Unauthorized"}'), token_source="profile [lab] of config.ini")

    assert "did not accept the API token from profile [lab] of config.ini" in str(caught.value)
    assert SECRET not in repr(caught.value)


def test_missing_token() -> None:
    """Without a token, the error says how to give one."""
    config = OqtopusConfig("http://server.example", transport=answering(401, b'{"message": "Unauthorized"}'))
    with (
        OqtopusClient(config) as client,
        pytest.raises(AuthenticationError, match="No API token was sent: set OQTOPUS"),
    ):
        client.list_devices()


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"<html>Welcome to our hotel</html>", "text/html", "expected JSON, got text/html \\(HTTP 200\\)"),
        (b"{}", "application/json", "Expected a list from the server, got dict"),
        (b'[{"device_type": "QPU"}]', "application/json", "DevicesDeviceInfo cannot be read: device_id"),
    ],
)
def test_unreadable_answers(body: bytes, content_type: str, message: str) -> None:
    """An unreadable success raises its own kind of error."""
    with pytest.raises(ResponseValidationError, match=message):
        ask(answering(200, body, content_type))


def test_unreadable_answers_are_not_shown() -> None:
    """They are in the error's payload, but not in its text: presigned URLs may be among them."""
    body = b'{"presigned_url": {"url": "https://storage.example", "fields": {"signature": "hidden"}}}'
    job = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL)
    with (
        OqtopusClient(OqtopusConfig("http://server.example", transport=answering(200, body))) as client,
        pytest.raises(ResponseValidationError, match="JobsRegisterJobResponse cannot be read: job_id") as caught,
    ):
        client.submit_job(job)
    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own

    assert "hidden" not in f"{error} {error!r}"
    assert error.payload == json.loads(body)


def test_refused_connection() -> None:
    """A refused connection is not a timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    config = OqtopusConfig(f"http://127.0.0.1:{port}", SECRET)
    with OqtopusClient(config) as client, pytest.raises(OqtopusConnectionError, match=f"127.0.0.1:{port}") as caught:
        client.list_devices()

    assert not isinstance(caught.value, OqtopusTimeoutError)


@pytest.mark.parametrize(
    ("host", "of_storage"),
    [
        ("a" * 64 + ".example", OqtopusConnectionError),
        ("a..b.example", OqtopusConnectionError),
        ("xn--.example", OqtopusStorageError),
    ],
)
@pytest.mark.anyio
async def test_hosts_that_cannot_be_looked_up(host: str, of_storage: type[OqtopusError]) -> None:
    """Neither the user's own nor a storage's brings an error of Python's name service."""
    async with AsyncOqtopusClient(OqtopusConfig(f"https://{host}", SECRET, retry_max_attempts=1)) as client:
        with pytest.raises(
            OqtopusConfigError, match=r"^base_url (must be an http or https URL|or proxy is not a valid URL)"
        ):
            await client.list_devices()
    http = HttpClient(OqtopusConfig("https://api.example", SECRET, retry_max_attempts=1))
    for transfer in (
        http.fetch(f"https://{host}/file?Signature=hidden"),
        http.post_form(f"https://{host}/?Signature=hidden", {"key": "input.zip"}, b"zip"),
    ):
        with pytest.raises(of_storage) as caught:
            await transfer
        assert "hidden" not in str(caught.value)
    await http.aclose()


def test_certificates_of_the_environment(monkeypatch: pytest.MonkeyPatch, server: dict[str, str]) -> None:
    """With a missing CA file, TLS fails, while a server without TLS can still be used."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")
    with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
        assert client.list_devices()


def test_silent_server() -> None:
    """A server that accepts and never answers costs no more than the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = OqtopusConfig(f"http://127.0.0.1:{listener.getsockname()[1]}", SECRET, timeout=0.1)
        with OqtopusClient(config) as client, pytest.raises(OqtopusTimeoutError, match=r"no response within 0\.1 s"):
            client.list_devices()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # aiohttp deprecates what httpx-aiohttp uses
def test_source_of_an_unreachable_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the source of the URL, the proxy without its password, and the command that diagnoses it."""
    monkeypatch.setenv("OQTOPUS_BASE_URL", "http://192.0.2.1")
    monkeypatch.setenv("OQTOPUS_PROXY", "http://user:hidden@127.0.0.1:9")
    with OqtopusClient(OqtopusConfig.from_env()) as client, pytest.raises(OqtopusConnectionError) as caught:
        client.list_devices()

    assert str(caught.value).endswith(
        "The URL is from environment variable OQTOPUS_BASE_URL, and the connection goes through the proxy "
        "http://127.0.0.1:9; `oqtopus-client doctor` checks the connection."
    )
    assert "hidden" not in str(caught.value)


def test_retries_of_a_silent_server_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After some seconds without a usable response, each further attempt is announced."""
    config = OqtopusConfig("http://server.example", SECRET, transport=answering(503, b"{}"), retry_backoff_seconds=0)
    with OqtopusClient(config) as client, caplog.at_level("WARNING"):
        with pytest.raises(UserApiError):
            client.list_devices()
        assert caplog.messages == []
        monkeypatch.setattr("oqtopus_client.rest.http.client._SILENT_SECONDS", -1)
        with pytest.raises(UserApiError):
            client.list_devices()

    assert caplog.messages == [f"GET /devices: HTTP 503; trying again ({attempt}/3)" for attempt in (2, 3)]


@pytest.mark.anyio
async def test_silent_storage() -> None:
    """Files wait no longer than anything else: the configured timeout, fractions of a second included."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        storage = f"http://127.0.0.1:{listener.getsockname()[1]}/file?Signature=hidden"
        http = HttpClient(OqtopusConfig("https://api.example", SECRET, timeout=0.1, retry_max_attempts=1))
        for transfer in (http.fetch(storage), http.post_form(storage, {"key": "input.zip"}, b"zip")):
            with pytest.raises(OqtopusTimeoutError, match=r"no response within 0\.1 s") as caught:
                await transfer
            assert "hidden" not in str(caught.value)
        await http.aclose()


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (UserApiError, Exception),
        (ResponseValidationError, Exception),
        (OqtopusStorageError, Exception),
        (OqtopusConnectionError, ConnectionError),
        (OqtopusTimeoutError, TimeoutError),
    ],
)
def test_errors_have_one_root(error: type[Exception], builtin: type[Exception]) -> None:
    """What server, storage and network do wrong can be caught together, or in Python's own words."""
    assert issubclass(error, OqtopusError)
    assert issubclass(error, builtin)


def test_calls_share_a_connection() -> None:
    """One call after the other takes one connection; the server here accepts no second."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: answer_all(listener.accept()[0], seen))
        thread.start()
        config = OqtopusConfig(f"http://127.0.0.1:{listener.getsockname()[1]}", SECRET, timeout=5)
        with OqtopusClient(config) as client:
            for _ in range(5):
                assert client.list_devices() == []
        thread.join()

    assert len(seen) == 5


# httpx-aiohttp still hands passwords on in the way that aiohttp deprecates.
@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated", "ignore:The .proxy_auth. parameter is deprecated")
def test_proxy(server: dict[str, str]) -> None:
    """Requests go through it, with its password."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: answer_all(listener.accept()[0], seen))
        thread.start()
        proxy = f"http://me:word@127.0.0.1:{listener.getsockname()[1]}"
        config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"], proxy)
        with OqtopusClient(config) as client:
            assert client.list_devices() == []
        thread.join()

    assert seen[0].startswith(f"GET {server['OQTOPUS_URL']}/devices HTTP/1.1".encode())
    assert b"Proxy-Authorization: Basic bWU6d29yZA==" in seen[0]


@pytest.mark.anyio
async def test_files_go_through_the_proxy() -> None:
    """Storage hosts, too, are reached through it, up and down."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: answer_all(listener.accept()[0], seen))
        thread.start()
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        http = HttpClient(OqtopusConfig("https://api.example", SECRET, proxy))
        await http.fetch("http://storage.example/result.zip")
        await http.post_form("http://storage.example/upload", {"key": "input.zip"}, b"zip")
        await http.aclose()
        thread.join()

    assert seen[0].startswith(b"GET http://storage.example/result.zip HTTP/1.1")
    assert seen[1].startswith(b"POST http://storage.example/upload HTTP/1.1")
    assert SECRET.encode() not in b"".join(seen)


def test_no_pickle() -> None:
    """Connections are a process's own, and a pickle would hold the token."""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(HttpClient(OqtopusConfig("https://api.example", SECRET, transport=ScriptedServer())))
