"""Jobs of programs: in other processes, in files, with asynchronous clients, and while they run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from oqtopus_client import (
    AsyncOqtopusClient,
    OqtopusClient,
    OqtopusConfig,
    OqtopusJobSpec,
    OqtopusProgramJob,
    ProgramError,
    ProgramOptions,
)
from oqtopus_client.errors import JobNotSubmittedError, JobTimeoutError, NotFoundError
from tests.support import shipped_programs as programs
from tests.support.circuits import BELL
from tests.support.server_process import last_words, running_server

if TYPE_CHECKING:
    from pathlib import Path

    from oqtopus_client.emulator import Emulator
    from tests.support.recorded_cloud import RecordedCloud

SUBMIT_AND_DIE = """
import os, signal
from oqtopus_client import OqtopusClient
from tests.support import shipped_programs as programs
from tests.support.circuits import BELL

print(OqtopusClient().run_program(programs.counts, 9, BELL, device_id="qulacs").job_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_in_another_process(tmp_path: Path) -> None:
    """The id is enough to read the result of a killed process's program."""
    with running_server(tmp_path, "--allow-sse") as server:
        job_id = last_words(SUBMIT_AND_DIE, server)
        with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
            assert sum(client.program_job(job_id).result(60).values()) == 9


def test_saved_after_the_end(client: OqtopusClient, tmp_path: Path) -> None:
    """The file is enough to read results, logs and errors again, without a server."""
    good = client.run_program(programs.counts, 9, BELL, device_id="qulacs")
    bad = client.run_program(programs.raises, device_id="qulacs")
    for job, file in ((good, tmp_path / "good.json"), (bad, tmp_path / "bad.json")):
        job.wait_for_final_state()
        job.save(file)
    loaded, failed = (OqtopusProgramJob.load(tmp_path / name) for name in ("good.json", "bad.json"))

    assert (loaded.job_id, loaded.status(), loaded.is_function) == (good.job_id, "succeeded", True)
    assert (loaded.result(), loaded.logs()) == (good.result(), "measured 9\n")
    assert (loaded.inner_jobs, loaded.timestamps) == (good.inner_jobs, good.timestamps)
    assert failed.logs() == "before\n"
    with pytest.raises(ProgramError, match="raised UnstableError: two lines"):
        failed.result()
    assert "http" not in (tmp_path / "good.json").read_text(encoding="utf-8")


def test_while_it_waits(client: OqtopusClient, emulator: Emulator, tmp_path: Path) -> None:
    """A job in the queue has a status and times, no inner jobs, and a result as soon as it has run."""
    emulator.inject("hold_job", status="ready", seconds=1.5)
    job = client.run_program(programs.no_jobs, factor=1.0, device_id="qulacs")
    job.save(tmp_path / "waiting.json")
    loaded = OqtopusProgramJob.load(tmp_path / "waiting.json")

    assert (job.inner_jobs, job.is_function, job.timestamps["ended"]) == ((), False, None)
    with pytest.raises(JobTimeoutError, match=r"within 0\.1 s and is still running; call result\(\) again\.$"):
        job.result(timeout=0.1)
    with pytest.raises(ValueError, match=re.escape(f"use client.program_job('{job.job_id}').")):
        loaded.result()
    assert OqtopusProgramJob.load(tmp_path / "waiting.json", client).result(60)["pair"] == (1, 2.5)
    assert job.is_function


def test_methods_of_qiskits_jobs(client: OqtopusClient, emulator: Emulator) -> None:
    """A program's job answers as Qiskit's jobs do."""

    def states(job: OqtopusProgramJob) -> tuple[bool, ...]:
        return job.running(), job.done(), job.cancelled(), job.in_final_state()

    emulator.inject("hold_job", status="ready", seconds=60, times=None)
    waiting = client.run_program(programs.counts, 9, BELL, device_id="qulacs")
    assert states(waiting) == (False, False, False, False)
    assert (waiting.queue_position(), waiting.error_message(), waiting.execution_time) == (1, None, None)
    assert repr(waiting) == f"<OqtopusProgramJob '{waiting.job_id}': last seen ready>"
    assert waiting.cancel()
    assert states(waiting) == (False, False, True, True)
    assert (waiting.queue_position(), waiting.errored()) == (None, False)
    assert "cancelled it" in str(waiting.error_message())

    emulator.clear_faults()
    ended = client.run_program(programs.counts, 9, BELL, device_id="qulacs")
    ended.wait_for_final_state(60)
    assert states(ended) == (False, True, False, True)
    assert (ended.queue_position(), ended.error_message(), ended.errored()) == (None, None, False)
    assert ended.creation_date == client.get_job(ended.job_id).submitted_at
    assert ended.execution_time == client.get_job(ended.job_id).execution_time
    assert repr(ended) == f"<OqtopusProgramJob '{ended.job_id}': succeeded on qulacs>"
    assert ended.job_id() == ended.job_id == client.program_job(ended.job_id()).job_id


def test_requests(client: OqtopusClient, cloud: RecordedCloud) -> None:
    """An ended function costs its status, job, result and log, and its program is not read; then nothing more."""
    job = client.run_program(programs.no_jobs, factor=1.0, device_id="qulacs")
    client.wait_for_job(job.job_id)
    cloud.requests.clear()
    job.result()
    assert sorted(cloud.routes) == [
        "GET /jobs/{id}",
        "GET /jobs/{id}",
        "GET /jobs/{id}/status",
        "GET /storage/{id}/result.zip",
        "GET /storage/{id}/sse_log.zip",
    ]
    cloud.requests.clear()
    assert (job.logs(), job.status(), len(job.timestamps), job.cancel()) == ("", "succeeded", 4, False)
    assert cloud.requests == []


@pytest.mark.anyio
async def test_an_asynchronous_client(config: OqtopusConfig) -> None:
    """Its job reads nothing by itself, and says what to await."""
    async with AsyncOqtopusClient(config) as client:
        job = await client.run_program(programs.counts, 9, BELL, device_id="qulacs")
        with pytest.raises(TypeError, match=r"use `await client\.wait_for_program\('.*'\)`, whose job is complete"):
            job.result()
        ended = await client.wait_for_program(job.job_id)
        again = await client.program_job(job.job_id)

        assert sum(ended.result().values()) == 9
        assert (ended.logs(), len(ended.inner_jobs), ended.status()) == ("measured 9\n", 1, "succeeded")
        assert repr(again) == repr(job) == f"<OqtopusProgramJob '{job.job_id}'>"


def test_ids_of_other_jobs(client: OqtopusClient) -> None:
    """An id that is not a program's is refused at once."""
    other = client.submit_job(OqtopusJobSpec.sampling(device_id="qulacs", program=BELL)).job_id
    registered = client._start().call(client._start().client._jobs.register_job_id()).job_id

    with pytest.raises(ValueError, match=f"Job {other} is a sampling job, not a program; use get_job"):
        client.program_job(other)
    with pytest.raises(JobNotSubmittedError):
        client.program_job(registered)
    with pytest.raises(NotFoundError):
        client.program_job("no")
    client.discard_jobs([registered])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[]", "list indices must be integers"),
        ("{}", "'format'"),
        ('{"format": "qiskit_oqtopus job"}', "its format is 'qiskit_oqtopus job', not 'oqtopus_client program'"),
        ('{"format": "oqtopus_client program", "version": 2}', "a later release wrote it, in version 2 of the format"),
        ('{"format": "oqtopus_client program", "version": 1, "job_id": "1"}', "'ended'"),
        ('{"format": "oqtopus_client program", "version": 1, "job_id": "1", "ended": {"job": {}}}', "lacks job_id"),
    ],
)
def test_files_that_are_not_programs(tmp_path: Path, content: str, reason: str) -> None:
    """The message has the reason."""
    file = tmp_path / "file.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=f"{file} is not a valid saved program: .*{reason}"):
        OqtopusProgramJob.load(file)


def test_settings_of_the_job(client: OqtopusClient) -> None:
    """The name and shots of the options are those of the OQTOPUS job; names that are too long are cut."""
    options = ProgramOptions(name="mine", shots=7)
    named = client.get_job(client.run_program(programs.exits, device_id="qulacs", options=options).job_id)
    default = client.get_job(client.run_program(programs.exits, device_id="qulacs").job_id)

    assert (named.name, named.shots, named.job_type) == ("mine", 7, "sse")
    assert (default.name, default.shots) == ("exits", 1)
