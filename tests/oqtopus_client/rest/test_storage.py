"""Zip archives, and the form they are posted with."""

from __future__ import annotations

import io
import zipfile
from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest
import requests
import requests_mock
from hypothesis import given
from hypothesis import strategies as st

from oqtopus_client import OqtopusConfig
from oqtopus_client.errors import OqtopusStorageError
from oqtopus_client.rest.http import HttpClient
from oqtopus_client.rest.models import JobsS3JobResult
from oqtopus_client.rest.storage import pack, read_model, read_text, unpack

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

FIELDS = {"key": "id/input.zip", "x-amz-signature": "a+b/=é", "policy": "eyJ9", "success_action_status": "201"}


@given(st.binary(max_size=1000))
def test_pack_and_unpack(content: bytes) -> None:
    """What goes in comes out."""
    assert unpack(pack(content, "input.json")) == content


def archive(*entries: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as writer:
        for name, content in entries:
            writer.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a zip", "Invalid ZIP file"),
        (archive(), "but found 0"),
        (archive(("a", b"1"), ("b", b"2")), "but found 2"),
        (archive(("a", b"x" * 1000))[:-5], "Invalid ZIP file"),
        (archive(("bomb", b"0" * 10_001)), "unpacks to more than 10,000 bytes"),
        (archive(("bomb", b"0"), compression=zipfile.ZIP_BZIP2), "compressed in another way than by deflation"),
        (archive(("bomb", b"0"), compression=zipfile.ZIP_LZMA), "compressed in another way than by deflation"),
    ],
)
def test_bad_archives(content: bytes, message: str) -> None:
    """Each defect is named; a bomb does not go off."""
    with pytest.raises(OqtopusStorageError, match=message):
        unpack(content, limit=10_000)


class Storage:
    """A storage host that records requests and sends scripted responses."""

    def __init__(self, status: int = 204, answer: bytes = b"") -> None:
        self.status, self.answer = status, answer
        self.headers: dict[str, str] = {}
        self.body = b""
        self.pieces = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        more = True
        while more:
            message = await receive()
            self.body += message.get("body", b"")
            self.pieces += bool(message.get("body"))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.answer})


def form(content_type: str, body: bytes) -> list[tuple[str, str | None, str, bytes]]:
    """The parts of a multipart form: name, file name, type, content."""
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts = message.get_payload()
    assert isinstance(parts, list)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in parts
    ]


def http_client(storage: Storage) -> HttpClient:
    """An HTTP client whose network leads to that storage."""
    return HttpClient(OqtopusConfig("https://api.example", "id.secret", transport=storage))


@pytest.mark.anyio
async def test_form_is_the_one_requests_posts() -> None:
    """Every field verbatim and the file last, as another library writes the same form; no token goes along."""
    storage = Storage()
    http = http_client(storage)
    await http.post_form("https://storage.example/", FIELDS, b"zip")
    await http.aclose()
    with requests_mock.Mocker() as mock:
        mock.post("https://storage.example/")
        requests.post(
            "https://storage.example/", data=FIELDS, files={"file": ("input.zip", b"zip", "application/zip")}, timeout=5
        )
        reference = mock.last_request

    ours = form(storage.headers["content-type"], storage.body)
    assert ours == form(reference.headers["content-type"], reference.body)
    assert [name for name, *_ in ours] == [*FIELDS, "file"]
    assert storage.pieces == 1
    assert "q-api-token" not in storage.headers
    assert "id.secret" not in str(storage.headers)


@pytest.mark.anyio
async def test_refused_download() -> None:
    """The message has the status, but not the URL, which is a credential."""
    http = http_client(Storage(403))
    with pytest.raises(OqtopusStorageError, match="refused the download: HTTP 403") as caught:
        await http.fetch("https://storage.example/result.zip?Signature=hidden")
    await http.aclose()

    assert "hidden" not in str(caught.value)


@pytest.mark.anyio
async def test_files_of_this_machine_are_not_read() -> None:
    """A server cannot make us read local files."""
    http = http_client(Storage())
    with pytest.raises(OqtopusStorageError, match="not http or https"):
        await http.fetch("file:///etc/passwd")
    await http.aclose()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "is not JSON"),
        (b"[1]", "contain a JSON object, got list"),
        (b"\xff", "is not JSON"),
        (b'{"a":' * 100_000, "is not JSON"),
        (
            b'{"sampling": {"counts": "many"}}',
            r"is not a valid JobsS3JobResult: sampling\.counts: .* expected an object",
        ),
    ],
)
def test_unreadable_files(content: bytes, message: str) -> None:
    """A file that is not a valid JSON object is refused."""
    with pytest.raises(OqtopusStorageError, match=message):
        read_model(JobsS3JobResult, content)


def test_unreadable_text() -> None:
    """A file that is not text is refused."""
    with pytest.raises(OqtopusStorageError, match="is not UTF-8 text"):
        read_text(b"\xff")
