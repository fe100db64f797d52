"""The clients against the emulator: requests, results, and interruptions."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
import gc
import logging
import os
import pickle
import signal
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, cast

import pytest

from oqtopus_client import (
    AsyncOqtopusClient,
    OqtopusClient,
    OqtopusConfig,
    OqtopusJobSpec,
    OqtopusSamplingJobResult,
    UserApiError,
)
from oqtopus_client.emulator import Emulator
from oqtopus_client.errors import (
    AuthenticationError,
    BatchSubmissionError,
    JobSubmissionError,
    JobTimeoutError,
    OqtopusConnectionError,
    OqtopusError,
    OqtopusStorageError,
    WaitTimeoutError,
)
from oqtopus_client.services import client as client_module
from oqtopus_client.services import loop_thread
from tests.support.circuits import BELL
from tests.support.held_executor import HeldExecutor
from tests.support.recorded_cloud import RecordedCloud
from tests.support.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from oqtopus_client.rest.models import JobsJob

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100, name="bell", description="two qubits")


class Faulty:
    """A cloud that loses its response, or fails, at one route."""

    def __init__(self, app: ASGIApp, route: str, *, before: bool) -> None:
        self.app, self.route, self.before = app, route, before

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        if not scope["path"].endswith(self.route):
            await self.app(scope, receive, send)
            return
        if not self.before:

            async def lose(_message: object) -> None:
                pass

            await self.app(scope, receive, lose)
        raise ConnectionResetError("the line went dead")


def test_devices(client: OqtopusClient) -> None:
    """The emulator's first device has the fields of the contract."""
    device, *_ = client.list_devices()
    info = device.device_info

    assert client.get_device("qulacs") == device
    assert (device.device_id, device.device_type, device.n_qubits, device.status) == (
        "qulacs",
        "simulator",
        16,
        "available",
    )
    assert info is not None
    assert len(info["couplings"]) == 22  # type: ignore[arg-type]


def test_device_is_shown_in_one_line(client: OqtopusClient) -> None:
    """The representation of a device leaves out its calibration."""
    assert repr(client.get_device("lattice144")) == "<OqtopusDevice 'lattice144': QPU, 144 qubits, available>"


@pytest.mark.parametrize("kind", [OqtopusClient, AsyncOqtopusClient])
def test_configuration_is_not_a_url(kind: type[OqtopusClient | AsyncOqtopusClient]) -> None:
    """A URL, or a token, in place of a configuration is refused without being shown."""
    with pytest.raises(TypeError, match=r"config must be OqtopusConfig\(url, api_token=\.\.\.\) or None, not a str\."):
        kind("http://localhost")  # type: ignore[arg-type]


def test_submit_needs_three_requests(client: OqtopusClient, cloud: RecordedCloud) -> None:
    """Submission takes three requests (register, upload, submit), and the storage does not get the token."""
    client.submit_job(JOB)

    assert cloud.routes == ["POST /jobs", "POST /storage", "POST /jobs/{id}/submit"]
    assert ["q-api-token" in request.headers for request in cloud.requests] == [True, False, True]


