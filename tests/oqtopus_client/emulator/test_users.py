"""Users, tokens, announcements and settings, as on servers, and their persistence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.users import TOKEN_DAYS
from oqtopus_client.errors import AuthenticationError, NotFoundError, PermissionDeniedError, UserApiError
from oqtopus_client.rest.storage import unpack
from tests.support.callers import Caller
from tests.support.circuits import BELL

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A separate emulator, whose users may be changed."""
    with Emulator(":memory:") as emulator:
        yield emulator


@pytest.fixture
def caller_of(emulator: Emulator) -> Iterator[Callable[[str], Caller]]:
    """Return a caller with a token."""
    callers: list[Caller] = []

    def make(token: str) -> Caller:
        callers.append(Caller("http://emulator.localhost", token, emulator))
        return callers[-1]

    yield make
    for caller in callers:
        caller.close()


@pytest.fixture
def call(emulator: Emulator, caller_of: Callable[[str], Caller]) -> Caller:
    """The operator's caller."""
    return caller_of(emulator.token)


@pytest.fixture
def client(emulator: Emulator) -> Iterator[OqtopusClient]:
    """The operator's client."""
    with OqtopusClient(emulator.config) as client:
        yield client


def said(answer: httpx.Response) -> tuple[int, Any]:
    """Return status and body of a response."""
    return answer.status_code, answer.json()


def test_users_do_not_see_each_others_jobs(emulator: Emulator, call: Caller, caller_of: Any) -> None:
    """Another user's job ids are unknown."""
    other = caller_of(emulator.add_user("other"))
    unknown = (404, {"message": "job not found with the given id"})
    registered, mine = call.register(), call.submit()
    theirs = other.submit()
    requests = [
        ("GET", "", None),
        ("GET", "/status", None),
        ("POST", "/cancel", None),
        ("POST", "/submit", {"device_id": "qulacs", "job_type": "sampling", "shots": 1}),
        ("DELETE", "", None),
    ]
    for method, rest, body in requests:
        for job_id in (registered, mine):
            assert said(other(method, f"/jobs/{job_id}{rest}", json=body)) == unknown
        assert said(call(method, f"/jobs/{theirs}{rest}", json=body)) == unknown

    assert [job["job_id"] for job in other("GET", "/jobs").json()] == [theirs]
    assert [job["job_id"] for job in call("GET", "/jobs").json()] == [registered, mine]
    assert other("GET", f"/jobs?q={mine}").json() == []
    assert call.job(registered)["status"] == "registered"


def test_two_clients(emulator: Emulator, client: OqtopusClient) -> None:
    """Two clients work independently and have different ids."""
    with OqtopusClient(emulator.config_for(emulator.add_user("other"))) as other:
        jobs = [each.run_job(JOB, interval=0.01) for each in (client, other)]
        assert [job.status for job in jobs] == ["succeeded"] * 2
        for each, job, hidden in [(client, *jobs), (other, *reversed(jobs))]:
            assert [found.job_id for found in each.iter_jobs()] == [job.job_id]
            for act in (each.get_job, each.status, each.cancel_job, each.delete_job):
                with pytest.raises(NotFoundError):
                    act(hidden.job_id)

        assert (client.get_user().name, other.get_user().name) == ("operator", "other")
        assert client.get_user().id != other.get_user().id


def test_suspended(emulator: Emulator, caller_of: Any) -> None:
    """A suspended user gets 403, before any other check."""
    token = emulator.add_user("mallory", status="suspended")
    for method, path in [("GET", "/devices"), ("POST", "/jobs"), ("POST", "/api-token"), ("GET", "/emulator/faults")]:
        assert said(caller_of(token)(method, path)) == (403, {"detail": "Forbidden"})
    with OqtopusClient(emulator.config_for(token)) as client, pytest.raises(PermissionDeniedError) as caught:
        client.list_devices()

    assert caught.value.message.startswith("Forbidden")


def test_expired_token(emulator: Emulator) -> None:
    """An expired token is refused like a missing one."""
    token = emulator._users.add("late", expires_in_days=-1)
    with OqtopusClient(emulator.config_for(token)) as client, pytest.raises(AuthenticationError, match="expired"):
        client.get_user()


def test_deleted_token(emulator: Emulator, caller_of: Any) -> None:
    """Deleting a token gives 200 without a body, and the token is refused from then on."""
    call = caller_of(emulator.add_user("other"))
    answer = call("DELETE", "/api-token")

    assert (answer.status_code, answer.content) == (200, b"")
    for path in ("/api-token", "/api-token/status", "/devices"):
        assert said(call("GET" if path != "/api-token" else "DELETE", path)) == (401, {"detail": "Unauthorized"})


