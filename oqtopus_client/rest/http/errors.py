"""Mapping of HTTP failures to this SDK's errors, without secrets: tokens, signatures, passwords in URLs."""

from __future__ import annotations

import errno
import json
import re
import shlex
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import httpx

from oqtopus_client.errors import (
    AuthenticationError,
    NotFoundError,
    OqtopusConnectionError,
    OqtopusError,
    OqtopusStorageError,
    OqtopusTimeoutError,
    PermissionDeniedError,
    UserApiError,
)
from oqtopus_client.rest.http.certificates import missing_authorities
from oqtopus_client.rest.proxies import proxy_to_server

if TYPE_CHECKING:
    from oqtopus_client.config import OqtopusConfig

_MAX_MESSAGE = 2000
"""Maximum length of a server's text in a message; the error's payload has all of it."""

_ERRORS = {401: AuthenticationError, 403: PermissionDeniedError, 404: NotFoundError}


def connection_error(method: str, url: str, error: Exception, config: OqtopusConfig) -> OqtopusError:
    """Return the error for a request without a response."""
    what = f"{method} {_without_credentials(url)}"
    about = _about_url(config) if url.startswith(config.base_url) and config.transport is None else ""
    if _is_timeout(error):
        return OqtopusTimeoutError(f"{what}: no response within {config.timeout} s.{about}")
    reason = getattr(error.__cause__, "os_error", None) or error
    message = f"{what}: {_described(reason)}"
    if "CERTIFICATE_VERIFY_FAILED" in message:
        own = "If your network has its own certificate authority, set SSL_CERT_FILE to its file"
        message += f". {missing_authorities() or own}"
    if "WRONG_VERSION_NUMBER" in message:
        message += ". The server does not use TLS on this port; its URL may begin with http://"
    if url.startswith("http://") and _is_closed(error.__cause__):
        message += ". If it uses TLS on this port, its URL begins with https://"
    return OqtopusConnectionError(f"{message.rstrip('.')}.{about}")


def _is_closed(cause: BaseException | None) -> bool:
    """Return whether the server closed the connection without a response, as servers with TLS do."""
    return isinstance(cause, aiohttp.ServerDisconnectedError) or getattr(cause, "errno", 0) == errno.ECONNRESET


def _described(reason: Exception) -> str:
    """Describe a failure, without the numbers and addresses that Python adds to those of the system."""
    if isinstance(reason, ConnectionRefusedError):
        return "the connection was refused: nothing listens there"
    if isinstance(reason, socket.gaierror):
        return "the host name is not known"
    if isinstance(proxied := reason.__cause__, aiohttp.ClientHttpProxyError):
        return f"the proxy answered HTTP {proxied.status} {proxied.message}"
    if isinstance(reason, aiohttp.ClientResponseError):  # it quotes the response
        return "the response is not valid HTTP"
    return re.sub(r" \(_ssl\.c:\d+\)|\[Errno -?\d+\] ", "", str(reason)) or type(reason).__name__


def api_error(response: httpx.Response, config: OqtopusConfig) -> UserApiError:
    """Return the error for a request that the User API refused."""
    payload = _payload(response, config.api_token)
    message = (_server_message(payload) or response.reason_phrase)[:_MAX_MESSAGE]
    missing = response.status_code == httpx.codes.NOT_FOUND
    if missing or not (isinstance(payload, dict) and "message" in payload):
        # The server does not say what is missing, or base_url may not be that of a User API.
        message += f" ({response.request.method} {response.request.url.copy_with(query=None)})"
    if response.has_redirect_location:
        message += f". It redirects to {_origin(response)}, to which the token must not be sent; check base_url."
    if response.status_code == httpx.codes.UNAUTHORIZED:
        message += f". {_about_token(config)}"
    return _ERRORS.get(response.status_code, UserApiError)(response.status_code, message, payload)


def storage_error(action: str, response: httpx.Response) -> OqtopusStorageError:
    """Return the error for a file that the storage refused, without the URL, which is a credential."""
    error = OqtopusStorageError(
        f"The storage refused the {action}: HTTP {response.status_code} {response.reason_phrase}."
        + (f" It redirects to {_origin(response)}; not followed." if response.has_redirect_location else "")
    )
    error.status_code = response.status_code
    return error


def _is_timeout(error: Exception) -> bool:
    """Distinguish a timeout from a refused connection, which the aiohttp transport reports as `ConnectTimeout` too."""
    if isinstance(error.__cause__, aiohttp.ClientError):
        return isinstance(error.__cause__, TimeoutError)
    return isinstance(error, httpx.TimeoutException | TimeoutError)


def _about_url(config: OqtopusConfig) -> str:
    """Return where the server's URL is from and how it is reached, and what to do."""
    proxy = proxy_to_server(config)
    way = f", and the connection goes through the proxy {_without_credentials(proxy)}" if proxy else ""
    return f" The URL is from {config.url_source}{way}; `{_diagnosis(config)}` checks the connection."


def _diagnosis(config: OqtopusConfig) -> str:
    """Return the command that checks the connection to this server."""
    if profile := re.match(r"profile \[(.*)\]", config.url_source):
        return f"oqtopus-client --profile {shlex.quote(profile[1])} doctor"
    if config.url_source.startswith("environment"):
        return "oqtopus-client doctor"
    return f"OQTOPUS_URL={config.base_url} oqtopus-client doctor"


def _without_credentials(url: str) -> str:
    """Return the scheme and the host of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _about_token(config: OqtopusConfig) -> str:
    if config.api_token:
        return f"The server did not accept the API token from {config.token_source}; it may be wrong or expired."
    return (
        "No API token was sent: set OQTOPUS_API_TOKEN, a profile's api_token, or, in Python, pass one in OqtopusConfig."
    )


def _payload(response: httpx.Response, token: str | None) -> object:
    """Return the body as JSON, else as text, without the token, which some servers echo."""
    text = response.text.replace(token, "(the API token)") if token else response.text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _server_message(payload: object) -> str | None:
    """Return the server's message from any of the shapes its layers use: `message`, `detail`, or FastAPI's list."""
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


def _origin(response: httpx.Response) -> str:
    """Return scheme and host of a redirect's target, without its path and query, which may hold a signature."""
    try:
        target = response.request.url.join(response.headers["location"])
        origin = f"{target.scheme}://{target.host}"
    except (httpx.InvalidURL, UnicodeError):
        return "an invalid URL"
    return origin
