"""Servers that mean harm, or are out of their mind: over real sockets, each gets an error of ours and nothing else."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import ssl
import subprocess
import sys
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusError, OqtopusJobSpec
from oqtopus_client.errors import (
    OqtopusConfigError,
    OqtopusConnectionError,
    OqtopusStorageError,
    ResponseValidationError,
    UserApiError,
)
from oqtopus_client.rest.blocked_hosts import is_off_limits
from oqtopus_client.rest.http import HttpClient, responses
from tests.support.circuits import BELL
from tests.support.scripted_server import ScriptedServer
from tests.support.servers import MEBIBYTE, SECRET, RawServer, bomb, client_of, raw_server, reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def endless(*headers: str, piece: bytes = b"[" + b" " * 65535) -> Iterator[bytes]:
    """An answer of 100 GiB, if anybody wanted it."""
    yield ("HTTP/1.1 200 OK\r\n" + "".join(f"{header}\r\n" for header in headers)).encode() + b"\r\n"
    for _ in range(1_600_000):
        yield piece


def chunked() -> Iterator[bytes]:
    """The same in chunks, without a word of its length."""
    return endless("Transfer-Encoding: chunked", piece=b"10000\r\n" + b" " * 65536 + b"\r\n")


# --- what is too large

OVERSIZED: dict[str, Callable[[str], Any]] = {
    "with its length": lambda _path: endless("Content-Length: 107374182400"),
    "without a length": lambda _path: endless("Connection: close"),
    "in chunks": lambda _path: chunked(),
    "gzip bomb": lambda _path: reply(bomb(), "Content-Encoding: gzip"),
    "after a gzip's end": lambda _path: endless("Content-Encoding: gzip", piece=gzip.compress(b"[]") + bytes(65536)),
}


@pytest.mark.parametrize("limit", [None, MEBIBYTE], ids=["true limit", "small limit"])
@pytest.mark.parametrize("name", OVERSIZED)
def test_oversized_answers(name: str, limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the limit is read, or unpacked; memory stays within a small multiple of it."""
    if limit is not None:
        monkeypatch.setattr(responses, "MAX_ANSWER_BYTES", limit)
    limit = responses.MAX_ANSWER_BYTES
    with raw_server(OVERSIZED[name]) as server, client_of(server) as client:
        tracemalloc.start()
        with pytest.raises(ResponseValidationError, match=rf"GET /devices: the response has more than {limit:,} bytes"):
            client.list_devices()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak < 2.5 * limit + 4 * MEBIBYTE
    assert server.sent < limit + 16 * MEBIBYTE