def test_token_status(call: Caller) -> None:
    """A token is valid for 90 days, to the minute."""
    answer = call("GET", "/api-token/status")
    expiration = datetime.fromisoformat(answer.json()["api_token_expiration"])

    assert (answer.status_code, list(answer.json())) == (200, ["api_token_expiration"])
    assert (expiration.second, expiration.microsecond) == (0, 0)
    left = expiration - datetime.now(UTC)
    assert timedelta(days=TOKEN_DAYS) - timedelta(minutes=10) < left <= timedelta(days=TOKEN_DAYS)


def test_a_token_replaces_itself(emulator: Emulator, caller_of: Any) -> None:
    """Renewing a token replaces the old one."""
    call = caller_of(emulator.add_user("other"))
    status, answer = said(call("POST", "/api-token"))
    renewed = caller_of(f"{answer['api_token_id']}.{answer['api_token_secret']}")

    assert (status, set(answer)) == (200, {"api_token_id", "api_token_secret", "api_token_expiration"})
    assert call("GET", "/users/me").status_code == 401
    assert renewed("GET", "/users/me").json()["name"] == "other"
    assert renewed("GET", "/api-token/status").json() == {"api_token_expiration": answer["api_token_expiration"]}


def test_tokens_are_kept_as_hashes(tmp_path: Path) -> None:
    """The database contains tokens as hashes only, except the operator's."""
    with Emulator(tmp_path) as emulator:
        token = emulator.add_user("other")
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert token.encode() not in content
    assert token.partition(".")[2].encode() not in content


def test_user(call: Caller) -> None:
    """A user has the fields of a server's response."""
    status, user = said(call("GET", "/users/me"))

    assert status == 200
    assert list(user) == ["id", "email", "name", "organization", "created_at", "login_events"]
    assert (user["name"], user["organization"], user["login_events"]) == ("operator", "", None)


def test_changing_a_user(emulator: Emulator, call: Caller) -> None:
    """The fields that settings allow can be changed, up to 255 characters; others are kept."""
    status, user = said(call("PATCH", "/users/me", json={"name": "ö" * 255}))
    assert (status, user["name"], user["organization"]) == (200, "ö" * 255, "")
    assert said(call("PATCH", "/users/me", json={"organization": "lab"}))[1] == {**user, "organization": "lab"}
    for field in ("name", "organization"):
        assert call("PATCH", "/users/me", json={field: "x" * 256}).status_code == 400
    emulator.settings["editable_fields"] = ["organization"]

    refused = (401, {"message": "name field is disabled for updates"})
    assert said(call("PATCH", "/users/me", json={"name": "x"})) == refused
    assert said(call("PATCH", "/users/me", json={"organization": "x", "name": "x"})) == refused
    assert said(call("GET", "/users/me"))[1] == {**user, "organization": "lab"}
    assert call("PATCH", "/users/me", json={"name": 3}).status_code == 422


def test_deleting_a_user(emulator: Emulator, caller_of: Any) -> None:
    """A user can be deleted only if settings allow it; other users stay."""
    call = caller_of(emulator.add_user("other"))

    assert said(call("DELETE", "/users/me")) == (403, {"message": "user deletion is disabled"})
    emulator.settings["allow_deletion"] = True
    answer = call("DELETE", "/users/me")
    assert (answer.status_code, answer.content) == (204, b"")
    assert call("GET", "/users/me").status_code == 401
    assert caller_of(emulator.token)("GET", "/users/me").status_code == 200


def test_settings(call: Caller) -> None:
    """Settings are those of a server, and the operator can change them one by one."""
    settings = {
        "editable_fields": ["name", "organization"],
        "allow_deletion": False,
        "visible_fields": ["id", "name", "email", "organization", "created_at"],
        "login_history_enabled": False,
    }
    assert said(call("GET", "/system/settings")) == (200, settings)
    changed = (200, {**settings, "editable_fields": []})
    assert said(call("PATCH", "/emulator/settings", json={"editable_fields": []})) == changed
    assert said(call("GET", "/system/settings")) == changed
    for wrong in ({"unknown": 1}, {"editable_fields": 3}, {"allow_deletion": "never"}):
        assert call("PATCH", "/emulator/settings", json=wrong).status_code == 422

    assert said(call("GET", "/system/settings")) == changed


def publish(emulator: Emulator, titles: str = "abc") -> list[int]:
    """Publish announcements of an hour, each starting half an hour after the previous one, in another order."""
    starts = {title: NOON + index * HOUR / 2 for index, title in enumerate(titles)}
    ids = {
        title: emulator.announce(title, f"*{title}*", start_time=starts[title], end_time=starts[title] + HOUR)
        for title in reversed(titles)
    }
    return [ids[title] for title in titles]


