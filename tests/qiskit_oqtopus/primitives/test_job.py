"""`OqtopusPrimitiveJob`: one job over its programs' jobs, here, in other processes and on other backends."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobError, JobStatus, JobTimeoutError
from qiskit_aer import AerSimulator
from qiskit_aer.jobs.utils import DEFAULT_EXECUTOR

from oqtopus_client import OqtopusConfig, OqtopusDevice, OqtopusJobSpec
from oqtopus_client.errors import NotFoundError
from oqtopus_client.rest.models import DevicesDeviceInfo
from qiskit_oqtopus import (
    OqtopusBackend,
    OqtopusEstimator,
    OqtopusJob,
    OqtopusJobError,
    OqtopusJobTimeoutError,
    OqtopusPrimitiveJob,
    OqtopusProvider,
    OqtopusSampler,
)
from qiskit_oqtopus.header import CircuitHeader
from tests.support.circuits import BELL, flips, keyed, pubs
from tests.support.recorded_cloud import WAITING
from tests.support.server_process import last_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.held_executor import HeldExecutor
    from tests.support.recorded_cloud import RecordedCloud


def test_life_of_a_job(held_backend: OqtopusBackend, held: HeldExecutor) -> None:
    """The job's status follows its jobs in the cloud."""
    job = OqtopusSampler(held_backend).run([keyed(1, 3)])
    held.await_work()
    seen = [(job.status(), job.running(), job.in_final_state())]
    held.step()
    held.await_work()
    seen.append((job.status(), job.running(), job.in_final_state()))
    held.step()
    seen.append((job.status(), job.running(), job.in_final_state()))

    assert seen == [
        (JobStatus.QUEUED, False, False),
        (JobStatus.RUNNING, True, False),
        (JobStatus.DONE, False, True),
    ]


def test_data_about_a_job(held_backend: OqtopusBackend, held: HeldExecutor) -> None:
    """A primitive's job has the data of a circuit's job, in the shape of qiskit-ibm-runtime where it has one."""
    job = OqtopusSampler(held_backend).run([keyed(1, 3), keyed(2, 3)])
    with pytest.raises(OqtopusJobTimeoutError):
        job.wait_for_final_state(timeout=0.05)
    assert (job.usage(), job.execution_time, job.timestamps["ended"]) == (0.0, None, None)
    while not job.in_final_state():
        held.step()
    job.wait_for_final_state()
    metrics = job.metrics()

    assert len(job.jobs()) == len(job.times()) == len(job.job_ids) == 2
    assert job.backend() is held_backend
    assert job.error_message() is None
    assert job.creation_date == job.timestamps["submitted"] == min(each.submitted_at for each in job.jobs())
    assert job.usage() == metrics["usage"]["quantum_seconds"] == sum(each.execution_time for each in job.jobs())
    assert datetime.fromisoformat(metrics["timestamps"]["finished"]) == max(each.ended_at for each in job.jobs())
    assert job.plot_timeline().axes


def test_cancelled_side_by_side(held_backend: OqtopusBackend) -> None:
    """The message counts the programs that circuits share, also in another process."""
    job = OqtopusSampler(held_backend, parallel=2).run([keyed(1, 3)] * 3)
    job.cancel()
    for which in (job, held_backend.provider.job(job.job_id())):
        with pytest.raises(OqtopusJobError, match=r"2 of 2 programs ended without a result\. 'keyed 1 and 1 more'"):
            which.result()


def test_data_about_a_failed_job(held_backend: OqtopusBackend) -> None:
    """The message names each job that was cancelled, also in another process."""
    job = OqtopusSampler(held_backend).run([keyed(1, 3)])
    job.cancel()
    again = held_backend.provider.job(job.job_id())

    assert again.error_message() == job.error_message()
    assert job.job_ids[0] in job.error_message()
    assert again.backend().name == held_backend.name


def test_data_about_a_job_of_another_backend() -> None:
    """Another backend's jobs are not OQTOPUS jobs, but can be waited for."""
    job = OqtopusSampler(AerSimulator()).run([keyed(1, 3)])
    job.wait_for_final_state()

    assert job.done()
    assert (job.jobs(), job.error_message(), job.backend().name) == ([], None, "aer_simulator")


def test_device_that_takes_fewer_shots(backend: OqtopusBackend) -> None:
    """The device's own limit applies if the user allows more shots."""
    backend.device = OqtopusDevice(DevicesDeviceInfo.from_dict({**backend.device.raw.to_dict(), "max_shots": 40}))
    job = OqtopusSampler(backend, max_shots=500).run([keyed(1, 3)], shots=100)

    assert sorted(row.shots for row in job._run.batch.jobs()) == [33, 33, 34]  # type: ignore[attr-defined]
    assert job.result()[0].data.meas.get_counts() == {"001": 100}