@pytest.mark.parametrize("name", OVERSIZED)
@pytest.mark.anyio
async def test_oversized_files(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files have a limit of their own."""
    monkeypatch.setattr(responses, "MAX_DOWNLOAD_BYTES", MEBIBYTE)
    with raw_server(OVERSIZED[name]) as server:
        http = HttpClient(OqtopusConfig(server.url, SECRET, retry_max_attempts=1))
        with pytest.raises(OqtopusStorageError, match="more than 1,048,576 bytes"):
            await http.fetch(f"{server.url}/file?Signature=hidden")
        await http.aclose()


def test_gzip() -> None:
    """An honest one is read."""
    packed = reply(gzip.compress(b"[]"), "Content-Encoding: gzip")
    with raw_server(lambda _path: packed) as server, client_of(server) as client:
        assert client.list_devices() == []


# --- invalid responses

DEEP = b'{"a":' * 200_000
NONSENSE: dict[str, tuple[bytes, type[OqtopusError]]] = {
    "html": (reply(b"<html>Sign in</html>", "Content-Type: text/html"), ResponseValidationError),
    "nothing": (reply(b""), ResponseValidationError),
    "deep": (reply(DEEP), ResponseValidationError),
    "deep lists": (reply(b"[" * 100_000), ResponseValidationError),
    "deep error": (reply(DEEP, status="500 No"), UserApiError),
    "no utf-8": (reply(b'["\xff\xfe"]'), ResponseValidationError),
    "huge number": (reply(b"9" * 10_000), ResponseValidationError),
    "not a number": (reply(b'[{"device_id": "a", "n_qubits": NaN}]'), ResponseValidationError),
    "infinite": (reply(b'[{"device_id": "a", "n_qubits": 1e999}]'), ResponseValidationError),
    "many wrong": (reply(b"[" + b"{}," * 99_999 + b"{}]"), ResponseValidationError),
    "strange detail": (reply(b'{"detail": [{"loc": 5, "msg": {}}, 7]}', status="422 No"), UserApiError),
    "long words": (reply(b'{"message": "' + b"x" * MEBIBYTE + b'"}', status="400 No"), UserApiError),
    "strange charset": (reply(b"{", "Content-Type: text/html; charset=klingon", status="400 No"), UserApiError),
    "cut off": (reply(b"[" * 10)[:-4], OqtopusConnectionError),
    "no http": (b"SSH-2.0-OpenSSH_9.6\r\n", OqtopusConnectionError),
    "no gzip": (reply(b"[]", "Content-Encoding: gzip"), OqtopusConnectionError),
    "half a gzip": (reply(gzip.compress(b"[]")[:-9], "Content-Encoding: gzip"), OqtopusConnectionError),
    "silence": (b"", OqtopusConnectionError),
    "endless header": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * MEBIBYTE, OqtopusConnectionError),
    "strange status": (b"HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\n[]", UserApiError),
    "strange length": (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n[]", OqtopusConnectionError),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n[]", OqtopusConnectionError),
    "smuggled line": (b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n[]", OqtopusConnectionError),
    "redirect to nowhere": (reply(b"", "Location: http://[nowhere", status="302 Found"), OqtopusError),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense(name: str) -> None:
    """An error of ours, with a message that is not too long."""
    answer, error = NONSENSE[name]
    with raw_server(lambda _path: answer) as server, client_of(server) as client, pytest.raises(error) as caught:
        client.list_devices()

    assert 10 < len(str(caught.value)) < 3000


def test_token_sent_back() -> None:
    """Pages for people who look for errors show the request; the token is left out of ours."""
    body = json.dumps({"message": f"bad header q-api-token: {SECRET}"}).encode()
    with raw_server(lambda _path: reply(body, status="400 No")) as server, client_of(server) as client:
        with pytest.raises(UserApiError) as caught:
            client.list_devices()

    assert SECRET in server.heads[0]
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.payload}"
    assert str(caught.value) == "HTTP 400: bad header q-api-token: (the API token)"


# --- where it would send us


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(status: str) -> None:
    """Neither by the API, where the token would go along, nor for files; the error says where it would have led."""
    with raw_server(lambda _path: reply(b"[]")) as other:
        away = reply(b"", f"Location: {other.url}/x?Signature=hidden", status=status)
        with raw_server(lambda _path: away) as server, client_of(server) as client:
            with pytest.raises(
                UserApiError, match=rf"HTTP {status[:3]}: .*It redirects to http://127\.0\.0\.1, "
            ) as caught:
                client.list_devices()
            with pytest.raises(UserApiError, match="check base_url") as submitted:
                client.submit_job(OqtopusJobSpec.sampling(device_id="qulacs", program=BELL))

    assert other.heads == []
    assert "hidden" not in f"{caught.value!r} {submitted.value!r}"


@pytest.mark.parametrize("url", ["https://xn--.example/x", "https://a..b.example/x", "https://[::1/x", "https://:x/"])
def test_redirects_to_an_invalid_host(url: str) -> None:
    """A redirect whose target cannot be parsed is refused like any other, and says so."""
    away = reply(b"", f"Location: {url}", status="302 Found")
    with raw_server(lambda _path: away) as server, client_of(server) as client:
        with pytest.raises(UserApiError, match=r"HTTP 302: .*It redirects to (an invalid URL|https://.*), "):
            client.list_devices()


def device(url: str) -> dict[str, Any]:
    """A device whose calibration is there."""
    return {"device_id": "a", "device_type": "QPU", "status": "available", "device_info": url}


def job(url: str) -> dict[str, Any]:
    """A job whose result is there."""
    fields = {"name": "", "job_type": "sampling", "status": "succeeded", "device_id": "a", "shots": 1}
    return {**fields, "job_id": "1", "job_info": dict.fromkeys(("result", "input", "sse_log"), url)}


def test_files_are_not_redirected() -> None:
    """What a presigned URL answers is the file, or an error."""
    with raw_server(lambda _path: reply(b"{}")) as other:

        def answer(path: str) -> bytes:
            if path == "/jobs/1":
                return reply(json.dumps(job(f"{server.url}/file?Signature=hidden")).encode())
            return reply(b"", f"Location: {other.url}/x?Signature=hidden", status="302 Found")

        with raw_server(answer) as server, client_of(server) as client:
            with pytest.raises(OqtopusStorageError, match=r"HTTP 302 Found\. It redirects .*; not followed") as caught:
                client.get_job("1")

    assert other.heads == []
    assert "hidden" not in repr(caught.value)
    assert SECRET not in server.heads[1]


FORBIDDEN = [
    "file:///etc/passwd",
    "ftp://storage.example/a",
    "gopher://storage.example/a",
    "data:application/zip,a",
    "//storage.example/a",
    "result.zip",
    "",
    "http:///etc/passwd",
    "http://[nowhere",
    "http://storage.example:99999999/",
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254:8443/",
    "http://me:word@169.254.169.254/",
    "http://169.254.169.254./",
    "HTTP://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://100.100.100.200/",
    "http://0251.0376.0251.0376/",
    "http://metadata.google.internal/",
    "http://Metadata.Google.Internal./",
    "http://\uff11\uff16\uff19.254.169.254/",
    "http://storage.example\r\nX: y/",
    "http://storage.example\0/",
]


@pytest.mark.parametrize("url", FORBIDDEN)
def test_urls_of_secrets(url: str) -> None:
    """A server cannot make us read files of this machine, or ask its cloud for credentials; nothing is sent."""
    upload = {"job_id": "1", "presigned_url": {"url": url, "fields": {"key": "k"}}}
    server = ScriptedServer(**{"GET /jobs/1": job(url), "POST /jobs": upload})
    config = OqtopusConfig("http://server.example", SECRET, transport=server)
    with OqtopusClient(config) as client:
        for ask in (
            lambda: client.get_job("1"),
            lambda: client.read_job_file("1", "input"),
            lambda: client.get_sselog("1"),
            lambda: client.submit_job(OqtopusJobSpec.sampling(device_id="a", program=BELL)),
        ):
            with pytest.raises(OqtopusError, match="The server sent a file URL"):
                ask()
        if url.startswith("http:"):
            server.answers |= {"GET /devices/a": device(url), "GET /devices": [device(url)]}
            with pytest.raises(OqtopusStorageError, match="The server sent a file URL"):
                client.get_device("a")
            assert [found.device_info_str for found in client.list_devices()] == [None]

    assert all(route.split(" ")[1].startswith(("/jobs", "/devices")) for route in server.asked)


@pytest.mark.parametrize("address", ["2852039166", "0xa9fea9fe", "169.254.43518", "secrets.example"])
@pytest.mark.anyio
async def test_names_of_secrets(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor by a name, or a number, that only turns out to be such an address when it is looked up."""
    look_up = socket.getaddrinfo
    hosts = {"secrets.example": "169.254.169.254"}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **kw: look_up(hosts.get(host, host), *args, **kw))
    connected: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, where: connected.append(where))
    http = HttpClient(OqtopusConfig("https://server.example", SECRET, retry_max_attempts=1, timeout=2))
    with pytest.raises(OqtopusConnectionError, match=r"link-local or a cloud's metadata service|not a canonical IPv4"):
        await http.fetch(f"http://{address}/?Signature=hidden")
    await http.aclose()

    assert connected == []


