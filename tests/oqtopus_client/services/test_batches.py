"""Many jobs: in order, as they finish, page by page, and without losses after errors."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client import (
    AsyncOqtopusClient,
    OqtopusClient,
    OqtopusConfig,
    OqtopusEstimationOperator,
    OqtopusJobResult,
    OqtopusJobSpec,
    OqtopusSamplingJobResult,
)
from oqtopus_client.emulator import Emulator
from oqtopus_client.errors import (
    BatchResultError,
    JobFailedError,
    JobTimeoutError,
    NotFoundError,
    OqtopusConnectionError,
    OqtopusError,
    OqtopusStorageError,
    ResponseValidationError,
    WaitTimeoutError,
)
from oqtopus_client.rest.models import JobsS3TranspileResult
from tests.support.circuits import BELL
from tests.support.held_executor import HeldExecutor
from tests.support.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from tests.support.recorded_cloud import RecordedCloud

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)


def finish(held: HeldExecutor, client: OqtopusClient, job_id: str) -> None:
    """Let the emulator work until this job has ended."""
    while not client.is_finished(job_id):
        held.step()


def test_run_jobs_batch(client: OqtopusClient, cloud: RecordedCloud) -> None:
    """Results are in the order of the jobs, with three requests to submit each, two to read it, and a few polls."""
    jobs = [dataclasses.replace(JOB, shots=shots) for shots in range(1, 31)]
    results = client.run_jobs_batch(jobs, submit_workers=8, wait_workers=8, interval=0.05)

    assert [result.shots for result in results] == list(range(1, 31))
    assert cloud.routes.count("GET /jobs/{id}") == 30
    assert cloud.routes.count("GET /jobs/{id}/status") <= 3  # asked for one by one only when one is left


@pytest.mark.parametrize("workers", [{"submit_workers": 0}, {"wait_workers": 0}])
def test_bad_workers(client: OqtopusClient, cloud: RecordedCloud, workers: dict[str, int]) -> None:
    """An invalid number of workers is refused before the first request."""
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        client.run_jobs_batch([JOB], **workers)  # type: ignore[arg-type]

    assert cloud.requests == []


def test_as_completed(held_client: OqtopusClient, held: HeldExecutor) -> None:
    """Each result is yielded as soon as it is available, while others still run."""
    first, second = (held_client.submit_job(JOB).job_id for _ in range(2))
    finish(held, held_client, first)
    results = held_client.as_completed([second, first], interval=0.01)
    assert next(results).job_id == first
    finish(held, held_client, second)

    assert [result.job_id for result in results] == [second]


def test_as_completed_may_be_left(held_client: OqtopusClient, held: HeldExecutor) -> None:
    """Leaving the loop ends the wait."""
    ids = [held_client.submit_job(JOB).job_id for _ in range(2)]
    finish(held, held_client, ids[0])
    for result in held_client.as_completed(ids, interval=0.01):
        assert result.job_id == ids[0]
        break

    assert held_client.status(ids[1]) != "succeeded"


def test_timeout_keeps_what_there_is(held_client: OqtopusClient, held: HeldExecutor) -> None:
    """The timeout error has every job's id, and the results of those that ended."""
    ids = [held_client.submit_job(JOB).job_id for _ in range(3)]
    finish(held, held_client, ids[0])
    with pytest.raises(WaitTimeoutError) as caught:
        held_client.wait_for_jobs(ids, interval=0.01, timeout=0.1)

    outcomes = caught.value.outcomes
    assert list(outcomes) == ids
    assert isinstance(outcomes[ids[0]], OqtopusJobResult)
    assert outcomes[ids[2]] is None


