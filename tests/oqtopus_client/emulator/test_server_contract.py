"""The HTTP behaviour of real servers, line by line, and the options by which servers differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.__main__ import _emulator
from oqtopus_client.emulator.arguments import parser
from oqtopus_client.emulator.server_options import ServerOptions
from tests.support.callers import SUBMIT, Caller, form_of
from tests.support.held_executor import HeldExecutor

INTERNAL_ERROR = {"message": "Internal Server Error", "message_code": "INTERNAL_SERVER_ERROR", "message_params": {}}


@pytest.fixture
def open_caller() -> Iterator[Callable[..., Caller]]:
    """Opens an emulator with some options, and returns a caller of it."""
    opened: list[Caller | Emulator] = []

    def open_(*, token_of: Callable[[Emulator], str] | None = None, **options: Any) -> Caller:
        emulator = Emulator(":memory:", executor=HeldExecutor(), **options)
        caller = Caller("http://emulator.localhost", token_of(emulator) if token_of else emulator.token, emulator)
        opened.extend((emulator, caller))
        return caller

    yield open_
    for each in reversed(opened):
        each.close()


@pytest.fixture
def call(open_caller: Callable[..., Caller]) -> Caller:
    """A caller of an emulator with the default options."""
    return open_caller()


# --- GET /jobs


def test_rows_with_fields(call: Caller) -> None:
    """A row holds the named fields that are not null, and nothing else."""
    submitted, registered = call.submit(name="a"), call.register()
    call("POST", f"/jobs/{submitted}/cancel")

    def rows(fields: str) -> list[dict[str, Any]]:
        return list(call("GET", "/jobs", params={"fields": fields}).json())

    assert rows("name,ended_at") == [{"name": "a"}, {}]
    assert rows("ended_at,execution_time") == [{}, {}]
    assert rows("status") == [{"status": "cancelled"}, {"status": "registered"}]
    assert [row["job_id"] for row in call("GET", "/jobs").json()] == [submitted, registered]
    assert call("GET", "/jobs").json()[1] == {"job_id": registered, "status": "registered"}


@pytest.mark.parametrize("size", ["+2", " 2 ", "0_2", "%D9%A2", "2"])
def test_paging_values_as_python_reads_them(call: Caller, size: str) -> None:
    """`size` and `page` are read by `int()`."""
    ids = [call.register(None) for _ in range(3)]

    assert [job["job_id"] for job in call("GET", f"/jobs?size={size}&page=1").json()] == ids[:2]
    assert [job["job_id"] for job in call("GET", f"/jobs?size=2&page={size}").json()] == ids[2:]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        (r"st_x", "ab"),
        (r"st\_x", "a"),
        (r"st\x", "b"),
        ("stx", "b"),
        ("50\\%", "c"),
        ("%", "abcd"),
        ("\\", "d"),
        ("a\0", ""),
    ],
)
def test_search_patterns(call: Caller, q: str, found: str) -> None:
    """A backslash escapes a wildcard or any other character; nothing matches a NUL."""
    for name, text in {"a": "st_x", "b": "stx stax", "c": "50% off", "d": "100%"}.items():
        call.submit(name=name, description=text)
    rows = call("GET", "/jobs", params={"q": q, "fields": "name"}).json()

    assert "".join(row["name"] for row in rows) == found


@pytest.mark.parametrize(("length", "status"), [(1024, 200), (1025, 422), (60_000, 422)])
def test_long_search_patterns(call: Caller, length: int, status: int) -> None:
    """The API's schema allows 1024 characters."""
    assert call("GET", "/jobs", params={"q": "a" * length}).status_code == status


@pytest.mark.parametrize("cancelling", [False, True])
def test_filter_by_cancelling(open_caller: Callable[..., Caller], cancelling: bool) -> None:
    """422 from servers that do not have this status."""
    answer = open_caller(cancelling=cancelling)("GET", "/jobs?status=cancelling")

    assert answer.status_code == (200 if cancelling else 422)
    if not cancelling:
        assert answer.json()["detail"][0]["loc"] == ["query", "status"]


@pytest.mark.parametrize("quirks", [False, True])
def test_row_cancelled_while_registered(open_caller: Callable[..., Caller], quirks: bool) -> None:
    """Real servers cannot show such a job, nor a page with it, unless the fields leave out its type and shots."""
    call = open_caller(quirks=quirks)
    job_id = call.register()
    call("POST", f"/jobs/{job_id}/cancel")
    shown = {"job_id": job_id, "status": "cancelled", "name": "", "description": ""}
    safe = call("GET", "/jobs?fields=job_id,status,name,description,submitted_at,device_id")

    assert safe.json() == [{**shown, "device_id": "null"} if quirks else shown]
    for path in ("/jobs", "/jobs?fields=job_type", "/jobs?fields=shots", f"/jobs/{job_id}"):
        answer = call("GET", path)
        assert answer.status_code == (500 if quirks else 200), path
        if quirks:
            assert answer.json() == INTERNAL_ERROR
    assert call("DELETE", f"/jobs/{job_id}").status_code == 200
    assert call("GET", "/jobs").json() == []


# --- Devices


