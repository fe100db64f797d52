"""`OqtopusJob`: status, waiting, failure, cancellation."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from qiskit import QiskitError, QuantumCircuit
from qiskit.providers import JobError, JobStatus, JobTimeoutError

from oqtopus_client import OqtopusJobResult, OqtopusJobSpec
from oqtopus_client.display import moment
from oqtopus_client.errors import JobFailedError, OqtopusConnectionError, ResponseValidationError
from oqtopus_client.rest import JobsS3TranspileResult
from qiskit_oqtopus import OqtopusBackend, OqtopusJob, OqtopusJobError, OqtopusJobTimeoutError, OqtopusProvider
from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.qasm import to_program
from qiskit_oqtopus.tags import new_tags
from tests.support.circuits import BELL, bell, keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oqtopus_client.emulator import Emulator
    from tests.support.held_executor import HeldExecutor
    from tests.support.recorded_cloud import RecordedCloud


@pytest.fixture
def held_backend(held_emulator: Emulator) -> Iterator[OqtopusBackend]:
    """A backend whose jobs do not proceed."""
    with OqtopusProvider(held_emulator.config) as provider:
        yield provider.get_backend("qulacs")


def test_life_of_a_job(held_backend: OqtopusBackend, held: HeldExecutor) -> None:
    """Each server status maps to a Qiskit status."""
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
    """A single circuit has the server's job id, several have a batch id that the server's search finds."""
    single, batch = backend.run(bell(), shots=1), backend.run([bell(), bell()], shots=1)
    batch.result()

    assert single.job_ids == [single.job_id()]
    found = backend.provider.client.list_jobs(q=batch.job_id())
    assert {job.job_id for job in found} == set(batch.job_ids)


def test_result_is_fetched_once(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """A second call sends no request."""
    job = backend.run(bell(), shots=10)
    first = job.result()
    cloud.requests.clear()

    assert job.result() is first
    assert cloud.requests == []


def test_timeout(held_backend: OqtopusBackend, held: HeldExecutor) -> None:
    """A timeout raises an error of Qiskit's class and Python's, and the job keeps running."""
    job = held_backend.run(bell(), shots=10)
    with pytest.raises(OqtopusJobTimeoutError, match=f"Job {job.job_id()}: did not finish within 0.01 s") as caught:
        job.result(timeout=0.01)
    held.step()
    held.step()

    assert isinstance(caught.value, JobTimeoutError)
    assert isinstance(caught.value, TimeoutError)
    assert sum(job.result().get_counts().values()) == 10


def test_failure(backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error contains the server's message, the circuit's name and the job id."""
    incomplete = {"transpiler_lib": "qiskit"}
    monkeypatch.setattr("oqtopus_client.emulator.simulation.pipeline.DEFAULT_TRANSPILER", incomplete)
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
    """The result of a cancelled job raises an error that says so."""
    job = held_backend.run([bell(), bell()], shots=10)

    assert job.cancel()
    assert job.status() is JobStatus.CANCELLED
    assert job.cancelled()
    with pytest.raises(OqtopusJobError, match="cancelled: its owner or the server's operator cancelled it"):
        job.result()


def test_too_late_to_cancel(backend: OqtopusBackend) -> None:
    """Cancelling an ended job has no effect."""
    job = backend.run(bell(), shots=10)
    job.result()

    assert not job.cancel()
    assert job.status() is JobStatus.DONE


def test_cancelling_continues_after_an_error(held_backend: OqtopusBackend, held_emulator: Emulator) -> None:
    """If one circuit cannot be cancelled, the others are still cancelled."""
    job = held_backend.run([bell(), bell(), bell()], shots=10)
    client = held_backend.provider.client
    held_emulator.inject("drop", path=f"/jobs/{job.job_ids[0]}/cancel", times=20)
    with pytest.raises(OqtopusConnectionError):
        job.cancel()

    assert client.get_job_statuses(job.job_ids)[1:] == ["cancelled", "cancelled"]


