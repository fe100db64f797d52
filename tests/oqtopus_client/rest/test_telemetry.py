"""Spans of OpenTelemetry's: one a request, and no secret in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from tests.support.circuits import BELL


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Where spans end up, in a program that has its requests observed, all their headers included."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST", ".*")
    HTTPXClientInstrumentor().instrument()
    yield exporter
    HTTPXClientInstrumentor().uninstrument()


def requests(spans: InMemorySpanExporter) -> list[ReadableSpan]:
    """The spans of requests; the emulator's side has its own."""
    return [span for span in spans.get_finished_spans() if span.kind is SpanKind.CLIENT]


def told(span: ReadableSpan) -> tuple[str, str, int]:
    """Method, URL and status of a span."""
    attributes = dict(span.attributes or {})
    return (*(str(attributes[name]) for name in ("http.method", "http.url")), int(str(attributes["http.status_code"])))


def test_spans(spans: InMemorySpanExporter, server: dict[str, str]) -> None:
    """Over real connections each request has a span, and a presigned URL has lost its signature."""
    url, token = server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"]
    with OqtopusClient(OqtopusConfig(url, token)) as client:
        job = client.run_sampling(OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=5), interval=0.05)
    seen = [told(span) for span in requests(spans)]

    assert seen[0] == ("POST", f"{url}/jobs", 200)
    assert seen[2] == ("POST", f"{url}/jobs/{job.job_id}/submit", 200)
    assert seen[-1] == ("GET", f"{url}/storage/{job.job_id}/result.zip", 200)
    every = " ".join(str(dict(span.attributes or {})) for span in requests(spans))
    assert "[redacted]" in every
    assert token not in every
    assert "ignature" not in every


def test_unobserved(spans: InMemorySpanExporter, client: OqtopusClient) -> None:
    """A program that does not ask for spans has none."""
    HTTPXClientInstrumentor().uninstrument()
    client.list_devices()

    assert requests(spans) == []
