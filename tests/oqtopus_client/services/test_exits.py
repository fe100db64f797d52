"""Programs that end without closing their client: the interpreter ends in silence, with the program's own exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

BEGINNING = """
import asyncio, os, sys, threading, time, warnings
from oqtopus_client import AsyncOqtopusClient, OqtopusClient, OqtopusJobSpec

warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of a fork
PROGRAM = 'OPENQASM 3; include "stdgates.inc"; qubit[1] q; bit[1] c; x q[0]; c = measure q;'
JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=PROGRAM, shots=1)

def client():
    return OqtopusClient(journal=sys.argv[1])

def run(client):
    return client.run_job(JOB, interval=0.02, on_status=lambda status: None).status
"""

PROGRAMS = {
    "nothing more": "c = client(); run(c)",
    "an open iterator": "c = client(); c.submit_jobs([JOB] * 2); jobs = c.iter_jobs(); next(jobs)",
    "its own exit code": "c = client(); c.submit_job(JOB); sys.exit(3)",
    "a call under way in a daemon thread": """
c = client()
c.submit_job(JOB)
def work():
    while True:
        c.submit_jobs([JOB] * 3)
threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
""",
    "a thread that goes on": """
c = client()
c.submit_job(JOB)
def work():
    threading.main_thread().join()
    print(run(c))
threading.Thread(target=work).start()
""",
    "a forked process": """
c = client()
c.submit_job(JOB)
child = os.fork()
if child == 0:
    c.list_jobs()
    sys.exit(0)
if os.waitpid(child, 0)[1]:
    sys.exit(9)
c.submit_job(JOB)
""",
    "an asynchronous client": """
async def main():
    global c
    c = AsyncOqtopusClient(journal=sys.argv[1])
    await c.submit_job(JOB)
asyncio.run(main())
""",
}


@pytest.fixture(scope="module")
def ended(server: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str]]:
    """Run programs concurrently, and return exit code and output of each."""
    folder = tmp_path_factory.mktemp("journals")
    environment = {**os.environ, **server}
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-c", BEGINNING + program, folder / f"{number}.sqlite3"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, (name, program) in enumerate(PROGRAMS.items())
    }
    outcomes = {}
    for name, process in processes.items():
        output, complaints = process.communicate(timeout=100)
        outcomes[name] = (process.returncode, output, complaints)
    return outcomes


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_end(ended: dict[str, tuple[int, str, str]], name: str) -> None:
    """A program that does not close its client ends silently and without delay."""
    output = "succeeded\n" if name == "a thread that goes on" else ""

    assert ended[name] == (3 if name == "its own exit code" else 0, output, "")


FORKING = """
import os, sqlite3, sys
from oqtopus_client.services.journal import Journal

journal = Journal(sys.argv[1])
write = "INSERT INTO jobs (spec, state) VALUES ('{}', 'intended')"
journal._database.execute(write)
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
journal._database.execute(write)
os.kill(os.getpid(), 9)
"""


def test_a_forked_process_leaves_the_journal_alone(tmp_path: Path) -> None:
    """A forked child does not touch the journal, which keeps its parent's later entries."""
    file = tmp_path / "journal.sqlite3"
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKING, file], check=False, timeout=100)
    count = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM jobs').fetchone())"

    assert subprocess.run([sys.executable, "-c", count, file], capture_output=True, check=True).stdout == b"(2,)\n"
