"""What others record of requests, without anything secret.

The HTTP library logs each, and OpenTelemetry makes a span of it where the program has told it to look at httpx.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import httpx

_PACKAGE = "opentelemetry.instrumentation.httpx"
_URLS = ("http.url", "url.full")
_TOKEN = "http.request.header.q_api_token"  # noqa: S105 - the name of an attribute


def _without_signature(record: logging.LogRecord) -> bool:
    """Keep presigned URLs, which are credentials, out of the HTTP library's log."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.copy_with(query=None) if isinstance(arg, httpx.URL) and b"ignature=" in arg.query else arg
            for arg in record.args
        )
    return True


logging.getLogger("httpx").addFilter(_without_signature)


def observe(client: httpx.AsyncClient) -> None:
    """Have a client of httpx's observed, if `HTTPXClientInstrumentor().instrument()` was called before.

    That call does not reach clients whose connections are not httpx's own, as ours are.
    """
    package = sys.modules.get(_PACKAGE)
    if package is not None and package.HTTPXClientInstrumentor().is_instrumented_by_opentelemetry:
        package.HTTPXClientInstrumentor.instrument_client(client, request_hook=_keep_secrets)


async def _keep_secrets(span: Any, _request: object) -> None:
    """Presigned URLs are credentials, and so is the token, which is there if all headers are to be captured."""
    attributes = dict(getattr(span, "attributes", None) or {})
    for name in _URLS:
        if name in attributes:
            span.set_attribute(name, attributes[name].partition("?")[0])
    if _TOKEN in attributes:
        span.set_attribute(_TOKEN, ["[redacted]"])