def test_announcements(emulator: Emulator, call: Caller) -> None:
    """Announcements are ordered by start, paged, and filtered by a time, with both ends included."""
    publish(emulator)

    def titles(query: str = "") -> str:
        status, answer = said(call("GET", f"/announcements{query}"))
        assert (status, list(answer)) == (200, ["announcements"])
        return "".join(entry["title"] for entry in answer["announcements"])

    assert titles() == titles("?order=ASC") == titles("?order=sideways") == "abc"
    assert titles("?order=DESC") == "cba"
    assert titles("?limit=2") == "ab"
    assert titles("?offset=1&limit=1") == "b"
    assert titles("?offset=3") == titles("?limit=0") == ""
    for time, expected in [
        ("2026-05-01T11:59:59Z", ""),
        ("2026-05-01T12:00:00Z", "a"),
        ("2026-05-01T12:00:00", "a"),
        ("2026-05-01T21:30:00%2B09:00", "ab"),
        ("2026-05-01T13:00:00Z", "abc"),
        ("2026-05-01T14:00:00Z", "c"),
        ("2026-05-01T14:00:01Z", ""),
    ]:
        assert titles(f"?current_time={time}") == expected, time
    assert titles("?current_time=2026-05-01T13:00:00Z&order=DESC&limit=1") == "c"


def test_ten_announcements_by_default(emulator: Emulator, call: Caller) -> None:
    """Ten announcements are returned by default."""
    publish(emulator, "abcdefghijkl")

    assert len(call("GET", "/announcements").json()["announcements"]) == 10


def test_announcement(emulator: Emulator, call: Caller) -> None:
    """An announcement can be read by its id; an unknown id is 404."""
    first, *_ = publish(emulator)

    assert said(call("GET", f"/announcements/{first}")) == (
        200,
        {
            "id": first,
            "title": "a",
            "content": "*a*",
            "start_time": "2026-05-01T12:00:00Z",
            "end_time": "2026-05-01T13:00:00Z",
            "publishable": True,
        },
    )
    for unknown in (99, -1, 10**30):
        message = f"announcement_id={unknown} is not found."
        assert said(call("GET", f"/announcements/{unknown}")) == (404, {"message": message})
    assert call("GET", "/announcements/first").status_code == 422


def test_announcing_over_http(call: Caller) -> None:
    """The operator can publish over HTTP, with times in any zone."""
    times = {"start_time": "2026-05-01T21:00:00+09:00", "end_time": "2026-05-01T13:00:00Z"}
    status, answer = said(call("POST", "/emulator/announcements", json={"title": "t", "content": "c", **times}))

    assert status == 200
    assert call("GET", f"/announcements/{answer['id']}").json()["start_time"] == "2026-05-01T12:00:00Z"
    assert call("POST", "/emulator/announcements", json={"title": "t", **times}).status_code == 422


def test_our_client(emulator: Emulator) -> None:
    """The client's methods about users work."""
    ids = publish(emulator)
    with OqtopusClient(emulator.config_for(emulator.add_user("other"))) as client:
        assert client.update_user(organization="lab").organization == "lab"
        assert (client.get_user().name, client.get_user().organization) == ("other", "lab")
        assert client.get_settings().editable_fields == ["name", "organization"]
        assert client.get_api_token_status().api_token_expiration > datetime.now(UTC)
        found = client.get_announcements_list(order="DESC", current_time=NOON + HOUR / 2, limit=5)
        assert [entry.title for entry in found.announcements] == ["b", "a"]
        assert client.get_announcement(ids[2]).title == "c"
        with pytest.raises(NotFoundError, match="announcement_id=99 is not found"):
            client.get_announcement(99)
        with pytest.raises(UserApiError, match="user deletion is disabled"):
            client.delete_user()
        client.delete_api_token()
        with pytest.raises(AuthenticationError):
            client.get_user()


def recalibrate(emulator: Emulator, calibrated_at: str, device_id: str = "qulacs") -> dict[str, Any]:
    """Recalibrate a device at a time, with one coupling less."""
    info = json.loads(emulator.devices[device_id].device_info)
    info = {**info, "couplings": info["couplings"][1:], "calibrated_at": calibrated_at}
    emulator.calibrate(device_id, info)
    return info


