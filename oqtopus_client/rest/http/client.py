"""One client of the User API and its storage: `HttpClient`."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import time
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
import httpx

from oqtopus_client.errors import OqtopusConfigError, ResponseValidationError
from oqtopus_client.rest.blocked_hosts import is_off_limits
from oqtopus_client.rest.endpoints import DOWNLOAD, UPLOAD, Operation
from oqtopus_client.rest.http.connections import Pool, host, storage_url, transport
from oqtopus_client.rest.http.errors import api_error, connection_error, storage_error
from oqtopus_client.rest.http.responses import receive
from oqtopus_client.rest.http.telemetry import observed
from oqtopus_client.rest.retries import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client.config import OqtopusConfig

_PATIENCE = 10
"""How many times its timeout a request may take in all."""

_LONGEST_CONNECT = 10.0
"""Seconds to wait for a connection at most."""

_logger = logging.getLogger("oqtopus_client")


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
        self._config = config
        self._base_url = config.base_url.rstrip("/")
        self._api_headers = dict(default_headers or {})
        if config.api_token:
            self._api_headers["q-api-token"] = config.api_token
        user_agent = user_agent or f"oqtopus-client/{importlib.metadata.version('oqtopus-client')}"
        # Only gzip, which is unpacked here, a piece at a time.
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
        # Waiting for a connection from our own pool says nothing about the server.
        timeout = httpx.Timeout(config.timeout, connect=min(config.timeout, _LONGEST_CONNECT), pool=None)
        self._extensions = {"timeout": timeout.as_dict()}
        self._connections = transport(config)
        # Not through an httpx.AsyncClient: its cookies, redirects and authentication, which the User API does not use,
        # take more time than sending a request does.
        self._transport = observed(self._connections)

    def __reduce__(self) -> NoReturn:
        raise TypeError("connections, and the token that goes over them, cannot be pickled")

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    def abandon(self) -> None:
        """Let go of connections that were not closed."""
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
                f"{operation.method} {path}: the server answered {response.status_code} with "
                f"{response.headers.get('content-type', 'no content type')} where JSON was due.",
                response.text,
            ) from None

    async def post_form(self, url: str, fields: Mapping[str, str], content: bytes) -> None:
        """Post a multipart form to storage: `fields` as they are, then `content` as the part `file`, last.

        Raises:
            OqtopusStorageError: The storage refused, or is not one to send files to.
        """
        target = storage_url(url, anywhere=self._anywhere)
        files = {"file": ("input.zip", content, "application/zip")}
        response = await self._send(UPLOAD, target, data=fields, files=files, headers=self._headers)
        if not response.is_success:
            raise storage_error("upload", response)

    async def fetch(self, url: str) -> bytes:
        """Download from storage.

        Raises:
            OqtopusStorageError: The storage refused or is not one to read from, or the file is too large.
        """
        source = storage_url(url, anywhere=self._anywhere)
        response = await self._send(DOWNLOAD, source, headers=self._headers)
        if not response.is_success:
            raise storage_error("download", response)
        return response.content

    async def _send(self, operation: Operation, url: httpx.URL | str, **content: Any) -> httpx.Response:
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
            raise connection_error(operation.method, str(url), outcome, self._config.timeout) from None
        return outcome

    async def _try(
        self, operation: Operation, url: httpx.URL | str, attempt: int, content: Mapping[str, Any]
    ) -> httpx.Response | Exception:
        """Send a request once; the answer, or why there is none."""
        start = time.perf_counter()
        outcome: httpx.Response | Exception
        try:
            request = httpx.Request(operation.method, url, extensions=self._extensions, **content)
            request.read()  # in one piece: a form would go out part by part, with a system call for each
            # Each part of an answer is given its time, and so a server could send for ever.
            async with asyncio.timeout(self._longest):
                outcome = await receive(self._transport, operation, request)
            result, correlation = str(outcome.status_code), outcome.headers.get("x-correlation-id", "-")
        # UnicodeError: a host whose name no name server can be asked for, with an empty or too long part for one.
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, UnicodeError) as error:
            outcome, result, correlation = error, type(error).__name__, "-"
        milliseconds = (time.perf_counter() - start) * 1e3
        _logger.debug(
            "%s: %s in %.0f ms, attempt %d, correlation id %s", operation, result, milliseconds, attempt, correlation
        )
        return outcome


def _check_headers(headers: Mapping[str, str]) -> None:
    """Make sure that headers are each one line.

    Raises:
        OqtopusConfigError: One is not; its value, which may be secret, is not shown.
    """
    for name, value in headers.items():
        if any(character in f"{name}{value}" for character in "\r\n\0"):
            raise OqtopusConfigError(f"The header {name!r} has a line break, which no header may have.")
