"""Each device has its own queue, in which users take turns, and light jobs overtake heavy ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.__main__ import _emulator, _executor
from oqtopus_client.emulator.arguments import parser
from oqtopus_client.emulator.database import Database
from oqtopus_client.emulator.engine import Engine
from oqtopus_client.emulator.places import Places
from oqtopus_client.emulator.simulation.packing import run_packed
from oqtopus_client.emulator.store import _HEADS, LEASE_SECONDS, Store
from oqtopus_client.emulator.worker_pool import WorkerProcesses
from tests.support.circuits import BELL
from tests.support.jobs import HOURS_LONG, SECONDS_LONG, await_condition, await_status
from tests.support.server_process import running_server
from tests.support.stores import shift_clock

if TYPE_CHECKING:
    from oqtopus_client.emulator.database import Row

LIGHT = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)
LAYER = "rx(0.3) q;" + "".join(f"cx q[{i}], q[{i + 1}];" for i in range(9))
HEAVY = OqtopusJobSpec.sampling(
    device_id="qulacs",
    program=f'OPENQASM 3; include "stdgates.inc"; qubit[10] q; bit[10] c; {LAYER * 4} c = measure q;',
    shots=100,
)
ELSEWHERE = OqtopusJobSpec.sampling(device_id="lattice64", program=BELL, shots=1)
US = "us"


@pytest.fixture
def store() -> Iterator[Store]:
    """A store in memory."""
    database = Database(":memory:")
    yield Store(database)
    database.close()


def submit(store: Store, owners: Iterable[str], device_id: str = "qulacs", origin: str = US) -> list[str]:
    """Submit a job of each owner, and return their ids."""
    ids = [store.register(owner) for owner in owners]
    for job_id in ids:
        store.submit(job_id, {"device_id": device_id, "job_type": "sampling", "shots": 1, "origin": origin})
    return ids


def claim_all(store: Store, places: Places) -> list[Row]:
    """Claim one job after the other, finishing each before the next."""
    claimed = []
    while (job := store.claim(US, places.choose)) is not None:
        places.claim(job)
        places.leave(job)
        claimed.append(job)
    return claimed


def fill(store: Store, places: Places) -> list[Row]:
    """Claim jobs until no place is free, finishing none."""
    claimed = []
    while (job := store.claim(US, places.choose)) is not None:
        places.claim(job)
        claimed.append(job)
    return claimed


# --- whose turn it is


def test_users_take_turns(store: Store) -> None:
    """Users take turns, and each user's jobs stay in order."""
    ids = submit(store, "aaaabbc")
    claimed = claim_all(store, Places(US, 2))

    assert "".join(job["owner"] for job in claimed) == "abcabaa"
    for owner in "abc":
        of_owner = [job["job_id"] for job in claimed if job["owner"] == owner]
        assert of_owner == [job_id for job_id in ids if job_id in of_owner]


def test_devices_take_turns(store: Store) -> None:
    """Devices take turns, whatever their numbers of jobs and users."""
    submit(store, "abcd", "crowded")
    submit(store, "aa", "quiet")

    claimed = claim_all(store, Places(US, 2))
    assert [job["device_id"] for job in claimed] == ["crowded", "quiet", "crowded", "quiet", "crowded", "crowded"]


def test_a_place_is_kept_for_idle_devices(store: Store) -> None:
    """Jobs of one device never take all places."""
    places = Places(US, 2)
    submit(store, "abcabc", "crowded")
    assert [job["device_id"] for job in fill(store, places)] == ["crowded"] * 2
    submit(store, "aa", "quiet")
    assert [job["device_id"] for job in fill(store, places)] == ["quiet"]
    assert places.free == 0


def test_jobs_of_other_processes_leave_a_place(store: Store) -> None:
    """Own jobs come first, and jobs of other processes never take a device's last place."""
    places = Places(US, 2)
    submit(store, "aaa", origin="other")
    assert len(fill(store, places)) == 1
    submit(store, "b")
    assert [job["owner"] for job in fill(store, places)] == ["b"]


def test_jobs_of_types_that_are_not_run(store: Store) -> None:
    """Jobs of types that the engine does not run stay, and do not block the jobs behind them."""
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


