"""A job's files: zip archives with one entry, behind presigned URLs."""

from __future__ import annotations

import contextlib
import io
import lzma
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from oqtopus_client.errors import OqtopusStorageError
from oqtopus_client.rest.models import problems

if TYPE_CHECKING:
    from oqtopus_client.rest.connection import Connection
    from oqtopus_client.rest.models import JobsJobInfoUploadPresignedURL, JobsS3SubmitJobInfo

MAX_UNPACKED_BYTES = 1 << 30
"""Largest unpacked size accepted. Servers refuse archives over 10 MiB; anything near this size is a zip bomb.

`zipfile` itself sets no limit on what it unpacks, so reads are bounded here.
"""

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compression methods of stored archives. With others, Python may unpack gigabytes before returning the first byte."""

_DOWNLOADS = 3
"""Maximum number of downloads of a file that arrives damaged."""


_Model = TypeVar("_Model", bound=BaseModel)


class _DamagedArchiveError(OqtopusStorageError):
    """The download is not a complete zip archive; downloading again may help."""


def pack(content: bytes, entry: str) -> bytes:
    """Zip `content` as the only entry of an archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr(entry, content)
    return archive.getvalue()


def unpack(archive: bytes, *, limit: int = MAX_UNPACKED_BYTES) -> bytes:
    """Read the only entry of a zip archive, whatever its name.

    Raises:
        OqtopusStorageError: It is not a valid zip archive, does not have exactly one entry, or unpacks to more than
            `limit` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as reader:
            names = reader.namelist()
            if len(names) != 1:
                raise OqtopusStorageError(f"Expected one file in single ZIP archive, but found {len(names)}.")
            if reader.getinfo(names[0]).compress_type not in _COMPRESSIONS:
                raise OqtopusStorageError("The ZIP file is compressed in another way than by deflation.")
            with reader.open(names[0]) as entry:
                # The declared size may be wrong, so the limit applies to what is actually read.
                content = entry.read(limit + 1)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
        # RuntimeError: encrypted; its kind NotImplementedError: an unknown compression.
        raise _DamagedArchiveError("Invalid ZIP file") from error
    if len(content) > limit:
        raise OqtopusStorageError(f"The file unpacks to more than {limit:,} bytes.")
    return content


def pack_input(job: JobsS3SubmitJobInfo) -> bytes:
    """Zip a job's input."""
    return pack(job.to_json().encode(), "input.json")


async def upload(http: Connection, target: JobsJobInfoUploadPresignedURL, archive: bytes) -> None:
    """Upload a job's input to the presigned URL of its registration, posting back every field that is not null."""
    await http.post_form(target.url, target.fields.model_dump(by_alias=True, exclude_none=True), archive)


async def download(http: Connection, url: str) -> bytes:
    """Download an archive and read its only entry; download a damaged archive again, at most twice.

    Raises:
        OqtopusStorageError: It cannot be downloaded or unpacked.
    """
    for _ in range(_DOWNLOADS - 1):
        with contextlib.suppress(_DamagedArchiveError):
            return unpack(await http.fetch(url))
    return unpack(await http.fetch(url))


def read_model(model: type[_Model], content: bytes) -> _Model:
    """Read a file's JSON object.

    Raises:
        OqtopusStorageError: It is not a JSON object, or not a valid model.
    """
    fields = _read_json(content)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise OqtopusStorageError(f"The downloaded file is not a valid {model.__name__}: {problems(error)}") from None


def read_text(content: bytes) -> str:
    """Read a file's text.

    Raises:
        OqtopusStorageError: It is not UTF-8.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise OqtopusStorageError(f"The downloaded file is not UTF-8 text: {error}") from error


def _read_json(content: bytes) -> dict[str, Any]:
    try:
        # Results have thousands of keys, each seen once, so a cache does not pay.
        value = from_json(content, cache_strings=False)
    except (ValueError, RecursionError) as error:
        raise OqtopusStorageError(f"The downloaded file is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise OqtopusStorageError(f"Expected the downloaded file to contain a JSON object, got {type(value).__name__}.")
    return value
