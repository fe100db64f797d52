"""A span of OpenTelemetry's for each request, where the program has told OpenTelemetry to look at httpx."""

from __future__ import annotations

import sys
from typing import Any

_PACKAGE = "opentelemetry.instrumentation.httpx"
_URLS = ("http.url", "url.full")
_TOKEN = "http.request.header.q_api_token"  # noqa: S105 - the name of an attribute


def observe(client: Any) -> None:
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
