"""Execution of jobs on executors, cancellation, and deaths of worker processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from pickle import PicklingError
from typing import Any

import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.simulation.inputs import ProgramLimits
from oqtopus_client.emulator.simulation.packing import run_packed
from oqtopus_client.emulator.store import LEASE_SECONDS
from oqtopus_client.emulator.worker_pool import WorkerProcesses
from oqtopus_client.errors import JobSubmissionError, UserApiError
from tests.support.circuits import BELL
from tests.support.held_executor import HeldExecutor
from tests.support.jobs import HOURS_LONG, SECONDS_LONG, await_condition, await_status
from tests.support.server_process import running_server
from tests.support.stores import open_store, shift_clock

ROOT = Path(__file__).parents[3]
LIGHT = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)
# One write, as two processes share the output; then hours in one call of native code.
BUSY = "import os; os.write(1, b'begun\\n'); pow(7, 10**9)"
DEADLY = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=666)
SSE = OqtopusJobSpec.sse(device_id="qulacs", program="raise SystemExit(1)", shots=1)


# --- cancelling


def running_job(client: OqtopusClient, held: HeldExecutor) -> str:
    """Return a job that runs until the next step."""
    job_id = client.submit_job(LIGHT).job_id
    held.step()
    held.await_work()
    assert client.status(job_id) == "running"
    return job_id


def test_cancelling(held: HeldExecutor) -> None:
    """A running job is `cancelling` until its worker puts it down; one that is not running is cancelled at once."""
    with Emulator(":memory:", executor=held, cancelling=True) as emulator, OqtopusClient(emulator.config) as client:
        running = running_job(client, held)
        for _ in range(2):
            assert client.cancel_job(running).message == "cancel request accepted"
            assert client.status(running) == "cancelling"
        assert not client.is_finished(running)
        with pytest.raises(UserApiError, match="not in valid status for deletion"):
            client.delete_job(running)
        held.step()
        job = client.wait_for_job(running, interval=0.01)
        assert (job.status, job.job_info.result) == ("cancelled", None)
        waiting = client.submit_job(LIGHT).job_id
        held.await_work()
        assert client.status(waiting) == "ready"
        client.cancel_job(waiting)
        assert client.status(waiting) == "cancelled"


def test_cancelling_is_off_by_default(held_client: OqtopusClient, held: HeldExecutor) -> None:
    """`cancelling` is off by default, as on present servers."""
    job_id = running_job(held_client, held)
    held_client.cancel_job(job_id)

    assert held_client.status(job_id) == "cancelled"


@pytest.mark.parametrize("cancelling", [False, True])
def test_cancelling_ends_the_simulation(*, cancelling: bool) -> None:
    """Cancelling a long simulation kills it, and its process is replaced for the next job."""
    with (
        WorkerProcesses(1) as executor,
        Emulator(":memory:", executor=executor, cancelling=cancelling) as emulator,
        OqtopusClient(emulator.config) as client,
    ):
        job_id = client.submit_job(HOURS_LONG).job_id
        await_status(client, job_id, "running")
        client.cancel_job(job_id)
        assert client.run_job(LIGHT, interval=0.01, timeout=60).status == "succeeded"
        await_status(client, job_id, "cancelled")


def test_reading_takes_too_long(held: HeldExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job fails when reading it exceeds its time; a later outcome is dropped, and its place is free."""
    monkeypatch.setattr("oqtopus_client.emulator.engine.IDLE_SECONDS", 0.01)
    limits = ProgramLimits(seconds=0)
    with Emulator(":memory:", executor=held, limits=limits) as emulator, OqtopusClient(emulator.config) as client:
        places = emulator._engine._places
        free = places.free
        job = client.wait_for_job(client.submit_job(LIGHT).job_id, interval=0.01)
        assert (job.status, job.running_at) == ("failed", None)
        assert job.message == "Job input validation failed: reading and transpiling it took longer than 0 seconds."
        held.step()
        assert client.status(job.job_id) == "failed"
        await_condition(lambda: places.free == free)


def test_nothing_stays_cancelling(held: HeldExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No job stays `cancelling` when the emulator is closed or killed."""
    with Emulator(tmp_path, executor=held, cancelling=True) as emulator, OqtopusClient(emulator.config) as client:
        closed = running_job(client, held)
        client.cancel_job(closed)
        assert client.status(closed) == "cancelling"
    store = open_store(tmp_path)
    killed = store.register("operator")
    store.submit(killed, {"device_id": "qulacs", "job_type": "sampling", "shots": 1})
    assert store.claim("dead") is not None
    assert store.start(killed, "dead", {})
    assert store.cancel(killed, gently=True)
    store._database.close()
    shift_clock(monkeypatch, LEASE_SECONDS + 1)

    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        await_status(client, killed, "cancelled")
        assert client.status(closed) == "cancelled"


# --- processes


class Deadly(WorkerProcesses):
    """Worker processes that a certain job kills a given number of times."""

    def __init__(self, max_workers: int, kills: int) -> None:
        super().__init__(max_workers)
        self.kills = kills

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn`, or kill the process."""
        if fn is run_packed and args[0].shots == DEADLY.shots and self.kills:
            self.kills -= 1
            return super().submit(os._exit, 1)
        return super().submit(fn, *args, **kwargs)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("kills", "status", "attempts"), [(2, "succeeded", 3), (99, "failed", 4)])
