"""Responses, read with a limit on their size."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import httpx

from oqtopus_client.errors import OqtopusStorageError, ResponseValidationError
from oqtopus_client.rest.endpoints import DOWNLOAD, UPLOAD, Operation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAX_ANSWER_BYTES = 64 << 20
"""Largest User API response that is read. A page of 100 jobs has half a megabyte."""

MAX_DOWNLOAD_BYTES = 256 << 20
"""Largest download. Histograms compress to a sixth, so archives of up to 1 GiB unpacked, the limit, are smaller."""


async def receive(transport: httpx.AsyncBaseTransport, operation: Operation, request: httpx.Request) -> httpx.Response:
    """Send a request and read its response; at most the limit is held in memory.

    Raises:
        OqtopusStorageError: A file exceeds the limit.
        ResponseValidationError: Another response exceeds it.
    """
    limit = MAX_DOWNLOAD_BYTES if operation is DOWNLOAD else MAX_ANSWER_BYTES
    response = await transport.handle_async_request(request)
    response.request = request
    if response.is_stream_consumed:
        return response  # from a transport that already has it in memory
    packed = response.headers.pop("content-encoding", "").lower() == "gzip"
    try:
        body = await _read(response.aiter_raw(), limit, packed=packed)
    finally:
        await response.aclose()
    if body is None:
        message = f"{operation}: the response has more than {limit:,} bytes and was not read."
        raise (OqtopusStorageError if operation in {DOWNLOAD, UPLOAD} else ResponseValidationError)(message)
    return httpx.Response(
        response.status_code, headers=response.headers, content=body, request=request, extensions=response.extensions
    )


async def _read(chunks: AsyncIterator[bytes], limit: int, *, packed: bool) -> bytes | None:
    """Read and decompress a body; return None if it exceeds `limit` bytes, compressed or not."""
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    body = bytearray()
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if not packed:
            body += chunk
        elif not unzip.eof:  # trailing data is ignored
            try:
                body += unzip.decompress(chunk, limit + 1 - len(body))
            except zlib.error:
                raise httpx.DecodingError("the response is not valid gzip, although it declares it") from None
        if max(received, len(body)) > limit:
            return None
    if packed and received and not unzip.eof:
        raise httpx.DecodingError("the response is truncated")
    return bytes(body)
