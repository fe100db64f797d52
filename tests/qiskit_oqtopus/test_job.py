"""`OqtopusJob`: status, waiting, failure, cancellation."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from qiskit.providers import JobError, JobStatus, JobTimeoutError

from oqtopus_client.errors import JobFailedError, OqtopusConnectionError
from qiskit_oqtopus import OqtopusBackend, OqtopusJob, OqtopusJobError, OqtopusJobTimeoutError, OqtopusProvider
from qiskit_oqtopus.batch import aggregate_status
from tests.qiskit_oqtopus.test_backend import bell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oqtopus_client.emulator import Emulator
    from tests.held_executor import HeldExecutor
    from tests.recorded_cloud import RecordedCloud


@pytest.fixture
def held_backend(held_emulator: Emulator) -> Iterator[OqtopusBackend]:
    """A backend whose jobs stand still."""
    with OqtopusProvider(held_emulator.config) as provider:
        yield provider.get_backend("qulacs")


def test_life_of_a_job(held_backend: OqtopusBackend, held: HeldExecutor) -> None:
    """Each status in Qiskit's words."""
    job = held_backend.run(bell(), shots=10)
    held.await_work()
    seen = [job.status()]
    held.step()
    held.await_work()
    seen.append(job.status())
    held.step()
    seen.append(job.status())

    assert seen == [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.DONE]
    assert job.done()
    assert job.in_final_state()
    assert job.backend() is held_backend


def test_ids(backend: OqtopusBackend) -> None:
    """One circuit: the server's own id. Several: a tag by which the server finds them all."""
    single, batch = backend.run(bell(), shots=1), backend.run([bell(), bell()], shots=1)
    batch.result()

    assert single.job_ids == [single.job_id()]
    found = backend.provider.client.list_jobs(q=batch.job_id())
    assert {job.job_id for job in found} == set(batch.job_ids)


def test_result_is_fetched_once(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Asking again asks nobody."""
    job = backend.run(bell(), shots=10)
    first = job.result()
    cloud.requests.clear()

    assert job.result() is first
    assert cloud.requests == []


def test_timeout(held_backend: OqtopusBackend, held: HeldExecutor) -> None:
    """Running out of time is told in Qiskit's class and Python's, and does no harm."""
    job = held_backend.run(bell(), shots=10)
    with pytest.raises(OqtopusJobTimeoutError, match=f"Job {job.job_id()}: had not ended after 0.01 s") as caught:
        job.result(timeout=0.01)
    held.step()
    held.step()

    assert isinstance(caught.value, JobTimeoutError)
    assert isinstance(caught.value, TimeoutError)
    assert sum(job.result().get_counts().values()) == 10


def test_failure(backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's words, the circuit and its id are in the error."""
    incomplete = {"transpiler_lib": "qiskit"}
    monkeypatch.setattr("oqtopus_client.emulator.run.DEFAULT_TRANSPILER", incomplete)
    job = backend.run([bell(), bell()], shots=10)
    with pytest.raises(OqtopusJobError) as caught:
        job.result()

    assert isinstance(caught.value, JobError)
    assert isinstance(caught.value, JobFailedError)
    assert str(caught.value).startswith(
        f"Job {job.job_id()}: 2 of 2 circuits ended without a result. 'bell' ({job.job_ids[0]}) failed: "
    )
    assert "'transpiler_options'" in str(caught.value)
    assert job.status() is JobStatus.ERROR


def test_cancel(held_backend: OqtopusBackend) -> None:
    """A cancelled job says so, and has no result."""
    job = held_backend.run([bell(), bell()], shots=10)

    assert job.cancel()
    assert job.status() is JobStatus.CANCELLED
    assert job.cancelled()
    with pytest.raises(OqtopusJobError, match="cancelled: the server gave no reason"):
        job.result()


def test_too_late_to_cancel(backend: OqtopusBackend) -> None:
    """A job that has ended is not cancelled, and not spoiled."""
    job = backend.run(bell(), shots=10)
    job.result()

    assert not job.cancel()
    assert job.status() is JobStatus.DONE


def test_cancelling_goes_on_after_an_error(held_backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """One circuit's trouble does not keep the others running."""
    job = held_backend.run([bell(), bell(), bell()], shots=10)
    client = held_backend.provider.client
    cancel = client.cancel_job

    def fail_for_the_first(job_id: str) -> object:
        if job_id == job.job_ids[0]:
            raise OqtopusConnectionError("the line went dead")
        return cancel(job_id)

    monkeypatch.setattr(client, "cancel_job", fail_for_the_first)
    with pytest.raises(OqtopusConnectionError):
        job.cancel()

    assert client.get_job_statuses(job.job_ids)[1:] == ["cancelled", "cancelled"]


def test_missing_result_file(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A job that succeeded but has no result is an error, not an empty histogram."""
    job = backend.run(bell(), shots=10)
    job.wait_for_final_state(wait=0.01)
    with emulator._store._database.transaction() as database:
        database.execute("DELETE FROM files WHERE key = ?", (f"{job.job_id()}/result.zip",))

    with pytest.raises(OqtopusJobError, match="succeeded: job is succeeded"):
        job.result()


def test_reprs(backend: OqtopusBackend) -> None:
    """What a notebook shows says what it is."""
    job = backend.run(bell(), shots=1)

    assert repr(job) == f"<OqtopusJob {job.job_id()!r}, OQTOPUS jobs: 1>"
    assert repr(backend) == "<OqtopusBackend 'qulacs': 16 qubits, available>"
    assert repr(backend.provider) == "<OqtopusProvider of 'http://emulator.localhost'>"


def test_submit_is_done_already(backend: OqtopusBackend) -> None:
    """Jobs come submitted."""
    with pytest.raises(JobError, match="has been submitted already"):
        backend.run(bell(), shots=1).submit()


def test_wait_for_final_state(backend: OqtopusBackend) -> None:
    """Qiskit's own way to wait works."""
    job = backend.run(bell(), shots=10)
    seen: list[JobStatus] = []
    job.wait_for_final_state(timeout=30, wait=0.01, callback=lambda _id, status, _job: seen.append(status))

    assert isinstance(job, OqtopusJob)
    assert job.status() is JobStatus.DONE


@pytest.mark.parametrize(
    ("statuses", "aggregate"),
    [
        (["succeeded"], JobStatus.DONE),
        (["succeeded", "cancelled"], JobStatus.CANCELLED),
        (["succeeded", "cancelled", "failed"], JobStatus.ERROR),
        (["failed", "running"], JobStatus.RUNNING),
        (["failed", "cancelling"], JobStatus.RUNNING),
        (["succeeded", "hibernating"], JobStatus.RUNNING),
        (["running", "ready"], JobStatus.QUEUED),
        (["running", "submitted", "registered"], JobStatus.INITIALIZING),
    ],
)
def test_status_of_a_batch(statuses: list[str], aggregate: JobStatus) -> None:
    """The least advanced circuit while anything goes on, then the worst outcome; in any order."""
    for order in itertools.permutations(statuses):
        assert aggregate_status(order) is aggregate