def test_unreadable_result_costs_no_other(emulator: Emulator) -> None:
    """The error has nine results and one error, by job id."""
    spoiled = ""

    async def spoiling(scope: Scope, receive: Receive, send: Send) -> None:
        if spoiled and scope["path"].endswith(f"{spoiled}/result.zip"):
            scope = {**scope, "query_string": b""}
        await emulator(scope, receive, send)

    with OqtopusClient(dataclasses.replace(emulator.config, transport=spoiling)) as client:
        ids = [answer.job_id for answer in client.submit_jobs([JOB] * 10)]
        spoiled = ids[3]
        with pytest.raises(BatchResultError, match="1 of 10 results could not be read") as caught:
            client.wait_for_jobs(ids, interval=0.01)

        came = []
        with pytest.raises(BatchResultError, match=r"^1 of 1 results could not be read\."):  # noqa: PT012 - the loop is it
            for result in client.as_completed(ids, interval=0.01):
                came.append(result.job_id)  # noqa: PERF401 - what came before the error stays

    assert sorted(came) == sorted({*ids} - {spoiled})
    outcomes = caught.value.outcomes
    assert list(outcomes) == ids
    assert isinstance(outcomes.pop(spoiled), OqtopusStorageError)  # type: ignore[attr-defined]
    assert all(isinstance(outcome, OqtopusJobResult) for outcome in outcomes.values())