def test_cancel(held_backend: OqtopusBackend) -> None:
    """Cancellation reaches every job on the server, and `result` reports it."""
    job = OqtopusSampler(held_backend).run([(flips(), [[0, 0], [0, np.pi]]), keyed(1, 3)])

    assert job.cancel()
    assert job.cancelled()
    assert held_backend.provider.client.get_job_statuses(job.job_ids) == ["cancelled"] * 3
    with pytest.raises(OqtopusJobError, match=f"Job {job.job_id()}: 3 of 3 circuits .* cancelled: its owner or"):
        job.result()


def test_timeout(held_backend: OqtopusBackend, held: HeldExecutor) -> None:
    """After a timeout, the result can still be read."""
    job = OqtopusSampler(held_backend).run([keyed(1, 3)])
    with pytest.raises(OqtopusJobTimeoutError, match=f"Job {job.job_id()}: did not finish within 0.01 s") as caught:
        job.result(timeout=0.01)
    held.step()
    held.step()

    assert isinstance(caught.value, JobTimeoutError)
    assert job.result(timeout=30)[0].data.meas.get_counts() == {"001": 1024}


def test_estimation_that_never_ends(held_backend: OqtopusBackend) -> None:
    """The timeout error says that servers leave a failed estimation running; that of a sampler does not."""
    estimation = OqtopusEstimator(held_backend, route="estimation").run([(flips(), "ZZ", [0, 0])])
    with pytest.raises(OqtopusJobTimeoutError, match="stays 'running' may have failed: check its gates"):
        estimation.result(timeout=0.01)
    with pytest.raises(OqtopusJobTimeoutError, match=r"call result\(\) again\.$"):
        OqtopusSampler(held_backend).run([keyed(1, 3)]).result(timeout=0.01)