def test_missing_result_file(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A succeeded job without a result raises an error."""
    job = backend.run(bell(), shots=10)
    job.wait_for_final_state(wait=0.01)
    with emulator._store._database.transaction() as database:
        database.execute("DELETE FROM files WHERE key = ?", (f"{job.job_id()}/result.zip",))

    with pytest.raises(OqtopusJobError, match="succeeded: job is succeeded"):
        job.result()


def test_reprs(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """The representation says what is known about the job, without a request."""
    job = backend.run([bell(), bell()], shots=1, tags=["night", "lab 3"])
    sent = repr(job)
    found = backend.provider.job(job.job_id())
    job.result()
    time = f"submitted {moment(job.creation_date)}"
    single = backend.provider.job(job.job_ids[0])
    cloud.requests.clear()

    where = f"<OqtopusJob {job.job_id()!r}: 'bell'"
    assert re.fullmatch(
        rf"{where}, last seen QUEUED on qulacs, submitted .* UTC, tags: night, lab 3, 2 circuits>", sent
    )
    assert repr(job) == f"{where}, DONE on qulacs, {time}, tags: night, lab 3, 2 circuits>"
    assert re.fullmatch(rf"{where}, .* on qulacs, {time}, tags: night, lab 3, 2 jobs>", repr(found))
    assert repr(single) == f"<OqtopusJob {job.job_ids[0]!r}: 'bell', DONE on qulacs, {time}, tags: night, lab 3, 1 job>"
    assert cloud.requests == []
    assert repr(backend) == "<OqtopusBackend 'qulacs': 16 qubits, available>"
    assert repr(backend.provider) == "<OqtopusProvider of 'http://emulator.localhost'>"


def test_submit_is_done_already(backend: OqtopusBackend) -> None:
    """Jobs cannot be submitted again."""
    with pytest.raises(JobError, match="has been submitted already"):
        backend.run(bell(), shots=1).submit()


def test_wait_for_final_state(backend: OqtopusBackend) -> None:
    """Qiskit's `wait_for_final_state` works."""
    job = backend.run(bell(), shots=10)
    seen: list[JobStatus] = []
    job.wait_for_final_state(timeout=30, wait=0.01, callback=lambda _id, status, _job: seen.append(status))

    assert isinstance(job, OqtopusJob)
    assert job.status() is JobStatus.DONE


def fails_in_the_middle(backend: OqtopusBackend) -> OqtopusJob:
    """Run three circuits, the second with a gate that the device refuses."""
    bad = keyed(2)
    bad.name = "odd one"
    shares = [to_program(circuit, backend.target) for circuit in (keyed(1), bad, keyed(3))]
    shares[1] = replace(shares[1], body=shares[1].body.replace("x q[1]", "h q[1]"))  # not the device's own
    tags = new_tags("batch", len(shares), None)
    specs = [
        OqtopusJobSpec.sampling(
            device_id="qulacs",
            program=share.text,
            shots=5,
            name=f"n{i}",
            description=str(tag),
            transpiler_info={"transpiler_lib": None},
        )
        for i, (share, tag) in enumerate(zip(shares, tags, strict=True))
    ]
    batch = JobBatch.submit(backend.provider.client, specs, tags[0])
    return OqtopusJob(batch, [[share] for share in shares], backend=backend)


def test_partial_failure(backend: OqtopusBackend) -> None:
    """The error contains reason and remedy, and the other circuits' counts are available."""
    job = fails_in_the_middle(backend)
    with pytest.raises(OqtopusJobError) as caught:
        job.result()
    result = job.result(partial=True)
    reason = (
        f"'odd one' ({job.job_ids[1]}) failed: failed to execute job on device. All its gates are native to the "
        "device, so it may have more qubits than a simulator has memory for, or more shots than the device allows."
    )

    assert str(caught.value) == (
        f"Job {job.job_id()}: 1 of 3 circuits ended without a result. {reason} result(partial=True) returns the others."
    )
    assert (job.status(), result.success, result.status) == (JobStatus.ERROR, False, "PARTIAL COMPLETED")
    assert [result.results[i].success for i in range(3)] == [True, False, True]
    assert result.results[2].data.counts == {"0x3": 5}
    assert result.results[1].status == reason
    with pytest.raises(QiskitError, match="failed to execute job on device"):
        result.get_counts(1)
    assert job.error_message() == f"'n1' ({job.job_ids[1]}) {reason.split(') ', 1)[1]}"


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("h q[0];", "h q[0]"),
        ("h q[0];", "hadamard q[0];"),
        ("h q[0];", "h q[2];"),
        ("qubit[2] q;", "qubit[17] q;"),
        ('3;\ninclude "stdgates.inc";', '2.0;\ninclude "qelib1.inc";'),
    ],
    ids=["semicolon", "gate", "index", "width", "version"],
)
def test_programs_that_no_server_reads(provider: OqtopusProvider, written: str, instead: str) -> None:
    """A remedy follows the server's message, which is the same for different causes."""
    program = BELL.replace(written, instead)
    submitted = provider.client.submit_job(OqtopusJobSpec.sampling(device_id="qulacs", program=program, shots=5))
    with pytest.raises(OqtopusJobError) as caught:
        provider.job(submitted.job_id).result()

    assert str(caught.value).endswith(
        "failed: Expecting value: line 1 column 1 (char 0). The server could not read or place the program: check its "
        "OpenQASM 3 syntax, its gates, and that it has no more qubits than the device."
    )


def test_too_wide_for_memory(provider: OqtopusProvider) -> None:
    """The emulator's advice for a native circuit with too many qubits is shown, and no advice to transpile it."""
    backend = provider.get_backend("lattice64")
    pairs = [pair for pair in backend.coupling_map.get_edges() if max(pair) < 40]
    wide = QuantumCircuit(40)
    for _ in range(10):
        for qubit in range(40):
            wide.sx(qubit)
            wide.rz(0.3, qubit)
        for pair in pairs:
            wide.cx(*pair)
    wide.measure_all()
    with pytest.raises(OqtopusJobError) as caught:
        backend.run(wide, shots=5).result()

    assert "failed to execute job on device: the 40 qubits that its gates connect are too many: " in str(caught.value)
    assert str(caught.value).endswith("Connect fewer qubits, or entangle them with fewer gates.")
    assert "transpile" not in str(caught.value)


