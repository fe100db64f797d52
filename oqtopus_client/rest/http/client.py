"""HTTP client of the User API and its storage: `HttpClient`."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
import httpx

from oqtopus_client.checks import shown
from oqtopus_client.errors import OqtopusConfigError, ResponseValidationError
from oqtopus_client.rest.blocked_hosts import is_off_limits
from oqtopus_client.rest.endpoints import DOWNLOAD, UPLOAD, Operation
from oqtopus_client.rest.http.connections import Pool, host, storage_url, transport
from oqtopus_client.rest.http.errors import api_error, connection_error, storage_error
from oqtopus_client.rest.http.responses import receive
from oqtopus_client.rest.http.telemetry import observed
from oqtopus_client.rest.retries import RetryPolicy

if TYPE_CHECKING:
    from oqtopus_client.config import OqtopusConfig

_PATIENCE = 10
"""Total time limit of a request, as a multiple of its timeout."""

_LONGEST_CONNECT = 10.0
"""Maximum seconds to wait for a connection."""

_SILENT_SECONDS = 3.0
"""Time without a response after which retries are logged."""

_logger = logging.getLogger("oqtopus_client")


def call_once(config: OqtopusConfig, method: str, path: str, body: object = None, *, empty: bool = False) -> Any:
    """Call a path outside the User API, such as an emulator's; return its JSON, or None with `empty`.

    Raises:
        OqtopusError: As `HttpClient.call` raises it.
    """
    operation = Operation(method, path, idempotent=False, why="its effect is unknown")

    async def call() -> Any:
        http = HttpClient(config)
        try:
            return await http.call(operation, json=body, empty=empty)
        finally:
            await http.aclose()

    return asyncio.run(call())


class HttpClient:
    """Pool of connections to a User API and to the storage of its presigned URLs.

    The API token is sent to the User API only, never to a presigned URL's host.
    """

    def __init__(
        self,
        config: OqtopusConfig,
        *,
        default_headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
    ) -> None:
        config.check_server()
        self._config = config
        self._base_url = config.base_url.rstrip("/")
        if not isinstance(default_headers, Mapping | None):
            raise OqtopusConfigError(
                f"default_headers must be a mapping of names to values, not {shown(default_headers)}."
            )
        self._api_headers = dict(default_headers or {})
        if config.api_token:
            self._api_headers["q-api-token"] = config.api_token
        user_agent = user_agent or f"oqtopus-client/{importlib.metadata.version('oqtopus-client')}"
        # Only gzip, which is decompressed here in chunks.
        self._headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip"}
        _check_headers({**self._api_headers, **self._headers})
        self._anywhere = is_off_limits(host(config.base_url))
        self._retries = RetryPolicy(
            config.retry_max_attempts,
            config.retry_backoff_seconds,
            RetryPolicy.status_codes if config.retry_status_codes is None else config.retry_status_codes,
            config.retry_methods,
            config.retry_budget_seconds,
        )
        self._longest = _PATIENCE * config.timeout
        # Waiting for a free connection of the pool is not a fault of the server.
        timeout = httpx.Timeout(config.timeout, connect=min(config.timeout, _LONGEST_CONNECT), pool=None)
        self._extensions = {"timeout": timeout.as_dict()}
        self._connections = transport(config)
        # Without httpx.AsyncClient: its cookies, redirects and authentication, which the User API does not use, take
        # more time than sending a request.
        self._transport = observed(self._connections)

    def __reduce__(self) -> NoReturn:
        raise TypeError("connections, and the token sent over them, cannot be pickled")

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    def abandon(self) -> None:
        """Release connections that were not closed."""
        if isinstance(self._connections, Pool):
            self._connections.abandon()

    async def call(
        self,
        operation: Operation,
        *,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        empty: bool = False,
        **ids: str,
    ) -> Any:
        """Call the User API and return the decoded JSON of its response, or None with `empty`.

        Args:
            operation: The operation.
            params: Query parameters.
            json: The body.
            empty: Whether the response has no body.
            **ids: Quoted values of the placeholders in the operation's path.

        Raises:
            UserApiError: The server refused the request; 401, 403 and 404 have their own subclasses.
            ResponseValidationError: The response is not JSON, or too large.
            OqtopusConnectionError: No response arrived.
            OqtopusTimeoutError: No response arrived in time.
        """
        path = operation.path(**ids)
        url = self._base_url + path
        headers = {**self._headers, **self._api_headers}
        response = await self._send(operation, url, params=params, json=json, headers=headers)
        if not response.is_success:
            raise api_error(response, self._config)
        if empty:
            return None
        try:
            return response.json()
        except (ValueError, RecursionError):
            raise ResponseValidationError(
                f"{operation.method} {path}: expected JSON, got "
                f"{response.headers.get('content-type', 'no content type')} (HTTP {response.status_code}).",
                response.text,
            ) from None

    async def exchange(
        self, method: str, path: str, *, params: Mapping[str, str], json: object, token: bool
    ) -> tuple[int, dict[str, str], bytes]:
        """Call a path, and return the status, the headers and the body of its response, whatever they are.

        Args:
            method: The HTTP method.
            path: The path.
            params: Query parameters.
            json: The body; None for no body.
            token: Whether to send the API token.

        Raises:
            OqtopusConnectionError: No response arrived.
            OqtopusTimeoutError: No response arrived in time.
        """
        operation = Operation(method, path, idempotent=False, why="a repetition would hide the response")
        headers = {**self._headers, **(self._api_headers if token else {})}
        response = await self._send(operation, self._base_url + path, params=params, json=json, headers=headers)
        return response.status_code, dict(response.headers), response.content

    async def post_form(self, url: str, fields: Mapping[str, str], content: bytes) -> None:
        """Post a multipart form to storage: `fields` as they are, then `content` as the part `file`, last.

        Raises:
            OqtopusStorageError: The storage refused the upload, or its URL is not allowed.
        """
        target = storage_url(url, anywhere=self._anywhere)
        files = {"file": ("input.zip", content, "application/zip")}
        response = await self._send(UPLOAD, target, data=fields, files=files, headers=self._headers)
        if not response.is_success:
            raise storage_error("upload", response)

    async def fetch(self, url: str) -> bytes:
        """Download from storage.

        Raises:
            OqtopusStorageError: The storage refused the download, its URL is not allowed, or the file is too large.
        """
        source = storage_url(url, anywhere=self._anywhere)
        response = await self._send(DOWNLOAD, source, headers=self._headers)
        if not response.is_success:
            raise storage_error("download", response)
        return response.content

    async def _send(self, operation: Operation, url: httpx.URL | str, **content: Any) -> httpx.Response:
        """Send a request, with retries where the policy allows; return the last response or raise the last failure."""
        clock = asyncio.get_running_loop().time
        start = clock()
        attempt = 1
        maybe_done = False  # by an attempt whose outcome is unknown
        while True:
            outcome = await self._try(operation, url, attempt, content)
            status, retry_after = None, ""
            if isinstance(outcome, httpx.Response):
                status, retry_after = outcome.status_code, outcome.headers.get("retry-after", "")
                if outcome.is_success:
                    return outcome
                if maybe_done and operation.missing_is_success and status == httpx.codes.NOT_FOUND:
                    return httpx.Response(httpx.codes.OK, json={"message": "already deleted"})
            maybe_done |= status is None or status >= httpx.codes.INTERNAL_SERVER_ERROR
            pause = self._retries.pause(
                operation, attempt, elapsed=clock() - start, status=status, retry_after=retry_after
            )
            if pause is None:
                break
            attempt += 1
            if clock() - start > _SILENT_SECONDS:
                _logger.warning(
                    "%s: %s; trying again (%d/%d)", operation, _described(outcome), attempt, self._retries.max_attempts
                )
            await asyncio.sleep(pause)
        if isinstance(outcome, Exception):
            # The HTTP library's own errors repeat it at greater length.
            raise connection_error(operation.method, str(url), outcome, self._config) from None
        return outcome

    async def _try(
        self, operation: Operation, url: httpx.URL | str, attempt: int, content: Mapping[str, Any]
    ) -> httpx.Response | Exception:
        """Send a request once; return the response, or the error."""
        start = time.perf_counter()
        outcome: httpx.Response | Exception
        try:
            request = httpx.Request(operation.method, url, extensions=self._extensions, **content)
            request.read()  # in one piece; a form would be sent part by part, with a system call for each
            # The timeout applies to each chunk, so a slow server could otherwise send without end.
            async with asyncio.timeout(self._longest):
                outcome = await receive(self._transport, operation, request)
            result, correlation = str(outcome.status_code), outcome.headers.get("x-correlation-id", "-")
        # UnicodeError: a host that cannot be looked up, such as one with an empty or too long label.
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, UnicodeError) as error:
            outcome, result, correlation = error, type(error).__name__, "-"
        milliseconds = (time.perf_counter() - start) * 1e3
        _logger.debug(
            "%s: %s in %.0f ms, attempt %d, correlation id %s", operation, result, milliseconds, attempt, correlation
        )
        return outcome


def _described(outcome: httpx.Response | Exception) -> str:
    """Describe a failed attempt for the log."""
    return f"HTTP {outcome.status_code}" if isinstance(outcome, httpx.Response) else "no response"


def _check_headers(headers: Mapping[str, str]) -> None:
    """Check that each header is text of a single line.

    Raises:
        OqtopusConfigError: A header is not; its value, which may be secret, is not shown.
    """
    for name, value in headers.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise OqtopusConfigError(f"The header {name!r} must be text, not of type {type(value).__name__}.")
        if any(character in f"{name}{value}" for character in "\r\n\0"):
            raise OqtopusConfigError(f"The header {name!r} must not contain a line break.")
        if not f"{name}{value}".isascii():
            raise OqtopusConfigError(f"The header {name!r} must consist of ASCII characters.")
