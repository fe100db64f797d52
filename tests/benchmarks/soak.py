"""A soak test: many jobs from several clients, while the server is killed and started again, and again.

Every job that was submitted has to end, once, and with its own result. Run by hand: `python tests/benchmarks/soak.py`.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import (
    OqtopusClient,
    OqtopusConfig,
    OqtopusError,
    OqtopusJobResult,
    OqtopusJobSpec,
    OqtopusSamplingJobResult,
)
from oqtopus_client.errors import JobSubmissionError, NotFoundError
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Answer = TypeVar("_Answer")

_BITS = 14
_TOKEN = "soak.token"
_PAUSE = 0.2


def numbered(number: int) -> OqtopusJobSpec:
    """A job whose only outcome is its number."""
    flips = "".join(f"x q[{bit}];" for bit in range(_BITS) if number >> bit & 1)
    program = f'OPENQASM 3; include "stdgates.inc"; qubit[{_BITS}] q; bit[{_BITS}] c; {flips} c = measure q;'
    info = {"transpiler_lib": None}
    return OqtopusJobSpec.sampling(device_id="qulacs", program=program, shots=10, transpiler_info=info)


def submit(client: OqtopusClient, number: int) -> str:
    """Submit a job, however often the server goes away meanwhile; returns its id.

    A job that may or may not have been submitted is asked for: submitted twice it would be there twice.
    """
    while True:
        try:
            return client.submit_job(numbered(number)).job_id
        except JobSubmissionError as error:
            if error.uncertain and status(client, error.job_id) not in {"registered", "cancelled", None}:
                return error.job_id
        except OqtopusError:
            pass
        time.sleep(_PAUSE)


def status(client: OqtopusClient, job_id: str) -> str | None:
    """A job's status; None if there is no such job."""
    try:
        return str(insist(lambda: client.status(job_id)))
    except NotFoundError:
        return None


def insist(call: Callable[[], _Answer]) -> _Answer:
    """What a call returns, however often the server goes away meanwhile.

    Raises:
        NotFoundError: The server is there, and has nothing of that name.
    """
    while True:
        try:
            return call()
        except NotFoundError:
            raise
        except OqtopusError:
            time.sleep(_PAUSE)


def only_outcome(job: OqtopusJobResult) -> int:
    """The number that a job has measured, in every shot."""
    assert isinstance(job, OqtopusSamplingJobResult)
    (key,) = job.get_counts()
    return int(key, 2)


@contextmanager
def killed_again_and_again(folder: Path, kills: int, done: threading.Event, *, every: float) -> Iterator[OqtopusConfig]:
    """A server that is killed so many times, some seconds apart, while the work goes on.

    Raises:
        AssertionError: The work was done before all of that had happened.
    """
    killed = 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def serve() -> None:
        nonlocal killed
        for _ in range(kills):
            with running_server(folder, "--port", str(port), "--token", _TOKEN, stop=signal.SIGKILL):
                killed += not done.wait(every)
        with running_server(folder, "--port", str(port), "--token", _TOKEN):
            done.wait()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield OqtopusConfig(f"http://127.0.0.1:{port}", _TOKEN, retry_backoff_seconds=0.1)
    finally:
        done.set()
        thread.join()
    assert killed == kills


def soak(jobs: int, clients: int, kills: int) -> Counter[str]:
    """Submit jobs from several clients at once and collect them; returns how the server's jobs ended.

    Raises:
        AssertionError: A job was lost, doubled, or has another's result.
    """
    done = threading.Event()
    every = min(3.0, jobs / 300)  # seconds, of which all kills need fewer than the jobs do
    with (
        tempfile.TemporaryDirectory() as folder,
        killed_again_and_again(Path(folder), kills, done, every=every) as config,
    ):

        def work(first: int) -> dict[str, int]:
            with OqtopusClient(config) as client:
                numbers = {submit(client, number): number for number in range(first, jobs, clients)}
                results = insist(lambda: client.wait_for_jobs(list(numbers), interval=0.5, timeout=None))
                found = {job.job_id: only_outcome(job) for job in results}
            assert found == numbers
            return found

        with ThreadPoolExecutor(clients) as pool:
            found = list(itertools.chain.from_iterable(part.items() for part in pool.map(work, range(clients))))
        with OqtopusClient(config) as client:
            every = insist(lambda: list(client.iter_jobs(fields="job_id,status")))
            listed = {job.job_id: str(job.status) for job in every}
    assert sorted(number for _, number in found) == list(range(jobs))
    assert {job_id for job_id, _ in found} == {job_id for job_id, ended in listed.items() if ended == "succeeded"}
    return Counter(listed.values())


def main() -> None:
    """Soak, and print how long that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--kills", type=int, default=10)
    options = parser.parse_args()
    start = time.perf_counter()
    ended = soak(options.jobs, options.clients, options.kills)
    print(f"{options.jobs} jobs, {options.kills} kills: {time.perf_counter() - start:.0f} s, {dict(ended)}")


if __name__ == "__main__":
    main()