def test_partial_when_time_is_up(held_backend: OqtopusBackend, held: HeldExecutor) -> None:
    """After a timeout, ended circuits are returned, and later the others."""
    job = held_backend.run([keyed(1), keyed(2)], shots=5)
    for _ in range(3):  # of two for each
        held.step()
    early = job.result(timeout=2, partial=True)
    held.step()

    assert sorted(experiment.success for experiment in early.results) == [False, True]
    assert "has not ended" in next(experiment.status for experiment in early.results if not experiment.success)
    assert [job.result(timeout=30).get_counts(i) for i in range(2)] == [{"00001": 5}, {"00010": 5}]


def test_many_failures_are_not_all_listed(backend: OqtopusBackend) -> None:
    """The message lists the first five failures."""
    job = backend.run([bell() for _ in range(8)], shots=5, transpiler_options={"optimization_level": 99})
    with pytest.raises(OqtopusJobError, match=r"8 of 8 circuits ended without a result\. .*; and 3 more\.$") as caught:
        job.result()

    assert str(caught.value).count("failed: ") == 5


def test_unreadable_counts(backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invalid outcomes raise an error."""
    job = backend.run(keyed(1), shots=5)
    monkeypatch.setattr("oqtopus_client.OqtopusSamplingJobResult.get_counts", lambda _job: {"1111111": 5})
    with pytest.raises(OqtopusJobError, match="sent the outcome '1111111', but 5 bits were measured"):
        job.result()


def test_ended_jobs_are_not_asked_for_again(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """An ended job needs no further requests."""
    job = backend.run([keyed(1), keyed(2)], shots=5)
    job.result()
    cloud.requests.clear()

    assert job.status() is JobStatus.DONE
    assert job.error_message() is None
    assert len(job.times()) == len(job.jobs()) == 2
    assert not job.cancel()
    assert job.queue_position() is None
    assert cloud.requests == []


def test_times(backend: OqtopusBackend) -> None:
    """Stages are in order, and the batch's times span those of its jobs."""
    job = backend.run([keyed(1), keyed(2)], shots=5)
    job.result()
    times, stamps = job.times(), job.timestamps

    for time in times:
        stages = [time.submitted_at, time.ready_at, time.running_at, time.ended_at]
        assert all(stage is not None and stage.utcoffset() is not None for stage in stages)
        assert stages == sorted(stage for stage in stages if stage)
    assert stamps["submitted"] == min(time.submitted_at for time in times if time.submitted_at)
    assert stamps["ended"] == max(time.ended_at for time in times if time.ended_at)
    assert job.execution_time == sum(time.execution_time or 0 for time in times)


def test_times_of_a_job_that_waits(held_backend: OqtopusBackend) -> None:
    """The time of a stage not reached is None."""
    job = held_backend.run(keyed(1), shots=5)

    assert job.timestamps["submitted"] is not None
    assert job.timestamps["ended"] is None
    assert job.execution_time is None


def test_what_the_transpiler_did(backend: OqtopusBackend) -> None:
    """Transpiled circuits and layouts are those of the server, and None for untranspiled circuits."""
    circuit = bell()
    job = backend.run([circuit, keyed(1)], shots=5, transpiler_options={"initial_layout": [4, 6]})
    untouched = backend.run(keyed(1), shots=5)
    job.result()
    transpiled, _ = job.transpiled_circuits()

    assert transpiled is not None
    assert job.layouts()[0] == [4, 6]
    used = {transpiled.find_bit(qubit).index for item in transpiled.data for qubit in item.qubits}
    assert used == {4, 6}
    assert set(transpiled.count_ops()) <= {"rz", "sx", "x", "cx", "measure", "barrier"}
    assert untouched.transpiled_circuits() == untouched.layouts() == [None]


@pytest.mark.parametrize("mapping", [[4, 6], 7, {"zero": 4}, {"0": None}, {"0": "four"}])
def test_layout_that_is_none(backend: OqtopusBackend, mapping: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid mapping raises the SDK's error."""
    job = backend.run(keyed(1), shots=5)
    result = JobsS3TranspileResult(virtual_physical_mapping={"qubit_mapping": mapping})
    monkeypatch.setattr(OqtopusJobResult, "transpile_result", result)
    with pytest.raises(ResponseValidationError, match="qubit_mapping is not a mapping of qubits to qubits"):
        job.layouts()


def test_progress(backend: OqtopusBackend, capsys: pytest.CaptureFixture[str]) -> None:
    """A progress bar counts the circuits if requested."""
    backend.run([keyed(1), keyed(2)], shots=5).result(progress=True)

    assert "2/2" in capsys.readouterr().err


def test_timeline(backend: OqtopusBackend) -> None:
    """The timeline has a bar for each circuit, with its name, and a number if names repeat."""
    job = backend.run([keyed(1), keyed(2), keyed(1)], shots=5)
    job.result()
    figure = job.plot_timeline()

    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["keyed 1 (1)", "keyed 2", "keyed 1 (3)"]
