"""HTTP, in one room: pooling, authentication, timeouts and the mapping of failures to our errors.

Nothing outside this module knows which HTTP library is used.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json as jsonlib
import logging
import os
import socket
import ssl
import time
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import certifi
import httpx
from httpx_aiohttp import AiohttpTransport

from oqtopus_client.errors import (
    AuthenticationError,
    NotFoundError,
    OqtopusConfigError,
    OqtopusConnectionError,
    OqtopusError,
    OqtopusStorageError,
    OqtopusTimeoutError,
    PermissionDeniedError,
    ResponseValidationError,
    UserApiError,
)
from oqtopus_client.rest.addresses import is_off_limits
from oqtopus_client.rest.operations import DOWNLOAD, UPLOAD, Operation
from oqtopus_client.rest.retries import RetryPolicy
from oqtopus_client.rest.telemetry import observe

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aiohttp.abc import ResolveResult

    from oqtopus_client.config import OqtopusConfig

MAX_CONNECTIONS = 64
"""Connections one client opens at most; more requests than that wait for a free one."""

_KEPT = 5.0
"""Seconds that an idle connection is kept, which is as long as common servers keep it."""

_PATIENCE = 10
"""How many times its timeout a request may take in all."""

_LONGEST_CONNECT = 10.0
"""Seconds to wait for a connection at most."""

MAX_ANSWER_BYTES = 64 << 20
"""Largest answer of the User API that is read. A page of 100 jobs has half a megabyte; no list is near this."""

MAX_DOWNLOAD_BYTES = 256 << 20
"""Largest file that is downloaded. Histograms pack to a sixth, so what unpacks to the largest file we read, which is
1 GiB, arrives in less."""

_MAX_MESSAGE = 2000
"""How many characters of a server's words go into a message; all of them are in the error's payload."""

_logger = logging.getLogger("oqtopus_client")
_ERRORS = {401: AuthenticationError, 403: PermissionDeniedError, 404: NotFoundError}


def _without_signature(record: logging.LogRecord) -> bool:
    """Keep presigned URLs, which are credentials, out of the HTTP library's log."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.copy_with(query=None) if isinstance(arg, httpx.URL) and b"ignature=" in arg.query else arg
            for arg in record.args
        )
    return True


logging.getLogger("httpx").addFilter(_without_signature)


def call_once(config: OqtopusConfig, method: str, path: str, body: object = None) -> Any:
    """Call a path that is not the User API's, as an emulator has them; returns its JSON, None where there is none.

    Raises:
        OqtopusError: As `HttpClient.call` raises it.
    """
    operation = Operation(method, path, repeatable=False, why="nobody knows what it does")

    async def call() -> Any:
        http = HttpClient(config)
        try:
            return await http.call(operation, json=body, empty=method == "DELETE")
        finally:
            await http.aclose()

    return asyncio.run(call())


