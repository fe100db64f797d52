"""Faults occur when and as requested, and clients handle them as documented.

Each test runs twice: in process, with faults injected from Python, and over a socket, with faults injected over HTTP.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.faults import FaultKind
from oqtopus_client.errors import (
    JobSubmissionError,
    OqtopusConnectionError,
    OqtopusStorageError,
    ResponseValidationError,
    UserApiError,
)
from tests.support.callers import Caller
from tests.support.circuits import BELL
from tests.support.jobs import await_status
from tests.support.recorded_cloud import RecordedCloud

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)
CONNECTION_BREAKS = (FaultKind.DROP, FaultKind.LOST_ANSWER)


class InProcess:
    """An emulator in this process."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.config = emulator.config
        self.inject = emulator.inject
        self.clear = emulator.clear_faults

    @property
    def pending(self) -> list[dict[str, Any]]:
        """Return the pending faults."""
        return [fault.model_dump(mode="json") for fault in self._emulator._faults.pending]

    def add_user(self) -> OqtopusConfig:
        """Return another user's configuration."""
        return self._emulator.config_for(self._emulator.add_user("other"))


class OverSocket:
    """An emulator in another process."""

    def __init__(self, url: str, token: str) -> None:
        self.config = OqtopusConfig(url, token)
        self.http = httpx.Client(base_url=url, headers={"q-api-token": token})

    def inject(self, kind: str, **settings: Any) -> None:
        """Inject a fault."""
        assert self.http.post("/emulator/faults", json={"kind": kind, **settings}).status_code == 200

    def clear(self) -> None:
        """Clear all faults."""
        assert self.http.delete("/emulator/faults").status_code == 204

    @property
    def pending(self) -> list[dict[str, Any]]:
        """Return the pending faults."""
        return list(self.http.get("/emulator/faults").json())

    def add_user(self) -> OqtopusConfig:
        """Return another user's configuration."""
        token = self.http.post("/emulator/users", json={"name": "other"}).json()["api_token"]
        return dataclasses.replace(self.config, api_token=token)


Place = InProcess | OverSocket


