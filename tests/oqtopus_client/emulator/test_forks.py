"""An emulator in processes that were forked from its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.errors import OqtopusConfigError
from tests.support.circuits import BELL
from tests.support.held_executor import HeldExecutor

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10)

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def forked(work: Callable[[], Any]) -> Any:
    """Return what `work` returns or raises in a fork of this process, within half a minute."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        try:
            sender.send(work())
        except BaseException as error:  # noqa: BLE001 - it is the parent's
            sender.send(error)
        finally:
            os._exit(0)
    try:
        assert receiver.poll(30), "the child hangs"
        return receiver.recv()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_forks_are_refused() -> None:
    """Any call in a forked child fails at once with the remedy; the parent's emulator continues."""
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        job_id = client.run_job(JOB, interval=0.01).job_id
        calls: list[Callable[[], object]] = [
            lambda: client.submit_job(JOB),
            lambda: client.submit_jobs([JOB, JOB]),
            lambda: client.wait_for_job(job_id),
            lambda: client.wait_for_jobs([job_id]),
            lambda: OqtopusClient(emulator.config).list_devices(),
        ]
        for call in calls:
            start = time.monotonic()
            error = forked(call)

            assert isinstance(error, OqtopusConfigError)
            assert str(error).startswith(f"This emulator works in process {os.getpid()} only, not in ")
            assert str(error).endswith("or serve one to all with 'oqtopus-client emulator start'.")
            assert time.monotonic() - start < 10
        assert client.run_job(JOB, interval=0.01).status == "succeeded"


def test_each_process_may_have_its_own() -> None:
    """Each process can have its own emulator, as the message suggests."""

    def run() -> str:
        with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
            return str(client.run_job(JOB, interval=0.01).status)

    with Emulator(":memory:"):
        assert forked(run) == "succeeded"


def test_forks_close_nothing(tmp_path: Path, held: HeldExecutor) -> None:
    """A child that exits normally does not return the jobs that its parent runs."""
    with Emulator(tmp_path, executor=held) as emulator, OqtopusClient(emulator.config) as client:
        job_id = client.submit_job(JOB).job_id
        held.step()
        held.await_work()
        assert forked(emulator.close) is None
        assert client.status(job_id) == "running"
        held.step()
        assert client.wait_for_job(job_id, interval=0.01).status == "succeeded"
