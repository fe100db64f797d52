"""`backend.run` and primitives with a journal: a crashed program's jobs are completed later, exactly once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from oqtopus_client import OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.errors import BatchSubmissionError, OqtopusError
from qiskit_oqtopus import OqtopusJob, OqtopusPrimitiveJob, OqtopusProvider
from tests.support.circuits import BELL, bell, keyed
from tests.support.server_process import last_words
from tests.support.statistics import only_outcomes

DIE_AT_A_NOTE = """
import os, signal, sys
from oqtopus_client.services.journal import Journal
from qiskit_oqtopus import OqtopusProvider, OqtopusSampler
from tests.support.circuits import keyed

backend = OqtopusProvider(journal={journal!r}).get_backend("qulacs")
print(backend.run([keyed(number) for number in range(3)], shots=10).job_id(), flush=True)
print(backend.run(keyed(5), shots=10).job_id(), flush=True)
left = {notes}
note = Journal.note

async def deadly(*arguments):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    await note(*arguments)

Journal.note = deadly
OqtopusSampler(backend).run([keyed(number) for number in range(12)], shots=10)
"""


@pytest.mark.parametrize("notes", [0, 5, 13])
def test_death_within_a_run(server: dict[str, str], tmp_path: Path, notes: int) -> None:
    """Two complete jobs and a partly submitted one get their results, and no circuit runs twice."""
    journal = tmp_path / "journal.sqlite3"
    ids = last_words(DIE_AT_A_NOTE.format(journal=str(journal), notes=notes), server).split()
    config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
    for _ in range(2):
        with OqtopusProvider(config, journal=journal) as provider:
            batch, single, primitive = provider.resume()
            assert [batch.job_id(), single.job_id()] == ids
            assert isinstance(batch, OqtopusJob)
            assert isinstance(single, OqtopusJob)
            assert isinstance(primitive, OqtopusPrimitiveJob)
            assert [*map(set, batch.result(60).get_counts())] == [{f"{number:05b}"} for number in range(3)]
            assert set(single.result(60).get_counts()) == {"00101"}
            assert [only_outcomes(pub) for pub in primitive.result(60)] == [f"{n:05b}" for n in range(12)]
            found = [job for job in provider.client.iter_jobs(q=primitive.job_id()) if job.status != "registered"]
            assert len(found) == 12


def test_what_was_submitted_goes_on(emulator: Emulator, tmp_path: Path) -> None:
    """A partly submitted batch is not cancelled, as its journal can complete it."""
    once = dataclasses.replace(emulator.config, retry_max_attempts=1)  # or it is chance which jobs the drops hit
    with OqtopusProvider(once, journal=tmp_path / "journal") as provider:
        backend = provider.get_backend("qulacs")
        emulator.inject("drop", path="/jobs", method="POST", times=5)
        with pytest.raises(OqtopusError) as caught:
            backend.run([keyed(number) for number in range(40)], shots=5)
        emulator.clear_faults()
        (job,) = provider.resume()
        counts = job.result(60).get_counts()

    note = "All jobs are in the journal; call provider.resume() to submit the remaining ones."
    assert caught.value.__notes__ == [note]
    assert [*map(set, counts)] == [{f"{number % 32:05b}"} for number in range(40)]


def test_refused_circuits(held_emulator: Emulator, tmp_path: Path) -> None:
    """A batch with a refused part is left out, with a warning that lists the other ids.

    No job is worked on meanwhile: Qiskit 1 silences warnings where it simulates, which is the whole process's then.
    """
    submits = 0

    async def refusing_the_second(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal submits
        submits += scope["path"].endswith("/submit")
        if scope["path"].endswith("/submit") and submits == 2:
            await JSONResponse({"message": "no"}, status_code=400)(scope, receive, send)
        else:
            await held_emulator(scope, receive, send)

    config = dataclasses.replace(held_emulator.config, transport=refusing_the_second)
    with OqtopusProvider(config, journal=tmp_path / "journal") as provider:
        backend = provider.get_backend("qulacs")
        with pytest.raises(BatchSubmissionError) as caught:
            backend.run([bell()] * 3, shots=5)
        whole = backend.run(bell(), shots=5)
        with pytest.warns(UserWarning, match=r"1 of 3 jobs are not on the server, .* The others: [0-9a-f-]+, ") as told:
            (kept,) = provider.resume()

    assert kept.job_id() == whole.job_id()
    assert all(job_id in str(told[0].message) for job_id in caught.value.job_ids)


def test_copied_descriptions(emulator: Emulator, tmp_path: Path) -> None:
    """A job with the description of a batch's job, in any journal, is resumed as a separate job."""
    with OqtopusProvider(emulator.config) as elsewhere:
        foreign = elsewhere.get_backend("qulacs").run([keyed(1), keyed(2)], shots=5)
    with OqtopusProvider(emulator.config, journal=tmp_path / "journal") as provider:
        batch = provider.get_backend("qulacs").run([keyed(3), keyed(4)], shots=5)
        copies = [
            provider.client.submit_job(
                OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=5, description=f"[{job_id} 1/2]")
            ).job_id
            for job_id in (foreign.job_id(), batch.job_id())
        ]
        found = provider.resume()

        assert [job.job_id() for job in found] == [batch.job_id(), *copies]
        assert found[0].result(60).get_counts() == [{"00011": 5}, {"00100": 5}]


def test_no_journal(provider: OqtopusProvider) -> None:
    """Without a journal, `resume` raises an error."""
    with pytest.raises(ValueError, match="No journal to resume from"):
        provider.resume()