def test_histories(emulator: Emulator, call: Caller, client: OqtopusClient) -> None:
    """Histories list calibrations, newest first, in pages, of all devices or one, and can be read by id."""
    couplings = len(emulator.devices["qulacs"].calibration["couplings"])
    infos = [recalibrate(emulator, f"2030-01-0{day}T09:00:00+09:00") for day in (1, 2)]
    status, answer = said(call("GET", "/device_histories?device_id=qulacs"))

    assert (status, answer["total"], answer["limit"], answer["offset"]) == (200, 3, 100, 0)
    assert list(answer["items"][0]) == ["history_uid", "device_id", "calibrated_at", "n_qubits", "n_couplings"]
    assert [item["n_couplings"] for item in answer["items"]] == [couplings - 2, couplings - 1, couplings]
    assert {(item["device_id"], item["n_qubits"]) for item in answer["items"]} == {("qulacs", 16)}
    assert [item["calibrated_at"] for item in answer["items"]] == [
        "2030-01-02T00:00:00Z",
        "2030-01-01T00:00:00Z",
        "2025-03-18T17:11:47Z",
    ]
    page = call("GET", "/device_histories?device_id=qulacs&limit=1&offset=1").json()
    assert page == {"items": [answer["items"][1]], "total": 3, "limit": 1, "offset": 1}
    assert call("GET", "/device_histories?offset=99").json()["items"] == []
    assert {item["device_id"] for item in call("GET", "/device_histories").json()["items"]} == set(emulator.devices)
    for query in ("limit=0", "limit=101", "offset=-1", "from=yesterday"):
        assert call("GET", f"/device_histories?{query}").status_code == 422
    one = call("GET", f"/device_histories/{answer['items'][1]['history_uid']}").json()
    content = call("GET", one.pop("device_info"), headers={"q-api-token": ""}).content
    assert one == answer["items"][1]
    assert json.loads(unpack(content)) == infos[0]
    assert client.list_device_histories(device_id="qulacs", limit=1).items[0].n_couplings == couplings - 2
    history = client.get_device_history(one["history_uid"])
    assert json.loads(history.device_info or "") == infos[0]


def test_histories_of_a_time(emulator: Emulator, call: Caller) -> None:
    """Both ends of a period are included, in any time zone and precision."""
    recalibrate(emulator, "2030-01-01T09:00:00+09:00")

    def count(**query: str) -> int:
        return int(call("GET", "/device_histories", params={"device_id": "qulacs", **query}).json()["total"])

    assert count() == 2
    assert count(**{"from": "2030-01-01T00:00:00Z"}) == count(**{"from": "2029-12-31T19:00:00-05:00"}) == 1
    assert count(**{"from": "2030-01-01T00:00:00.000001Z"}) == 0
    assert count(to="2030-01-01T00:00:00Z") == 2
    assert count(to="2029-12-31T23:59:59.999999Z") == 1
    assert count(**{"from": "2026-01-01", "to": "2031-01-01"}) == 1


def test_unknown_histories(call: Caller) -> None:
    """Unknown entries and devices are 404."""
    message = "device_info_history history_uid=nothing is not found."

    assert said(call("GET", "/device_histories/nothing")) == (404, {"message": message})
    assert said(call("GET", "/device_histories?device_id=nowhere")) == (
        404,
        {"message": "device_id=nowhere is not found."},
    )


def test_restart(tmp_path: Path) -> None:
    """Tokens, users with their changes, announcements and calibrations survive a restart."""
    with Emulator(tmp_path) as emulator:
        operator, other = emulator.token, emulator.add_user("other")
        suspended = emulator.add_user("mallory", status="suspended")
        publish(emulator)
        info = recalibrate(emulator, "2030-01-01T00:00:00Z")
        with OqtopusClient(emulator.config_for(other)) as client:
            user = client.update_user(organization="lab")
            job_id = client.run_job(JOB, interval=0.01).job_id

    with Emulator(tmp_path) as emulator:
        assert emulator.token == operator
        assert json.loads(emulator.devices["qulacs"].device_info) == info
        with OqtopusClient(emulator.config_for(other)) as client:
            assert client.get_user() == user
            assert [job.job_id for job in client.iter_jobs()] == [job_id]
            assert [entry.title for entry in client.get_announcements_list().announcements] == list("abc")
            assert client.list_device_histories(device_id="qulacs").total == 2
        with OqtopusClient(emulator.config_for(suspended)) as client, pytest.raises(PermissionDeniedError):
            client.get_user()


def test_a_deleted_token_comes_back_with_the_emulator(tmp_path: Path) -> None:
    """An operator who deletes the token gets it back with the next emulator."""
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        client.delete_api_token()
        with pytest.raises(AuthenticationError):
            client.get_user()
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        assert client.get_user().name == "operator"


def test_own_token(tmp_path: Path) -> None:
    """A token given at the start becomes the operator's, with the same jobs."""
    with Emulator(tmp_path, token="first") as emulator, OqtopusClient(emulator.config) as client:
        job_id = client.run_job(JOB, interval=0.01).job_id
    with Emulator(tmp_path, token="second") as emulator:
        with OqtopusClient(emulator.config) as client:
            assert [job.job_id for job in client.iter_jobs()] == [job_id]
        with OqtopusClient(emulator.config_for("first")) as client, pytest.raises(AuthenticationError):
            client.get_user()
