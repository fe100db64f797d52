"""HTTP, in one room: pooling, authentication, timeouts and the mapping of failures to our errors.

Nothing outside this module knows which HTTP library is used.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import os
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import certifi
import httpx
from httpx_aiohttp import AiohttpTransport

from oqtopus_client.errors import (
    AuthenticationError,
    NotFoundError,
    OqtopusConnectionError,
    OqtopusError,
    OqtopusStorageError,
    OqtopusTimeoutError,
    PermissionDeniedError,
    ResponseValidationError,
    UserApiError,
)
from oqtopus_client.rest.operations import DOWNLOAD, UPLOAD, Operation
from oqtopus_client.rest.retries import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client.config import OqtopusConfig

MAX_CONNECTIONS = 64
"""Connections one client opens at most; more requests than that wait for a free one."""

_KEPT = 5.0
"""Seconds that an idle connection is kept, which is as long as common servers keep it."""

_PATIENCE = 10
"""How many times its timeout a request may take in all."""

_LONGEST_CONNECT = 10.0
"""Seconds to wait for a connection at most."""

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
        self._api_headers = dict(default_headers or {})
        if config.api_token:
            self._api_headers["q-api-token"] = config.api_token
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
            headers={"User-Agent": user_agent or f"oqtopus-client/{importlib.metadata.version('oqtopus-client')}"},
        )

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
            ResponseValidationError: The answer is not JSON.
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
        except ValueError:
            raise ResponseValidationError(
                f"{operation.method} {path}: the server answered {response.status_code} with "
                f"{response.headers.get('content-type', 'no content type')} where JSON was due.",
                response.text,
            ) from None

    async def post_form(self, url: str, fields: Mapping[str, str], content: bytes) -> None:
        """Post a multipart form to storage: `fields` as they are, then `content` as the part `file`, last.

        Raises:
            OqtopusStorageError: The storage refused.
        """
        response = await self._send(UPLOAD, url, data=fields, files={"file": ("input.zip", content, "application/zip")})
        if not response.is_success:
            raise _storage_error("upload", response)

    async def fetch(self, url: str) -> bytes:
        """Download from storage.

        Raises:
            OqtopusStorageError: The storage refused, or the URL is not one of the web.
        """
        if urlsplit(url).scheme not in {"http", "https"}:
            raise OqtopusStorageError("The server named a file that is not on the web; only http(s) URLs are read.")
        response = await self._send(DOWNLOAD, url)
        if not response.is_success:
            raise _storage_error("download", response)
        return response.content

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
                outcome = await self._client.send(request)
            result, correlation = str(outcome.status_code), outcome.headers.get("x-correlation-id", "-")
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
            outcome, result, correlation = error, type(error).__name__, "-"
        milliseconds = (time.perf_counter() - start) * 1e3
        _logger.debug(
            "%s: %s in %.0f ms, attempt %d, correlation id %s", operation, result, milliseconds, attempt, correlation
        )
        return outcome

    def _connection_error(self, method: str, url: str, error: Exception) -> OqtopusError:
        parts = urlsplit(url)
        what = f"{method} {parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if _is_timeout(error):
            return OqtopusTimeoutError(f"{what}: no answer within {self._client.timeout.read} s.")
        reason = getattr(error.__cause__, "os_error", None) or error
        return OqtopusConnectionError(f"{what}: {str(reason) or type(reason).__name__}")

    def _api_error(self, response: httpx.Response) -> UserApiError:
        payload = _payload(response)
        message = _server_message(payload) or response.reason_phrase
        if not (isinstance(payload, dict) and "message" in payload):
            # Not what the User API itself answers: perhaps the URL leads elsewhere.
            message += f" ({response.request.method} {response.request.url.copy_with(query=None)})"
        if response.status_code == httpx.codes.UNAUTHORIZED:
            message += f". {self._about_token}"
        return _ERRORS.get(response.status_code, UserApiError)(response.status_code, message, payload)


def _transport(config: OqtopusConfig) -> httpx.AsyncBaseTransport:
    if config.transport is None:
        proxy = httpx.Proxy(config.proxy) if config.proxy else None
        tls = tls_context()
        return AiohttpTransport(verify=tls, proxy=proxy, client=lambda: _session(tls))
    if isinstance(config.transport, httpx.AsyncBaseTransport):
        return config.transport
    return httpx.ASGITransport(app=config.transport)


def _session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """The pool of connections."""
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=_KEPT, ssl=tls)
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


def _payload(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return response.text


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
    place = ".".join(str(part) for part in item.get("loc", ()))
    return f"{place}: {item.get('msg', 'invalid')}"


def _storage_error(action: str, response: httpx.Response) -> OqtopusStorageError:
    # The URL is a credential and stays out of the message.
    return OqtopusStorageError(
        f"The storage refused the {action}: HTTP {response.status_code} {response.reason_phrase}."
    )