class Gated(ThreadPoolExecutor):
    """Threads that execute heavy jobs only once the gate is open."""

    def __init__(self) -> None:
        super().__init__(4)
        self.gate = threading.Event()
        self.begun: list[int] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn`, a heavy job's execution behind the gate."""
        if fn is run_packed and args[1].heavy:
            self.begun.append(args[0].shots)
            return super().submit(lambda: self.gate.wait(120) and fn(*args))
        return super().submit(fn, *args, **kwargs)


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gated]:
    """The executor of an emulator that treats only the heavy job as heavy."""
    monkeypatch.setattr("oqtopus_client.emulator.simulation.pipeline._HEAVY_SECONDS", 5e-4)
    with Gated() as executor:
        yield executor
        executor.gate.set()


def heavy(shots: int) -> OqtopusJobSpec:
    """Return a heavy job, identified by its shots."""
    return OqtopusJobSpec.sampling(device_id="qulacs", program=HEAVY.program, shots=shots)


def submit_heavy_jobs(client: OqtopusClient, number: int) -> list[str]:
    """Submit heavy jobs of 1, 2, 3 ... shots, and wait until the first runs before submitting the others."""
    first = client.submit_job(heavy(1)).job_id
    await_status(client, first, "running")
    return [first, *[client.submit_job(heavy(1 + index)).job_id for index in range(1, number)]]


@pytest.mark.parametrize("places", [1, 2])
def test_light_jobs_overtake(gated: Gated, places: int) -> None:
    """Light jobs overtake any number of heavy ones, which run one by one, oldest first, and free their places."""
    with Emulator(":memory:", executor=gated, max_running=places) as emulator, OqtopusClient(emulator.config) as client:
        jobs = submit_heavy_jobs(client, 4)
        for _ in range(3):
            assert client.run_job(LIGHT, interval=0.01).status == "succeeded"
        assert [str(client.status(job_id)) for job_id in jobs] == ["running", "ready", "ready", "ready"]
        gated.gate.set()
        assert {str(job.status) for job in client.wait_for_jobs(jobs, interval=0.01)} == {"succeeded"}
        assert gated.begun == [1, 2, 3, 4]
        assert client.run_job(LIGHT, interval=0.01).status == "succeeded"
        engine = emulator._engine
        await_condition(lambda: (engine._places.free, engine._places._heavy_free) == (3, 1))


def test_cancelled_while_waiting(gated: Gated) -> None:
    """A heavy job that is cancelled while it waits never starts, and delays no other job."""
    with Emulator(":memory:", executor=gated, max_running=2) as emulator, OqtopusClient(emulator.config) as client:
        jobs = submit_heavy_jobs(client, 3)
        assert client.run_job(LIGHT, interval=0.01).status == "succeeded"
        client.cancel_job(jobs[1])
        gated.gate.set()
        client.wait_for_jobs(jobs, interval=0.01)
        assert [str(client.status(job_id)) for job_id in jobs] == ["succeeded", "cancelled", "succeeded"]
        assert gated.begun == [1, 3]
        assert client.run_job(heavy(5), interval=0.01).status == "succeeded"


def test_jobs_run_once_after_a_pause(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine whose claims expired while the database was locked does not take its own job again."""
    monkeypatch.setattr("oqtopus_client.emulator.engine.IDLE_SECONDS", 3600.0)
    with Emulator(":memory:", executor=gated, max_running=3) as emulator, OqtopusClient(emulator.config) as client:
        (job_id,) = submit_heavy_jobs(client, 1)
        shift_clock(monkeypatch, LEASE_SECONDS + 1)
        assert client.run_job(LIGHT, interval=0.01).status == "succeeded"
        assert client.status(job_id) == "running"
        gated.gate.set()
        assert client.wait_for_job(job_id, interval=0.01).status == "succeeded"
        assert gated.begun == [1]


def test_waiting_jobs_outlive_the_emulator(gated: Gated, tmp_path: Path) -> None:
    """Waiting heavy jobs return to the queue when the emulator is closed."""
    with Emulator(tmp_path, executor=gated, max_running=2) as emulator, OqtopusClient(emulator.config) as client:
        jobs = submit_heavy_jobs(client, 3)
        assert client.run_job(LIGHT, interval=0.01).status == "succeeded"
    gated.gate.set()
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        assert {str(job.status) for job in client.wait_for_jobs(jobs, interval=0.01)} == {"succeeded"}


def test_light_jobs_on_another_device(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Light jobs run on another device, however many heavy ones of a device run, wait or are queued."""
    monkeypatch.setattr("oqtopus_client.emulator.places._MAX_WAITING", 3)
    with Emulator(":memory:", executor=gated, max_running=2) as emulator, OqtopusClient(emulator.config) as client:
        heavy = [client.submit_job(HEAVY).job_id for _ in range(7)]
        await_status(client, heavy[3], "ready")
        assert client.run_job(ELSEWHERE, interval=0.01).status == "succeeded"
        assert client.get_device("qulacs").n_pending_jobs == 7
        assert client.get_device("lattice64").n_pending_jobs == 0
        assert {str(client.status(job_id)) for job_id in heavy[5:]} == {"submitted"}


def test_light_jobs_of_another_user(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's light jobs run at once, and this user's heavy job is the next heavy one."""
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
    """Jobs held by a fault keep their places, which jobs of another device do not need."""
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


@pytest.mark.parametrize("status", ["ready", "running"])
@pytest.mark.parametrize("cancelling", [False, True])
def test_cancelled_while_held(status: str, cancelling: bool) -> None:
    """A job that a fault holds gives up its place when it is cancelled."""
    with (
        Emulator(":memory:", max_running=2, cancelling=cancelling) as emulator,
        OqtopusClient(emulator.config) as client,
    ):
        emulator.inject("hold_job", status=status, seconds=3600, times=2)
        held = [client.submit_job(LIGHT).job_id for _ in range(2)]
        for job_id in held:
            await_status(client, job_id, status)
            client.cancel_job(job_id)
        assert client.run_job(LIGHT, interval=0.01, timeout=60).status == "succeeded"
        assert {str(job.status) for job in client.wait_for_jobs(held, interval=0.01)} == {"cancelled"}


@pytest.mark.parametrize("options", [[], ["--workers", "1"], ["--workers", "3"]])
def test_each_place_has_a_worker(options: list[str]) -> None:
    """An idle device's job starts while other devices' jobs occupy all other places."""
    parsed = parser("").parse_args(["--data", ":memory:", *options])
    with _executor(parsed) as executor, _emulator(parsed, executor) as emulator:
        engine = emulator._engine
        assert isinstance(engine, Engine)
        assert isinstance(engine._executor, WorkerProcesses)
        assert engine._executor._idle.qsize() == engine._places.free


def test_each_place_has_a_thread() -> None:
    """Also when more jobs run than Python has threads by default."""
    with Emulator(":memory:", max_running=100) as emulator:
        engine = emulator._engine
        assert isinstance(engine, Engine)
        together = threading.Barrier(engine._places.free)
        calls = [engine._executor.submit(together.wait, 60) for _ in range(engine._places.free)]
        assert sorted(call.result(60) for call in calls) == list(range(101))


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


@pytest.mark.campaign
def test_beside_endless_simulations(tmp_path: Path) -> None:
    """Bell jobs of one device take their second while jobs of another occupy every other place for hours."""
    with running_server(tmp_path) as environment:
        config = OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"])
        with OqtopusClient(config) as client:
            client.run_job(LIGHT)  # starts the worker processes
            jobs = [client.submit_job(HOURS_LONG).job_id]
            await_status(client, jobs[0], "running")
            jobs += [answer.job_id for answer in client.submit_jobs([HOURS_LONG] * 7)]
            for _ in range(20):
                start = time.monotonic()
                assert client.run_job(LIGHT, interval=0.01, timeout=60).status == "succeeded"
                assert time.monotonic() < start + 2
            assert client.status(jobs[0]) == "running"
            for job_id in jobs:
                client.cancel_job(job_id)
            assert client.run_job(ELSEWHERE, interval=0.01, timeout=60).status == "succeeded"
