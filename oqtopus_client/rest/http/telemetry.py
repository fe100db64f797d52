"""OpenTelemetry spans for requests, without anything secret, in programs that have httpx instrumented."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

_PACKAGE = "opentelemetry.instrumentation.httpx"
_URLS = ("http.url", "url.full")
_TOKEN = "http.request.header.q_api_token"  # noqa: S105 - the name of an attribute


def observed(transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """Wrap a transport in one that records spans, if `HTTPXClientInstrumentor().instrument()` was called before.

    That call instruments httpx's own clients and transports only.
    """
    package = sys.modules.get(_PACKAGE)
    if package is None or not package.HTTPXClientInstrumentor().is_instrumented_by_opentelemetry:
        return transport
    recorder: httpx.AsyncBaseTransport = package.AsyncOpenTelemetryTransport(transport, request_hook=_keep_secrets)
    return recorder


async def _keep_secrets(span: Any, _request: object) -> None:
    """Remove credentials: signatures of presigned URLs, and the token, which is present if all headers are captured."""
    attributes = dict(getattr(span, "attributes", None) or {})
    for name in _URLS:
        if name in attributes:
            span.set_attribute(name, attributes[name].partition("?")[0])
    if _TOKEN in attributes:
        span.set_attribute(_TOKEN, ["[redacted]"])
