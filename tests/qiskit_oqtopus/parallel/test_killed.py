"""Circuits side by side, submitted by a process that was killed, and read by another."""

from __future__ import annotations

import pytest

from oqtopus_client import OqtopusConfig
from qiskit_oqtopus import OqtopusProvider
from tests.support.circuits import mixed
from tests.support.server_process import last_words

SUBMIT_AND_DIE = """
import os, signal
from qiskit_oqtopus import OqtopusProvider
from tests.support.circuits import mixed

backend = OqtopusProvider().get_backend("DEVICE")
job = backend.run([mixed(i) for i in range(20)], shots=200, parallel=True, memory=True, seed_simulator=7)
print(job.job_id(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("device", ["qulacs", "lattice64"])
def test_in_another_process(server: dict[str, str], device: str) -> None:
    """Twenty circuits of a killed process have the same results and places in another process, from the job's id."""
    job_id = last_words(SUBMIT_AND_DIE.replace("DEVICE", device), server)
    circuits = [mixed(i) for i in range(20)]
    with OqtopusProvider(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as provider:
        job = provider.job(job_id)
        read = job.result(timeout=60)
        ours = provider.get_backend(device).run(circuits, shots=200, parallel=True, memory=True, seed_simulator=7)
        again = ours.result(timeout=60)

    assert len(job.job_ids) == len(ours.job_ids) < 20
    assert job.placements() == ours.placements()
    assert [program.body for program in job.programs()] == [program.body for program in ours.programs()]
    assert len(read.results) == 20
    for theirs, expected in zip(read.results, again.results, strict=True):
        assert (theirs.header, theirs.shots, theirs.data.counts) == (expected.header, 200, expected.data.counts)
        assert len(theirs.data.memory) == 200
    if device == "qulacs":
        assert read.get_counts("mixed 9") == {"0100100 0 0": 200}
