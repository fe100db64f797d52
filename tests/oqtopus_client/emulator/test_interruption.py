"""Long simulations in the emulator's own process can be interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.simulation.interruption import check_interrupt
from oqtopus_client.emulator.simulation_threads import SimulationThreads
from tests.support.circuits import BELL
from tests.support.jobs import HOURS_LONG, await_condition, await_status, entangling

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCRIPT = """
import sys
from oqtopus_client import OqtopusClient
from oqtopus_client.emulator import Emulator
from tests.support.jobs import HOURS_LONG, await_status

emulator = Emulator(sys.argv[1])
client = OqtopusClient(emulator.config)
job_id = client.submit_job(HOURS_LONG).job_id
await_status(client, job_id, "running")
client.wait_for_job(job_id, on_status=lambda status: print(job_id, flush=True))
"""


def simulated(method: str) -> OqtopusJobSpec:
    """A job that takes one method of simulation minutes."""
    rotations = "".join(f"rz(0.{number}) q[0]; sx q[0]; cx q[0], q[1]; " for number in range(1, 5))
    match method:
        case "density matrix":
            return entangling(11, 300, 10_000_000)
        case "matrix product states":
            return entangling(40, 4, 10_000_000)
        case "portions":
            return OqtopusJobSpec.sampling(
                device_id="lattice64",
                program=f'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; {rotations} c = measure q;',
                shots=10_000_000,
            )
    return entangling(14, 20, 1_000_000)


def forever(started: threading.Event) -> None:
    """Simulate step by step, without end."""
    started.set()
    while True:
        check_interrupt()


def test_calls_are_interrupted_at_their_next_step() -> None:
    """A cancelled call ends with CancelledError, and so do those that run when the executor is shut down."""
    executor, started = SimulationThreads(), [threading.Event(), threading.Event()]
    calls = [executor.submit(forever, event) for event in started]
    assert all(event.wait(30) for event in started)
    calls[0].cancel()
    with pytest.raises(CancelledError):
        calls[0].result(timeout=30)
    assert not calls[1].done()
    executor.shutdown()
    with pytest.raises(CancelledError):
        calls[1].result(timeout=30)
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(forever, started[0])


def test_calls_return_and_raise() -> None:
    """Other calls have their result, or their error, whatever that is."""
    with SimulationThreads() as executor:
        assert executor.submit(int, "7", base=8).result(timeout=30) == 7
        for error in (ValueError("wrong"), SystemExit(1)):
            with pytest.raises(type(error)):
                executor.submit(raiser(error)).result(timeout=30)


def raiser(error: BaseException) -> Callable[[], None]:
    """Return a function that raises an error."""

    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize("method", ["trajectories", "density matrix", "matrix product states", "portions"])
def test_a_cancelled_job_frees_its_place(method: str) -> None:
    """Cancelling a running job ends its simulation; it stays cancelled, and its place is free for others."""
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        engine = emulator._engine
        job_id = client.submit_job(simulated(method)).job_id
        await_status(client, job_id, "running")
        await_condition(simulating)
        client.cancel_job(job_id)
        await_condition(lambda: not engine._runs)
        await_condition(lambda: not simulating())
        assert client.status(job_id) == "cancelled"


def test_closing_returns_the_job_to_the_queue(tmp_path: Path) -> None:
    """Closing an emulator interrupts its simulations, and a later one of the same data runs the jobs, once each."""
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        job_id = client.submit_job(HOURS_LONG).job_id
        await_status(client, job_id, "running")
    await_condition(lambda: not simulating())
    runs_again(tmp_path, job_id)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent in another way there")
def test_ctrl_c_ends_a_program_at_once(tmp_path: Path) -> None:
    """Ctrl-C while a program waits for an hours-long simulation in its process ends the program; the job remains."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout
        job_id = program.stdout.readline().strip()
        program.send_signal(signal.SIGINT)
        try:
            _, errors = program.communicate(timeout=30)
        finally:
            program.kill()
    assert program.returncode == -signal.SIGINT
    assert errors.rstrip().splitlines()[-2:] == [
        "KeyboardInterrupt",
        f"Job {job_id} is still running; call wait_for_job() again with its id.",
    ]
    assert errors.count("Traceback") == 1
    runs_again(tmp_path, job_id)


def test_a_program_that_does_not_wait_ends_at_once(tmp_path: Path) -> None:
    """A program that ends without waiting for its jobs leaves them in the queue, and prints nothing about it."""
    script = SCRIPT.rpartition("client.wait")[0] + "print(job_id)"
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stderr == ""
    runs_again(tmp_path, ended.stdout.strip())


def simulating() -> bool:
    """Return whether a simulation runs in this process."""
    return any(thread.name == "oqtopus-job" for thread in threading.enumerate())


def runs_again(folder: Path, job_id: str) -> None:
    """Assert that the only job in a data folder runs when the folder is opened."""
    with Emulator(folder) as emulator, OqtopusClient(emulator.config) as client:
        assert [job.job_id for job in client.iter_jobs()] == [job_id]
        await_status(client, job_id, "running")
        client.cancel_job(job_id)
        light = OqtopusJobSpec.sampling(device_id="lattice64", program=BELL, shots=100)
        assert sum(client.run_job(light, interval=0.01).get_counts().values()) == 100
