"""What went wrong, as our errors, without anything secret: tokens, signatures, passwords in URLs."""

from __future__ import annotations

import json
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

if TYPE_CHECKING:
    from oqtopus_client.config import OqtopusConfig

_MAX_MESSAGE = 2000
"""How many characters of a server's words go into a message; all of them are in the error's payload."""

_ERRORS = {401: AuthenticationError, 403: PermissionDeniedError, 404: NotFoundError}


def connection_error(method: str, url: str, error: Exception, timeout: float) -> OqtopusError:
    """The error for a request that got no answer."""
    parts = urlsplit(url)
    what = f"{method} {parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if _is_timeout(error):
        return OqtopusTimeoutError(f"{what}: no answer within {timeout} s.")
    reason = getattr(error.__cause__, "os_error", None) or error
    return OqtopusConnectionError(f"{what}: {str(reason) or type(reason).__name__}")


def api_error(response: httpx.Response, config: OqtopusConfig) -> UserApiError:
    """The error for a request that the User API refused."""
    payload = _payload(response, config.api_token)
    message = (_server_message(payload) or response.reason_phrase)[:_MAX_MESSAGE]
    missing = response.status_code == httpx.codes.NOT_FOUND
    if missing or not (isinstance(payload, dict) and "message" in payload):
        # The server does not say what is missing. Or it was not the User API itself: perhaps the URL leads elsewhere.
        message += f" ({response.request.method} {response.request.url.copy_with(query=None)})"
    if response.has_redirect_location:
        message += f". It leads to {_origin(response)}, where the token must not go: is base_url right?"
    if response.status_code == httpx.codes.UNAUTHORIZED:
        message += f". {_about_token(config)}"
    return _ERRORS.get(response.status_code, UserApiError)(response.status_code, message, payload)


def storage_error(action: str, response: httpx.Response) -> OqtopusStorageError:
    """The error for a file that the storage refused; the URL is a credential and stays out of it."""
    error = OqtopusStorageError(
        f"The storage refused the {action}: HTTP {response.status_code} {response.reason_phrase}."
        + (f" It leads to {_origin(response)}; nobody follows." if response.has_redirect_location else "")
    )
    error.status_code = response.status_code
    return error


def _is_timeout(error: Exception) -> bool:
    """Tell a timeout from a refused connection, which the aiohttp transport reports as `ConnectTimeout` too."""
    if isinstance(error.__cause__, aiohttp.ClientError):
        return isinstance(error.__cause__, TimeoutError)
    return isinstance(error, httpx.TimeoutException | TimeoutError)


def _about_token(config: OqtopusConfig) -> str:
    if config.api_token:
        return f"The server did not accept the API token from {config.token_source}; it may be wrong or expired."
    return "No API token was sent: set OQTOPUS_API_TOKEN, a profile's api_token, or pass one in OqtopusConfig."


def _payload(response: httpx.Response, token: str | None) -> object:
    """The answer: JSON, or else text. Some servers send back what they were sent; the token is left out."""
    text = response.text.replace(token, "(the API token)") if token else response.text
    try:
        return json.loads(text)
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


def _origin(response: httpx.Response) -> str:
    """Return scheme and host of a redirect's target, without what may be a signature."""
    try:
        target = response.request.url.join(response.headers["location"])
        origin = f"{target.scheme}://{target.host}"
    except (httpx.InvalidURL, UnicodeError):
        return "an invalid URL"
    return origin
