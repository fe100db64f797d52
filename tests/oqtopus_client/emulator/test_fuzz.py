"""The emulator answers any request, with 500 only where real servers do."""

from __future__ import annotations

import gc
import json
import re
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic.warnings import UnsupportedFieldAttributeWarning
from schemathesis import GenerationMode

from oqtopus_client.emulator import Emulator
from tests.support.callers import SUBMIT, Caller, form_of
from tests.support.held_executor import HeldExecutor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case
    from schemathesis.schemas import APIOperation

pytestmark = pytest.mark.timeout(120)

SETTINGS = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

# Where a real server answers 500, and why; what it is like when it does. Everything else has an answer below 500.
BREAKS_SERVERS = {
    ("GET", "/jobs"): "a page, size or time that is none, or a job in the page that was cancelled but never submitted",
    ("GET", "/jobs/{job_id}"): "a job that was cancelled but never submitted",
    (
        "POST",
        "/jobs/{job_id}/submit",
    ): "a name or description that is too long; NaN, infinity or depth",
    ("GET", "/announcements"): "a limit, offset or time that is not valid",
    ("PATCH", "/users/me"): "NaN, infinity or depth, which the answer would have to repeat",
}
TIMES_AND_PAGES = {"page", "size", "start_time", "end_time", "limit", "offset", "current_time"}
NO_NUMBER = re.compile(r"NaN|Infinity|[eE]\+?\d{3}|(\{\"a\":){200}")
LONGEST_NAME = 256


def breaks_servers(method: str, url: str, body: str, *, never_submitted: bool) -> bool:
    """Return whether a request may be answered with 500, for the reasons in `BREAKS_SERVERS`."""
    address = urlsplit(url)
    path = re.sub(r"^/jobs/[^/]+", "/jobs/{job_id}", address.path)
    if (method, path) not in BREAKS_SERVERS:
        return False
    if method == "GET":
        wrong = TIMES_AND_PAGES & set(parse_qs(address.query, keep_blank_values=True))
        return never_submitted or bool(wrong)
    return bool(NO_NUMBER.search(body)) or (method == "POST" and len(body) > LONGEST_NAME)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """A separate emulator, as these requests change everything that can be changed."""
    with Emulator(":memory:", executor=HeldExecutor()) as emulator:
        yield emulator