def test_a_job_that_kills(workers: int, kills: int, status: str, attempts: int) -> None:
    """A job that kills its process is tried three times; jobs beside it are not blamed."""
    with (
        Deadly(workers, kills) as executor,
        Emulator(":memory:", executor=executor, max_running=2) as emulator,
        OqtopusClient(emulator.config) as client,
    ):
        specs = [SECONDS_LONG, DEADLY, LIGHT, LIGHT, LIGHT]
        ids = [client.submit_job(job).job_id for job in specs]
        jobs = client.wait_for_jobs(ids, interval=0.02)
        tried = [(emulator._store.get(job_id) or {})["attempts"] for job_id in ids]

    assert [str(job.status) for job in jobs] == ["succeeded", status, *["succeeded"] * 3]  # type: ignore[union-attr]
    assert jobs[1].message == ("job is succeeded" if status == "succeeded" else "internal server error")  # type: ignore[union-attr]
    assert tried == [1, attempts, 1, 1, 1]


def test_killed_workers() -> None:
    """Jobs of killed workers continue in new ones."""
    before = set(multiprocessing.active_children())
    with (
        WorkerProcesses(2) as executor,
        Emulator(":memory:", executor=executor, max_running=2) as emulator,
        OqtopusClient(emulator.config) as client,
    ):
        ids = [client.submit_job(job).job_id for job in (SECONDS_LONG, LIGHT, LIGHT)]
        await_status(client, ids[0], "running")
        for process in set(multiprocessing.active_children()) - before:
            os.kill(process.pid or 0, signal.SIGKILL)
        jobs = client.wait_for_jobs(ids, interval=0.02)
        assert [str(job.status) for job in jobs] == ["succeeded"] * 3  # type: ignore[union-attr]

    assert set(multiprocessing.active_children()) <= before


def test_shutdown_ends_its_own_processes_only() -> None:
    """Shutdown kills the executor's own processes; another executor's continue."""
    with WorkerProcesses(1) as other:
        with WorkerProcesses(1) as executor:
            pids = [each.submit(os.getpid).result() for each in (executor, other)]
            lost = executor.submit(time.sleep, 600)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - broken or cancelled, as it happens
            lost.result(60)
        assert other.submit(os.getpid).result() == pids[1]
        assert pids[0] != pids[1]


def test_workers_die_with_their_parent() -> None:
    """Native code that never lets go of Python's lock does not keep them; they hold its output open till they end."""
    script = (
        "import time\n"
        "from oqtopus_client.emulator.worker_pool import WorkerProcesses\n"
        "executor = WorkerProcesses(2)\n"
        f"for _ in range(2): executor.submit(exec, {BUSY!r})\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == [b"begun\n"] * 2
        process.kill()
        rest, _ = process.communicate(timeout=60)

    assert rest == b""


def test_cancelling_a_call() -> None:
    """Cancelling a running call kills and replaces its process; a call that has not started is cancelled as usual."""
    with WorkerProcesses(1) as executor:
        pid = executor.submit(os.getpid).result()
        receiver, sender = multiprocessing.Pipe(duplex=False)
        running = executor.submit(exec, "connection.send(0); pow(7, 10**9)", {"connection": sender})
        receiver.recv()
        waiting = executor.submit(os.getpid)
        assert (waiting.cancel(), running.cancel()) == (True, True)
        with pytest.raises(CancelledError):
            running.result(60)
        assert waiting.cancelled()
        done = executor.submit(os.getpid)
        assert done.result() != pid
        assert not done.cancel()


def test_threads_that_are_left_behind() -> None:
    """A process with threads that are still running is not used again."""
    with WorkerProcesses(1) as executor:
        pid = executor.submit(os.getpid).result()
        assert executor.submit(os.getpid).result() == pid
        executor.submit(exec, "import threading; threading.Thread(target=threading.Event().wait).start()").result()
        assert executor.submit(os.getpid).result() != pid


def test_what_cannot_be_sent() -> None:
    """Neither a task nor an outcome that cannot be pickled costs a process."""
    with WorkerProcesses(1) as executor:
        pid = executor.submit(os.getpid).result()
        for function in (lambda: None, threading.Lock):
            with pytest.raises((PicklingError, RuntimeError, AttributeError)):
                executor.submit(function).result()
        with pytest.raises(ValueError, match="invalid literal") as caught:
            executor.submit(int, "x").result()
        assert "Traceback" in caught.value.__notes__[0]
        assert executor.submit(os.getpid).result() == pid


@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed", "ignore::DeprecationWarning:dask")
def test_a_dask_cluster() -> None:
    """A Dask cluster can be the executor."""
    from distributed import Client, LocalCluster  # noqa: PLC0415 - it takes a second

    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        LocalCluster(**options) as cluster,
        Client(cluster) as dask,
        Emulator(":memory:", executor=dask.get_executor(), max_running=4) as emulator,
        OqtopusClient(emulator.config) as client,
    ):
        ids = [answer.job_id for answer in client.submit_jobs([LIGHT] * 200, max_workers=8)]
        jobs = client.wait_for_jobs(ids, interval=0.05)

    assert [str(job.status) for job in jobs] == ["succeeded"] * 200  # type: ignore[union-attr]