def test_submission_shows_no_credential(client: OqtopusClient, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the log nor the printed response contains credentials of the upload."""
    with caplog.at_level(logging.DEBUG):
        answer = client.submit_job(JOB)
        logging.getLogger("program").info("Submitted %s, in full %r", answer, answer.presigned_url.fields)
    form = answer.presigned_url.fields.to_dict()

    assert form.pop("key") in caplog.text
    assert {"policy", "signature", "AWSAccessKeyId"} <= form.keys()
    assert [name for name, value in form.items() if value in caplog.text] == []
    assert answer.job_id in caplog.text


def test_run_sampling(client: OqtopusClient) -> None:
    """A job runs from submission to result, and has its settings and times."""
    seen = []
    result = client.run_sampling(JOB, interval=0.01, on_status=lambda answer: seen.append(answer.status))

    assert isinstance(result, OqtopusSamplingJobResult)
    assert sum(result.get_counts().values()) == 100
    assert set(result.get_counts()) <= {"00", "11"}
    assert (result.name, result.description, result.device_id, result.shots) == ("bell", "two qubits", "qulacs", 100)
    assert (result.status, result.message) == ("succeeded", "job is succeeded")
    assert result.submitted_at <= result.ready_at <= result.running_at <= result.ended_at  # type: ignore[operator]
    assert result.execution_time is not None
    assert result.execution_time > 0
    assert result.transpiler_info == {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
    assert seen[-1] == "succeeded"


def test_status_of_many_jobs_costs_one_request(client: OqtopusClient, cloud: RecordedCloud) -> None:
    """The list of jobs serves a hundred at a time."""
    ids = [answer.job_id for answer in client.submit_jobs([JOB] * 10)]
    client.wait_for_jobs(ids, interval=0.01)
    cloud.requests.clear()

    assert client.get_job_statuses(ids[::-1]) == ["succeeded"] * 10
    assert cloud.routes == ["GET /jobs"]


def test_batch_keeps_its_order(client: OqtopusClient, cloud: RecordedCloud) -> None:
    """Jobs submitted concurrently are returned in the given order."""
    jobs = [dataclasses.replace(JOB, shots=shots) for shots in range(1, 21)]
    ids = [answer.job_id for answer in client.submit_jobs(jobs, max_workers=8)]
    results = client.wait_for_jobs(ids, interval=0.01)

    assert [sum(result.get_counts().values()) for result in results] == list(range(1, 21))  # type: ignore[attr-defined]
    assert 1 < cloud.most_at_once <= 17  # 16 workers that fetch, and one that polls


def test_timeout_names_the_job_and_leaves_it_alone(held_client: OqtopusClient, held: HeldExecutor) -> None:
    """The job keeps running and can be waited for again."""
    job_id = held_client.submit_job(JOB).job_id
    with pytest.raises(JobTimeoutError, match=r"did not finish within 0\.01 s and is still running") as caught:
        held_client.wait_for_job(job_id, interval=0, timeout=0.01)
    held.step()
    held.step()

    assert isinstance(caught.value, TimeoutError)
    assert caught.value.job_id == job_id
    assert held_client.wait_for_job(job_id).status == "succeeded"


def test_wrong_token(config: OqtopusConfig) -> None:
    """The error says which credential was used."""
    wrong = dataclasses.replace(config, api_token="no.good", token_source="environment variable OQTOPUS_API_TOKEN")
    with OqtopusClient(wrong) as client, pytest.raises(AuthenticationError) as caught:
        client.submit_job(JOB)

    assert "environment variable OQTOPUS_API_TOKEN" in str(caught.value)
    assert "no.good" not in str(caught.value)


def test_refused_job_leaves_nothing_behind(client: OqtopusClient, cloud: RecordedCloud) -> None:
    """A job that cannot be submitted is cancelled and deleted, and its id is in the error."""
    with pytest.raises(
        JobSubmissionError,
        match=r"HTTP 400: device not found\. list_devices\(\) returns .* use\. It has been removed\.",
    ) as caught:
        client.submit_job(dataclasses.replace(JOB, device_id="nowhere"))

    with pytest.raises(UserApiError, match="job not found"):
        client.get_job_status(caught.value.job_id)
    assert cloud.routes[3:6] == ["GET /jobs/{id}/status", "POST /jobs/{id}/cancel", "DELETE /jobs/{id}"]


def test_lost_answer_to_submit(emulator: Emulator) -> None:
    """If only the response to a submission is lost, the job exists once."""
    config = dataclasses.replace(emulator.config, transport=Faulty(emulator, "/submit", before=False))
    with OqtopusClient(config) as client:
        job_id = client.submit_job(JOB).job_id

        assert client.wait_for_job(job_id, interval=0.01).status == "succeeded"


@pytest.mark.parametrize("route", ["/submit", "/storage"])
def test_lost_request(emulator: Emulator, route: str) -> None:
    """If the request is lost, the job is removed, not left registered."""
    config = dataclasses.replace(emulator.config, transport=Faulty(emulator, route, before=True))
    with OqtopusClient(config) as client:
        with pytest.raises(JobSubmissionError, match="the line went dead") as caught:
            client.submit_job(JOB)
        with pytest.raises(UserApiError, match="job not found"):
            client.get_job_status(caught.value.job_id)


def test_unanswered_submission_is_reported_as_uncertain(emulator: Emulator) -> None:
    """If it is unknown whether a job was submitted, the error says so and names the job."""

    async def dead_from_submit_on(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith(("/submit", "/status")):
            raise ConnectionResetError("the line went dead")
        await emulator(scope, receive, send)

    config = dataclasses.replace(emulator.config, transport=dead_from_submit_on, retry_max_attempts=1)
    with OqtopusClient(config) as client:
        with pytest.raises(JobSubmissionError, match="It may have been submitted anyway") as caught:
            client.submit_job(JOB)
        with pytest.raises(BatchSubmissionError) as of_batch:
            client.submit_jobs([JOB] * 3, max_workers=2)

    assert caught.value.uncertain
    assert len(of_batch.value.job_ids) == 2


def test_batch_with_a_wrong_token(config: OqtopusConfig) -> None:
    """If nothing was submitted, the cause itself is raised."""
    wrong = dataclasses.replace(config, api_token="no.good")
    with OqtopusClient(wrong) as client, pytest.raises(AuthenticationError):
        client.submit_jobs([JOB] * 3)


@pytest.mark.anyio
@pytest.mark.parametrize("route", ["/storage", "/submit"])
async def test_interrupted_submission_leaves_nothing(held_emulator: Emulator, route: str) -> None:
    """An interrupt between register and submit, or during submit, leaves no orphaned job."""
    reached = asyncio.Event()

    async def stalling(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith(route):
            if route == "/submit":
                await held_emulator(scope, receive, send)
            reached.set()
            await asyncio.sleep(3600)
        await held_emulator(scope, receive, send)

    config = dataclasses.replace(held_emulator.config, transport=stalling)
    async with AsyncOqtopusClient(config) as client, AsyncOqtopusClient(held_emulator.config) as observer:
        submission = asyncio.create_task(client.submit_jobs([JOB]))
        await reached.wait()
        submission.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submission
        jobs = await observer.list_jobs()

    assert [str(job.status) for job in jobs] == ([] if route == "/storage" else ["cancelled"])


@pytest.mark.anyio
async def test_interrupted_batch_is_cancelled(held_emulator: Emulator) -> None:
    """Jobs submitted before the interrupt are cancelled, as their ids are lost with it."""
    submits = 0
    reached = asyncio.Event()

    async def stalling_at_the_third(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal submits
        is_submit = scope["path"].endswith("/submit")
        submits += is_submit
        if is_submit and submits == 3:
            reached.set()
            await asyncio.sleep(3600)
        await held_emulator(scope, receive, send)

    config = dataclasses.replace(held_emulator.config, transport=stalling_at_the_third)
    async with AsyncOqtopusClient(config) as client:
        submission = asyncio.create_task(client.submit_jobs([JOB] * 4, max_workers=1))
        await reached.wait()
        submission.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submission
        jobs = await client.list_jobs()

    assert [str(job.status) for job in jobs] == ["cancelled", "cancelled"]


def test_broken_batch_names_what_was_submitted(client: OqtopusClient) -> None:
    """No id is lost when a later job of the batch is refused."""
    jobs = [JOB, dataclasses.replace(JOB, device_id="nowhere"), JOB]
    with pytest.raises(BatchSubmissionError, match="device not found") as caught:
        client.submit_jobs(jobs, max_workers=1)

    assert len(caught.value.job_ids) == 1
    assert client.wait_for_job(caught.value.job_ids[0], interval=0.01).status == "succeeded"


@pytest.mark.parametrize("jobs", [["program"], [JOB, None]])
def test_only_job_specs_are_submitted(client: OqtopusClient, cloud: RecordedCloud, jobs: list[object]) -> None:
    """An item that is not a job spec is refused before the first request."""
    with pytest.raises(TypeError, match="must be an OqtopusJobSpec"):
        client.submit_jobs(jobs)  # type: ignore[arg-type]

    assert cloud.requests == []


def test_cancel_and_delete(held_client: OqtopusClient) -> None:
    """An ended job can be deleted, and is then unknown."""
    job_id = held_client.submit_job(JOB).job_id
    held_client.cancel_job(job_id)

    assert held_client.is_finished(job_id)
    assert held_client.delete_job(job_id).message == "job deleted"
    with pytest.raises(UserApiError, match="404"):
        held_client.get_job(job_id)


def test_callback_may_use_the_client(held_client: OqtopusClient) -> None:
    """A callback can use the client, for example to cancel the job it waits for."""
    job_id = held_client.submit_job(JOB).job_id
    result = held_client.wait_for_job(
        job_id, interval=0.01, timeout=30, on_status=lambda answer: held_client.cancel_job(answer.job_id)
    )

    assert result.status == "cancelled"


def test_failed_download_is_told_when_time_runs_out(held_emulator: Emulator, held: HeldExecutor) -> None:
    """A timeout error has a failed download as its cause."""

    async def without_downloads(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET" and scope["path"].startswith("/storage"):
            scope = {**scope, "query_string": b""}
        await held_emulator(scope, receive, send)

    config = dataclasses.replace(held_emulator.config, transport=without_downloads)
    with OqtopusClient(config) as client:
        ids = [client.submit_job(JOB).job_id for _ in range(2)]
        while client.status(ids[0]) != "succeeded":
            held.step()
        with pytest.raises(WaitTimeoutError, match="1 jobs did not finish") as caught:
            client.wait_for_jobs(ids, interval=0.01, timeout=0.1)

    assert isinstance(caught.value.__cause__, OqtopusStorageError)


def test_closing_ends_other_threads_waits(held_emulator: Emulator) -> None:
    """Closing the client ends waits in other threads with an error of this SDK."""
    client = OqtopusClient(held_emulator.config)
    job_id = client.submit_job(JOB).job_id
    polled = threading.Event()
    outcomes: list[BaseException] = []

    def wait() -> None:
        try:
            client.wait_for_job(job_id, interval=3600, timeout=None, on_status=lambda _: polled.set())
        except OqtopusError as error:
            outcomes.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    polled.wait(30)
    client.close()
    thread.join(30)

    assert str(outcomes[0]) == "The client was closed while this call waited."


@pytest.mark.parametrize("answers", [True, False])
def test_closing_during_a_submission(
    held_emulator: Emulator, monkeypatch: pytest.MonkeyPatch, *, answers: bool
) -> None:
    """Jobs whose ids are lost are cancelled, but an unresponsive server does not block closing."""
    monkeypatch.setattr(loop_thread, "GRACE_SECONDS", 30 if answers else 0.2)
    submits = 0
    reached = threading.Event()

    async def stalling_at_the_fifth(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal submits
        submits += scope["path"].endswith("/submit")
        if submits == 5:
            is_submit = scope["path"].endswith("/submit")
            reached.set()
            await asyncio.sleep(3600 if is_submit or not answers else 0.05)
        await held_emulator(scope, receive, send)

    client = OqtopusClient(dataclasses.replace(held_emulator.config, transport=stalling_at_the_fifth))
    outcomes: list[str] = []

    def submit() -> None:
        try:
            client.submit_jobs([JOB] * 8, max_workers=1)
        except OqtopusError as error:
            outcomes.append(str(error))

    # What would hang must not keep the tests from ending.
    submitting = threading.Thread(target=submit, daemon=True)
    closing = threading.Thread(target=client.close, daemon=True)
    submitting.start()
    assert reached.wait(30)
    closing.start()
    closing.join(9)
    submitting.join(1)

    assert not closing.is_alive()
    assert outcomes == ["The client was closed while this call waited."]
    with OqtopusClient(held_emulator.config) as observer:
        statuses = [str(job.status) for job in observer.list_jobs()]
    assert (len(statuses), statuses.count("cancelled")) == ((4, 4) if answers else (5, 0))


@pytest.mark.anyio
@pytest.mark.parametrize("cancelled", ["not at all", "earlier", "before", "after"])
async def test_closing_ends_coroutines_waits(held_emulator: Emulator, cancelled: str) -> None:
    """Closing ends coroutines with the same error; a task that was also cancelled gets its cancellation."""
    client = OqtopusClient(held_emulator.config)
    job_id = client.submit_job(JOB).job_id

    async def wait() -> None:
        if cancelled == "earlier":
            task = cast("asyncio.Task[None]", asyncio.current_task())
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)
        await client.wait_for_jobs_async([job_id], timeout=None)

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.05)
    if cancelled == "before":
        waiting.cancel()
    client.close()
    if cancelled == "after":
        waiting.cancel()
    (outcome,) = await asyncio.gather(waiting, return_exceptions=True)

    if cancelled in {"before", "after"}:
        assert isinstance(outcome, asyncio.CancelledError)
    else:
        assert isinstance(outcome, OqtopusError)
        assert str(outcome) == "The client was closed while this call waited."


@pytest.mark.anyio
async def test_cancelling_a_coroutines_wait(held_client: OqtopusClient) -> None:
    """The program's own cancellations and timeouts work as for any coroutine; the client stays usable."""
    job_id = held_client.submit_job(JOB).job_id
    waiting = asyncio.create_task(held_client.wait_for_jobs_async([job_id], timeout=None))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await held_client.wait_for_jobs_async([job_id], timeout=None)

    assert held_client.status(job_id) in {"submitted", "ready"}


def test_emulator_that_was_closed() -> None:
    """Callers of a closed emulator get an error, and it can be closed twice."""
    with Emulator(":memory:") as short_lived, OqtopusClient(short_lived.config) as client:
        client.list_devices()
        short_lived.close()
        with pytest.raises(OqtopusConnectionError, match="the emulator has been closed"):
            client.list_devices()


@pytest.mark.anyio
async def test_blocking_client_inside_a_running_loop(client: OqtopusClient) -> None:
    """The blocking client works while a loop is running, as in notebooks."""
    assert client.get_device("qulacs").n_qubits == 16


@pytest.mark.anyio
async def test_async_client(config: OqtopusConfig) -> None:
    """The asynchronous client has the same operations as coroutines."""
    async with AsyncOqtopusClient(config) as client:
        first, second = await asyncio.gather(*(client.run_job(JOB, interval=0.01) for _ in range(2)))

    assert first.job_id != second.job_id


def test_many_threads_share_a_client(client: OqtopusClient) -> None:
    """Threads can share a client."""
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(client.get_device("qulacs").device_id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert names == ["qulacs"] * 8


def test_settings_that_would_have_no_effect(client: OqtopusClient) -> None:
    """Attributes of a client that would have no effect cannot be assigned."""
    with pytest.raises(AttributeError):
        client.base_url = "https://elsewhere.example"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        client.config.timeout = 1.0  # type: ignore[misc]

    assert client.list_devices()


def test_closing_stops_the_thread(config: OqtopusConfig) -> None:
    """Neither `close()` nor garbage collection leaves a thread behind, and a closed client can start again."""

    def event_loops() -> int:
        return sum(thread.name == "oqtopus-client" for thread in threading.enumerate())

    before = event_loops()
    client = OqtopusClient(config)
    assert event_loops() == before
    client.list_devices()
    assert event_loops() == before + 1
    client.close()
    assert event_loops() == before
    client.list_devices()
    assert event_loops() == before + 1
    del client
    gc.collect()

    assert event_loops() == before


def test_closing_lets_go(config: OqtopusConfig) -> None:
    """A client that is closed and used again keeps no earlier connections."""
    client = OqtopusClient(config)
    closed = []
    for _ in range(3):
        client.list_devices()
        closed.append(weakref.ref(client._start()))
        client.close()
    gc.collect()

    assert [running() for running in closed] == [None] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_client_survives_fork(server: dict[str, str]) -> None:
    """A child process opens its own connections; the parent's stay usable."""
    config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
    with OqtopusClient(config) as client:
        client.list_devices()
        child = os.fork()
        if child == 0:
            os._exit(0 if client.get_device("qulacs").n_qubits == 16 else 1)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.get_device("qulacs").n_qubits == 16


def test_streams_are_collected_at_any_moment(client: OqtopusClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams can be garbage-collected at any moment, even while a call starts in the same thread."""
    client.submit_job(JOB)
    begin = asyncio.run_coroutine_threadsafe
    ended: list[str] = []

    def collect_and_begin(*arguments: Any) -> Any:
        gc.collect()
        return begin(*arguments)

    jobs: list[Any] = [client.iter_jobs()]
    next(jobs[0])
    weakref.finalize(jobs[0], ended.append, "iterator")
    # Garbage that only a collection finds.
    jobs.append(jobs)
    del jobs
    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", collect_and_begin)
    client.list_devices()

    assert ended == ["iterator"]


def test_streams_outlive_their_module(client: OqtopusClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that the interpreter collects at its very end, when modules are gone, end in silence."""
    client.submit_job(JOB)
    gone: list[str] = []
    monkeypatch.setattr(sys, "is_finalizing", lambda: bool(gone))
    jobs = cast("Generator[JobsJob]", client.iter_jobs())
    next(jobs)
    monkeypatch.setattr(client_module, "contextlib", None)
    gone.append("contextlib")

    jobs.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_streams_end_at_a_fork() -> None:
    """A child process may drop its parent's iterators; advancing them there raises an error."""
    server = ScriptedServer(**{"GET /jobs": [{"job_id": "1"}, {"job_id": "2"}]})
    with OqtopusClient(OqtopusConfig("http://server.example", transport=server)) as client:
        closed, collected, asked = (cast("Generator[JobsJob]", client.iter_jobs()) for _ in range(3))
        assert [next(jobs).job_id for jobs in (closed, collected, asked)] == ["1"] * 3
        child = os.fork()
        if child == 0:
            # What hangs ends with a signal, and what is raised with a status: pytest does not continue in the child.
            signal.alarm(30)
            closed.close()
            del collected
            try:
                next(asked)
            except OqtopusError as error:
                refused = "created before the process forked; create a new one here" in str(error)
            os._exit(0 if refused and [job.job_id for job in client.iter_jobs()] == ["1", "2"] else 1)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert [job.job_id for jobs in (closed, collected, asked) for job in jobs] == ["2"] * 3


def test_refused_call_leaves_no_coroutine(config: OqtopusConfig) -> None:
    """A call on a closed loop is refused, and leaves no unawaited coroutine."""
    client = OqtopusClient(config)
    client.list_devices()
    running = client._start()
    client.close()
    with pytest.raises(OqtopusError, match="The client has been closed"):
        running.call(running.client.list_devices())
    gc.collect()


def test_streams_outlive_their_client(config: OqtopusConfig) -> None:
    """An abandoned iterator of a closed client is silent; advancing one raises an error."""
    with OqtopusClient(config) as client:
        client.submit_jobs([JOB] * 2)
        closed, collected, asked = (cast("Generator[JobsJob]", client.iter_jobs()) for _ in range(3))
        # By id alone: the jobs' states change meanwhile.
        assert next(closed).job_id == next(collected).job_id == next(asked).job_id
    closed.close()
    # Raised on collection, anything would be a warning, and that an error here.
    del collected
    gc.collect()

    with pytest.raises(OqtopusError, match=r"^The client has been closed\.$"):
        next(asked)


def test_no_pickle(client: OqtopusClient) -> None:
    """Clients cannot be pickled, as connections belong to one process; a copy shares them."""
    for each in (client, AsyncOqtopusClient(client.config)):
        with pytest.raises(TypeError, match=r"create one in each process, and pass job ids instead\."):
            pickle.dumps(each)

        assert copy.copy(each) is each
        assert copy.deepcopy([each]) == [each]


def test_job_info_as_a_dictionary(client: OqtopusClient) -> None:
    """`job_info` as a dictionary has input and results, as with the published client, and no URL."""
    operator = [{"pauli": "X 0 X 1", "coeff": 1.5}]
    spec = OqtopusJobSpec.estimation(device_id="qulacs", program=BELL, shots=10, operator=operator)
    info = client.run_estimation(spec, interval=0.01).job_info
    content = info.to_dict()

    assert (content["program"], content["operator"]) == ([BELL], operator)
    assert content["input"] == {"program": [BELL], "operator": operator}
    assert set(content["result"]["estimation"]) == {"exp_value", "stds"}
    assert content["transpile_result"]["transpiled_program"].startswith("OPENQASM 3")
    assert content["message"] == "job is succeeded"
    assert "http" not in str(content)
    assert pickle.loads(pickle.dumps(info)).to_dict()["input"] == content["input"]  # noqa: S301


def test_results_as_dictionaries_keep_nulls(client: OqtopusClient) -> None:
    """Dictionaries keep nulls, such as `divided_counts` of jobs that are not multi_manual."""
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10)
    job = client.run_sampling(spec, interval=0.01)

    assert job.sampling is not None
    assert job.sampling.to_dict() == {"counts": job.get_counts(), "divided_counts": None}


@pytest.mark.anyio
async def test_job_info_of_an_asynchronous_client(config: OqtopusConfig) -> None:
    """Files that an asynchronous client has not read stay URLs."""
    async with AsyncOqtopusClient(config) as client:
        spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10)
        content = (await client.run_sampling(spec, interval=0.01)).job_info.to_dict()

    assert content["input"].startswith("http")
    assert "program" not in content
