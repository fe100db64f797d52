"""Retrieval of jobs by id or search: in another process, after a crash, or of other software."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from qiskit.providers import JobStatus

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.errors import NotFoundError
from qiskit_oqtopus import OqtopusBackend, OqtopusJob, OqtopusJobError, OqtopusProvider, OqtopusSampler
from qiskit_oqtopus.errors import LaterReleaseError
from tests.support.circuits import BELL, bell, keyed, mixed
from tests.support.server_process import last_words
from tests.support.stores import tick_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from oqtopus_client.emulator import Emulator
    from tests.support.held_executor import HeldExecutor
    from tests.support.recorded_cloud import RecordedCloud


SUBMIT_AND_DIE = """
import os, signal
from qiskit_oqtopus import OqtopusProvider
from tests.support.circuits import mixed

job = OqtopusProvider().get_backend("qulacs").run([mixed(i) for i in range(20)], shots=10, memory=True)
print(job.job_id(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_in_another_process(server: dict[str, str]) -> None:
    """Twenty circuits of a killed process have the same results in another process."""
    job_id = last_words(SUBMIT_AND_DIE, server)
    with OqtopusProvider(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as provider:
        read = provider.job(job_id).result(timeout=60)
        again = provider.get_backend("qulacs").run([mixed(i) for i in range(20)], shots=10, memory=True).result(60)

    assert len(read.results) == 20
    for ours, theirs in zip(again.results, read.results, strict=True):
        assert (theirs.header, theirs.shots, theirs.data.counts) == (ours.header, ours.shots, ours.data.counts)
        assert theirs.data.memory == ours.data.memory
    assert [read.get_counts(i) for i in range(20)] == [again.get_counts(i) for i in range(20)]
    assert read.get_counts("mixed 9") == {"0100100 0 0": 10}


def test_requests(backend: OqtopusBackend, provider: OqtopusProvider, cloud: RecordedCloud) -> None:
    """A batch is found by one search; each job then costs its result and its program."""
    job_id = backend.run([keyed(1), keyed(2)], shots=5).job_id()
    cloud.requests.clear()
    job = provider.job(job_id)
    assert cloud.routes == ["GET /jobs"]
    job.result()

    wanted = ("GET /jobs/{id}", "GET /storage/{id}/input.zip", "GET /storage/{id}/result.zip")
    assert [cloud.routes.count(route) for route in wanted] == [2, 2, 2]
    polls = [route for route in cloud.routes if route not in wanted]
    assert set(polls) <= {"GET /jobs", "GET /jobs/{id}/status"}


def test_single_job(backend: OqtopusBackend, provider: OqtopusProvider) -> None:
    """A single circuit, alone or from a batch, is found by the server's job id."""
    circuit = keyed(11)
    circuit.metadata = {"a": 1}
    single, batch = backend.run(circuit, shots=5), backend.run([keyed(1), keyed(2)], shots=5)
    found = provider.job(single.job_id())

    assert found.result().get_counts() == {"01011": 5}
    assert found.result().results[0].to_dict()["header"]["metadata"] == {"a": 1}
    assert found.backend().name == "qulacs"
    assert provider.job(batch.job_ids[1]).result().get_counts("keyed 2") == {"00010": 5}


def test_programs_and_circuits(backend: OqtopusBackend, provider: OqtopusProvider) -> None:
    """Programs and circuits can be retrieved."""
    job = backend.run([mixed(3), bell()], shots=5)
    found = provider.job(job.job_id())

    assert [program.text for program in found.programs()] == [program.text for program in job.programs()]
    assert [program.is_isa for program in found.programs()] == [True, False]
    assert [circuit.name for circuit in found.circuits()] == ["mixed 3", "bell"]
    assert found.circuits()[0].metadata == {"number": 3, "of": [20]}
    assert backend.run(found.circuits()[0], shots=5).result().get_counts() == {"00011": 5}


def test_while_it_runs(held_emulator: Emulator, held: HeldExecutor) -> None:
    """Retrieved jobs can be waited for."""
    with OqtopusProvider(held_emulator.config) as provider:
        job = provider.get_backend("qulacs").run([keyed(4)] * 2, shots=5)
        found = provider.job(job.job_id())
        assert found.status() is JobStatus.QUEUED
        for _ in range(4):
            held.step()

        assert found.result(timeout=30).get_counts(1) == {"00100": 5}
        assert found.status() is JobStatus.DONE


def test_job_of_other_software(client: OqtopusClient, provider: OqtopusProvider) -> None:
    """A job of other software has counts without registers, under its name."""
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100, name="theirs")
    job = provider.job(client.submit_job(spec).job_id)
    result = job.result()

    assert result.results[0].to_dict()["header"]["name"] == "theirs"
    assert set(result.get_counts()) == {"00", "11"}
    assert job.circuits()[0].num_qubits == 2


def test_lost_input(
    backend: OqtopusBackend, provider: OqtopusProvider, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Without its input, a job has counts without registers; the log says so."""
    job = backend.run(mixed(3), shots=5)
    job.result()
    with emulator._store._database.transaction() as database:
        database.execute("DELETE FROM files WHERE key = ?", (f"{job.job_id()}/input.zip",))

    assert provider.job(job.job_id()).result().get_counts() == {"00011": 5}
    assert f"The input of job {job.job_id()} could not be read, so its counts have no registers." in caplog.text


def test_unknown_ids(provider: OqtopusProvider) -> None:
    """An unknown job or batch raises an error with its id; None is not a valid id."""
    nobody = "00000000-0000-7000-8000-000000000000"
    with pytest.raises(
        NotFoundError, match=rf"job not found with the given id \(GET http://\S+/jobs/{nobody}/status\)$"
    ):
        provider.job(nobody)
    with pytest.raises(OqtopusJobError, match=r"Job batch-0123456789abcdef: none of its jobs is on the server\."):
        provider.job("batch-0123456789abcdef")
    with pytest.raises(TypeError, match=r"^An id must be text, not None\.$"):
        provider.job(None)  # type: ignore[arg-type]


def test_incomplete_batch(backend: OqtopusBackend, provider: OqtopusProvider) -> None:
    """A batch with missing jobs raises an error that lists the remaining jobs."""
    job = backend.run([keyed(i) for i in range(3)], shots=5)
    job.result()
    provider.client.delete_job(job.job_ids[1])
    with pytest.raises(OqtopusJobError) as caught:
        provider.job(job.job_id())

    assert str(caught.value) == (
        f"Job {job.job_id()}: only 2 of its 3 jobs are on the server: {job.job_ids[0]}, {job.job_ids[2]}."
    )


def test_incomplete_batch_among_others(backend: OqtopusBackend, provider: OqtopusProvider) -> None:
    """An incomplete batch does not hide earlier jobs."""
    whole = backend.run(keyed(1), shots=5, name="beside a broken one")
    broken = backend.run([keyed(i) for i in range(3)], shots=5, name="beside a broken one")
    broken.result()
    provider.client.delete_job(broken.job_ids[0])
    with pytest.warns(UserWarning, match=rf"Job {broken.job_id()}: only 2 of its 3 jobs .* It is left out\."):
        found = [job.job_id() for job in provider.jobs(name="beside a broken one")]

    assert found == [whole.job_id()]


def copied(client: OqtopusClient, job_id: str, program: str | None = None, **changes: Any) -> str:
    """Submit a job again with the description of the first, by the SDK, and return its id."""
    job = client.get_job(job_id)
    assert job.input is not None
    spec = OqtopusJobSpec.sampling(
        device_id=job.device_id,
        program=program or job.input.program[0],
        shots=job.shots,
        **{"description": job.description, **changes},
    )
    return client.run_job(spec, interval=0.01).job_id


@pytest.mark.parametrize("number", [1, 2])
def test_copied_description(backend: OqtopusBackend, provider: OqtopusProvider, number: int) -> None:
    """A later job that repeats a batch's tag, with any program, is a separate job."""
    batch = backend.run([keyed(0), keyed(2)], shots=5, name="copied")
    batch.result()
    theirs = provider.client.get_job(batch.job_ids[number - 1]).description
    again = backend.run(keyed(9), shots=5, description=theirs, name="copied")
    by_sdk = copied(provider.client, batch.job_ids[number - 1], BELL, name="copied")

    assert theirs == f"[{batch.job_id()} {number}/2]"
    assert provider.job(batch.job_id()).result().get_counts() == [{"00000": 5}, {"00010": 5}]
    assert provider.job(again.job_id()).result().get_counts() == {"01001": 5}
    assert provider.job(by_sdk).result().get_counts("copied").keys() <= {"00", "11"}
    found = [job.job_id() for job in provider.jobs(name="copied", limit=None)]
    assert [found.count(job_id) for job_id in (by_sdk, again.job_id(), batch.job_id())] == [1, 1, 1]


@pytest.mark.parametrize("tag", ["3/2", "0/2", "1/1", "3/3", "1/3", "2/2] [{} 1/2", f"{'9' * 900}/2", "\u0661/2"])
def test_made_up_tags(backend: OqtopusBackend, provider: OqtopusProvider, tag: str) -> None:
    """Invalid tags have no effect on a batch."""
    batch = backend.run([keyed(0), keyed(2)], shots=5, name=f"whole {tag:.9}")
    batch.result()
    text = f"[{batch.job_id()} {tag.format(batch.job_id())}]"
    copied(provider.client, batch.job_ids[0], BELL, description=text, name=f"whole {tag:.9}")

    assert provider.job(batch.job_id()).result().get_counts() == [{"00000": 5}, {"00010": 5}]
    assert [type(job) for job in provider.jobs(name=f"whole {tag:.9}")] == [OqtopusJob, OqtopusJob]


@pytest.mark.parametrize("program", ["other software's", "of another batch", "alone"])
def test_copy_of_a_deleted_job(backend: OqtopusBackend, provider: OqtopusProvider, program: str) -> None:
    """A job in place of a deleted one is refused if its program differs, with or without a header."""
    programs = {"other software's": BELL, "alone": backend.programs(keyed(5))[0].text}
    batch, other = backend.run([keyed(0), keyed(2)], shots=5), backend.run([keyed(3), keyed(4)], shots=5)
    batch.result()
    description = provider.client.get_job(batch.job_ids[1]).description
    copy = copied(provider.client, other.job_ids[1], programs.get(program), description=description)
    provider.client.delete_job(batch.job_ids[1])

    message = f"its job 2 has been deleted: {copy} has that job's description, but a different program"
    with pytest.raises(OqtopusJobError, match=message):
        provider.job(batch.job_id()).result()


def test_jobs_of_earlier_versions(backend: OqtopusBackend, provider: OqtopusProvider) -> None:
    """Programs of early versions, which do not name their batch, are accepted."""
    job_id = "batch-00000000000000aa"
    for number in (1, 2):
        text = backend.programs(keyed(number))[0].text
        earlier = text.replace(',"tag":""', "")
        assert earlier != text
        spec = OqtopusJobSpec.sampling(
            device_id="qulacs", program=earlier, shots=5, description=f"[{job_id} {number}/2]"
        )
        provider.client.run_job(spec, interval=0.01)

    assert provider.job(job_id).result().get_counts() == [{"00001": 5}, {"00010": 5}]


def later(client: OqtopusClient, job_id: str, new_id: str) -> None:
    """Submit the jobs of a batch again as another, as a release with other headers would."""
    for old in client.get_jobs([job.job_id for job in client.iter_jobs(q=job_id) if job.job_id]):
        assert old.input is not None
        assert old.description is not None
        copied(
            client,
            old.job_id,
            old.input.program[0].replace('{"v":1,', '{"v":4,').replace(job_id, new_id),
            description=old.description.replace(job_id, new_id),
        )


@pytest.mark.parametrize("kind", ["batch", "sampler"])
def test_jobs_of_later_releases(backend: OqtopusBackend, provider: OqtopusProvider, kind: str) -> None:
    """They are found and have a status, but no result; the error names the remedy."""
    circuits = [keyed(1), keyed(2)]
    job = backend.run(circuits) if kind == "batch" else OqtopusSampler(backend).run(circuits)
    job.result()
    new_id = f"{kind}-00000000000000bb"
    later(provider.client, job.job_id(), new_id)
    (found,) = provider.jobs(name=new_id)

    assert found.status() is JobStatus.DONE
    for job in (found, provider.job(new_id)):
        with pytest.raises(OqtopusJobError, match=r"cannot be read\. Its header has the format version 4, which .*"):
            job.result()


def test_ids_of_later_releases(provider: OqtopusProvider, cloud: RecordedCloud) -> None:
    """An id that contains a whole run is refused as well if it is of a version that this release does not know."""
    run_id = f"sampler-{base64.urlsafe_b64encode(json.dumps({'v': 2, 'sampler': []}).encode()).decode()}"
    with pytest.raises(LaterReleaseError, match=r"^This run's id has the format version 2, which oqtopus-client "):
        provider.job(run_id)

    assert cloud.requests == []


def test_copy_of_a_primitives_job(
    backend: OqtopusBackend, provider: OqtopusProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Primitives detect such copies too, by reading the programs of late jobs only."""
    tick_clock(monkeypatch)
    first, second = (OqtopusSampler(backend).run([keyed(0), keyed(number)]) for number in (2, 7))
    for job in (first, second):
        job.result()
    copied(provider.client, second.job_ids[1], description=f"[{first.job_id()} 2/2]")
    assert set(provider.job(first.job_id()).result()[1].data.meas.get_counts()) == {"00010"}
    provider.client.delete_job(first.job_ids[1])
    monkeypatch.setattr("qiskit_oqtopus.batch._PAUSE", timedelta(0))

    retrieved = provider.job(first.job_id())
    for _ in range(2):
        with pytest.raises(OqtopusJobError, match=r"its job 2 has been deleted: .* but a different program"):
            retrieved.result()


def test_names_with_wildcards(backend: OqtopusBackend, provider: OqtopusProvider) -> None:
    """Wildcards of the server's search are matched literally."""
    ids = {name: backend.run(keyed(1), shots=5, name=name).job_id() for name in ("a_b", "aXb", "a%b", "a\\b")}

    assert {name: [job.job_id() for job in provider.jobs(name=name)] for name in ids} == {
        name: [job_id] for name, job_id in ids.items()
    }


def history(backend: OqtopusBackend) -> dict[str, str]:
    """Submit jobs of many kinds, and return the ids of the Qiskit jobs among them."""
    provider = backend.provider
    ids = {"single": backend.run(keyed(1), shots=5, name="monday").job_id()}
    batch = backend.run([keyed(i) for i in range(120)], shots=5, description="tuesday")
    batch.result()
    ids["batch"] = batch.job_id()
    operator = [{"pauli": "Z 0 Z 1", "coeff": 1.0}]
    provider.client.run_job(OqtopusJobSpec.estimation(device_id="qulacs", program=BELL, operator=operator))
    failed = backend.run(bell(), shots=5, transpiler_options={"optimization_level": 99})
    failed.wait_for_final_state(wait=0.01)
    ids["failed"] = failed.job_id()
    return ids


def test_earlier_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier jobs are newest first, a batch as one job, without other types of jobs, and filtered."""
    tick_clock(monkeypatch)
    with OqtopusProvider.emulator(":memory:") as provider:
        ids = history(provider.get_backend("qulacs"))
        check_history(provider, ids)


def check_history(provider: OqtopusProvider, ids: dict[str, str]) -> None:
    """Search with every filter."""
    everything = [ids["failed"], ids["batch"], ids["single"]]

    def found(**filters: Any) -> list[str]:
        return [job.job_id() for job in provider.jobs(**filters)]

    assert found() == found(limit=None) == everything
    assert found(limit=1) == everything[:1]
    assert found(limit=0) == []
    assert found(name="tuesday") == [ids["batch"]]
    assert found(name="monday") == [ids["single"]]
    assert found(status=JobStatus.ERROR) == found(status="failed") == [ids["failed"]]
    assert found(status="done") == [ids["batch"], ids["single"]]
    assert found(status=JobStatus.QUEUED) == []
    start = next(provider.jobs(name="tuesday")).timestamps["submitted"]
    assert start is not None
    assert found(before=start - timedelta(microseconds=1)) == [ids["single"]]
    assert found(after=datetime.now(UTC)) == []


@pytest.mark.usefixtures("_in_tokyo")
def test_local_times() -> None:
    """Times without a time zone are local."""
    hour = timedelta(hours=1)
    with OqtopusProvider.emulator(":memory:") as provider:
        provider.get_backend("qulacs").run(keyed(1), shots=5)
        now = datetime.now()  # noqa: DTZ005 - of no zone, as most people write it

        assert [len(list(provider.jobs(after=now + late))) for late in (-hour, hour)] == [1, 0]
        assert [len(list(provider.jobs(before=now + late))) for late in (-hour, hour)] == [0, 1]


def test_looking_back_is_lazy(backend: OqtopusBackend, provider: OqtopusProvider, cloud: RecordedCloud) -> None:
    """`jobs` sends requests only as it is iterated over."""
    backend.run(keyed(1), shots=5)
    cloud.requests.clear()
    jobs = provider.jobs(limit=None)
    assert cloud.requests == []
    next(jobs)

    assert cloud.routes == ["GET /jobs"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda p: p.jobs(status="finished"),
            "'finished' is not a valid status; use one of registered, submitted, ready,",
        ),
        (lambda p: p.jobs(limit=-1), "limit must be at least 0 or None, not -1."),
    ],
)
def test_bad_filters(
    provider: OqtopusProvider, cloud: RecordedCloud, ask: Callable[[OqtopusProvider], object], message: str
) -> None:
    """Invalid filters are refused before any request."""
    with pytest.raises(ValueError, match=message):
        ask(provider)

    assert cloud.requests == []
