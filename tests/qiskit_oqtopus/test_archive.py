"""Jobs in files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from qiskit.providers import JobError, JobStatus

from qiskit_oqtopus import OqtopusJob, OqtopusJobError, OqtopusProvider
from tests.qiskit_oqtopus.test_backend import bell, keyed
from tests.qiskit_oqtopus.test_retrieval import mixed

if TYPE_CHECKING:
    from pathlib import Path

    from oqtopus_client import OqtopusConfig
    from oqtopus_client.emulator import Emulator
    from qiskit_oqtopus import OqtopusBackend
    from tests.held_executor import HeldExecutor
    from tests.recorded_cloud import RecordedCloud


def test_saved_and_read(backend: OqtopusBackend, cloud: RecordedCloud, tmp_path: Path) -> None:
    """All of an ended job is in the file; the server is not asked for it."""
    circuits = [mixed(1), mixed(6), bell()]
    circuits[0].metadata["not JSON"] = object()
    job = backend.run(circuits, shots=20, memory=True)
    result = job.result()
    job.save(tmp_path / "new" / "job.json")
    cloud.requests.clear()
    read = OqtopusJob.load(tmp_path / "new" / "job.json")

    assert (read.job_id(), read.job_ids, read.status()) == (job.job_id(), job.job_ids, JobStatus.DONE)
    assert [read.result().get_counts(i) for i in range(3)] == [result.get_counts(i) for i in range(3)]
    assert read.result().get_memory(2) == result.get_memory(2)
    assert (read.times(), read.timestamps, read.execution_time) == (job.times(), job.timestamps, job.execution_time)
    assert [program.text for program in read.programs()] == [program.text for program in job.programs()]
    assert read.circuits() == circuits
    assert read.circuits()[0].metadata == {"number": 1, "of": [20]}
    assert read.error_message() is None
    assert cloud.requests == []
    with pytest.raises(JobError, match=r"give load\(\) a provider to find its backend"):
        read.backend()


def test_secrets_stay_out(backend: OqtopusBackend, config: OqtopusConfig, tmp_path: Path) -> None:
    """A saved job can be shown to others: it holds no token and no URL. Only its owner can read it until then."""
    job = backend.run([keyed(1), keyed(2)], shots=5)
    job.save(tmp_path / "job.json")
    text = (tmp_path / "job.json").read_text("utf-8")

    assert config.api_token is not None
    assert config.api_token not in text
    assert "http" not in text
    assert "ignature" not in text
    assert (tmp_path / "job.json").stat().st_mode & 0o777 == 0o600


def test_failed_jobs(backend: OqtopusBackend, tmp_path: Path) -> None:
    """A failure is remembered with its reason."""
    job = backend.run(bell(), shots=5, transpiler_options={"optimization_level": 99})
    with pytest.raises(OqtopusJobError):
        job.result()
    job.save(tmp_path / "job.json")
    read = OqtopusJob.load(tmp_path / "job.json")

    assert read.status() is JobStatus.ERROR
    assert read.error_message() == job.error_message()
    with pytest.raises(OqtopusJobError, match="1 of 1 circuits ended without a result"):
        read.result()


def test_unfinished_jobs(held_emulator: Emulator, held: HeldExecutor, tmp_path: Path) -> None:
    """What had not ended is asked for when there is somebody to ask."""
    with OqtopusProvider(held_emulator.config) as provider:
        job = provider.get_backend("qulacs").run(keyed(3), shots=5)
        job.save(tmp_path / "job.json")
        held.step()
        held.step()

        assert OqtopusJob.load(tmp_path / "job.json", provider).result(timeout=30).get_counts() == {"00011": 5}
        with pytest.raises(JobError, match=r"give load\(\) a provider to ask"):
            OqtopusJob.load(tmp_path / "job.json").result()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "something else"}, "it has the format 'something else', version 1"),
        ({"version": 99}, "it has the format 'qiskit_oqtopus job', version 99"),
        ({"jobs": None}, "'NoneType' object is not iterable"),
        ({"circuits": "AAAA"}, ""),
        (None, "Expecting value"),
    ],
)
def test_other_files(backend: OqtopusBackend, tmp_path: Path, change: dict[str, object] | None, reason: str) -> None:
    """What is no saved job is told so."""
    file = tmp_path / "job.json"
    backend.run(keyed(1), shots=5).save(file)
    file.write_text("not JSON" if change is None else json.dumps(json.loads(file.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(ValueError, match=f"job.json is no job saved by this version of qiskit_oqtopus: .*{reason}"):
        OqtopusJob.load(file)