def test_results_outlast_an_outage(
    emulator: Emulator, client: OqtopusClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results survive more failures in a row than a request has attempts, and the progress bar shows the outage."""
    ids = [answer.job_id for answer in client.submit_jobs([JOB] * 3)]
    client.wait_for_jobs(ids, interval=0.01)
    emulator.inject("drop", path="/jobs/*", method="GET", times=7)
    emulator.inject("drop", path="/jobs", method="GET", times=4)
    results = client.wait_for_jobs(ids, interval=0.01, max_workers=1, progress=True)

    assert [result.job_id for result in results] == ids
    assert "waiting for the server: GET " in capsys.readouterr().err


def test_without_time_an_outage_is_an_error(emulator: Emulator, client: OqtopusClient) -> None:
    """With a timeout of 0, an outage raises an error after one request."""
    job_id = client.submit_job(JOB).job_id
    client.wait_for_job(job_id, interval=0.01)
    emulator.inject("drop", path=f"/jobs/{job_id}", times=3)

    with pytest.raises(OqtopusConnectionError):
        client.wait_for_job(job_id, timeout=0)


def test_failed_jobs_are_results(client: OqtopusClient) -> None:
    """A failed job does not affect the others' results."""
    broken = dataclasses.replace(JOB, program="nonsense")
    results = client.run_jobs_batch([JOB, broken, JOB], interval=0.01)

    assert [str(result.status) for result in results] == ["succeeded", "failed", "succeeded"]


def test_deleted_jobs_cost_no_others(client: OqtopusClient) -> None:
    """A deleted job's outcome is an error, and the others have results."""
    first, gone, last = (answer.job_id for answer in client.submit_jobs([JOB] * 3))
    client.wait_for_job(gone, interval=0.01)
    client.delete_job(gone)
    with pytest.raises(BatchResultError, match="1 of 3 results could not be read") as caught:
        client.wait_for_jobs([first, gone, last], interval=0.01)

    assert [type(outcome) for outcome in caught.value.outcomes.values()] == [
        OqtopusSamplingJobResult,
        NotFoundError,
        OqtopusSamplingJobResult,
    ]


@pytest.mark.parametrize(
    ("run", "error"),
    [
        (lambda client: client.run_sampling(JOB, timeout=-1), ValueError),
        (lambda client: client.run_job(JOB, time_out=5), TypeError),
        (lambda client: client.run_job(JOB, job_id="1"), TypeError),
        (lambda client: client.run_jobs_batch([JOB], interval=-1), ValueError),
        (lambda client: client.run_jobs_batch([JOB], wait_workers=0), ValueError),
    ],
)
def test_nothing_is_submitted_to_wait_in_vain(
    client: OqtopusClient, cloud: RecordedCloud, run: Any, error: type[Exception]
) -> None:
    """Invalid wait options are reported before anything is submitted."""
    with pytest.raises(error):
        run(client)

    assert cloud.requests == []


def test_ids_are_told_when_results_stay_away(client: OqtopusClient, emulator: Emulator) -> None:
    """An error after submission contains the job ids, which would be lost otherwise."""
    notes = []
    for run in (lambda: client.run_job(JOB, interval=0.01), lambda: client.run_jobs_batch([JOB] * 2, interval=0.01)):
        emulator.inject("expired_url", method="GET", times=20)
        with pytest.raises(OqtopusError) as caught:
            run()
        emulator.clear_faults()
        notes.append(getattr(caught.value, "__notes__", []) or [*caught.value.outcomes])  # type: ignore[attr-defined]

    assert "The jobs were submitted; call wait_for_jobs() with their ids: " in notes[0][0]
    assert client.get_job(notes[0][0].split(": ")[1]).status == "succeeded"
    assert [client.get_job(job_id).status for job_id in notes[1]] == ["succeeded"] * 2


def test_busy_storage(client: OqtopusClient, emulator: Emulator) -> None:
    """Results survive a storage that is busy for longer than a request is retried."""
    emulator.inject("too_many_requests", path="/storage*", method="GET", times=7, seconds=0)

    assert client.run_job(JOB, interval=0.01).status == "succeeded"
    emulator.clear_faults()


def test_discarded(held_emulator: Emulator) -> None:
    """Jobs are cancelled, unsubmitted ones deleted; deleted and finished ones are ignored."""
    with OqtopusClient(held_emulator.config) as held:
        submitted = held.submit_job(JOB).job_id
        registered = held_emulator._store.register("operator")
        held.discard_jobs([submitted, registered, "nosuch"])

        assert held.get_job_status(submitted).status == "cancelled"
        assert [job.job_id for job in held.list_jobs()] == [submitted]


def test_failure_statuses(client: OqtopusClient) -> None:
    """With `failure_statuses`, a failure raises an error with the server's message; otherwise it is returned."""
    broken = dataclasses.replace(JOB, program="nonsense")
    assert client.run_sampling(broken, interval=0.01).status == "failed"
    with pytest.raises(JobFailedError, match="has the status 'failed': Expecting value"):
        client.run_sampling(broken, interval=0.01, failure_statuses={"failed"})  # type: ignore[arg-type]


def test_iter_jobs(tmp_path: Any) -> None:
    """All jobs are listed, a hundred per request, with no more requests than needed."""
    held = HeldExecutor()
    with Emulator(tmp_path, executor=held) as emulator, OqtopusClient(emulator.config) as client:
        ids = [emulator._store.register("operator") for _ in range(250)]
        assert [job.job_id for job in client.iter_jobs(fields="job_id")] == ids
        assert [job.job_id for job in client.iter_jobs(fields="job_id", order="DESC")] == ids[::-1]
        assert next(iter(client.iter_jobs(fields="job_id"))).job_id == ids[0]
        assert list(client.iter_jobs(q="nothing")) == []


def test_iter_jobs_while_others_are_submitted(held_emulator: Emulator) -> None:
    """Jobs are listed once and completely, although new jobs shift others to the next page."""
    register = held_emulator._store.register
    ids = [register("operator") for _ in range(150)]
    with OqtopusClient(held_emulator.config) as client:
        found = []
        for job in client.iter_jobs(fields="job_id", order="DESC"):
            found.append(job.job_id)
            if len(found) == 100:
                for _ in range(250):
                    register("operator")

    assert len(found) == len(set(found))
    assert [job_id for job_id in found if job_id in ids] == ids[::-1]


def test_iter_jobs_ends() -> None:
    """A server that returns the same page for any number does not cause an endless loop."""
    server = ScriptedServer()
    server.answers["GET /jobs"] = [{"job_id": str(number)} for number in range(100)]
    jobs = []
    with (
        OqtopusClient(OqtopusConfig("https://api.example", "id.secret", transport=server)) as client,
        pytest.raises(
            ResponseValidationError, match="GET /jobs: 100 pages in a row, up to page 101, contain no new jobs"
        ),
    ):
        jobs += [job.job_id for job in client.iter_jobs()]

    assert len(server.asked) == 101


def test_iter_jobs_is_lazy(client: OqtopusClient, cloud: RecordedCloud) -> None:
    """No request is sent before the first job is requested."""
    jobs = client.iter_jobs()
    assert cloud.requests == []
    next(jobs, None)

    assert cloud.routes == ["GET /jobs"]


def test_progress_bar(client: OqtopusClient, capsys: pytest.CaptureFixture[str]) -> None:
    """A progress bar is shown on request only."""
    client.run_jobs_batch([JOB] * 3, interval=0.01)
    assert capsys.readouterr().err == ""
    client.run_jobs_batch([JOB] * 3, interval=0.01, progress=True)

    assert "3/3" in capsys.readouterr().err


@pytest.mark.anyio
async def test_asynchronous_operations_of_the_blocking_client(client: OqtopusClient) -> None:
    """Asynchronous operations of the blocking client do not block the caller's loop."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    answers = await client.submit_jobs_async([JOB] * 5)
    results = await client.wait_for_jobs_async([answer.job_id for answer in answers], interval=0.01)
    ticking.cancel()

    assert len(results) == 5
    assert ticks > 5


@pytest.mark.anyio
async def test_asynchronous_streams(emulator: Emulator) -> None:
    """Streams of the asynchronous client do not block the loop either."""
    async with AsyncOqtopusClient(emulator.config) as client:
        ids = [answer.job_id for answer in await client.submit_jobs([JOB] * 3)]
        finished = [result.job_id async for result in client.as_completed(ids, interval=0.01)]

    assert sorted(finished) == sorted(ids)


def test_both_clients_have_the_same_operations() -> None:
    """Both clients have the same operations."""

    def operations(client: type) -> set[str]:
        return {name for name in dir(client) if callable(getattr(client, name)) and not name.startswith("_")}

    assert operations(AsyncOqtopusClient) - operations(OqtopusClient) == {"aclose"}
    assert operations(OqtopusClient) - operations(AsyncOqtopusClient) == {
        "close",
        "submit_jobs_async",
        "wait_for_jobs_async",
    }
    for name in ("run_sampling", "run_sse_file", "wait", "submit_job"):
        assert inspect.signature(getattr(AsyncOqtopusClient, name)) == inspect.signature(getattr(OqtopusClient, name))


# --- other kinds of jobs


@pytest.mark.parametrize("kind", ["sampling", "estimation", "multi_manual", "sse"])
def test_runners_take_their_own_kind_only(client: OqtopusClient, cloud: RecordedCloud, kind: str) -> None:
    """A job of another type is refused before any request."""
    other = {
        "sampling": OqtopusJobSpec.sse(device_id="qulacs", program="print()"),
        "estimation": JOB,
        "multi_manual": OqtopusJobSpec.estimation(
            device_id="qulacs", program=BELL, operator=[OqtopusEstimationOperator("X 0")]
        ),
        "sse": OqtopusJobSpec.multi_manual(device_id="qulacs", program=[BELL]),
    }[kind]
    with pytest.raises(ValueError, match=f"run_{kind} takes a job of type '{kind}'"):
        getattr(client, f"run_{kind}")(other)

    assert cloud.requests == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("program.txt", b"", "is not a Python file"),
        ("missing.py", None, "missing.py does not exist"),
        ("large.py", b"#" * 101, "has 101 bytes; at most 100 are allowed"),
        ("latin.py", "# é".encode("latin-1"), "is not UTF-8 text"),
    ],
)
def test_bad_program_files(
    client: OqtopusClient, tmp_path: Any, name: str, content: bytes | None, message: str
) -> None:
    """Each message names the file and the reason."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        client.run_sse_file(file_path=tmp_path / name, device_id="qulacs", max_file_size=100)


DRIVER = """
from oqtopus_client.rest.models import JobsJob, JobsJobInfo, JobsS3SubmitJobInfo, JobsSubmitJobRequest

def submit_job(input_job, upload_info):
    assert isinstance(input_job, JobsSubmitJobRequest) and isinstance(upload_info, JobsS3SubmitJobInfo)
    if input_job.shots == 13:
        raise OSError("Could not get job data")
    job = JobsJob.model_validate_json(input_job.model_dump_json(), extra="ignore")
    job.job_id, job.status, job.name = "parent", "succeeded", input_job.name or ""
    result = {"sampling": {"counts": {"00": input_job.shots}, "divided_counts": None}, "estimation": None}
    job.job_info = JobsJobInfo(input="", result=result, message="ok")
    return job
"""


def test_inside_the_container(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the container, jobs go to its driver, without configuration or network."""
    (tmp_path / "sse_driver.py").write_text(DRIVER)
    monkeypatch.setenv("OQTOPUS_ENV", "sse_container")
    with OqtopusClient() as client:
        with pytest.raises(Exception, match="the container's module sse_driver is missing"):
            client.run_sampling(JOB)
        monkeypatch.syspath_prepend(tmp_path)
        result = client.run_sampling(JOB)
        with pytest.raises(Exception, match="The container's driver failed: Could not get job data"):
            client.run_sampling(dataclasses.replace(JOB, shots=13))

    assert (result.get_counts(), result.message) == ({"00": 100}, "ok")


def test_configuration_without_server() -> None:
    """Outside the container, an empty URL is refused with the first call."""
    with (
        OqtopusClient(OqtopusConfig("")) as client,
        pytest.raises(ValueError, match="base_url must be an http or https"),
    ):
        client.list_devices()


def sampling(shots: int) -> OqtopusJobSpec:
    """Return a job identified by its shots."""
    return OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=shots)


def test_deadline_holds_for_results(emulator: Emulator, client: OqtopusClient) -> None:
    """The deadline includes the download of a result, and the job can be read afterwards."""
    job_ids = [client.submit_job(sampling(shots)).job_id for shots in (3, 4)]
    list(client.as_completed(job_ids, interval=0.02))
    emulator.inject("delay", path=f"/storage/{job_ids[0]}/result.zip", seconds=20, times=2)
    try:
        with pytest.raises(JobTimeoutError, match=r"finished, but its result did not arrive within 1 s"):
            client.wait_for_job(job_ids[0], timeout=1)
        with pytest.raises(WaitTimeoutError, match=r"1 results did not arrive within 1 s\.") as caught:
            client.wait_for_jobs(job_ids, timeout=1)
    finally:
        emulator.clear_faults()

    assert caught.value.outcomes[job_ids[0]] is None
    assert caught.value.outcomes[job_ids[1]].shots == 4  # type: ignore[attr-defined]


def test_status_changes_are_logged(client: OqtopusClient, caplog: pytest.LogCaptureFixture) -> None:
    """A status change is logged once at INFO, a request in a line at DEBUG, without token or storage URL."""
    with caplog.at_level("DEBUG", logger="oqtopus_client"):
        job_id = client.run_job(sampling(5), interval=0.01).job_id
    ours = [record for record in caplog.records if record.name == "oqtopus_client"]
    told = [record.getMessage() for record in ours if record.levelname == "INFO"]
    requests = [record.getMessage() for record in ours if record.levelname == "DEBUG"]

    assert told[-1] == f"Job {job_id}: succeeded"
    assert len(told) == len(set(told))
    assert requests[0].startswith("POST /jobs: 200 in ")
    assert requests[1].startswith("POST storage: 204 in ")
    assert requests[-1].startswith("GET storage: 200 in ")
    assert all(line.partition(" ms, attempt ")[2].startswith("1, correlation id ") for line in requests)


def test_several_jobs_with_their_files(client: OqtopusClient, cloud: RecordedCloud) -> None:
    """Jobs are in the order of their ids, with their side files already read."""
    ids = [answer.job_id for answer in client.submit_jobs([sampling(shots) for shots in (3, 4, 5)])]
    finished = client.wait_for_jobs(ids[::-1], interval=0.01)
    jobs = client.get_jobs(ids[::-1], files=("input", "transpile_result"))
    client.read_job_files(finished, ["input"])
    cloud.requests.clear()

    assert [job.shots for job in jobs] == [5, 4, 3]
    assert [job.input and job.input.program for job in [*jobs, *finished]] == [[BELL]] * 6
    assert all(isinstance(job.transpile_result, JobsS3TranspileResult) for job in jobs)
    assert cloud.requests == []


@pytest.mark.anyio
async def test_jobs_and_files_are_read_side_by_side(emulator: Emulator) -> None:
    """Both clients read sixteen jobs with their files at a time."""
    reading: set[str] = set()
    most: list[int] = []
    together = asyncio.Event()

    async def holding(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/input.zip") and scope["method"] == "GET":
            reading.add(scope["path"])
            most.append(len(reading))
            if len(reading) == 16:
                together.set()
            await asyncio.wait_for(together.wait(), 20)
            reading.remove(scope["path"])
        await emulator(scope, receive, send)

    async with AsyncOqtopusClient(dataclasses.replace(emulator.config, transport=holding)) as client:
        ids = [answer.job_id for answer in await client.submit_jobs([JOB] * 20, max_workers=16)]
        jobs = await client.get_jobs(ids, files=["input"])

    assert [job.job_id for job in jobs] == ids
    assert all(job.input is not None for job in jobs)
    assert max(most) == 16


def test_a_broken_side_file_costs_no_other(emulator: Emulator) -> None:
    """An unreadable side file raises its error only from the property of that name."""
    spoiled = "none"

    async def spoiling(scope: Scope, receive: Receive, send: Send) -> None:
        if spoiled in scope["path"] and scope["path"].endswith("/input.zip") and scope["method"] == "GET":
            scope = {**scope, "query_string": b""}
        await emulator(scope, receive, send)

    with OqtopusClient(dataclasses.replace(emulator.config, transport=spoiling)) as client:
        ids = [answer.job_id for answer in client.submit_jobs([JOB] * 3)]
        spoiled = ids[1]
        jobs = client.get_jobs(ids, files=["input"])

        assert [jobs[0].input, jobs[2].input] == [JOB.to_s3_submit_job_info()] * 2
        with pytest.raises(OqtopusStorageError):
            _ = jobs[1].input


def test_a_missing_job_is_an_error_among_several(client: OqtopusClient) -> None:
    """A missing job is an error among several, as it is alone."""
    job_id = client.submit_job(JOB).job_id
    with pytest.raises(NotFoundError):
        client.get_jobs([job_id, str(uuid.UUID(int=1))])


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda client: client.get_jobs("12"), TypeError, "job_ids must be a list of ids, not '12'"),
        (lambda client: client.cancel_jobs("12"), TypeError, "job_ids must be a list of ids, not '12'"),
        (lambda client: client.get_jobs(["1"], files="input"), ValueError, "'transpile_result', not 'input'"),
        (lambda client: client.get_jobs(["1"], files=["log"]), ValueError, "files must be a list of 'input', .*'log'"),
        (lambda client: client.read_job_files([], files=["log"]), ValueError, "not 'log'"),
    ],
)
def test_bad_arguments_of_several_jobs(
    client: OqtopusClient, cloud: RecordedCloud, ask: Any, error: type[Exception], message: str
) -> None:
    """Invalid arguments are refused before any request."""
    with pytest.raises(error, match=message):
        ask(client)

    assert cloud.requests == []


def test_cancel_several(held: HeldExecutor, held_client: OqtopusClient) -> None:
    """Finished jobs are kept; a job that cannot be cancelled is named, and the others are cancelled."""
    first, second, third = (held_client.submit_job(JOB).job_id for _ in range(3))
    finish(held, held_client, first)
    held_client.cancel_jobs([first, second])
    assert held_client.get_job_statuses([first, second]) == ["succeeded", "cancelled"]
    assert not held_client.is_finished(third)

    missing = str(uuid.UUID(int=1))
    with pytest.raises(NotFoundError) as caught:
        held_client.cancel_jobs([missing, third])
    assert caught.value.__notes__ == [f"Not cancelled: {missing}"]
    assert held_client.status(third) == "cancelled"
