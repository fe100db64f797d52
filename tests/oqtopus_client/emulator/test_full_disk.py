"""An emulator whose disk is full: it says so, keeps its jobs, and continues when there is space again."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator, engine, store
from oqtopus_client.emulator.database import Database, DiskFullError
from oqtopus_client.errors import JobSubmissionError, UserApiError
from tests.support.callers import Caller, form_of
from tests.support.circuits import BELL
from tests.support.jobs import await_condition, await_status

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)


@dataclass
class Disk:
    """A disk that can be filled.

    Attributes:
        folder: The emulator's data folder.
        fill: Fills it.
        free: Frees it again.
    """

    folder: Path
    fill: Callable[[Emulator], None]
    free: Callable[[Emulator], None]


def limited_database(folder: Path) -> Disk:
    """Return a disk whose end is simulated by SQLite: its database may not grow."""

    def fill(emulator: Emulator) -> None:
        database: Database = emulator._store._database
        (pages,) = database._connection.execute("PRAGMA page_count").fetchone()
        database._connection.execute(f"PRAGMA max_page_count = {pages}")
        for size in (4000, 20):
            with suppress(DiskFullError):
                for number in range(100_000):
                    database.change("INSERT INTO files VALUES (?, zeroblob(?))", f"filler/{size}/{number}", size)

    def free(emulator: Emulator) -> None:
        emulator._store._database._connection.execute("PRAGMA max_page_count = 1000000")

    return Disk(folder, fill, free)


def write_endlessly(file: Path) -> None:
    """Write to a file until that fails."""
    with file.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1024))


def mounted(folder: Path) -> Disk:
    """Return a real file system of one megabyte."""
    filler = folder / "filler"

    def fill(_: Emulator) -> None:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            write_endlessly(filler)

    return Disk(folder, fill, lambda _: filler.unlink())


@pytest.fixture(params=["database", "mounted"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """Yield each kind of disk."""
    if request.param == "database":
        yield limited_database(tmp_path)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    with suppress(FileNotFoundError):
        if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            try:
                yield mounted(tmp_path)
            finally:
                subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)  # noqa: S607
            return
    pytest.skip("this process may not mount a file system")


class Gate(ThreadPoolExecutor):
    """Simulates nothing before it is opened, and counts the simulations."""

    def __init__(self) -> None:
        super().__init__(2)
        self.opened = threading.Event()
        self.simulations = 0

    def submit(self, work: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        """Run work; a simulation waits."""
        if work is not engine.run_packed:
            return super().submit(work, *args)
        self.simulations += 1
        return super().submit(lambda: self.opened.wait(60) and work(*args))


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Yield a gate, for an engine that does not wait long before it tries again."""
    monkeypatch.setattr(engine, "IDLE_SECONDS", 0.05)
    with Gate() as gate:
        yield gate
        gate.opened.set()


def test_refused_requests(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    """Requests that store something are refused with the reason; others are answered."""
    with Emulator(disk.folder) as emulator, OqtopusClient(emulator.config) as client:
        done = client.run_job(JOB, interval=0.01).job_id
        caller = Caller("http://emulator.localhost", emulator.token, emulator)
        form = caller("POST", "/jobs", json={}).json()["presigned_url"]
        disk.fill(emulator)
        with pytest.raises((UserApiError, JobSubmissionError), match=r"HTTP 507: The emulator's disk|HTTP 507 Insuff"):
            client.submit_job(JOB)
        while (refused := caller("POST", "/jobs", json={})).status_code == 200:
            pass  # a row fits into the rest of a page
        upload = caller("POST", form["url"], data=form_of(form), files={"file": ("input.zip", os.urandom(9000))})
        assert client.get_job(done).status == "succeeded"
        assert len(client.list_devices()) == 4
        disk.free(emulator)
        assert client.run_job(JOB, interval=0.01).status == "succeeded"
        caller.close()

    message = "The emulator's disk is full, so nothing more can be stored. Its operator must free space on it."
    assert (refused.status_code, refused.json()) == (507, {"message": message})
    assert (upload.status_code, "<Code>InsufficientStorage</Code>" in upload.text) == (507, True)
    assert str(disk.folder / "emulator.sqlite3") in caplog.text
    assert "Traceback" not in caplog.text


def test_results_wait_for_space(disk: Disk, gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    """Jobs that end while the disk is full keep their results until they can be stored, and run only once."""
    with Emulator(disk.folder, executor=gate, max_running=2) as emulator, OqtopusClient(emulator.config) as client:
        jobs = [client.submit_job(JOB).job_id for _ in range(3)]
        for job_id in jobs[:2]:
            await_status(client, job_id, "running")
        disk.fill(emulator)
        gate.opened.set()
        await_condition(lambda: "Jobs wait until there is space." in caplog.text)
        assert [client.status(job_id) for job_id in jobs] == ["running", "running", "submitted"]
        disk.free(emulator)
        counts = [client.wait_for_job(job_id, interval=0.01).raise_for_status().get_counts() for job_id in jobs]

    assert [sum(each.values()) for each in counts] == [100] * 3
    assert gate.simulations == 3


def test_closing(disk: Disk, gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An emulator closes while its disk is full; its job runs in a later one, when its claim has expired."""
    monkeypatch.setattr(store, "LEASE_SECONDS", 0.5)
    with Emulator(disk.folder, executor=gate) as emulator, OqtopusClient(emulator.config) as client:
        job_id = client.submit_job(JOB).job_id
        await_status(client, job_id, "running")
        disk.fill(emulator)
        gate.opened.set()
        await_condition(lambda: "Jobs wait until there is space." in caplog.text)
    if (filler := disk.folder / "filler").exists():
        filler.unlink()
    with Emulator(disk.folder) as emulator, OqtopusClient(emulator.config) as client:
        assert client.wait_for_job(job_id, interval=0.01).status == "succeeded"