@pytest.mark.anyio
async def test_servers_that_are_there() -> None:
    """Who has a server at a link-local address may have its storage there, too; loopback is always allowed."""
    server = ScriptedServer(**{"GET /file": b"content"})
    at_home = HttpClient(OqtopusConfig("http://169.254.1.1", SECRET, transport=server))
    away = HttpClient(OqtopusConfig("https://api.example", SECRET, transport=server))

    assert await at_home.fetch("http://169.254.1.2/file") == b"content"
    for host in ("127.0.0.1:1", "[::1]", "10.0.0.1", "192.168.0.1", "localhost", "[fd00::1]", "storage.example"):
        assert await away.fetch(f"http://{host}/file") == b"content"


def test_what_is_off_limits() -> None:
    """Addresses are read, names are known."""
    assert not any(map(is_off_limits, ["", "example.org", "metadata.example", "0.0.0.0", "fd00::254"]))  # noqa: S104
    assert all(map(is_off_limits, ["169.254.0.1", "FE80::1", "METADATA.google.internal", "fd00:ec2:0::254"]))


# --- what we send


@pytest.mark.parametrize("fields", [{"key": ["a"]}, {"x": {"a": 1}}, {"x": True}, {"x": "\ud800"}, {"\ud800": "x"}])
def test_forms_that_are_none(fields: dict[str, Any]) -> None:
    """A form holds text."""
    answer = reply(json.dumps({"job_id": "1", "presigned_url": {"url": "http://s.example", "fields": fields}}).encode())
    with raw_server(lambda _path: answer) as server, client_of(server) as client:
        with pytest.raises(ResponseValidationError, match="JobsRegisterJobResponse cannot be read"):
            client.submit_job(OqtopusJobSpec.sampling(device_id="a", program=BELL))