class HttpClient:
    """One pool of connections to one User API and to the storage its presigned URLs point at.

    The API token goes to the User API only, never to a presigned URL's host.
    """

    def __init__(
        self,
        config: OqtopusConfig,
        *,
        default_headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
    ) -> None:
        config.check_server()
        self._base_url = config.base_url.rstrip("/")
        self._about_token = (
            f"The server did not accept the API token from {config.token_source}; it may be wrong or expired."
            if config.api_token
            else "No API token was sent: set OQTOPUS_API_TOKEN, a profile's api_token, or pass one in OqtopusConfig."
        )
        self._token = config.api_token
        self._api_headers = dict(default_headers or {})
        if config.api_token:
            self._api_headers["q-api-token"] = config.api_token
        user_agent = user_agent or f"oqtopus-client/{importlib.metadata.version('oqtopus-client')}"
        _check_headers({**self._api_headers, "User-Agent": user_agent})
        self._anywhere = is_off_limits(_host(config.base_url))
        self._retries = RetryPolicy(
            config.retry_max_attempts,
            config.retry_backoff_seconds,
            RetryPolicy.status_codes if config.retry_status_codes is None else config.retry_status_codes,
            config.retry_methods,
            config.retry_budget_seconds,
        )
        self._longest = _PATIENCE * config.timeout
        self._client = httpx.AsyncClient(
            transport=_transport(config),
            # Waiting for a connection of our own pool says nothing about the server.
            timeout=httpx.Timeout(config.timeout, connect=min(config.timeout, _LONGEST_CONNECT), pool=None),
            # Only gzip, which is unpacked here, a piece at a time.
            headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
        )
        observe(self._client)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def call(
        self,
        operation: Operation,
        *,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        empty: bool = False,
        **ids: str,
    ) -> Any:
        """Call the User API and return the decoded JSON of its answer; with `empty`, which has none, None.

        Args:
            operation: What to do.
            params: The query.
            json: The body.
            empty: Whether the answer has no body.
            **ids: What stands in the operation's path, quoted.

        Raises:
            UserApiError: The server refused; 401, 403 and 404 have classes of their own.
            ResponseValidationError: The answer is not JSON, or too large.
            OqtopusConnectionError: No answer arrived.
            OqtopusTimeoutError: No answer arrived in time.
        """
        path = operation.path(**ids)
        url = self._base_url + path
        response = await self._send(operation, url, params=params, json=json, headers=self._api_headers)
        if not response.is_success:
            raise self._api_error(response)
        if empty:
            return None
        try:
            return response.json()
        except (ValueError, RecursionError):
            raise ResponseValidationError(
                f"{operation.method} {path}: the server answered {response.status_code} with "
                f"{response.headers.get('content-type', 'no content type')} where JSON was due.",
                response.text,
            ) from None

    async def post_form(self, url: str, fields: Mapping[str, str], content: bytes) -> None:
        """Post a multipart form to storage: `fields` as they are, then `content` as the part `file`, last.

        Raises:
            OqtopusStorageError: The storage refused, or is not one to send files to.
        """
        self._check_storage(url)
        response = await self._send(UPLOAD, url, data=fields, files={"file": ("input.zip", content, "application/zip")})
        if not response.is_success:
            raise _storage_error("upload", response)

    async def fetch(self, url: str) -> bytes:
        """Download from storage.

        Raises:
            OqtopusStorageError: The storage refused or is not one to read from, or the file is too large.
        """
        self._check_storage(url)
        response = await self._send(DOWNLOAD, url)
        if not response.is_success:
            raise _storage_error("download", response)
        return response.content

    def _check_storage(self, url: str) -> None:
        """Make sure that a URL from the server leads to where files may be.

        Raises:
            OqtopusStorageError: It is not one of the web, or leads to this machine's own secrets.
        """
        try:
            # The host is read as it will be when it is used: two readers that differ would be a way around.
            parsed, _ = httpx.URL(url), urlsplit(url).port
        except (httpx.InvalidURL, ValueError, TypeError):
            raise OqtopusStorageError("The server named a file by something that is no URL.") from None
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise OqtopusStorageError("The server named a file that is not on the web; only http(s) URLs are read.")
        if is_off_limits(parsed.host) and not self._anywhere:
            raise OqtopusStorageError(
                f"The server named a file at {parsed.host}, which is link-local or a cloud's metadata service; "
                "no storage is there."
            )

    async def _send(self, operation: Operation, url: str, **content: Any) -> httpx.Response:
        """Send a request, again where the policy allows it; the last answer or failure counts."""
        clock = asyncio.get_running_loop().time
        start = clock()
        attempt = 1
        perhaps_done = False  # by a try of which nobody knows what became
        while True:
            outcome = await self._try(operation, url, attempt, content)
            status, retry_after = None, ""
            if isinstance(outcome, httpx.Response):
                status, retry_after = outcome.status_code, outcome.headers.get("retry-after", "")
                if outcome.is_success:
                    return outcome
                if perhaps_done and operation.gone_is_done and status == httpx.codes.NOT_FOUND:
                    return httpx.Response(httpx.codes.OK, json={"message": "gone already"})
            perhaps_done |= status is None or status >= httpx.codes.INTERNAL_SERVER_ERROR
            pause = self._retries.pause(
                operation, attempt, elapsed=clock() - start, status=status, retry_after=retry_after
            )
            if pause is None:
                break
            await asyncio.sleep(pause)
            attempt += 1
        if isinstance(outcome, Exception):
            # The HTTP library's own errors say the same at greater length.
            raise self._connection_error(operation.method, url, outcome) from None
        return outcome

    async def _try(
        self, operation: Operation, url: str, attempt: int, content: Mapping[str, Any]
    ) -> httpx.Response | Exception:
        """Send a request once; the answer, or why there is none."""
        start = time.perf_counter()
        outcome: httpx.Response | Exception
        try:
            request = self._client.build_request(operation.method, url, **content)
            request.read()  # in one piece: a form would go out part by part, with a system call for each
            # Each part of an answer is given its time, and so a server could send for ever.
            async with asyncio.timeout(self._longest):
                outcome = await self._receive(operation, request)
            result, correlation = str(outcome.status_code), outcome.headers.get("x-correlation-id", "-")
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
            outcome, result, correlation = error, type(error).__name__, "-"
        milliseconds = (time.perf_counter() - start) * 1e3
        _logger.debug(
            "%s: %s in %.0f ms, attempt %d, correlation id %s", operation, result, milliseconds, attempt, correlation
        )
        return outcome

    async def _receive(self, operation: Operation, request: httpx.Request) -> httpx.Response:
        """Send a request and read its answer, of which no more than the limit is ever in memory."""
        limit = MAX_DOWNLOAD_BYTES if operation is DOWNLOAD else MAX_ANSWER_BYTES
        response = await self._client.send(request, stream=True)
        if response.is_stream_consumed:
            return response  # of a transport that has it in memory already
        try:
            body = await _body(response, limit)
        finally:
            await response.aclose()
        if body is None:
            message = f"{operation}: the answer has more than {limit:,} bytes, and was not read."
            raise (OqtopusStorageError if operation in {DOWNLOAD, UPLOAD} else ResponseValidationError)(message)
        headers = response.headers.copy()
        headers.pop("content-encoding", None)
        return httpx.Response(
            response.status_code, headers=headers, content=body, request=request, extensions=response.extensions
        )

    def _connection_error(self, method: str, url: str, error: Exception) -> OqtopusError:
        parts = urlsplit(url)
        what = f"{method} {parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if _is_timeout(error):
            return OqtopusTimeoutError(f"{what}: no answer within {self._client.timeout.read} s.")
        reason = getattr(error.__cause__, "os_error", None) or error
        return OqtopusConnectionError(f"{what}: {str(reason) or type(reason).__name__}")

    def _api_error(self, response: httpx.Response) -> UserApiError:
        payload = _payload(response, self._token)
        message = (_server_message(payload) or response.reason_phrase)[:_MAX_MESSAGE]
        if not (isinstance(payload, dict) and "message" in payload):
            # Not what the User API itself answers: perhaps the URL leads elsewhere.
            message += f" ({response.request.method} {response.request.url.copy_with(query=None)})"
        if response.has_redirect_location:
            message += f". It leads to {_origin(response)}, where the token must not go: is base_url right?"
        if response.status_code == httpx.codes.UNAUTHORIZED:
            message += f". {self._about_token}"
        return _ERRORS.get(response.status_code, UserApiError)(response.status_code, message, payload)


