"""The Provider API as a whole: who may call it, and what every response has."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client import OqtopusClient
from oqtopus_client.emulator import Emulator
from tests.support.callers import Caller
from tests.support.provider import ProviderCaller


def test_a_key_is_demanded_where_one_is_set() -> None:
    """All paths but the storage's answer 403 without it, unknown ones included, as behind a gateway."""
    with Emulator(":memory:", executor="external", provider_key="sesame") as emulator:
        user = Caller("http://emulator.localhost", emulator.token, emulator)
        engine = ProviderCaller("http://provider.localhost", "", emulator.provider_api)
        user.submit()
        for headers in ({}, {"x-api-key": "wrong"}, {"x-api-key": "sesam\xe9".encode("latin-1")}):
            for path in ("/jobs?device_id=qulacs", "/hello", "/nothing"):
                answer = engine("GET", path, headers=headers)
                assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})

        rows = engine("GET", "/jobs?device_id=qulacs", headers={"x-api-key": "sesame"}).json()
        assert engine("GET", rows[0]["input"]).status_code == 200
        user.close()
        engine.close()


def test_without_a_key_everyone_may_call(engine: ProviderCaller) -> None:
    """Without a key, all requests are accepted, as in a server's local mode."""
    answer = engine("GET", "/hello", headers={"x-api-key": "any"})

    assert (answer.status_code, answer.json()) == (200, {"message": "Hello World!!"})
    assert engine("GET", "/nothing").status_code == 404


def test_documentation_needs_no_network(engine: ProviderCaller) -> None:
    """The pages load everything from the same port, and the browser would load nothing from elsewhere."""
    for page in ("/docs", "/redoc"):
        answer = engine("GET", page)
        loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", answer.text)

        assert len(loaded) >= 2
        assert {engine("GET", path).status_code for path in loaded} == {200}
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_correlation_id(engine: ProviderCaller) -> None:
    """The correlation id is the request's or a constant, also on errors."""
    assert engine("GET", "/hello").headers["X-Correlation-Id"] == "local-correlation-id"
    answer = engine("GET", "/jobs", headers={"X-Correlation-Id": "mine"})
    assert (answer.status_code, answer.headers["X-Correlation-Id"]) == (422, "mine")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"status": "failed", "message": "\\ud800"}', b'{"status": "running", "message": 5}']
)
def test_malformed_bodies(user: Caller, engine: ProviderCaller, body: bytes) -> None:
    """Malformed bodies are refused and change nothing."""
    job_id = user.submit()
    engine.fetch()

    answer = engine("PATCH", f"/jobs/{job_id}/status", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    assert user.job(job_id)["status"] == "ready"


def test_an_emulator_that_runs_jobs_itself_has_no_seat() -> None:
    """An emulator that runs its jobs has no Provider API, as two engines would take each other's jobs."""
    with Emulator(":memory:") as emulator:
        assert emulator.provider_api is None
    wrong: Any = "other"
    with pytest.raises(ValueError, match="executor is 'other'; it is an Executor or 'external'"):
        Emulator(":memory:", executor=wrong)


def test_databases_of_the_release_before_can_be_used(tmp_path: Path) -> None:
    """A table without the newest column is migrated, and its jobs show their files as before."""
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        user = Caller("http://emulator.localhost", emulator.token, emulator)
        job_id = user.submit()
        client.wait_for_job(job_id, interval=0.01)
        user.close()
    with closing(sqlite3.connect(tmp_path / "emulator.sqlite3")) as database:
        database.execute("ALTER TABLE jobs DROP COLUMN output_files")

    with Emulator(tmp_path, executor="external") as emulator, OqtopusClient(emulator.config) as client:
        assert sum(client.get_job(job_id).get_counts().values()) == 1000  # type: ignore[attr-defined]