# --- sse


def test_servers_refuse_sse_jobs(server: dict[str, str]) -> None:
    """Servers refuse sse jobs by default, with a hint how to allow them, and run all others."""
    with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
        with pytest.raises(JobSubmissionError, match=r"HTTP 400.*start it with --allow-sse"):
            client.submit_job(SSE)
        assert client.run_job(LIGHT, interval=0.01).status == "succeeded"


def test_servers_that_allow_sse_jobs(tmp_path: Path) -> None:
    """With `--allow-sse`, sse jobs run."""
    with running_server(tmp_path, "--allow-sse") as environment:
        config = OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"])
        with OqtopusClient(config) as client:
            job = client.run_job(SSE, interval=0.01)

    assert (job.status, job.running_at is None) == ("failed", False)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not report the memory of a process")
def test_the_memory_of_sse_jobs(tmp_path: Path) -> None:
    """`--sse-memory` limits the memory of sse jobs, in MiB."""
    program = "import time; used = b'x' * (150 << 20); time.sleep(60)"
    with running_server(tmp_path, "--allow-sse", "--sse-memory", "100") as environment:
        config = OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"])
        with OqtopusClient(config) as client:
            job = client.run_sse(OqtopusJobSpec.sse(device_id="qulacs", program=program, shots=1), interval=0.01)

    assert job.message == "user program execution error"
    assert job.running_at is not None
    assert job.ended_at is not None
    assert (job.ended_at - job.running_at).total_seconds() < 30


def test_the_interpreter_of_sse_jobs(tmp_path: Path) -> None:
    """`--sse-python` names the interpreter of sse jobs, which must exist."""
    venv.create(tmp_path / "venv", symlinks=True)
    python = os.path.relpath(tmp_path / "venv/bin/python")
    program = f"import sys; assert sys.prefix == {str(tmp_path / 'venv')!r}"
    with running_server(tmp_path / "data", "--allow-sse", "--sse-python", python) as environment:
        config = OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"])
        with OqtopusClient(config) as client:
            job = client.run_sse(OqtopusJobSpec.sse(device_id="qulacs", program=program, shots=1), interval=0.01)

    assert job.message == "internal server error"  # it ran no job; an exception is another message
    with pytest.raises(FileNotFoundError, match="'/missing/python', which is not an executable file"):
        Emulator(":memory:", sse_python="/missing/python")


def test_sse_jobs_wait_for_who_runs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator without sse leaves those of a shared folder alone, waiting or left behind."""
    with Emulator(tmp_path, executor=HeldExecutor()) as emulator, OqtopusClient(emulator.config) as client:
        waiting, left_behind = (client.submit_job(SSE).job_id for _ in range(2))
    store = open_store(tmp_path)
    claimed = store.claim("dead")
    assert claimed is not None
    store._database.close()
    shift_clock(monkeypatch, LEASE_SECONDS + 1)
    with Emulator(tmp_path, allow_sse=False) as emulator, OqtopusClient(emulator.config) as client:
        assert [client.run_job(LIGHT, interval=0.01).status for _ in range(3)] == ["succeeded"] * 3
        assert {str(client.status(job_id)) for job_id in (waiting, left_behind)} == {"submitted", "ready"}
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        for job in client.wait_for_jobs([waiting, left_behind], interval=0.02):
            assert job.status == "failed"  # type: ignore[union-attr]
            assert job.running_at is not None  # type: ignore[union-attr]


# --- the pytest plugin


def test_the_fixture_in_another_project(tmp_path: Path) -> None:
    """The fixture is available in other projects, and costs nothing if unused."""
    (tmp_path / "test_mine.py").write_text(
        "import sys\n"
        "from oqtopus_client import OqtopusClient, OqtopusJobSpec\n"
        "def test_unused():\n"
        "    assert not {'fastapi', 'qiskit', 'qiskit_aer', 'oqtopus_client.emulator'} & set(sys.modules)\n"
        "def test_used(oqtopus_emulator):\n"
        f"    job = OqtopusJobSpec.sampling(device_id='qulacs', program={BELL!r}, shots=10)\n"
        "    with OqtopusClient(oqtopus_emulator.config) as client:\n"
        "        assert list(client.iter_jobs()) == []\n"
        "        assert client.run_job(job, interval=0.01).status == 'succeeded'\n"
        "test_used_again = test_used\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert "3 passed" in run.stdout, run.stdout
    assert list(tmp_path.rglob("*.sqlite3")) == []


def test_the_plugin_is_light() -> None:
    """Loading the plugin imports no slow modules."""
    script = (
        "import sys, oqtopus_client.pytest_plugin\n"
        "print(sorted({'fastapi', 'qiskit', 'qiskit_aer', 'uvicorn', 'pydantic'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
