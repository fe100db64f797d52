"""Each device has a queue of its own, in which users take turns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.database import Database
from oqtopus_client.emulator.places import Places
from oqtopus_client.emulator.store import _HEADS, Store
from tests.conftest import BELL
from tests.oqtopus_client.emulator.test_places import HEAVY, LIGHT, Gated, await_status, gated
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from oqtopus_client.emulator.database import Row

__all__ = ["gated"]

ELSEWHERE = OqtopusJobSpec.sampling(device_id="lattice64", program=BELL, shots=1)
SECONDS_LONG = OqtopusJobSpec.sampling(
    device_id="lattice64",
    program='OPENQASM 3; include "stdgates.inc"; qubit[14] q; bit[14] c; rz(0.3) q; sx q; c = measure q;',
    shots=20_000,
    transpiler_info={"transpiler_lib": None},
)
US = "us"


@pytest.fixture
def store() -> Iterator[Store]:
    """A store in memory."""
    database = Database(":memory:")
    yield Store(database)
    database.close()


def submit(store: Store, owners: Iterable[str], device_id: str = "qulacs", origin: str = US) -> list[str]:
    """Submit a job of each owner; returns their ids."""
    ids = [store.register(owner) for owner in owners]
    for job_id in ids:
        store.submit(job_id, {"device_id": device_id, "job_type": "sampling", "shots": 1, "origin": origin})
    return ids


def claim_all(store: Store, places: Places) -> list[Row]:
    """Claim one job after the other, each finished before the next."""
    claimed = []
    while (job := store.claim(US, places.choose)) is not None:
        places.claim(job)
        places.leave(job)
        claimed.append(job)
    return claimed


def fill(store: Store, places: Places) -> list[Row]:
    """Claim jobs as long as there are places; none is finished."""
    claimed = []
    while (job := store.claim(US, places.choose)) is not None:
        places.claim(job)
        claimed.append(job)
    return claimed


# --- whose turn it is


def test_users_take_turns(store: Store) -> None:
    """A user's jobs stay in their order; who comes later need not wait for all jobs of who came first."""
    ids = submit(store, "aaaabbc")
    claimed = claim_all(store, Places(US, 2))

    assert "".join(job["owner"] for job in claimed) == "abcabaa"
    for owner in "abc":
        of_owner = [job["job_id"] for job in claimed if job["owner"] == owner]
        assert of_owner == [job_id for job_id in ids if job_id in of_owner]


def test_devices_take_turns(store: Store) -> None:
    """Neither the number of a device's jobs nor that of its users counts."""
    submit(store, "abcd", "crowded")
    submit(store, "aa", "quiet")

    claimed = claim_all(store, Places(US, 2))
    assert [job["device_id"] for job in claimed] == ["crowded", "quiet", "crowded", "quiet", "crowded", "crowded"]


def test_a_place_is_kept_for_idle_devices(store: Store) -> None:
    """One device's jobs never take all places, whoever submitted them."""
    places = Places(US, 2)
    submit(store, "abcabc", "crowded")
    assert [job["device_id"] for job in fill(store, places)] == ["crowded"] * 2
    submit(store, "aa", "quiet")
    assert [job["device_id"] for job in fill(store, places)] == ["quiet"]
    assert places.free == 0


def test_jobs_of_other_processes_leave_a_place(store: Store) -> None:
    """Own jobs come first, and of the places a device can have, the others' never take the last."""
    places = Places(US, 2)
    submit(store, "aaa", origin="other")
    assert len(fill(store, places)) == 1
    submit(store, "b")
    assert [job["owner"] for job in fill(store, places)] == ["b"]


def test_jobs_of_types_that_are_not_run(store: Store) -> None:
    """They stay, and do not block the jobs behind them."""
    skipped, claimed = submit(store, "aa")
    store._database.change("UPDATE jobs SET job_type = 'sse' WHERE job_id = ?", skipped)

    job = store.claim(US, job_types=["sampling"])
    assert job is not None
    assert job["job_id"] == claimed
    assert store.claim(US, job_types=["sampling"]) is None