@pytest.mark.anyio
async def test_fields_cannot_add_headers() -> None:
    """A line break in a field's name stays within its quotes."""
    with raw_server(lambda _path: reply(b"")) as server:
        http = HttpClient(OqtopusConfig(server.url, SECRET))
        await http.post_form(f"{server.url}/upload", {'a"\r\nX-Evil: 1\r\n\r\n': "b"}, b"zip")
        await http.aclose()

    assert "\r\nX-Evil" not in server.heads[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"default_headers": {"X-Mine": "a\r\nX-Evil: 1"}},
        {"default_headers": {"X-Mine\nX-Evil": "a"}},
        {"user_agent": "me\r\nX-Evil: 1"},
    ],
)
def test_headers_are_one_line(headers: dict[str, Any]) -> None:
    """A header's value cannot add another header, in any transport."""
    config = OqtopusConfig("http://server.example", SECRET, transport=ScriptedServer())
    with OqtopusClient(config, **headers) as client, pytest.raises(OqtopusConfigError, match="must not contain a"):
        client.list_devices()


@pytest.mark.parametrize("job_id", ["", ".", "..", "\udce9", "x" * 100_000])
def test_ids_that_lead_elsewhere(job_id: str) -> None:
    """Paths to another endpoint, and what no URL can contain, are not valid ids."""
    server = ScriptedServer()
    with OqtopusClient(OqtopusConfig("http://server.example", SECRET, transport=server)) as client:
        with pytest.raises(ValueError, match="is not a valid id"):
            client.delete_job(job_id)

    assert server.asked == []


