"""The engine continues after failures of jobs, of the database and of its executor."""

from __future__ import annotations

import gc
import sqlite3
import threading
import weakref
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from tests.support.circuits import BELL
from tests.support.jobs import await_condition

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.held_executor import HeldExecutor

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)


class Panic(BaseException):
    """A panic of native code, which is not an Exception."""


def panic(*_: object) -> None:
    """Panic."""
    raise Panic


def test_panic_fails_the_job_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A panic fails only its own job; the next one runs."""
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        with monkeypatch.context() as patch:
            patch.setattr("oqtopus_client.emulator.engine.prepare_packed", panic)
            jobs = [client.run_job(JOB, interval=0.01) for _ in range(5)]

        assert {job.message for job in jobs} == {"internal server error"}
        assert client.run_job(JOB, interval=0.01).status == "succeeded"


@pytest.mark.parametrize("operation", ["claim", "get_file"])
def test_database_trouble_passes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, operation: str
) -> None:
    """A locked database delays the queue, but does not stop it or lose the current job."""
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        operate, failures = getattr(emulator._store, operation), [sqlite3.OperationalError("database is locked")] * 5

        def sometimes(*arguments: Any, **keywords: Any) -> Any:
            if failures:
                raise failures.pop()
            return operate(*arguments, **keywords)

        monkeypatch.setattr(emulator._store, operation, sometimes)
        monkeypatch.setattr("oqtopus_client.emulator.engine.IDLE_SECONDS", 0.01)

        assert client.run_job(JOB, interval=0.01, timeout=30).status == "succeeded"
    assert "database is locked" in caplog.text


def test_writing_one_result_delays_no_other_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result of hundreds of megabytes takes seconds to write."""
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        finish, writing, written = emulator._store.finish, threading.Event(), threading.Event()

        def slow_finish(*arguments: Any) -> bool:
            if not writing.is_set():
                writing.set()
                assert written.wait(60)
            return finish(*arguments)

        monkeypatch.setattr(emulator._store, "finish", slow_finish)
        large = client.submit_job(JOB).job_id
        assert writing.wait(60)
        assert client.run_job(JOB, interval=0.01).status == "succeeded"
        assert client.status(large) == "running"
        written.set()
        assert client.wait_for_job(large, interval=0.01).status == "succeeded"


class Broken(Executor):
    """An executor whose processes died."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ARG002
        """Refuse."""
        raise BrokenExecutor("a process died")


def test_broken_executor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A broken executor is logged, and the job is left for the next emulator."""
    with Emulator(tmp_path, executor=Broken()) as emulator, OqtopusClient(emulator.config) as client:
        job_id = client.submit_job(JOB).job_id
        emulator._engine._thread.join(30)
        assert client.status(job_id) == "submitted"
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        assert client.wait_for_job(job_id, interval=0.01).status == "succeeded"

    assert "executor is broken" in caplog.text


def test_jobs_of_unknown_devices_fail(tmp_path: Path) -> None:
    """A job fails if its device no longer exists."""
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        job_id = emulator._store.register("operator")
        emulator._store.submit(job_id, {"device_id": "gone", "job_type": "sampling", "shots": 1})
        emulator._engine.wake()

        assert client.wait_for_job(job_id, interval=0.01).message == "device 'gone' is not emulated"


def test_own_jobs_come_first(tmp_path: Path, held: HeldExecutor) -> None:
    """Jobs left by an earlier script do not delay those of the present one."""
    with Emulator(tmp_path, executor=held) as emulator, OqtopusClient(emulator.config) as client:
        left_behind = [client.submit_job(JOB).job_id for _ in range(10)]
    with Emulator(tmp_path, executor=held, max_running=2) as emulator, OqtopusClient(emulator.config) as client:
        ours = client.submit_job(JOB).job_id
        for _ in range(30):
            held.step()
            if client.status(ours) == "succeeded":
                break
        done = sum(client.status(job_id) == "succeeded" for job_id in left_behind)

    assert done <= 3


def test_forgotten_emulators_are_collected() -> None:
    """A forgotten emulator is collected with its thread, devices and memory, unless a client keeps it."""

    def dispatchers() -> int:
        return sum(thread.name == "oqtopus-emulator" for thread in threading.enumerate())

    before = dispatchers()
    emulator = Emulator(":memory:")
    references = weakref.ref(emulator), weakref.ref(emulator.cloud)
    client = OqtopusClient(emulator.config)
    del emulator
    gc.collect()
    assert client.run_job(JOB, interval=0.01).status == "succeeded"
    client.close()
    del client

    def is_collected() -> bool:
        gc.collect()
        return not any(reference() for reference in references) and dispatchers() == before

    await_condition(is_collected)  # the engine's thread may still be finishing the job