def test_unknown_device(call: Caller) -> None:
    """404 for a user who may use all devices; so are histories."""
    for path in ("/devices/nowhere", "/device_histories?device_id=nowhere"):
        answer = call("GET", path)
        assert (answer.status_code, answer.json()) == (404, {"message": "device_id=nowhere is not found."})


def test_user_with_a_list_of_devices(open_caller: Callable[..., Caller]) -> None:
    """403 for any other device, known or not; lists leave the others out."""
    call = open_caller(token_of=lambda emulator: emulator.add_user("some", devices=["qulacs"]))

    assert [device["device_id"] for device in call("GET", "/devices").json()] == ["qulacs"]
    assert call("GET", "/devices/qulacs").status_code == 200
    assert {item["device_id"] for item in call("GET", "/device_histories").json()["items"]} == {"qulacs"}
    for device_id in ("lattice64", "nowhere"):
        forbidden = (403, {"message": f"Cannot access device_id={device_id}."})
        for path in (f"/devices/{device_id}", f"/device_histories?device_id={device_id}"):
            answer = call("GET", path)
            assert (answer.status_code, answer.json()) == forbidden
    answer = call("POST", f"/jobs/{call.register()}/submit", json={**SUBMIT, "device_id": "lattice64"})
    assert (answer.status_code, answer.json()) == (403, {"message": "cannot create job for device=lattice64"})


def test_user_without_devices(open_caller: Callable[..., Caller]) -> None:
    """An empty list allows none."""
    call = open_caller(token_of=lambda emulator: emulator.add_user("none", devices=[]))

    assert call("GET", "/devices").json() == []
    assert call("GET", "/device_histories").json()["items"] == []


def test_server_without_histories(open_caller: Callable[..., Caller]) -> None:
    """Older servers do not know the path."""
    call = open_caller(device_histories=False)

    for path in ("/device_histories", "/device_histories/x"):
        answer = call("GET", path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


# --- Authentication


@pytest.mark.parametrize("status", ["suspended", "unapproved"])
def test_user_who_is_not_approved(open_caller: Callable[..., Caller], status: str) -> None:
    """403, whatever the request."""
    call = open_caller(token_of=lambda emulator: emulator.add_user("mallory", status=status))

    for method, path in [("GET", "/devices"), ("POST", "/api-token"), ("GET", "/nowhere")]:
        answer = call(method, path)
        assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})


@pytest.mark.parametrize(
    ("headers", "challenged"),
    [
        ({"q-api-token": ""}, True),
        ({"q-api-token": "", "authorization": "Bearer nonsense"}, True),
        ({"q-api-token": "", "authorization": "Basic nonsense"}, True),
        ({"q-api-token": "wrong"}, False),
    ],
)
@pytest.mark.parametrize("path", ["/devices", "/nowhere", "/docsx", "/storagex"])
def test_unauthorized(call: Caller, headers: dict[str, str], path: str, challenged: bool) -> None:
    """401 also for unknown paths; with `WWW-Authenticate` where no API token decides."""
    answer = call("GET", path, headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"detail": "Unauthorized"})
    assert answer.headers.get("www-authenticate") == ("Bearer" if challenged else None)


def test_unknown_path(call: Caller) -> None:
    """404 with a token."""
    assert call("GET", "/nowhere").status_code == 404


# --- Users, tokens and announcements


def test_deleting_a_user(open_caller: Callable[..., Caller]) -> None:
    """403 while it is disabled; an `Authorization` header makes no difference."""
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "nonsense"}):
        call = open_caller()
        answer = call("DELETE", "/users/me", headers=headers)
        assert (answer.status_code, answer.json()) == (403, {"message": "user deletion is disabled"})
        call("PATCH", "/emulator/settings", json={"allow_deletion": True})
        assert call("DELETE", "/users/me", headers=headers).status_code == 204


@pytest.mark.parametrize("field", ["name", "organization"])
def test_changing_a_user(call: Caller, field: str) -> None:
    """Empty and null values are ignored; 255 characters are the limit."""
    assert call("PATCH", "/users/me", json={field: "a" * 255}).json()[field] == "a" * 255
    for ignored in ("", None):
        answer = call("PATCH", "/users/me", json={field: ignored})
        assert (answer.status_code, answer.json()[field]) == (200, "a" * 255)
    answer = call("PATCH", "/users/me", json={field: "b" * 256})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"The length of {'b' * 256} exceeds the limit")


def test_renewing_a_token(open_caller: Callable[..., Caller]) -> None:
    """200 and a new token, or 403 from servers that require an interactive login."""
    assert set(open_caller()("POST", "/api-token").json()) == {
        "api_token_id",
        "api_token_secret",
        "api_token_expiration",
    }
    answer = open_caller(token_renewal=False)("POST", "/api-token")
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("query", ["limit=-1", "offset=-1", "current_time=yesterday", "current_time="])
def test_announcements_that_break_servers(call: Caller, query: str) -> None:
    """500 for numbers below zero and times that are not valid."""
    answer = call("GET", f"/announcements?{query}")

    assert (answer.status_code, answer.json()) == (500, INTERNAL_ERROR)