def test_failure(backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error contains the server's messages, the circuits and their ids, here and in another process."""
    monkeypatch.setattr("oqtopus_client.emulator.simulation.pipeline.DEFAULT_TRANSPILER", {"transpiler_lib": "qiskit"})
    job = OqtopusSampler(backend).run([(flips(), [[0, 0], [0, np.pi]])])
    for which in (job, backend.provider.job(job.job_id())):
        with pytest.raises(OqtopusJobError) as caught:
            which.result()
        assert isinstance(caught.value, JobError)
        assert str(caught.value).startswith(
            f"Job {job.job_id()}: 2 of 2 circuits ended without a result. 'flips' ({job.job_ids[0]}) failed: "
        )
        assert "'transpiler_options'" in str(caught.value)


def test_the_id_is_the_servers(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """The id finds the OQTOPUS jobs by a search, even a single one; a second `result` sends no request."""
    job = OqtopusSampler(backend).run([keyed(1, 3)])
    first = job.result()
    assert [found.job_id for found in backend.provider.client.list_jobs(q=job.job_id())] == job.job_ids
    cloud.requests.clear()

    assert job.result() is first
    assert cloud.requests == []
    assert repr(job).startswith(f"<OqtopusPrimitiveJob {job.job_id()!r}: 'keyed 1', DONE on qulacs, submitted ")
    assert repr(job).endswith(" UTC, 1 PUB>")


SUBMIT_AND_DIE = """
import os, signal
from qiskit_oqtopus import OqtopusProvider, OqtopusSampler
from tests.support.circuits import pubs

job = OqtopusSampler(OqtopusProvider().get_backend("qulacs"), seed=7, max_shots=40).run(pubs())
print(job.job_id(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_in_another_process(server: dict[str, str]) -> None:
    """The result of a killed process is the one it would have had, shot for shot."""
    job_id = last_words(SUBMIT_AND_DIE, server)
    results = []
    for _ in range(2):
        with OqtopusProvider(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as provider:
            job = provider.job(job_id)
            assert isinstance(job, OqtopusPrimitiveJob)
            results.append(job.result(timeout=60))
    first, again = results

    assert [pub.data for pub in first] != []
    for ours, theirs in zip(first, again, strict=True):
        assert list(ours.data.values()) == list(theirs.data.values())
    assert [pub.metadata["shots"] for pub in first] == [100, 64, 1024, 1024]
    assert first[1].metadata["circuit_metadata"] == {"note": "// 'quoted' \"text\"", "numbers": [0, 1]}
    assert first[0].data.meas.shape == (3, 2)
    assert first[0].data.meas.get_counts((0, 0)).keys() <= {"00", "10"}
    assert "1" not in {bits[2] for bits in first[1].data.c.get_counts()}
    assert first[2].data.c.get_counts() == {"00": 1024}
    assert first[3].data.meas.get_counts() == {"101": 1024}


@pytest.mark.filterwarnings(r"ignore:The circuit of PUB \d+ measures nothing:UserWarning")
def test_both_processes_finish_alike(backend: OqtopusBackend) -> None:
    """A result read in another process equals the submitting process's, shot for shot."""
    job = OqtopusSampler(backend, max_shots=40).run(pubs())
    ours, theirs = job.result(), backend.provider.job(job.job_id()).result()

    for one, other in zip(ours, theirs, strict=True):
        assert list(one.data.values()) == list(other.data.values())
        assert one.metadata["shots"] == other.metadata["shots"]


def test_reading_elsewhere_costs_one_file_more(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Another process reads only the first program, which contains the plan."""
    job = OqtopusSampler(backend).run([(flips(), np.zeros((5, 2)))])
    job.result()
    cloud.requests.clear()
    again = backend.provider.job(job.job_id())
    assert cloud.routes == ["GET /jobs"]
    again.result()

    routes = [route for route in cloud.routes if route not in WAITING]
    assert routes.count("GET /jobs/{id}") == 5
    assert len(routes) == 5 + 5 + 1


def test_a_sweep_does_not_repeat_its_plan(held_backend: OqtopusBackend) -> None:
    """Only the first program contains the plan, which is as long for a thousand bindings as for one."""
    sizes = []
    for bindings in (2, 300):
        job = OqtopusSampler(held_backend).run([(flips(), np.zeros((bindings, 2)))])
        sent = [held_backend.provider.client.get_job(job_id).input.program[0] for job_id in job.job_ids[:2]]
        headers = [CircuitHeader.from_program(text) for text in sent]
        sizes.append(len(json.dumps(headers[0].extra)))
        assert (headers[0].extra["sampler"]["pubs"][0][0], headers[1].extra) == ([bindings], {})
        assert job.cancel()

    assert sizes[1] < sizes[0] + 10 < 200


def test_listed_as_what_they_are(backend: OqtopusBackend) -> None:
    """`provider.jobs` and `provider.job` distinguish primitives from circuits; an inner job is a circuit's."""
    sampled = OqtopusSampler(backend, name="listed").run([(flips(), np.zeros((3, 2)))])
    plain = backend.run([keyed(1, 3), keyed(2, 3)], name="listed")
    sampled.result()
    plain.result()
    found = list(backend.provider.jobs(name="listed", limit=None))

    assert {(type(job), job.job_id()) for job in found} == {
        (OqtopusPrimitiveJob, sampled.job_id()),
        (OqtopusJob, plain.job_id()),
    }
    inner = backend.provider.job(sampled.job_ids[1])
    assert isinstance(inner, OqtopusJob)
    assert inner.result().get_counts("flips") == {"00": 1024}


@pytest.mark.filterwarnings(r"ignore:The circuit of PUB \d+ measures nothing:UserWarning")
def test_runs_without_jobs(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """A run that measured nothing and so needed no job is restored from its id alone."""
    idle = QuantumCircuit(1, 2, metadata={"a": 1})
    sampled = OqtopusSampler(backend).run([(idle, None, 3)])
    estimated = [OqtopusEstimator(backend).run([(QuantumCircuit(2), {"II": 0.5})]) for _ in range(2)]
    assert estimated[0].job_id() != estimated[1].job_id()
    found, value = (backend.provider.job(job.job_id()) for job in (sampled, estimated[0]))

    assert found.job_ids == []
    assert found.result()[0].data.c.get_counts() == {"00": 3}
    assert found.result()[0].metadata == sampled.result()[0].metadata
    assert (value.result()[0].data.evs, value.result()[0].data.stds) == (0.5, 0.0)
    assert cloud.requests == []
    for unknown in ("sampler-", "sampler-eyJ9", "estimator-W10="):
        with pytest.raises(NotFoundError):
            backend.provider.job(unknown)


def test_of_another_version(backend: OqtopusBackend) -> None:
    """A batch that is tagged as a sampler's but has no plan raises an error."""
    tag = "sampler-0123456789abcdef"
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=5, description=f"[{tag} 1/1]")
    backend.provider.client.submit_job(spec)

    with pytest.raises(OqtopusJobError, match=f"Job {tag}: was not submitted by this version of qiskit_oqtopus"):
        backend.provider.job(tag).result()


@pytest.fixture
def busy() -> Iterator[threading.Event]:
    """Keep Aer, which runs one job at a time, busy until this event is set."""
    free = threading.Event()
    DEFAULT_EXECUTOR.submit(free.wait)
    yield free
    free.set()


def test_elsewhere_cancelled(busy: threading.Event) -> None:
    """Jobs on other backends wait, time out and are cancelled as those backends allow."""
    sampler = OqtopusSampler(AerSimulator())
    job, unwanted = sampler.run([keyed(1, 3)]), sampler.run([keyed(2, 3)])
    assert not job.in_final_state()
    with pytest.raises(OqtopusJobTimeoutError, match="did not finish within 0 s"):
        job.result(timeout=0)

    assert unwanted.cancel()
    assert unwanted.cancelled()
    with pytest.raises(OqtopusJobError, match=f"Job {unwanted.job_id()}: {unwanted.job_ids[0]} was cancelled"):
        unwanted.result()
    busy.set()
    assert job.result()[0].data.meas.get_counts() == {"001": 1024}
    assert not job.cancel()


def test_elsewhere_failed(capfd: pytest.CaptureFixture[str]) -> None:
    """The error contains another backend's message."""
    large = QuantumCircuit(60)
    large.h(range(60))
    large.t(range(60))
    large.measure_all()
    job = OqtopusSampler(AerSimulator(method="statevector")).run([large])

    with pytest.raises(OqtopusJobError, match="Insufficient memory"):
        job.result()
    capfd.readouterr()
