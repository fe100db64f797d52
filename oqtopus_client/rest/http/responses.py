"""Answers, read under a limit: a server can neither fill the memory nor send for ever."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import httpx

from oqtopus_client.errors import OqtopusStorageError, ResponseValidationError
from oqtopus_client.rest.endpoints import DOWNLOAD, UPLOAD, Operation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAX_ANSWER_BYTES = 64 << 20
"""Largest answer of the User API that is read. A page of 100 jobs has half a megabyte; no list is near this."""

MAX_DOWNLOAD_BYTES = 256 << 20
"""Largest file that is downloaded. Histograms pack to a sixth, so what unpacks to the largest file we read, which is
1 GiB, arrives in less."""


async def receive(transport: httpx.AsyncBaseTransport, operation: Operation, request: httpx.Request) -> httpx.Response:
    """Send a request and read its answer, of which no more than the limit is ever in memory.

    Raises:
        OqtopusStorageError: A file is larger.
        ResponseValidationError: Another answer is.
    """
    limit = MAX_DOWNLOAD_BYTES if operation is DOWNLOAD else MAX_ANSWER_BYTES
    response = await transport.handle_async_request(request)
    response.request = request
    if response.is_stream_consumed:
        return response  # of a transport that has it in memory already
    packed = response.headers.pop("content-encoding", "").lower() == "gzip"
    try:
        body = await _read(response.aiter_raw(), limit, packed=packed)
    finally:
        await response.aclose()
    if body is None:
        message = f"{operation}: the answer has more than {limit:,} bytes, and was not read."
        raise (OqtopusStorageError if operation in {DOWNLOAD, UPLOAD} else ResponseValidationError)(message)
    return httpx.Response(
        response.status_code, headers=response.headers, content=body, request=request, extensions=response.extensions
    )


async def _read(chunks: AsyncIterator[bytes], limit: int, *, packed: bool) -> bytes | None:
    """A body, unpacked; None if it has more than `limit` bytes, packed or not."""
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    body = bytearray()
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if not packed:
            body += chunk
        elif not unzip.eof:  # what comes after the end is dropped
            try:
                body += unzip.decompress(chunk, limit + 1 - len(body))
            except zlib.error:
                raise httpx.DecodingError("the answer is no gzip, which it says it is") from None
        if max(received, len(body)) > limit:
            return None
    if packed and received and not unzip.eof:
        raise httpx.DecodingError("the answer is cut off")
    return bytes(body)