def test_login_events(call: Caller) -> None:
    """Null, while the login history is disabled."""
    assert call("GET", "/users/me").json()["login_events"] is None
    assert call("GET", "/system/settings").json()["login_history_enabled"] is False
    call("PATCH", "/emulator/settings", json={"login_history_enabled": True})
    assert call("GET", "/users/me").json()["login_events"] == []


# --- Times, uploads and web pages


def times_in(value: Any) -> list[str]:
    """All times in a response."""
    if isinstance(value, dict):
        return [
            time
            for key, item in value.items()
            for time in ([item] if key.endswith(("_at", "_time", "expiration")) and item else times_in(item))
        ]
    return [time for item in value for time in times_in(item)] if isinstance(value, list) else []


def test_times_have_whole_seconds(call: Caller) -> None:
    """In every response."""
    time = datetime(2026, 1, 1, 12, 30, 15, 999_999, UTC).isoformat()
    call("POST", "/emulator/announcements", json={"title": "t", "content": "", "start_time": time, "end_time": time})
    job_id = call.submit()
    answers = [
        call(method, path).json()
        for method, path in [
            ("GET", "/devices"),
            ("GET", "/device_histories"),
            ("GET", f"/jobs/{job_id}"),
            ("GET", "/jobs"),
            ("GET", "/users/me"),
            ("GET", "/announcements"),
            ("GET", "/api-token/status"),
            ("POST", "/api-token"),
        ]
    ]

    for answer in answers:
        times = times_in(answer)
        assert times
        for found in times:
            assert found == datetime.fromisoformat(found).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_filters_see_whole_seconds(call: Caller) -> None:
    """A job is found by the time that it shows, and not by a fraction of a second later."""
    submitted = call.job(call.submit())["submitted_at"]
    later = submitted.replace("Z", ".000001Z")

    def found(**query: str) -> int:
        return len(call("GET", "/jobs", params=query).json())

    assert found(start_time=submitted) == found(end_time=submitted) == found(end_time=later) == 1
    assert found(start_time=later) == 0


@pytest.mark.parametrize("temporary", [False, True])
def test_security_token(open_caller: Callable[..., Caller], temporary: bool) -> None:
    """Null with static credentials; a form needs exactly the fields that are not null."""
    call = open_caller(temporary_credentials=temporary)
    target = call("POST", "/jobs").json()["presigned_url"]
    form, file = form_of(target), {"file": ("input.zip", b"x")}

    assert ("x-amz-security-token" in form, set(target["fields"])) == (
        temporary,
        {"key", "AWSAccessKeyId", "x-amz-security-token", "policy", "signature"},
    )
    assert call("POST", target["url"], data={**form, "x-amz-security-token": ""}, files=file).status_code == 403
    assert call("POST", target["url"], data=form, files=file).status_code == 204


def test_calls_from_web_pages(open_caller: Callable[..., Caller]) -> None:
    """Headers for configured origins only; a preflight needs no token."""
    page, other = {"origin": "https://page.example"}, {"origin": "https://other.example"}
    call = open_caller(cors_origins=["https://page.example"])
    preflight = {"q-api-token": "", "access-control-request-method": "POST"}

    answer = call("GET", "/devices", headers=page)
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-origin" not in call("GET", "/devices", headers=other).headers
    assert call("OPTIONS", "/jobs", headers={**page, **preflight}).status_code == 200
    assert call("OPTIONS", "/jobs", headers={**other, **preflight}).status_code == 400
    assert call("GET", "/devices", headers={**page, "q-api-token": ""}).status_code == 401
    plain = open_caller()("GET", "/devices", headers=page).headers
    assert not {"access-control-allow-origin", "vary"} & set(plain)


def test_restricted_users_over_http(call: Caller) -> None:
    """The operator adds one."""
    token = call("POST", "/emulator/users", json={"name": "some", "devices": ["lattice64"]}).json()["api_token"]
    answer = call("GET", "/devices", headers={"q-api-token": token})

    assert [json.loads(device["device_info"])["device_id"] for device in answer.json()] == ["lattice64"]


def test_options_on_the_command_line() -> None:
    """Each option of the emulator has one."""
    words = (
        "--data :memory: --quirks --cancelling --no-device-histories --no-token-renewal --temporary-credentials "
        "--cors-origin https://one.example --cors-origin https://two.example --strict-provider "
        "--no-idle-noise --schedule alap"
    )
    parsed = [parser("emulator").parse_args(line.split()) for line in ("--data :memory:", words)]
    emulators = [_emulator(options, HeldExecutor()) for options in parsed]  # type: ignore[arg-type]
    devices = [emulator.devices["lattice64"] for emulator in emulators]
    for emulator in emulators:
        emulator.close()

    assert [(device.idle_noise, device.schedule) for device in devices] == [(True, "gateway"), (False, "alap")]
    assert [emulator.cloud.options for emulator in emulators] == [
        ServerOptions(),
        ServerOptions(
            cancelling=True,
            device_histories=False,
            token_renewal=False,
            temporary_credentials=True,
            cors_origins=("https://one.example", "https://two.example"),
            quirks=True,
            strict_provider=True,
        ),
    ]
