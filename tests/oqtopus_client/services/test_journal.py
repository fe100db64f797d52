"""Journals: a program may die at any moment, and each job is submitted once."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client import (
    AsyncOqtopusClient,
    OqtopusClient,
    OqtopusConfig,
    OqtopusEstimationOperator,
    OqtopusJobSpec,
    UserApiError,
)
from oqtopus_client.errors import (
    AuthenticationError,
    BatchSubmissionError,
    JobSubmissionError,
    OqtopusConnectionError,
    OqtopusError,
)
from tests.support.circuits import BELL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oqtopus_client.emulator import Emulator
    from tests.support.recorded_cloud import RecordedCloud


def sampling(name: str, device_id: str = "qulacs") -> OqtopusJobSpec:
    """Return a job with this name."""
    return OqtopusJobSpec.sampling(device_id=device_id, program=BELL, shots=10, name=name)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def keeping(config: OqtopusConfig, journal: Path) -> Iterator[OqtopusClient]:
    """Return a client that keeps a journal."""
    with OqtopusClient(config, journal=journal) as client:
        yield client


def told(entries: list[Any]) -> list[tuple[str, str]]:
    """Return names and states of entries."""
    return [(entry.spec.name, str(entry.state)) for entry in entries]


CRASH_EVERYWHERE = """
import asyncio, dataclasses, os, sys
from pathlib import Path
from oqtopus_client import AsyncOqtopusClient, OqtopusJobSpec, rest
from oqtopus_client.services import journal, submission

rest.http, rest.models, rest.storage, rest.user_api  # loaded before the first fork
FILES = {module.__file__ for module in (journal, submission)}
folder, step = Path(sys.argv[1]), int(sys.argv[2])

def die_at(event):
    seen = 0
    def trace(frame, kind, _):
        nonlocal seen
        if frame.f_code.co_filename not in FILES:
            return None
        seen += 1
        if seen == event:
            os._exit(9)
        return trace
    import threading
    threading.settrace(trace)
    sys.settrace(trace)

async def campaign(number):
    job = OqtopusJobSpec.sampling(device_id="qulacs", program="OPENQASM 3;", shots=1)
    jobs = [dataclasses.replace(job, name=f"{number}/{step} {letter}") for letter in "ab"]
    async with AsyncOqtopusClient(journal=folder / f"{number}.sqlite3") as client:
        await client.submit_jobs(jobs, max_workers=1)

number = 1
while True:
    child = os.fork()
    if child == 0:
        die_at(number)
        asyncio.run(campaign(number))
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
    number += step
