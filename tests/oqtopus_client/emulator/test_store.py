"""Persistence over restarts and kills, and between processes that share a folder."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.store import LEASE_SECONDS, Outcome
from tests.support.circuits import BELL
from tests.support.held_executor import HeldExecutor
from tests.support.jobs import SECONDS_LONG
from tests.support.server_process import running_server
from tests.support.stores import open_store, shift_clock

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)


def test_jobs_outlive_the_emulator(tmp_path: Path) -> None:
    """Results, waiting jobs, running jobs and the token survive a restart."""
    held = HeldExecutor()
    with Emulator(tmp_path, executor=held) as emulator, OqtopusClient(emulator.config) as client:
        token = emulator.token
        done, running, waiting = (client.submit_job(JOB).job_id for _ in range(3))
        held.step()
        while client.status(done) != "succeeded":
            held.step()
        counts = client.get_job(done).get_counts()  # type: ignore[attr-defined]
        held.await_work()

    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        assert emulator.token == token
        assert client.get_job(done).get_counts() == counts  # type: ignore[attr-defined]
        for job in client.wait_for_jobs([running, waiting], interval=0.01):
            assert job.status == "succeeded"


def test_default_folder_is_the_users() -> None:
    """By default, jobs are stored in a folder that only the user can read."""
    with Emulator() as emulator, OqtopusClient(emulator.config) as client:
        job_id = client.run_job(JOB, interval=0.01).job_id
    database = Path(os.environ["XDG_DATA_HOME"], "oqtopus-emulator", "emulator.sqlite3")
    with Emulator() as emulator, OqtopusClient(emulator.config) as client:
        assert client.status(job_id) == "succeeded"

    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_memory_leaves_no_trace() -> None:
    """`:memory:` writes no file."""
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        client.run_job(JOB, interval=0.01)

    assert not Path(os.environ["XDG_DATA_HOME"]).exists()


def test_killed_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill -9, every submitted job ends, including the running one."""
    environment = start_and_kill(tmp_path, [SECONDS_LONG, *[JOB] * 11])
    # The next server need not wait until the dead one's claims run out.
    shift_clock(monkeypatch, LEASE_SECONDS)

    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        results = client.wait_for_jobs([job.job_id for job in client.list_jobs()], interval=0.05)  # type: ignore[misc]

    assert len(results) == 12
    assert environment["OQTOPUS_API_TOKEN"] == emulator.token
    assert {str(result.status) for result in results} == {"succeeded"}


def start_and_kill(data: Path, jobs: list[OqtopusJobSpec]) -> dict[str, str]:
    """Submit jobs to a server process, and kill it while it works on the first, which must be a long one."""
    with running_server(data, stop=signal.SIGKILL) as environment:
        config = OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"])
        with OqtopusClient(config) as client:
            first, *_ = client.submit_jobs(jobs)
            while (status := client.status(first.job_id)) in {"submitted", "ready"}:
                time.sleep(0.01)
    assert status == "running"
    return environment


def test_a_job_is_claimed_once(tmp_path: Path) -> None:
    """Several processes that share a folder never take the same job."""
    store = open_store(tmp_path)
    ids = [store.register("operator") for _ in range(40)]
    for job_id in ids:
        store.submit(job_id, {"device_id": "qulacs", "job_type": "sampling", "shots": 1})
    script = (
        "import sys; from oqtopus_client.emulator.database import Database\n"
        "from oqtopus_client.emulator.store import Store; store = Store(Database(sys.argv[1]))\n"
        "while (row := store.claim(sys.argv[2])) is not None: print(row['job_id'])"
    )

    def claim_all(worker: str) -> list[str]:
        command = [sys.executable, "-c", script, str(tmp_path / "emulator.sqlite3"), worker]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    with ThreadPoolExecutor() as pool:
        claimed = [job_id for ids in pool.map(claim_all, "abc") for job_id in ids]
    store._database.close()

    assert sorted(claimed) == ids


def test_disappeared_workers_lose_their_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim expires, and later reports of its worker are ignored."""
    store = open_store(tmp_path)
    job_id = store.register("operator")
    store.submit(job_id, {"device_id": "qulacs", "job_type": "sampling", "shots": 1})
    assert store.claim("first") is not None
    assert store.claim("second") is None
    shift_clock(monkeypatch, LEASE_SECONDS + 1)

    assert store.claim("second") is not None
    assert not store.start(job_id, "first", {})
    assert not store.finish(job_id, "first", Outcome("succeeded", "late", files={"result.zip": b""}))
    assert store.start(job_id, "second", {})
    assert store.finish(job_id, "second", Outcome("succeeded", "in time", files={"result.zip": b"x"}))
    assert store.get_file(f"{job_id}/result.zip") == b"x"
    store._database.close()


def test_renewed_claims_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that renews its claims keeps its jobs, however long they take."""
    store = open_store(tmp_path)
    job_id = store.register("operator")
    store.submit(job_id, {"device_id": "qulacs", "job_type": "sampling", "shots": 1})
    store.claim("first")
    shift_clock(monkeypatch, LEASE_SECONDS - 1)
    store.renew("first", [job_id])
    shift_clock(monkeypatch, LEASE_SECONDS)

    assert store.claim("second") is None
    store._database.close()


def test_counts_of_jobs_come_from_an_index(tmp_path: Path) -> None:
    """Jobs are counted by status without reading them, also in the folder of an earlier version."""
    store = open_store(tmp_path)
    store._database.change("DROP INDEX jobs_by_status")
    mine = [store.register("operator") for _ in range(3)]
    store.register("another")
    store.cancel(mine[0])
    store._database.close()
    store = open_store(tmp_path)

    assert store.count("operator", {}) == {"cancelled": 1, "registered": 2}
    assert store.count("operator", {"status = ?": "cancelled", "job_id > ?": mine[0]}) == {}
    plan = store._database.all("EXPLAIN QUERY PLAN SELECT status, count(*) FROM jobs WHERE owner = ? GROUP BY 1", "o")
    assert [row["detail"] for row in plan] == ["SEARCH jobs USING COVERING INDEX jobs_by_status (owner=?)"]
    store._database.close()
