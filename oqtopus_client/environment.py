"""Settings from environment variables."""

from __future__ import annotations

import configparser
import contextlib
import math
import os
from typing import Any

from oqtopus_client.errors import OqtopusConfigError

ALLOW_HTTP_ENV = "OQTOPUS_ALLOW_HTTP"


def environment_settings(proxy_env: str, api_token_env: str, timeout_env: str) -> dict[str, Any]:
    """Return the settings, except the URL, whose environment variables are set.

    Raises:
        OqtopusConfigError: A value cannot be used.
    """
    settings: dict[str, Any] = {}
    if proxy := os.environ.get(proxy_env):
        settings["proxy"] = proxy
    if token := stripped_token(os.environ.get(api_token_env)):
        settings |= {"api_token": token, "token_source": f"environment variable {api_token_env}"}
    if timeout := os.environ.get(timeout_env):
        settings["timeout"] = _seconds(timeout_env, timeout)
    if os.environ.get(ALLOW_HTTP_ENV):
        settings["allow_http"] = environment_allows_http()
    return settings


def environment_allows_http() -> bool:
    """Return whether `OQTOPUS_ALLOW_HTTP` allows tokens to be sent over unencrypted connections.

    Raises:
        OqtopusConfigError: Its value is neither true nor false.
    """
    text = os.environ.get(ALLOW_HTTP_ENV) or "false"
    allowed = configparser.ConfigParser.BOOLEAN_STATES.get(text.strip().lower())
    if allowed is None:
        raise OqtopusConfigError(f"{ALLOW_HTTP_ENV} must be 1, true, yes or on, or 0, false, no or off, not {text!r}.")
    return allowed


def stripped_token(text: str | None) -> str | None:
    """Strip a token of surrounding whitespace, such as a trailing newline from a file or shell; None if empty."""
    return (text or "").strip() or None


def _seconds(variable: str, text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(text)) < math.inf:
            return seconds
    raise OqtopusConfigError(f"{variable} must be a positive number of seconds, such as 30, not {text!r}.")