@pytest.mark.parametrize("job_id", [None, 5, b"1"])
def test_ids_are_text(job_id: Any) -> None:
    """What is none is refused by its value, before anything is sent, in every place that takes an id."""
    server = ScriptedServer()
    with OqtopusClient(OqtopusConfig("http://server.example", SECRET, transport=server)) as client:
        for take in (client.get_job, client.status, client.cancel_job, client.delete_job, client.get_device):
            with pytest.raises(TypeError, match=f"^An id must be text, not {job_id!r}.$"):
                take(job_id)

    assert server.asked == []


def test_ids_are_quoted() -> None:
    """Whatever an id contains stays in its place."""
    server = ScriptedServer()
    with OqtopusClient(OqtopusConfig("http://server.example", SECRET, transport=server)) as client:
        with pytest.raises(UserApiError):
            client.get_job("../users/me?x=1#y\r\nX: 1")

    assert server.asked == ["GET /jobs/../users/me?x=1#y\r\nX: 1"]  # as ASGI shows a path that was quoted


# --- who answers


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[RawServer]:
    """A server over TLS that answers with an empty list."""
    with raw_server(lambda _path: reply(b"[]")) as server:
        plain = server.get_request

        def wrapped() -> Any:
            connection, address = plain()
            try:
                return context.wrap_socket(connection, server_side=True), address
            except OSError:
                connection.close()
                raise

        server.get_request = wrapped  # type: ignore[method-assign]
        yield server


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("name", ["127.0.0.1", "other.example"])
def test_tls_is_verified(trusted: bool, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Only a certificate of a known authority, for this very host, will do; before that no token is sent."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    if trusted:
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with tls_server(context) as server:
        url = server.url.replace("http:", "https:")
        with OqtopusClient(OqtopusConfig(url, SECRET, retry_max_attempts=1)) as client:
            if trusted and name == "127.0.0.1":
                assert client.list_devices() == []
                assert SECRET in server.heads[0]
                return
            with pytest.raises(OqtopusConnectionError, match=r"(?i)certificate"):
                client.list_devices()

    assert server.heads == []


def test_token_goes_to_the_api_only(caplog: pytest.LogCaptureFixture) -> None:
    """Through retries and failures of the storage, the token and the signatures stay where they belong."""
    tries = {"n": 0}

    def stored(_path: str) -> bytes:
        tries["n"] += 1
        return reply(b"", status="503 Busy") if tries["n"] < 3 else reply(b"no zip")

    caplog.set_level(logging.DEBUG)
    with raw_server(stored) as storage:
        answer = reply(json.dumps(job(f"{storage.url}/file?Signature=hidden")).encode())
        with raw_server(lambda _path: answer) as server:
            with OqtopusClient(OqtopusConfig(server.url, SECRET, retry_backoff_seconds=0)) as client:
                with pytest.raises(OqtopusStorageError, match="Invalid ZIP file") as caught:
                    client.get_job("1")

    assert len(storage.heads) == 5  # three tries for the first download, which is damaged, as are two more
    assert SECRET not in "".join(storage.heads)
    assert SECRET in server.heads[0]
    assert SECRET not in caplog.text
    assert "hidden" not in f"{caplog.text} {caught.value!r}"


def test_deep_json_of_devices() -> None:
    """A calibration nested too deeply is none."""
    server = ScriptedServer(**{"GET /devices": [device("[" * 100_000)]})
    with OqtopusClient(OqtopusConfig("http://server.example", transport=server)) as client:
        assert client.list_devices()[0].device_info is None


def test_resident_memory_under_a_bomb() -> None:
    """A process that meets a gzip bomb has not grown by more than three limits."""
    script = """
import resource
from oqtopus_client import ResponseValidationError
from tests.support.servers import bomb, client_of, raw_server, reply
packed = reply(bomb(), "Content-Encoding: gzip")
with raw_server(lambda _path: packed) as server, client_of(server) as client:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        client.list_devices()
    except ResponseValidationError:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert int(grown.stdout) < 3 * responses.MAX_ANSWER_BYTES / 1024