async def _body(response: httpx.Response, limit: int) -> bytes | None:
    """An answer's body, unpacked; None if it has more than `limit` bytes."""
    packed = response.headers.get("content-encoding", "").lower() == "gzip"
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    body = bytearray()
    received = 0
    async for chunk in response.aiter_raw():
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


def _host(url: str) -> str:
    """The host that a URL of the configuration leads to.

    Raises:
        OqtopusConfigError: It is no URL. It is not shown: it may hold a password.
    """
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL as error:
        raise OqtopusConfigError(f"base_url or proxy is no URL: {error}.") from None


def _check_headers(headers: Mapping[str, str]) -> None:
    """Make sure that headers are each one line.

    Raises:
        OqtopusConfigError: One is not; its value, which may be secret, is not shown.
    """
    for name, value in headers.items():
        if any(character in f"{name}{value}" for character in "\r\n\0"):
            raise OqtopusConfigError(f"The header {name!r} has a line break, which no header may have.")


def _transport(config: OqtopusConfig) -> httpx.AsyncBaseTransport:
    if config.transport is None:
        own = {_host(url) for url in (config.base_url, config.proxy) if url}
        proxy = httpx.Proxy(config.proxy) if config.proxy else None
        tls = tls_context()
        return AiohttpTransport(verify=tls, proxy=proxy, client=lambda: _session(tls, own))
    if isinstance(config.transport, httpx.AsyncBaseTransport):
        return config.transport
    return httpx.ASGITransport(app=config.transport)


