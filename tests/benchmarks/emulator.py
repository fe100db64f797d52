"""What the emulator gets through, behind a port, with this SDK as its client.

Run by hand: `python tests/benchmarks/emulator.py`. Figures depend on the machine; its cores are printed with them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator.database import Database
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Sequence

BELL = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
LAYER = "".join(f"sx q[{i}];" for i in range(16)) + "".join(f"cx q[{i}], q[{i + 1}];" for i in range(15))
HEAVY = f'OPENQASM 3; include "stdgates.inc"; qubit[16] q; bit[16] c; {LAYER * 12} c = measure q;'
OFF = {"transpiler_lib": None}


def ghz(n_qubits: int) -> str:
    """A GHZ state."""
    gates = "".join(f"cx q[{i}], q[{i + 1}];" for i in range(n_qubits - 1))
    head = f'OPENQASM 3; include "stdgates.inc"; qubit[{n_qubits}] q; bit[{n_qubits}] c; h q[0];'
    return f"{head} {gates} c = measure q;"


def sampling(program: str, device_id: str = "qulacs", **settings: object) -> OqtopusJobSpec:
    """A sampling job of 1000 shots."""
    return OqtopusJobSpec.sampling(device_id=device_id, program=program, shots=1000, **settings)  # type: ignore[arg-type]


def small_jobs(client: OqtopusClient, jobs: int) -> float:
    """Seconds from the first submission of two-qubit jobs to the last result's status."""
    start = time.perf_counter()
    ids = [answer.job_id for answer in client.submit_jobs([sampling(BELL)] * jobs, max_workers=16)]
    for job in client.as_completed(ids, interval=0.2, timeout=600):
        assert job.status == "succeeded", job.message
    return time.perf_counter() - start


def wide_job(client: OqtopusClient) -> float:
    """Seconds for a GHZ state of 144 qubits on the noisy chip, submission and result included."""
    start = time.perf_counter()
    job = client.run_job(sampling(ghz(144), "lattice144"), interval=0.02)
    assert sum(job.get_counts().values()) == 1000  # type: ignore[attr-defined]
    return time.perf_counter() - start


def answers_while_simulating(client: OqtopusClient) -> float:
    """Median milliseconds of a status call while every core simulates."""
    ids = [answer.job_id for answer in client.submit_jobs([sampling(HEAVY, transpiler_info=OFF)] * 8)]
    times = []
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: list(client.as_completed(ids, interval=0.5, timeout=600)))
        while not waiting.done():
            start = time.perf_counter()
            client.get_job_status(ids[0])
            times.append((time.perf_counter() - start) * 1e3)
            time.sleep(0.02)
        assert all(job.status == "succeeded" for job in waiting.result())
    return statistics.median(times)


def stored_id(number: int) -> str:
    """The id of a stored job."""
    return f"00000000-0000-7000-8000-{number:012d}"


def fill(folder: Path, jobs: int) -> None:
    """Put finished jobs into a data folder."""
    database = Database(folder / "emulator.sqlite3")
    with database.transaction() as connection:
        connection.executemany(
            "INSERT INTO jobs (job_id, owner, status, name, job_type, device_id, shots, submitted_at, ended_at) "
            "VALUES (?, 'operator', 'succeeded', 'bell', 'sampling', 'qulacs', 1000, ?, ?)",
            (
                (f"00000000-0000-7000-8000-{i:012d}", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
                for i in range(jobs)
            ),
        )
    database.close()


def median_ms(call: object, repeat: int = 50) -> float:
    """Median milliseconds of a call."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()  # type: ignore[operator]
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--stored", type=int, default=100_000)
    options = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_server(folder) as environment, client_of(environment) as client:
            small_jobs(client, 20)
            print(f"{options.jobs} two-qubit jobs: {small_jobs(client, options.jobs):.1f} s")
            wide_job(client)
            print(f"GHZ state of 144 qubits, noisy: {wide_job(client):.2f} s")
            print(f"status while all cores simulate, median: {answers_while_simulating(client):.1f} ms")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, options.stored)
        with running_server(folder) as environment, client_of(environment) as client:
            last = stored_id(options.stored - 1)
            print(f"with {options.stored} stored jobs, median:")
            print(f"  status: {median_ms(lambda: client.get_job_status(last)):.1f} ms")
            print(f"  first page of 100, statuses: {median_ms(lambda: page(client, 1)):.1f} ms")
            print(f"  last page of 100, statuses: {median_ms(lambda: page(client, options.stored // 100)):.1f} ms")
            print(f"  newest 10 jobs, whole: {median_ms(lambda: client.list_jobs(order='DESC', size=10)):.1f} ms")


def page(client: OqtopusClient, number: int) -> None:
    """Read one page of statuses."""
    assert client.list_jobs(fields="job_id,status", page=number, size=100)


def client_of(environment: dict[str, str]) -> OqtopusClient:
    """A client of the server."""
    return OqtopusClient(OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"]))


if __name__ == "__main__":
    main()