@pytest.fixture(params=["in process", "over a socket"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """The emulator, in process or over a socket."""
    if request.param == "in process":
        with Emulator(":memory:") as emulator:
            yield InProcess(emulator)
    else:
        server = request.getfixturevalue("server")
        over_socket = OverSocket(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
        yield over_socket
        over_socket.clear()
        over_socket.http.close()


@pytest.fixture
def client(place: Place) -> Iterator[OqtopusClient]:
    """A client that tries three times, with short pauses."""
    with OqtopusClient(dataclasses.replace(place.config, retry_backoff_seconds=0.001)) as client:
        yield client


@pytest.fixture
def impatient(place: Place) -> Iterator[OqtopusClient]:
    """A client that tries once."""
    with OqtopusClient(dataclasses.replace(place.config, retry_max_attempts=1)) as client:
        yield client


@pytest.mark.parametrize("kind", [*CONNECTION_BREAKS, FaultKind.TOO_MANY_REQUESTS])
def test_reads_are_tried_again(place: Place, client: OqtopusClient, kind: FaultKind) -> None:
    """A third attempt overcomes two failures, which are counted down."""
    place.inject(kind, path="/devices/*", times=2)

    assert client.get_device("qulacs").n_qubits == 16
    assert place.pending == []


@pytest.mark.parametrize("kind", [*CONNECTION_BREAKS, FaultKind.TOO_MANY_REQUESTS])
def test_times_count_down(place: Place, impatient: OqtopusClient, kind: FaultKind) -> None:
    """A fault affects as many requests as requested; requests that do not match are not affected."""
    error: Any = OqtopusConnectionError if kind in CONNECTION_BREAKS else UserApiError
    place.inject(kind, path="/devices/*", method="GET", times=2)
    for left in (1, 0):
        impatient.list_devices()
        with pytest.raises(error):
            impatient.get_device("qulacs")
        assert [fault["times"] for fault in place.pending] == [1] * left

    assert impatient.get_device("qulacs").status == "available"


def test_until_cleared(place: Place, client: OqtopusClient) -> None:
    """Without `times`, a fault stays until cleared."""
    place.inject("server_error", path="/devices", times=None)
    for _ in range(3):
        with pytest.raises(UserApiError, match="HTTP 500: Internal Server Error") as caught:
            client.list_devices()
    place.clear()

    assert caught.value.payload == {
        "message": "Internal Server Error",
        "message_code": "INTERNAL_SERVER_ERROR",
        "message_params": {},
    }
    assert client.list_devices()


def test_too_many_requests(place: Place, impatient: OqtopusClient) -> None:
    """The 429 response has a gateway's form."""
    place.inject("too_many_requests", seconds=7)
    with pytest.raises(UserApiError) as caught:
        impatient.list_devices()

    assert (caught.value.status_code, caught.value.message) == (429, "Too Many Requests")


def test_retry_after(emulator: Emulator) -> None:
    """`Retry-After` has the fault's seconds."""
    caller = Caller("http://emulator.localhost", emulator.token, emulator)
    emulator.inject("too_many_requests", path="/devices", seconds=7)
    answer = caller("GET", "/devices")
    caller.close()

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_delay(place: Place, client: OqtopusClient) -> None:
    """A client with a shorter timeout times out; the response to others is unchanged."""
    place.inject("delay", path="/devices", seconds=0.05)
    start = time.monotonic()
    assert client.list_devices()
    assert time.monotonic() - start >= 0.05


def test_timeout(server: dict[str, str]) -> None:
    """A client gives up at its timeout."""
    place = OverSocket(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
    place.inject("delay", path="/devices", seconds=5)
    with (
        OqtopusClient(dataclasses.replace(place.config, timeout=0.1, retry_max_attempts=1)) as client,
        pytest.raises(TimeoutError),
    ):
        client.list_devices()
    place.http.close()


@pytest.mark.parametrize(
    ("kind", "carried_out"), [("drop", False), ("lost_answer", True), ("server_error", False), ("truncate", True)]
)
def test_what_is_done(place: Place, impatient: OqtopusClient, kind: str, carried_out: bool) -> None:
    """A request with a lost or truncated response takes effect; with other faults it does not."""
    job_id = impatient.run_job(JOB, interval=0.01).job_id
    place.inject(kind, path=f"/jobs/{job_id}", method="DELETE")
    with pytest.raises((OqtopusConnectionError, UserApiError, ResponseValidationError)):
        impatient.delete_job(job_id)

    assert (job_id not in [job.job_id for job in impatient.iter_jobs()]) == carried_out


@pytest.mark.parametrize("kind", CONNECTION_BREAKS)
def test_broken_submission(place: Place, client: OqtopusClient, kind: FaultKind) -> None:
    """The client finds out whether the job was submitted, and leaves nothing behind if it was not."""
    place.inject(kind, path="/jobs/*/submit")
    job_id = client.submit_job(JOB).job_id
    assert client.wait_for_job(job_id, interval=0.01).status == "succeeded"
    place.inject(kind, path="/jobs/*/submit", times=3)
    before = {job.job_id for job in client.iter_jobs()}
    if kind is FaultKind.LOST_ANSWER:
        client.submit_job(JOB)
        place.clear()
    else:
        with pytest.raises(JobSubmissionError, match="It has been removed"):
            client.submit_job(JOB)
        assert {job.job_id for job in client.iter_jobs()} == before


def test_cut_json(place: Place, client: OqtopusClient) -> None:
    """Truncated JSON raises an error."""
    place.inject("truncate", path="/devices")
    with pytest.raises(ResponseValidationError, match="expected JSON, got"):
        client.list_devices()

    assert client.list_devices()


def test_cut_file(place: Place, client: OqtopusClient) -> None:
    """A truncated zip archive is downloaded again, three times at most."""
    job_id = client.run_job(JOB, interval=0.01).job_id
    place.inject("truncate", path="/storage/*/result.zip", times=2)
    assert client.get_job(job_id).status == "succeeded"
    place.inject("truncate", path="/storage/*/result.zip", times=3)
    with pytest.raises(OqtopusStorageError, match="Invalid ZIP file"):
        client.get_job(job_id)

    assert client.get_job(job_id).status == "succeeded"


def test_expired_download(place: Place, client: OqtopusClient) -> None:
    """A result with an expired URL is refused; a side file is fetched from a fresh URL."""
    job = client.run_job(JOB, interval=0.01)
    place.inject("expired_url")
    with pytest.raises(OqtopusStorageError, match="HTTP 403"):
        client.get_job(job.job_id)
    place.inject("expired_url")

    assert job.input is not None
    assert job.input.program == [BELL]
    assert place.pending == []


def test_expired_upload(place: Place, client: OqtopusClient) -> None:
    """A job whose upload expired is not submitted."""
    place.inject("expired_url", method="POST")
    with pytest.raises(JobSubmissionError, match="The storage refused the upload: HTTP 403"):
        client.submit_job(JOB)


def test_unknown_status(place: Place, client: OqtopusClient) -> None:
    """An unknown status is returned as text and is not final; requests without a status are not affected."""
    place.inject("unknown_status", status="hibernating", times=None)
    job_id = client.submit_job(JOB).job_id
    assert client.status(job_id) == "hibernating"
    assert client.get_job(job_id).status == "hibernating"
    assert {str(job.status) for job in client.list_jobs()} == {"hibernating"}
    assert client.get_device("qulacs").status == "available"
    assert not client.is_finished(job_id)
    place.clear()

    assert client.wait_for_job(job_id, interval=0.01).status == "succeeded"


def test_unknown_status_for_a_while(place: Place, client: OqtopusClient) -> None:
    """A wait continues through an unknown status."""
    seen: list[str] = []
    place.inject("unknown_status", path="*/status", times=2)
    job = client.run_job(JOB, interval=0.01, on_status=lambda answer: seen.append(str(answer.status)))

    assert seen[:2] == ["hibernating"] * 2
    assert job.status == "succeeded"


def test_failing_jobs(place: Place, client: OqtopusClient) -> None:
    """Failing jobs have the fault's message, and the next job succeeds."""
    place.inject("fail_job", message="the fridge is warm", times=2)
    jobs = [client.run_job(JOB, interval=0.01) for _ in range(3)]

    assert [job.status for job in jobs] == ["failed", "failed", "succeeded"]
    assert [job.message for job in jobs[:2]] == ["the fridge is warm"] * 2
    assert jobs[0].job_info.result is None


@pytest.mark.parametrize("status", ["ready", "running"])
def test_held_jobs(place: Place, client: OqtopusClient, status: str) -> None:
    """A held job keeps its status while others overtake it, and continues when faults are cleared."""
    place.inject("hold_job", status=status, seconds=3600)
    held = client.submit_job(JOB).job_id
    await_status(client, held, status)
    assert client.run_job(JOB, interval=0.01).status == "succeeded"
    assert client.status(held) == status
    place.clear()

    assert client.wait_for_job(held, interval=0.01).status == "succeeded"


def test_held_for_a_moment(place: Place, client: OqtopusClient) -> None:
    """A job held for a time continues after it."""
    place.inject("hold_job", status="running", seconds=0.05)

    assert client.run_job(JOB, interval=0.01).status == "succeeded"
    assert place.pending == []


@pytest.mark.parametrize("status", ["ready", "running"])
def test_held_jobs_can_be_cancelled(place: Place, client: OqtopusClient, status: str) -> None:
    """A held job can be cancelled, and frees its place."""
    place.inject("hold_job", status=status, seconds=3600, times=2)
    held = [client.submit_job(JOB).job_id for _ in range(2)]
    for job_id in held:
        await_status(client, job_id, status)
        client.cancel_job(job_id)
    place.clear()

    assert [client.run_job(JOB, interval=0.01).status for _ in range(4)] == ["succeeded"] * 4
    assert {str(client.status(job_id)) for job_id in held} == {"cancelled"}


def test_closing_with_a_held_job(tmp_path: Any) -> None:
    """A held job is run by the next emulator of the folder."""
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        emulator.inject("hold_job", status="running", seconds=3600)
        job_id = client.submit_job(JOB).job_id
        await_status(client, job_id, "running")
    emulator.clear_faults()
    with Emulator(tmp_path) as emulator, OqtopusClient(emulator.config) as client:
        assert client.wait_for_job(job_id, interval=0.01).status == "succeeded"


def test_trouble_behind_a_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails after a hold ends the job as usual."""
    with Emulator(":memory:") as emulator, OqtopusClient(emulator.config) as client:
        emulator.inject("hold_job", status="ready", seconds=0.01)
        with monkeypatch.context() as patch:
            patch.setattr(emulator._store, "start", lambda *_: 1 / 0)
            job = client.run_job(JOB, interval=0.01, timeout=30)

        assert job.message == "internal server error"
        assert client.run_job(JOB, interval=0.01, timeout=30).status == "succeeded"


@pytest.mark.parametrize(
    ("path", "method", "hit"),
    [
        ("*", None, True),
        ("/devices/*", None, True),
        ("/devices/q?lacs", "GET", True),
        ("/devices", None, False),
        ("/jobs/*", None, False),
        ("*", "POST", False),
    ],
)
def test_patterns(place: Place, client: OqtopusClient, path: str, method: str | None, hit: bool) -> None:
    """A path is a pattern, and matches as a whole."""
    place.inject("server_error", path=path, method=method)

    def get() -> object:
        return client.get_device("qulacs")

    if hit:
        with pytest.raises(UserApiError):
            get()
    else:
        get()


@pytest.mark.parametrize("kind", sorted(set(FaultKind)))
def test_the_control_path_never_goes_wrong(server: dict[str, str], kind: FaultKind) -> None:
    """Faults never affect the control path, so they can always be cleared."""
    place = OverSocket(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
    fault = {"kind": kind, "path": "*", "times": None, "seconds": 0, "status": "ready", "message": "no"}
    place.inject(**fault)  # type: ignore[arg-type]
    assert place.pending == [{**fault, "method": None}]
    place.clear()

    assert place.pending == []
    place.http.close()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "earthquake"}, "kind must be 'delay', .* not 'earthquake'"),
    ({"kind": "delay", "second": 1}, "second does not exist"),
    ({"kind": "delay", "seconds": -1}, "seconds must be greater than or equal to 0, not -1"),
    ({"kind": "delay", "seconds": "long"}, "seconds must be a valid number, .*not 'long'"),
    ({"kind": "drop", "times": 0}, "times must be greater than or equal to 1, not 0"),
    ({"kind": "hold_job"}, "a job can be held as ready or running, not as"),
    ({"kind": "hold_job", "status": "succeeded"}, "a job can be held as ready or running, not as 'succeeded'"),
]


@pytest.mark.parametrize(("fault", "message"), WRONG)
def test_no_such_fault(place: Place, fault: dict[str, Any], message: str) -> None:
    """An invalid fault is refused: ValueError from Python, 422 over HTTP."""
    if isinstance(place, OverSocket):
        assert place.http.post("/emulator/faults", json=fault).status_code == 422
    else:
        with pytest.raises(ValueError, match=rf"^Fault: {message}.*\. Its settings are path, "):
            place.inject(**fault)

    assert place.pending == []


def test_the_operator_alone(place: Place) -> None:
    """Only the operator may control faults; other users and requests without a token are refused."""
    recorded = None if isinstance(place, OverSocket) else RecordedCloud(place.config.transport)

    def calling(config: OqtopusConfig, token: str | None) -> Callable[..., httpx.Response]:
        caller = Caller(config.base_url, token or "", recorded)
        callers.append(caller)
        return caller

    callers: list[Caller] = []
    other, nobody = calling(place.config, place.add_user().api_token), calling(place.config, "")
    requests: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", "/emulator/faults", None),
        ("POST", "/emulator/faults", {"kind": "drop"}),
        ("DELETE", "/emulator/faults", None),
        ("PATCH", "/emulator/devices/qulacs", {"status": "unavailable"}),
        ("POST", "/emulator/users", {"name": "accomplice"}),
        ("GET", "/emulator/users", None),
        ("PATCH", "/emulator/users/operator", {"status": "approved"}),
        ("POST", "/emulator/users/operator/api-token", None),
        ("DELETE", "/emulator/users/operator", None),
        ("PATCH", "/emulator/settings", {"allow_deletion": True}),
        (
            "POST",
            "/emulator/announcements",
            {"title": "", "content": "", "start_time": "2026-01-01", "end_time": "2026-01-01"},
        ),
    ]
    for method, path, body in requests:
        answer = other(method, path, json=body)
        assert answer.status_code == 403
        assert "token that the emulator was started with" in answer.json()["message"]
        assert nobody(method, path, json=body).status_code == 401
    for caller in callers:
        caller.close()

    assert place.pending == []