@pytest.fixture
def call(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> Iterator[Caller]:
    """A caller of the emulator, whose log must have no unexpected error."""
    caller = Caller("http://emulator.localhost", emulator.token, emulator)
    yield caller
    caller.close()
    emulator.clear_faults()
    assert "unexpected error" not in caplog.text


def _operations() -> list[Any]:
    """Return every documented operation, with requests that match its description and others."""
    with Emulator(":memory:", executor=HeldExecutor()) as emulator:
        with warnings.catch_warnings():
            # FastAPI's own models, which the description of an endpoint with a single body makes.
            warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
            schema = schemathesis.openapi.from_asgi("/openapi.json", emulator)
        operations = [found.ok() for found in schema.get_all_operations()]
    parameters = []
    for operation in operations:
        if operation.label in {"DELETE /api-token", "POST /api-token"}:
            continue  # nobody would be let in after that
        parameters.append(pytest.param(operation, GenerationMode.POSITIVE, id=f"{operation.label} as described"))
        if operation.body or len(operation.query):
            parameters.append(pytest.param(operation, GenerationMode.NEGATIVE, id=f"{operation.label} otherwise"))
    return parameters


@pytest.mark.parametrize(("operation", "mode"), _operations())
def test_every_operation(operation: APIOperation, mode: GenerationMode, emulator: Emulator, call: Caller) -> None:
    """Every operation answers valid and invalid requests."""
    known = {"job_id": call.register(), "device_id": "qulacs"}

    @SETTINGS
    @given(case=operation.as_strategy(generation_mode=mode), exists=st.booleans())
    def send(case: Case, *, exists: bool) -> None:
        case.headers = {**(case.headers or {}), "q-api-token": emulator.token}
        if exists:
            case.path_parameters = {name: known.get(name, value) for name, value in case.path_parameters.items()}
        answer = case.call(app=emulator)
        emulator.clear_faults()
        request = answer.request
        body = request.body.decode(errors="replace") if isinstance(request.body, bytes) else str(request.body)
        cancelled = known["job_id"] in str(request.url) or operation.label == "GET /jobs"
        if answer.status_code >= 500:
            assert breaks_servers(str(request.method), str(request.url), body, never_submitted=cancelled)

    send()


# What JSON can say and generators of requests do not: halves of surrogate pairs, numbers that are none, depth.
_LEAVES = st.sampled_from(
    ['"\\ud800"', '"\\u0000"', "NaN", "-Infinity", "1e400", "9" * 400, "9" * 5000, '""', "null", "[]"]
)
_NESTED = st.integers(1, 2000).map(lambda depth: '{"a":' * depth + "1" + "}" * depth)
_HOSTILE = st.one_of(_LEAVES, _LEAVES.map(lambda leaf: f'{{"a": [{leaf}]}}'), _NESTED)
_BODIES = {
    ("POST", "/jobs/{job_id}/submit"): [*SUBMIT, "name", "description", "transpiler_info", "mitigation_info"],
    ("PATCH", "/users/me"): ["name", "organization"],
    ("POST", "/emulator/users"): ["name", "status"],
    ("POST", "/emulator/announcements"): ["title", "content", "start_time", "end_time"],
    ("POST", "/emulator/faults"): ["kind", "path", "method", "times", "seconds", "status", "message"],
    ("PATCH", "/emulator/settings"): ["editable_fields", "allow_deletion", "visible_fields"],
    ("PATCH", "/emulator/devices/qulacs"): ["status", "device_info"],
}
_VALID: dict[str, Any] = {
    **SUBMIT,
    "kind": "fail_job",
    "title": "",
    "content": "",
    "start_time": "2026-01-01T00:00:00Z",
    "end_time": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize("operation", _BODIES, ids=" ".join)
def test_hostile_json(operation: tuple[str, str], call: Caller) -> None:
    """Hostile JSON bodies are answered, and leave nothing behind."""
    method, template = operation

    @SETTINGS
    @given(field=st.sampled_from(_BODIES[operation]), text=_HOSTILE, alone=st.booleans())
    def send(field: str, text: str, *, alone: bool) -> None:
        members = {name: json.dumps(_VALID[name]) for name in _BODIES[operation] if name in _VALID} | {field: text}
        body = text if alone else "{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}"
        url = template.format(job_id=call.register() if "job_id" in template else "")
        answer = call(method, url, content=body, headers={"content-type": "application/json"})
        assert answer.status_code < 500 or breaks_servers(method, url, body, never_submitted=False)
        # Nothing of it stays behind and breaks what others ask for.
        call("DELETE", "/emulator/faults")
        for path in ("/jobs?order=DESC&size=1", "/users/me", "/system/settings", "/announcements", "/devices"):
            assert call("GET", path).status_code == 200

    send()


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_outside_the_calendar(call: Caller, time: str) -> None:
    """Times that do not exist in UTC are answered."""
    announcement = {"title": "", "content": "", "start_time": time, "end_time": time}
    assert call("POST", "/emulator/announcements", json=announcement).status_code == 422
    assert call("GET", "/announcements", params={"current_time": time}).status_code == 500
    assert call("GET", "/device_histories", params={"from": time}).status_code == 422
    assert call("GET", "/jobs", params={"start_time": time}).status_code == 500


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "\u00b2", "-1"])
def test_numbers_that_no_database_holds(call: Caller, number: str) -> None:
    """Numbers of any length are answered."""
    assert call("GET", "/jobs", params={"page": number}).status_code == 500
    assert call("GET", "/device_histories", params={"offset": number}).status_code == 422
    assert call("GET", "/announcements", params={"limit": number}).status_code in {422, 500}


@SETTINGS
@given(st.data())
def _upload(call: Caller, data: st.DataObject) -> None:
    """Send a form that is truncated or has bytes changed."""
    fields = form_of(call("POST", "/jobs").json()["presigned_url"])
    parts = [f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    parts.append('--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nPK\r\n--B--\r\n')
    body = bytearray("".join(parts).encode())
    for position in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=5)):
        body[position] = data.draw(st.integers(0, 255))
    sent = bytes(body[: data.draw(st.integers(0, len(body)))])
    answer = call("POST", "/storage", content=sent, headers={"content-type": "multipart/form-data; boundary=B"})
    assert answer.status_code < 500


# Starlette forgets the temporary file of a part that never ends; it is closed when it is collected.
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
def test_broken_uploads(call: Caller) -> None:
    """Truncated and garbled forms are answered."""
    _upload(call)
    gc.collect()  # here, where the warning is expected