class _Resolver(aiohttp.ThreadedResolver):
    """Looks up hosts; a name that leads where no server may send us is as good as unknown.

    Args:
        own: Hosts that the user has named.
    """

    def __init__(self, own: Collection[str]) -> None:
        super().__init__()
        self._own = own

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if host not in self._own and any(is_off_limits(address["host"]) for address in found):
            raise OSError(None, f"{host} is link-local or a cloud's metadata service; no storage is there")
        return found


def _session(tls: ssl.SSLContext, own: Collection[str]) -> aiohttp.ClientSession:
    """The pool of connections."""
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=_KEPT, ssl=tls, resolver=_Resolver(own))
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    # aiohttp would send GET and DELETE a second time by itself when a connection breaks, and keep it a secret: a DELETE
    # that worked would then be reported as a 404, and the retry settings would not mean what they say.
    session._retry_connection = False  # noqa: SLF001
    return session


def tls_context() -> ssl.SSLContext:
    """TLS with certificates verified: against the authorities that the environment names, else certifi's."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context()  # OpenSSL reads these variables itself
    return ssl.create_default_context(cafile=certifi.where())


def _is_timeout(error: Exception) -> bool:
    """Tell a timeout from a refused connection, which the aiohttp transport reports as `ConnectTimeout` too."""
    if isinstance(error.__cause__, aiohttp.ClientError):
        return isinstance(error.__cause__, TimeoutError)
    return isinstance(error, httpx.TimeoutException | TimeoutError)


def _payload(response: httpx.Response, token: str | None) -> object:
    """The answer: JSON, or else text. Some servers send back what they were sent; the token is left out."""
    text = response.text.replace(token, "(the API token)") if token else response.text
    try:
        return jsonlib.loads(text)
    except (ValueError, RecursionError):
        return text


def _server_message(payload: object) -> str | None:
    """What the server said, from any of the shapes its layers use: `message`, `detail`, or FastAPI's list."""
    if not isinstance(payload, dict):
        return None
    said = payload.get("message") or payload.get("detail")
    if isinstance(said, list):
        return "; ".join(_validation_message(item) for item in said)
    return str(said) if said else None


def _validation_message(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = item.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else place
    return f"{where}: {item.get('msg', 'invalid')}"


def _storage_error(action: str, response: httpx.Response) -> OqtopusStorageError:
    # The URL is a credential and stays out of the message.
    return OqtopusStorageError(
        f"The storage refused the {action}: HTTP {response.status_code} {response.reason_phrase}."
        + (f" It leads to {_origin(response)}; nobody follows." if response.has_redirect_location else "")
    )


def _origin(response: httpx.Response) -> str:
    """Where a redirect leads, without what may be a signature."""
    target = response.request.url.join(response.headers["location"])
    return f"{target.scheme}://{target.host}"
