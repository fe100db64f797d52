"""The jobs that an engine fetches, each once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.store import LEASE_SECONDS
from oqtopus_client.rest.storage import unpack
from tests.support.callers import Caller
from tests.support.provider import ProviderCaller
from tests.support.stores import open_store, shift_clock


def test_a_fetched_job_is_ready(user: Caller, engine: ProviderCaller) -> None:
    """A fetch makes a job `ready`; its row has the new status but not its time, and no null fields."""
    job_id = user.submit(name="bell")
    assert user.job(job_id)["status"] == "submitted"

    (row,) = engine.fetch()

    times, url = {name: row.pop(name) for name in ("submitted_at",)}, row.pop("input")
    assert row == {
        "job_id": job_id,
        "name": "bell",
        "description": "",
        "device_id": "qulacs",
        "job_type": "sampling",
        "shots": 1000,
        "transpiler_info": {},
        "simulator_info": {},
        "mitigation_info": {},
        "status": "ready",
    }
    assert times["submitted_at"].endswith("Z")
    assert len(times["submitted_at"]) == len("2026-08-20T03:00:00Z")
    assert "program" in json.loads(unpack(engine("GET", url).content))
    assert user.job(job_id)["status"] == "ready"
    assert "ready_at" in user.job(job_id)
    assert "ready_at" in engine("GET", f"/jobs/{job_id}").json()


def test_each_job_is_handed_out_once(user: Caller, engine: ProviderCaller) -> None:
    """Jobs are handed out once, in the order of submission, up to the limit, also to eight engines at once."""
    job_ids = [user.submit() for _ in range(11)]

    assert [row["job_id"] for row in engine.fetch(limit=2)] == job_ids[:2]
    assert [row["job_id"] for row in engine.fetch(max_results=1)] == job_ids[2:3]
    assert engine.fetch(limit=0) == []
    with ThreadPoolExecutor(8) as pool:
        fetched = list(pool.map(lambda _: engine.fetch(limit=1), range(8)))
    assert sorted(row["job_id"] for (row,) in fetched) == job_ids[3:]
    assert engine.fetch() == []


def test_jobs_in_work_can_be_listed(user: Caller, engine: ProviderCaller) -> None:
    """A restarted engine can list its jobs without changing them; without a status, all but registered jobs."""
    registered, job_id = user.register(), user.submit()
    engine.fetch()

    (ready,) = engine.fetch(status="ready")
    assert (ready["job_id"], ready["status"]) == (job_id, "ready")
    assert "ready_at" in ready
    engine.report(job_id, "running")
    (running,) = engine.fetch(status="running")
    assert "running_at" in running
    everything = engine("GET", "/jobs", params={"device_id": "qulacs"}).json()
    assert [row["job_id"] for row in everything] == [job_id]
    assert user.job(registered)["status"] == "registered"


@pytest.mark.parametrize("query", [{"device_id": "unknown"}, {"status": "registered"}, {"status": "odd'"}])
def test_what_matches_nothing(user: Caller, engine: ProviderCaller, query: dict[str, str]) -> None:
    """An unknown device or status gives an empty list."""
    user.submit()

    assert engine.fetch(**query) == []


def test_fields_and_time(user: Caller, engine: ProviderCaller) -> None:
    """A row holds the named fields; `timestamp` excludes older jobs, and both leave the hand-out as it is."""
    job_id = user.submit()
    now = datetime.now(UTC)

    assert engine.fetch(timestamp=(now + timedelta(seconds=10)).isoformat()) == []
    assert engine.fetch(timestamp="2020-01-01T00:00:00", fields="status,ready_at,shots") == [
        {"status": "ready", "shots": 1000}
    ]
    assert user.job(job_id)["status"] == "ready"


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [
        ({}, 422, None),
        ({"device_id": "qulacs", "limit": "many"}, 422, None),
        ({"device_id": "qulacs", "fields": "XXX,status,YYY"}, 400, {"message": "fields ['XXX', 'YYY'] is invalid"}),
        ({"device_id": "qulacs", "fields": ""}, 400, {"message": "fields [''] is invalid"}),
        ({"device_id": "qulacs", "fields": "owner"}, 400, {"message": "fields ['owner'] is invalid"}),
        ({"device_id": "qulacs", "limit": -1}, 500, None),
        ({"device_id": "qulacs", "timestamp": "yesterday"}, 500, None),
    ],
)
def test_refused_queries(
    user: Caller, engine: ProviderCaller, query: dict[str, Any], status: int, body: object
) -> None:
    """Refused queries hand out no job."""
    job_id = user.submit()

    answer = engine("GET", "/jobs", params=query)

    assert answer.status_code == status
    assert body in (None, answer.json())
    assert user.job(job_id)["status"] == "submitted"


def test_jobs_that_are_not_there(user: Caller, engine: ProviderCaller) -> None:
    """Unknown and registered jobs, and jobs cancelled while registered, are not found."""
    registered, cancelled = user.register(), user.register()
    user("POST", f"/jobs/{cancelled}/cancel")

    for job_id in ("unknown", registered, cancelled):
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/upload?items=result", None),
            ("PATCH", "/status", {"status": "running"}),
            ("PUT", "/transpiler_info", {}),
        ):
            answer = engine(method, f"/jobs/{job_id}{path}", json=body)
            assert (answer.status_code, answer.json()) == (404, {"message": "Job not found"}), (job_id, path)


def test_transpiler_settings_are_replaced(user: Caller, engine: ProviderCaller) -> None:
    """Transpiler settings are replaced entirely, in any status, and must be an object."""
    job_id = user.submit(transpiler_info={"transpiler_lib": None})
    settings = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}

    answer = engine("PUT", f"/jobs/{job_id}/transpiler_info", json=settings)

    assert (answer.status_code, answer.json()) == (200, {"message": "The job's transpiler_info has been updated."})
    assert user.job(job_id)["transpiler_info"] == settings
    assert engine("PUT", f"/jobs/{job_id}/transpiler_info", json=[1]).status_code == 422


def test_upload_forms(user: Caller, engine: ProviderCaller) -> None:
    """A form for each file is returned in the requested order, in any status; with static keys, the token is null."""
    job_id = user.submit()
    user("POST", f"/jobs/{job_id}/cancel")

    forms = engine("GET", f"/jobs/{job_id}/upload?items=result,transpile_result").json()

    assert [form["fields"]["key"] for form in forms] == [f"{job_id}/result.zip", f"{job_id}/transpile_result.zip"]
    assert {form["url"] for form in forms} == {"http://provider.localhost/storage"}
    assert forms[0]["fields"].keys() == {"key", "AWSAccessKeyId", "x-amz-security-token", "policy", "signature"}
    assert forms[0]["fields"]["x-amz-security-token"] is None


@pytest.mark.parametrize(
    ("job_type", "items", "message"),
    [
        ("sampling", "xxx", "Unsupported item(s) for upload: ['xxx']"),
        ("sampling", "", "Unsupported item(s) for upload: ['']"),
        ("sampling", "input,result", "Unsupported item(s) for upload: ['input']"),
        ("sampling", "combined_program", "Unsupported item: combined_program for job type: sampling"),
        ("multi_manual", "combined_program,sse_log", "Unsupported item: sse_log for job type: multi_manual"),
        ("sse", "combined_program", "Unsupported item: combined_program for job type: sse"),
        ("multi_manual", "combined_program", None),
        ("sse", "sse_log", None),
    ],
)
def test_what_may_be_uploaded(
    user: Caller, engine: ProviderCaller, job_type: str, items: str, message: str | None
) -> None:
    """Some files can be uploaded for one type of job only."""
    job_id = user.submit(job_type=job_type)

    answer = engine("GET", f"/jobs/{job_id}/upload", params={"items": items})

    if message is None:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()) == (400, {"message": message})
    assert engine("GET", f"/jobs/{job_id}/upload").status_code == 422


def test_jobs_of_a_dead_emulator_are_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that an emulator's own engine held when it was killed waits for the external engine."""
    with Emulator(tmp_path, executor="external") as emulator:
        user = Caller("http://emulator.localhost", emulator.token, emulator)
        job_id = user.submit()
        user.close()
        store = open_store(tmp_path)
        assert store.claim("killed")
        engine = ProviderCaller("http://provider.localhost", "", emulator.provider_api)

        assert engine.fetch() == []
        assert engine.report(job_id, "running")[0] == 409
        shift_clock(monkeypatch, LEASE_SECONDS + 1)
        assert [row["job_id"] for row in engine.fetch()] == [job_id]
        assert not store.start(job_id, "killed", {})
        shift_clock(monkeypatch, 100 * LEASE_SECONDS)
        assert store.claim("another") is None
        assert engine.report(job_id, "running")[0] == 200
        engine.close()