def test_claims_do_not_read_all_jobs(store: Store) -> None:
    """With 20,000 waiting jobs in five queues, SQLite takes few steps to find the head of each."""
    columns = "job_id, owner, status, device_id, job_type, origin, submitted_at"
    with store._database.transaction() as connection:
        connection.executemany(
            f"INSERT INTO jobs ({columns}) VALUES (?, ?, 'submitted', 'qulacs', 'sampling', 'us', ?)",  # noqa: S608
            [(f"{i:05}", f"user {i % 5}", f"{i:05}") for i in range(20_000)],
        )
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        connection.set_progress_handler(count, 1)
        heads = connection.execute(_HEADS + "SELECT job_id FROM jobs WHERE rowid IN heads").fetchall()  # noqa: S608 - ours
        connection.set_progress_handler(None, 1)

    assert sorted(head["job_id"] for head in heads) == ["00000", "00001", "00002", "00003", "00004"]
    assert steps < 2_000


# --- in an emulator


def test_light_jobs_on_another_device(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    """They run, however many heavy ones of a device are in work, wait for room, or are still in the queue."""
    monkeypatch.setattr("oqtopus_client.emulator.places._MAX_WAITING", 3)
    with Emulator(":memory:", executor=gated, max_running=2) as emulator, OqtopusClient(emulator.config) as client:
        heavy = [client.submit_job(HEAVY).job_id for _ in range(7)]
        await_status(client, heavy[3], "ready")
        assert client.run_job(ELSEWHERE, interval=0.01).status == "succeeded"
        assert client.get_device("qulacs").n_pending_jobs == 7
        assert client.get_device("lattice64").n_pending_jobs == 0
        assert {str(client.status(job_id)) for job_id in heavy[5:]} == {"submitted"}


def test_light_jobs_of_another_user(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    """They run, however many heavy ones of the first user wait; and the other's heavy job is the next of these."""
    monkeypatch.setattr("oqtopus_client.emulator.places._MAX_WAITING", 3)
    with Emulator(":memory:", executor=gated, max_running=2) as emulator, OqtopusClient(emulator.config) as client:
        first = [client.submit_job(HEAVY).job_id for _ in range(7)]
        await_status(client, first[3], "ready")
        with OqtopusClient(emulator.config_for(emulator.add_user("other"))) as other:
            assert other.run_job(LIGHT, interval=0.01).status == "succeeded"
            theirs = other.submit_job(OqtopusJobSpec.sampling(device_id="qulacs", program=HEAVY.program, shots=99))
            await_status(other, theirs.job_id, "ready")
            assert other.run_job(LIGHT, interval=0.01).status == "succeeded"
            gated.gate.set()
            client.wait_for_jobs(first, interval=0.01)
            assert gated.begun[:2] == [100, 99]


def test_a_held_device() -> None:
    """Jobs that a fault holds keep their places; another device's jobs do not need these."""
    with Emulator(":memory:", max_running=2) as emulator, OqtopusClient(emulator.config) as client:
        emulator.inject("hold_job", status="running", seconds=3600, times=2)
        held = [client.submit_job(ELSEWHERE).job_id for _ in range(6)]
        for job_id in held[:2]:
            await_status(client, job_id, "running")
        for _ in range(3):
            assert client.run_job(LIGHT, interval=0.01).status == "succeeded"
        assert {str(client.status(job_id)) for job_id in held[2:]} == {"submitted"}
        emulator.clear_faults()
        assert {str(job.status) for job in client.wait_for_jobs(held, interval=0.01)} == {"succeeded"}


@pytest.mark.campaign
def test_two_seconds(tmp_path: Path) -> None:
    """A Bell job is `running` within 2 s while another device has 200 jobs that take seconds each."""
    with running_server(tmp_path) as environment:
        config = OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"])
        with OqtopusClient(config) as client:
            client.run_job(LIGHT)  # starts the worker processes
            jobs = [answer.job_id for answer in client.submit_jobs([SECONDS_LONG] * 200)]
            await_status(client, jobs[0], "running")
            for _ in range(5):
                start = time.monotonic()
                job_id = client.submit_job(LIGHT).job_id
                while client.status(job_id) not in {"running", "succeeded"}:
                    assert time.monotonic() < start + 2
                    time.sleep(0.01)
            assert client.status(jobs[-1]) == "submitted"