print(number)
"""


@pytest.mark.parametrize("step", [30, pytest.param(2, marks=pytest.mark.campaign)])
def test_death_at_any_line(server: dict[str, str], tmp_path: Path, step: int) -> None:
    """A campaign killed before any line that submits or records is finished later, with each job once.

    Each line runs several times in a campaign; every `step`-th one is a death.
    """
    run = subprocess.run(
        [sys.executable, "-c", CRASH_EVERYWHERE, tmp_path, str(step)],
        env={**os.environ, **server},
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    )
    deaths = int(run.stdout)
    with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
        journals = {number: tmp_path / f"{number}.sqlite3" for number in range(1, deaths + 1, step)}
        resumed = {number: client.resume(journal) for number, journal in journals.items() if journal.exists()}
        client.remove_unsubmitted(older_than=timedelta(0))
        jobs = list(client.iter_jobs(fields="job_id,name,status"))

    assert len(resumed) > 80 / step  # it really died that often
    for number, entries in resumed.items():
        assert told(entries) in ([], [(f"{number}/{step} {letter}", "submitted") for letter in "ab"])
    submitted = {entry.job_id for entries in resumed.values() for entry in entries}
    names = Counter(job.name for job in jobs if job.name and f"/{step} " in job.name)
    assert set(names.values()) == {1}
    assert submitted == {job.job_id for job in jobs if job.name in names}
    assert "registered" not in {job.status for job in jobs}


def test_nothing_to_do(keeping: OqtopusClient, cloud: RecordedCloud) -> None:
    """Submitted jobs are known without a request."""
    answers = keeping.submit_jobs([sampling("a"), sampling("b")])
    cloud.requests.clear()
    entries = keeping.resume()

    assert told(entries) == [("a", "submitted"), ("b", "submitted")]
    assert [entry.job_id for entry in entries] == [answer.job_id for answer in answers]
    assert cloud.requests == []


def test_outage(emulator: Emulator, keeping: OqtopusClient, client: OqtopusClient) -> None:
    """Jobs that an outage prevented from being submitted are submitted afterwards."""
    emulator.inject("drop", path="/jobs/*/submit", times=3)
    with pytest.raises(JobSubmissionError, match="It has been removed"):
        keeping.submit_jobs([sampling("outage a"), sampling("outage b"), sampling("outage c")], max_workers=1)
    before = told(keeping.resume(submit=False))
    after = keeping.resume()

    assert before == [("outage a", "intended"), ("outage b", "intended"), ("outage c", "intended")]
    assert told(after) == [("outage a", "submitted"), ("outage b", "submitted"), ("outage c", "submitted")]
    assert sorted(str(job.name) for job in client.iter_jobs(q="outage")) == ["outage a", "outage b", "outage c"]
    assert {job.status for job in keeping.wait_for_jobs([entry.job_id for entry in after])} == {"succeeded"}


def test_refusal(keeping: OqtopusClient, client: OqtopusClient) -> None:
    """A permanently refused job is not submitted again; the others are."""
    with pytest.raises(BatchSubmissionError, match="device not found"):
        keeping.submit_jobs(
            [sampling("refusal a"), sampling("refusal b", device_id="nowhere"), sampling("refusal c")], max_workers=1
        )

    assert told(keeping.resume()) == [("refusal a", "submitted"), ("refusal b", "removed"), ("refusal c", "submitted")]
    assert sorted(str(job.name) for job in client.iter_jobs(q="refusal")) == ["refusal a", "refusal c"]


def test_deleted_meanwhile(keeping: OqtopusClient, journal: Path, config: OqtopusConfig) -> None:
    """A deleted job is not submitted again."""
    job_id = keeping.submit_job(sampling("gone")).job_id
    keeping.wait_for_job(job_id, interval=0.01)
    keeping.delete_job(job_id)
    keeping.close()
    with contextlib.closing(_database(journal)) as database:
        database.execute("UPDATE jobs SET state = 'uncertain'")
    with OqtopusClient(config) as other:
        assert told(other.resume(journal)) == [("gone", "removed")]


def test_one_client_at_a_time(keeping: OqtopusClient, journal: Path, config: OqtopusConfig) -> None:
    """Only one client can open a journal; another can once the first is closed."""
    keeping.submit_job(sampling("mine"))
    code = "import sys; from oqtopus_client.services.journal import Journal; Journal(sys.argv[1])"
    other = subprocess.run([sys.executable, "-c", code, journal], capture_output=True, text=True, check=False)
    with OqtopusClient(config) as second:
        with pytest.raises(
            OqtopusError, match=r"journal\.sqlite3 cannot .*\. Another client, here or in another program, has"
        ):
            second.resume(journal)
        keeping.close()

        assert told(second.resume(journal)) == [("mine", "submitted")]
    assert "Another client, here or in another program, has" in other.stderr


@pytest.mark.anyio
async def test_at_once(config: OqtopusConfig, journal: Path, emulator: Emulator) -> None:
    """A concurrent `resume` leaves pending submissions alone, and two submit each job once."""
    specs = [sampling(f"at once {number}") for number in range(30)]
    async with AsyncOqtopusClient(config, journal=journal) as client:
        await asyncio.gather(client.submit_jobs(specs), client.resume(), client.resume())
        emulator.inject("drop", path="/jobs", method="POST", times=3)
        with pytest.raises(OqtopusConnectionError):
            await client.submit_jobs([sampling(f"at once {number}") for number in range(30, 60)], max_workers=1)
        first, second = await asyncio.gather(client.resume(), client.resume())
        names = [job.name async for job in client.iter_jobs(q="at once", fields="job_id,name")]

    assert sorted(names) == sorted(f"at once {number}" for number in range(60))
    assert first == second
    assert {entry.state for entry in first} == {"submitted"}


def test_token_that_expired(keeping: OqtopusClient, journal: Path, config: OqtopusConfig) -> None:
    """A job refused for an expired token is submitted with a new one."""
    expired = dataclasses.replace(config, api_token="id.expired")
    with OqtopusClient(expired, journal=journal) as client, pytest.raises(AuthenticationError):
        client.submit_jobs([sampling("expired a"), sampling("expired b")], max_workers=2)

    assert told(keeping.resume()) == [("expired a", "submitted"), ("expired b", "submitted")]


@pytest.mark.parametrize(
    ("step", "method", "path"), [("cancel", "POST", "/jobs/*/cancel"), ("delete", "DELETE", "/jobs/*")]
)
def test_removal_broken_off(
    keeping: OqtopusClient, client: OqtopusClient, emulator: Emulator, step: str, method: str, path: str
) -> None:
    """After an interrupted removal, the id is removed and the job submitted."""
    name = f"broken off at {step}"
    emulator.inject("drop", path="/jobs/*/submit", times=3)
    emulator.inject("drop", path=path, method=method, times=3)
    with pytest.raises(JobSubmissionError, match="may have been submitted anyway"):
        keeping.submit_job(sampling(name))
    before = told(keeping.resume(submit=False))
    after = keeping.resume()

    assert before == [(name, "intended")]
    assert told(after) == [(name, "submitted")]
    assert [job.job_id for job in client.iter_jobs(q=name)] == [after[0].job_id]
    assert client.list_jobs(order="DESC", size=1)


def test_specifications_come_back(keeping: OqtopusClient, journal: Path) -> None:
    """A journal restores jobs of every type; only its owner can read it, and it has no token."""
    jobs = [
        sampling("s"),
        OqtopusJobSpec.estimation(
            device_id="qulacs",
            program=BELL,
            operator=[OqtopusEstimationOperator("X 0 X 1", 1.5), {"pauli": "Z 0", "coeff": 2}],
        ),
        OqtopusJobSpec.multi_manual(
            device_id="qulacs", program=(BELL, BELL), mitigation_info={"ro_error_mitigation": "pseudo_inverse"}
        ),
        OqtopusJobSpec.sse(device_id="qulacs", program="print('é')", transpiler_info={"transpiler_lib": None}),
    ]
    with pytest.raises(OqtopusError):
        keeping.submit_jobs([*jobs, sampling("x", device_id="nowhere")], max_workers=1)
    back = [entry.spec for entry in keeping.resume(submit=False)]

    assert [(b.to_model(), b.to_s3_submit_job_info()) for b in back[:4]] == [
        (job.to_model(), job.to_s3_submit_job_info()) for job in jobs
    ]
    assert journal.stat().st_mode & 0o777 == 0o600
    written = b"".join(file.read_bytes() for file in journal.parent.glob("journal*"))
    assert str(keeping.config.api_token).encode() not in written


def test_no_journal(client: OqtopusClient, journal: Path, config: OqtopusConfig) -> None:
    """Without a journal, the error says what is missing."""
    with pytest.raises(ValueError, match="No journal to resume from"):
        client.resume()
    journal.write_text("not a database" * 100)
    with (
        OqtopusClient(config, journal=journal) as keeping,
        pytest.raises(OqtopusError, match="cannot be used as a journal"),
    ):
        keeping.submit_job(sampling("a"))


def test_file_of_another_program(journal: Path, config: OqtopusConfig, cloud: RecordedCloud) -> None:
    """A database that is not a journal raises an error of this SDK before anything is sent."""
    with contextlib.closing(_database(journal)) as database:
        database.execute("CREATE TABLE jobs (a INTEGER)")
    with OqtopusClient(config, journal=journal) as keeping, pytest.raises(OqtopusError) as caught:
        keeping.submit_job(sampling("a"))

    assert str(caught.value) == (
        f"{journal} cannot be used as a journal: table jobs has no column named spec. Choose another file."
    )
    assert cloud.requests == []


def test_leftovers(client: OqtopusClient, emulator: Emulator) -> None:
    """Old ids whose registration response was lost are removed; jobs are not."""
    client.remove_unsubmitted(older_than=timedelta(0))  # what other tests left
    emulator.inject("lost_answer", path="/jobs", method="POST")
    job_id = client.submit_job(sampling("kept")).job_id

    assert client.remove_unsubmitted() == []
    (removed,) = client.remove_unsubmitted(older_than=timedelta(0))
    assert removed != job_id
    assert client.remove_unsubmitted(older_than=timedelta(0)) == []
    assert client.wait_for_job(job_id, interval=0.01).status == "succeeded"
    with pytest.raises(UserApiError):
        client.get_job_status(removed)


def _database(path: Path) -> Any:
    import sqlite3  # noqa: PLC0415 - of one test

    return sqlite3.connect(path, isolation_level=None)
