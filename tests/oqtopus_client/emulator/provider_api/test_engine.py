"""An engine in another process runs the emulator's jobs, and both may be killed."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator.store import LEASE_SECONDS
from tests.support.circuits import BELL
from tests.support.sse_programs import DRIVER
from tests.support.stores import open_store

SHOTS = 100
FINAL = {"succeeded", "failed", "cancelled"}
SPECS = {
    "sampling": OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=SHOTS),
    "estimation": OqtopusJobSpec.estimation(
        device_id="qulacs",
        program='OPENQASM 3; include "stdgates.inc"; qubit[2] q; h q[0]; cx q[0], q[1];',
        operator=[{"pauli": "X 0 X 1", "coeff": 1.0}],
        shots=SHOTS,
    ),
    "multi_manual": OqtopusJobSpec.multi_manual(device_id="qulacs", program=[BELL, BELL], shots=SHOTS),
    "sse": OqtopusJobSpec.sse(device_id="qulacs", program=DRIVER + f"submit({SHOTS})", shots=SHOTS),
}


def free_port(seed: int) -> int:
    """A free port below those that connections get, so that it is still free when the server starts again."""
    for port in random.Random(seed).sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no port is free")


class Side:
    """A process that is killed and started again."""

    def __init__(self, stack: ExitStack, *command: str) -> None:
        self._command = [sys.executable, "-m", *command]
        self._process: subprocess.Popen[bytes] | None = None
        stack.callback(self.kill)
        self.start()

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, env=os.environ)

    def kill(self) -> None:
        """Kill it together with its child processes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@contextmanager
def server_and_engine(data: Path, seed: int) -> Iterator[tuple[Side, Side, OqtopusConfig]]:
    """Serve an emulator with an external executor, and run an engine beside it."""
    port, seat = free_port(seed), free_port(seed + 1)
    with ExitStack() as stack:
        options = ["--port", str(port), "--executor", "external", "--provider-port", str(seat), "--token", "id.secret"]
        server = Side(stack, "oqtopus_client.emulator", "--data", str(data), *options)
        engine = Side(stack, "tests.support.minimal_engine", f"http://127.0.0.1:{seat}", "qulacs")
        yield server, engine, OqtopusConfig(f"http://127.0.0.1:{port}", "id.secret", retry_max_attempts=10)


@pytest.mark.parametrize(
    ("jobs", "kills"), [(8, 2), pytest.param(200, 12, marks=[pytest.mark.campaign, pytest.mark.timeout(1800)])]
)
def test_jobs_survive_kills_of_both_sides(tmp_path: Path, jobs: int, kills: int) -> None:
    """Each job of all four types ends once, in one final state, with one listed result that the SDK can read."""
    specs = [list(SPECS.values())[index % len(SPECS)] for index in range(jobs)]
    with server_and_engine(tmp_path, os.getpid()) as (server, engine, config), OqtopusClient(config) as client:
        while not (tmp_path / "emulator.sqlite3").exists():
            time.sleep(0.05)
        job_ids = [client.submit_job(spec).job_id for spec in specs]
        store = open_store(tmp_path)
        ended: dict[str, tuple[str, str, str]] = {}

        def look() -> None:
            for job_id in job_ids:
                row = store.get(job_id)
                assert row is not None
                if row["status"] in FINAL:
                    end = (row["status"], row["ended_at"], row["output_files"])
                    assert ended.setdefault(job_id, end) == end

        deadline = time.monotonic() + (240 if jobs < 100 else 1500)
        for kill in range(1, kills + 1):
            while len(ended) < kill * jobs // (kills + 1):
                assert time.monotonic() < deadline, "the jobs do not end"
                time.sleep(0.02)
                look()
            side = (server, engine)[kill % 2]
            side.kill()
            look()
            side.start()
        while len(ended) < jobs:
            assert time.monotonic() < deadline, "the jobs do not end"
            time.sleep(0.05)
            look()
        time.sleep(LEASE_SECONDS / 10)
        look()
        finished = [client.get_job(job_id) for job_id in job_ids]

    for (status, _, files), job, spec in zip((ended[job_id] for job_id in job_ids), finished, specs, strict=True):
        assert (status, job.status) == ("succeeded", "succeeded"), job.message
        assert files.count('"result"') == 1
        assert job.submitted_at <= job.ready_at <= job.running_at <= job.ended_at  # type: ignore[operator]
        if spec is SPECS["estimation"]:
            assert job.estimation.exp_value == pytest.approx(1.0)  # type: ignore[union-attr]
        else:
            assert sum(job.sampling.counts.values()) == SHOTS  # type: ignore[union-attr]
