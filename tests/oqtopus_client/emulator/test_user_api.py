"""The emulator answers as servers do: status codes, texts, order of checks, paging, and fields by status."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from oqtopus_client.rest.storage import pack
from tests.support.callers import SUBMIT, Caller, form_of
from tests.support.circuits import BELL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oqtopus_client.emulator import Emulator
    from tests.support.held_executor import HeldExecutor


@pytest.fixture
def call(held_emulator: Emulator) -> Iterator[Caller]:
    """A caller of an emulator whose jobs do not advance."""
    caller = Caller("http://emulator.localhost", held_emulator.token, held_emulator)
    yield caller
    caller.close()


@pytest.mark.parametrize("token", ["", "wrong", "id.wrong", "ö.ß"])
def test_wrong_token(call: Caller, token: str) -> None:
    """A wrong token gives 401 in the app's own form, with a correlation id, before any other check."""
    for method, path in [("GET", "/devices"), ("POST", "/jobs"), ("POST", "/jobs/x/submit"), ("GET", "/jobs?size=0")]:
        answer = call(method, path, headers={"q-api-token": token.encode()})

        assert (answer.status_code, answer.json()) == (401, {"detail": "Unauthorized"})
        assert answer.headers["X-Correlation-Id"]


def test_devices(call: Caller) -> None:
    """Devices are a bare array, with nulls, and with the calibration as JSON text."""
    device, *_ = call("GET", "/devices").json()
    info = json.loads(device["device_info"])

    assert device["available_at"] is None
    assert (device["device_id"], device["n_qubits"], device["n_pending_jobs"]) == ("qulacs", 16, 0)
    assert device["basis_gates"] == ["sx", "x", "rz", "cx"]
    assert len(info["qubits"]) == 16
    assert info["couplings"][0] == {
        "control": 0,
        "target": 2,
        "fidelity": 0.99,
        "gate_duration": {"cx": 40, "rzx90": 40},
    }
    assert call("GET", "/devices/qulacs").json() == device


def test_unknown_device(call: Caller) -> None:
    """An unknown device is 404 to a user who may use all devices."""
    answer = call("GET", "/devices/nowhere")

    assert (answer.status_code, answer.json()) == (404, {"message": "device_id=nowhere is not found."})


def test_pending_jobs_are_counted(call: Caller) -> None:
    """Jobs that have not ended are pending."""
    call.submit()

    assert call("GET", "/devices/qulacs").json()["n_pending_jobs"] == 1


def test_ids_grow(call: Caller) -> None:
    """Ids are version 7 UUIDs, in the order of creation."""
    ids = [call.register(None) for _ in range(20)]

    assert ids == sorted(ids)
    assert all(job_id[14] == "7" for job_id in ids)


def test_submit_checks_come_in_order(call: Caller) -> None:
    """Submission makes each of a server's checks, in the same order."""
    bare = call.register(None)

    def submit(job_id: str, **body: Any) -> tuple[int, str]:
        answer = call("POST", f"/jobs/{job_id}/submit", json={**SUBMIT, **body})
        return answer.status_code, answer.json()["message"]

    assert submit("unknown", device_id="nowhere") == (404, "job not found with the given id")
    assert submit(bare, device_id="nowhere") == (400, "device not found")
    assert submit(bare) == (400, f"job information input for {bare} job not found")
    submitted = call.submit()
    assert submit(submitted, device_id="nowhere") == (
        400,
        f"{submitted} job is not in valid status for submission (valid status for submission: 'registered')",
    )


def test_failed_submit_can_be_retried(call: Caller) -> None:
    """Nothing is committed when a check fails."""
    job_id = call.register()
    assert call("POST", f"/jobs/{job_id}/submit", json={**SUBMIT, "device_id": "nowhere"}).status_code == 400
    assert call.job(job_id) == {"job_id": job_id, "status": "registered"}

    assert call("POST", f"/jobs/{job_id}/submit", json=SUBMIT).status_code == 200


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({**SUBMIT, "shots": 0}, ["body", "shots"]),
        ({**SUBMIT, "shots": 10_000_001}, ["body", "shots"]),
        ({**SUBMIT, "job_type": "none"}, ["body", "job_type"]),
        ({"device_id": "qulacs", "job_type": "sampling"}, ["body", "shots"]),
    ],
)
def test_invalid_body(call: Caller, body: dict[str, Any], place: list[str]) -> None:
    """An invalid body is 422 in FastAPI's form, before the job is looked up."""
    answer = call("POST", "/jobs/unknown/submit", json=body)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == place


def test_status_walk(call: Caller, held: HeldExecutor) -> None:
    """Each status shows its timestamps and files, and no others."""
    job_id = call.submit(name="bell")
    held.await_work()
    ready = call.job(job_id)
    held.step()
    held.await_work()
    running = call.job(job_id)
    held.step()
    done = call.job(job_id)

    assert [job["status"] for job in (ready, running, done)] == ["ready", "running", "succeeded"]
    assert set(ready["job_info"]) == {"input"}
    assert set(running["job_info"]) == {"input", "transpile_result"}
    assert set(done["job_info"]) == {"input", "transpile_result", "result", "message"}
    assert "running_at" not in ready
    assert "ended_at" not in running
    assert done["submitted_at"] <= done["ready_at"] <= done["running_at"] <= done["ended_at"]
    assert done["submitted_at"].endswith("Z")
    assert done["execution_time"] > 0
    assert (done["name"], done["description"], done["simulator_info"], done["mitigation_info"]) == ("bell", "", {}, {})
    assert call("GET", f"/jobs/{job_id}/status").json() == {"job_id": job_id, "status": "succeeded"}


def test_files(call: Caller, held: HeldExecutor) -> None:
    """Files are zip archives of one entry, with the names and contents of servers."""
    job_id = call.submit()
    held.step()
    held.step()
    info = call.job(job_id)["job_info"]
    result, transpiled = call.file(info["result"]), call.file(info["transpile_result"])
    names = {
        name: zipfile.ZipFile(io.BytesIO(call("GET", info[name]).content)).namelist()
        for name in ("result", "transpile_result")
    }

    assert names == {"result": ["result.json"], "transpile_result": ["transpile_result.json"]}
    assert sum(result["sampling"]["counts"].values()) == 1000
    assert result["sampling"]["divided_counts"] is None
    assert result["estimation"] is None
    assert transpiled["stats"] == {
        "before": {"n_qubits": 2, "n_gates": 2, "n_gates_1q": 1, "n_gates_2q": 1, "depth": 3},
        "after": {"n_qubits": 16, "n_gates": 4, "n_gates_1q": 3, "n_gates_2q": 1, "depth": 5},
    }
    assert set(transpiled["virtual_physical_mapping"]["qubit_mapping"]) == {"0", "1"}
    assert transpiled["virtual_physical_mapping"]["bit_mapping"] == {"0": 0, "1": 1}
    assert call.file(info["input"]) == {"program": [BELL]}


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        (None, {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}),
        ({}, {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}),
        *[
            (info, info)
            for info in (
                {"transpiler_lib": "qiskit", "transpiler_options": {"initial_layout": [0, 1]}},
                {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 3, "seed_transpiler": 1}},
            )
        ],
    ],
)
def test_transpiler_info(call: Caller, held: HeldExecutor, given: Any, echoed: Any) -> None:
    """The default transpiler is written back; given settings are returned unchanged."""
    job_id = call.submit(transpiler_info=given)
    held.step()
    held.step()
    job = call.job(job_id)

    assert job["status"] == "succeeded"
    assert job["transpiler_info"] == echoed


def test_initial_layout_is_obeyed(call: Caller, held: HeldExecutor) -> None:
    """The transpiler obeys its options."""
    options = {"initial_layout": [4, 6], "optimization_level": 0}
    job_id = call.submit(transpiler_info={"transpiler_lib": "qiskit", "transpiler_options": options})
    held.step()
    held.step()
    transpiled = call.file(call.job(job_id)["job_info"]["transpile_result"])

    assert transpiled["virtual_physical_mapping"]["qubit_mapping"] == {"0": 4, "1": 6}
    assert "cx $4, $6;" in transpiled["transpiled_program"]


NATIVE = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; x q[0]; cx q[0], q[1]; c[0] = measure q[0];'


def test_no_transpiler(call: Caller, held: HeldExecutor) -> None:
    """Without the transpiler, the program runs as it is, unmeasured bits are 0, and no transpile result exists."""
    job_id = call.submit(NATIVE, transpiler_info={"transpiler_lib": None})
    held.step()
    held.step()
    job = call.job(job_id)

    assert job["transpiler_info"] == {"transpiler_lib": None}
    assert "transpile_result" not in job["job_info"]
    assert call.file(job["job_info"]["result"])["sampling"]["counts"] == {"01": 1000}


def test_mid_circuit_measurement_is_silently_final(call: Caller, held: HeldExecutor) -> None:
    """A measurement samples the final state, as on real devices; our provider refuses such circuits."""
    program = NATIVE.replace("x q[0]; cx q[0], q[1]; c[0] = measure q[0];", "c[0] = measure q[0]; x q[0];")
    job_id = call.submit(program, transpiler_info={"transpiler_lib": None})
    held.step()
    held.step()

    assert call.file(call.job(job_id)["job_info"]["result"])["sampling"]["counts"] == {"01": 1000}


@pytest.mark.parametrize(
    ("program", "info", "message"),
    [
        (BELL.replace("qubit", "quit"), None, "Expecting value: line 1 column 1 (char 0)"),
        (BELL.replace("h q[0]", "reset q[0]"), None, "Expecting value: line 1 column 1 (char 0)"),
        (BELL, {"transpiler_lib": "qiskit"}, "'transpiler_options'"),
        (BELL, {"transpiler_options": {}}, "'transpiler_lib'"),
        (b"no zip", None, "Job input download failed: Invalid ZIP file"),
        (pack(b"no json", "x"), None, "Job input download failed: Invalid JSON in ZIP file"),
        (pack(b"[]", "x"), None, "Job input download failed: Expected JSON root to be an object (dict) but got list"),
    ],
)
def test_failure_before_the_device(
    call: Caller, held: HeldExecutor, program: str | bytes, info: Any, message: str
) -> None:
    """A `ready` job may fail without running: no `running_at`, no time, no result."""
    job_id = call.submit(program, transpiler_info=info)
    held.step()
    job = call.job(job_id)

    assert job["status"] == "failed"
    assert job["job_info"]["message"] == message
    assert set(job["job_info"]) == {"input", "message"}
    assert not {"running_at", "execution_time"} & set(job)
    assert job["ready_at"] <= job["ended_at"]


@pytest.mark.parametrize("gate", ["h q[0];", "reset q[0];", "if (c[0]) x q[0];", "syntax error"])
def test_failure_on_the_device(call: Caller, held: HeldExecutor, gate: str) -> None:
    """Without the transpiler, only the device's own gates run."""
    program = NATIVE.replace("x q[0];", gate)
    job_id = call.submit(program, transpiler_info={"transpiler_lib": None})
    held.step()
    held.step()
    job = call.job(job_id)

    assert (job["status"], job["job_info"]["message"]) == ("failed", "failed to execute job on device")
    assert "running_at" in job
    assert "result" not in job["job_info"]


def test_cancel(call: Caller, held: HeldExecutor) -> None:
    """A job can be cancelled, repeatedly, in every status but `succeeded` and `failed`, at once and permanently."""
    registered, submitted = call.register(), call.submit()
    held.await_work()
    for job_id in (registered, submitted, submitted):
        answer = call("POST", f"/jobs/{job_id}/cancel")
        assert (answer.status_code, answer.json()) == (200, {"message": "cancel request accepted"})
    held.step()
    job = call.job(submitted)

    assert job["status"] == "cancelled"
    assert "ended_at" not in job
    assert "result" not in job["job_info"]
    assert call("POST", "/jobs/unknown/cancel").status_code == 404


def test_job_cancelled_before_it_was_submitted(call: Caller) -> None:
    """A job cancelled before submission cannot be shown by servers, so clients delete it at once."""
    job_id = call.register()
    call("POST", f"/jobs/{job_id}/cancel")

    assert call("GET", f"/jobs/{job_id}").status_code == 500
    assert call("GET", "/jobs").status_code == 500
    assert call("GET", "/jobs?fields=job_id,status").json() == [{"job_id": job_id, "status": "cancelled"}]
    assert call("DELETE", f"/jobs/{job_id}").status_code == 200
    assert call("GET", "/jobs").json() == []


@pytest.mark.parametrize(
    "body", [{"name": "n" * 257}, {"description": "d" * 1025}, {"simulator_info": {"x": float("nan")}}]
)
def test_what_the_database_cannot_keep(call: Caller, body: dict[str, Any]) -> None:
    """Values that the database cannot store are 500, as servers do not check them."""
    job_id = call.register()
    content = json.dumps({**SUBMIT, **body})
    answer = call("POST", f"/jobs/{job_id}/submit", content=content, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["message_code"]) == (500, "INTERNAL_SERVER_ERROR")


@pytest.mark.parametrize("transpiler", [None, {"transpiler_lib": None}])
def test_first_declared_bit_is_rightmost(call: Caller, held: HeldExecutor, transpiler: Any) -> None:
    """The first declared bit is rightmost, in any form of declaration, transpiled or not."""
    program = NATIVE.replace("bit[2] c;", "bit[2] a; bit b;").replace("c[0] = measure q[0];", "b = measure q[0];")
    job_id = call.submit(program, transpiler_info=transpiler)
    held.step()
    held.step()

    assert call.file(call.job(job_id)["job_info"]["result"])["sampling"]["counts"] == {"100": 1000}


def test_cancel_on_the_device(call: Caller, held: HeldExecutor) -> None:
    """A cancelled job's work continues, but its result is dropped."""
    job_id = call.submit()
    held.step()
    held.await_work()
    call("POST", f"/jobs/{job_id}/cancel")
    held.step()

    assert call.job(job_id)["status"] == "cancelled"
    assert "result" not in call.job(job_id)["job_info"]


def test_ended_jobs_cannot_be_cancelled_but_deleted(call: Caller, held: HeldExecutor) -> None:
    """Ended jobs can be deleted but not cancelled, and unfinished ones the reverse."""
    job_id = call.submit()
    answer = call("DELETE", f"/jobs/{job_id}")
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        f"{job_id} job is not in valid status for deletion "
        "(valid statuses for deletion: 'succeeded', 'failed' and 'cancelled')",
    )
    held.step()
    held.step()
    answer = call("POST", f"/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        f"{job_id} job is not in valid status for cancellation "
        "(valid statuses for cancellation: 'registered', 'ready', 'submitted' and 'running')",
    )
    url = call.job(job_id)["job_info"]["result"]
    assert call("DELETE", f"/jobs/{job_id}").json() == {"message": "job deleted"}
    assert call("GET", f"/jobs/{job_id}").json() == {"message": "job not found with the given id"}
    assert call("GET", url).status_code == 404


# --- GET /jobs


@pytest.fixture
def listed(call: Caller) -> tuple[Caller, list[str]]:
    """The ids of three submitted jobs and a registered one."""
    ids = [call.submit(name=f"job {i}", description="50% off" if i == 1 else "") for i in range(3)]
    return call, [*ids, call.register()]


def ids_of(answer: httpx.Response) -> list[str]:
    """Return the ids in a list of jobs."""
    assert answer.status_code == 200
    return [job["job_id"] for job in answer.json()]


def test_list(listed: tuple[Caller, list[str]]) -> None:
    """The list is a bare array, oldest first, with id and status only of registered jobs."""
    call, ids = listed
    answer = call("GET", "/jobs")

    assert ids_of(answer) == ids
    assert answer.json()[-1] == {"job_id": ids[-1], "status": "registered"}
    assert "input" in answer.json()[0]["job_info"]
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("order=DESC", [3, 2, 1, 0]),
        ("order=sideways", [0, 1, 2, 3]),
        ("size=2", [0, 1]),
        ("size=2&page=2", [2, 3]),
        ("size=2&page=3", []),
        ("status=registered", [3]),
        ("q=job 1", [1]),
        ("q=50%25 off", [1]),
        ("q=j_b 2", [2]),
        ("q=nothing", []),
        ("start_time=2020-01-01T00:00:00Z", [0, 1, 2]),
        ("end_time=2020-01-01T00:00:00Z", []),
        ("start_time=2020-01-01T00:00:00%2B09:00&end_time=2120-01-01T00:00:00", [0, 1, 2]),
    ],
)
def test_list_filters(listed: tuple[Caller, list[str]], query: str, wanted: list[int]) -> None:
    """The list can be ordered, paged and filtered."""
    call, ids = listed

    assert ids_of(call("GET", f"/jobs?{query}")) == [ids[i] for i in wanted]


def test_list_fields(listed: tuple[Caller, list[str]]) -> None:
    """Rows have only the requested fields, and no nulls."""
    call, ids = listed

    assert call("GET", "/jobs?fields=job_id,ended_at&size=1").json() == [{"job_id": ids[0]}]
    assert call("GET", "/jobs?fields=name,shots&order=DESC&size=1").json() == [{}]


def test_list_with_a_job_cancelled_before_submission(listed: tuple[Caller, list[str]]) -> None:
    """Lists with its type or shots fail; its device is the text "null"."""
    call, ids = listed
    call("POST", f"/jobs/{ids[-1]}/cancel")
    answer = call("GET", "/jobs?fields=job_id,status,device_id,submitted_at&order=DESC&size=1")

    assert answer.json() == [{"job_id": ids[-1], "status": "cancelled", "device_id": "null"}]
    assert [call("GET", f"/jobs{query}").status_code for query in ("", "?fields=shots", "?fields=job_type")] == [
        500
    ] * 3
    assert ids_of(call("GET", "/jobs?size=3")) == ids[:-1]


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [
        ("fields=XXX,YYY", 400, {"message": "fields ['XXX', 'YYY'] is invalid"}),
        ("fields=", 400, {"message": "fields [''] is invalid"}),
        ("fields=job_id, status", 400, {"message": "fields [' status'] is invalid"}),
        *[
            (
                query,
                500,
                {"message": "Internal Server Error", "message_code": "INTERNAL_SERVER_ERROR", "message_params": {}},
            )
            for query in (
                "page=0",
                "page=x",
                f"page={10**20}",
                "size=0",
                "size=101",
                "size=x",
                "start_time=yesterday",
                "start_time=0001-01-01T00:00:00%2B09:00",
            )
        ],
    ],
)
def test_list_refuses(call: Caller, query: str, status: int, body: dict[str, Any]) -> None:
    """Invalid fields are 400; invalid paging and times are 500."""
    answer = call("GET", f"/jobs?{query}")

    assert (answer.status_code, answer.json()) == (status, body)


def test_list_refuses_unknown_status(call: Caller) -> None:
    """An unknown status is 422 in FastAPI's form."""
    assert call("GET", "/jobs?status=bored").json()["detail"][0]["loc"] == ["query", "status"]


# --- storage


def test_upload_needs_every_field(call: Caller) -> None:
    """A form with a field missing or changed is refused, as is one without a file."""
    answer = call("POST", "/jobs").json()
    url, fields = answer["presigned_url"]["url"], form_of(answer["presigned_url"])
    file = {"file": ("input.zip", b"x")}

    assert set(fields) == {"key", "AWSAccessKeyId", "policy", "signature"}
    for name in ("key", "policy", "signature"):
        without = {other: value for other, value in fields.items() if other != name}
        assert call("POST", url, data=without, files=file).status_code == 403
        assert call("POST", url, data={**fields, name: "x"}, files=file).status_code == 403
    assert call("POST", url, data=fields, files={"other": ("a", b"x")}).status_code == 400
    assert call("POST", url, data=fields, files=file).status_code == 204


def test_fields_after_the_file_are_ignored(call: Caller) -> None:
    """Fields after the file are ignored, as by S3."""
    answer = call("POST", "/jobs").json()
    form = [("file", ("input.zip", b"x"))]
    form += [(name, (None, value)) for name, value in form_of(answer["presigned_url"]).items()]

    assert call("POST", answer["presigned_url"]["url"], files=form).status_code == 403


def test_signatures_of_any_characters_are_refused(call: Caller) -> None:
    """Invalid signatures of any characters are refused."""
    answer = call("POST", "/jobs").json()["presigned_url"]
    form = {**form_of(answer), "signature": "ö"}

    assert call("POST", answer["url"], data=form, files={"file": ("a", b"x")}).status_code == 403
    assert call("GET", "/storage/x?Signature=ö&Expires=1").status_code == 403


def test_downloads_are_signed(call: Caller) -> None:
    """A URL gives access to one file, for an hour."""
    one, other = (call.job(call.submit())["job_info"]["input"] for _ in range(2))
    path, query = one.split("?")

    assert call("GET", one).status_code == 200
    assert call("GET", path).status_code == 403
    assert call("GET", f"{other.split('?')[0]}?{query}").status_code == 403


def test_urls_expire(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of presigned URL expire after an hour, and a new one can be requested."""
    registered = call("POST", "/jobs").json()["presigned_url"]
    job_id = call.submit()
    url = call.job(job_id)["job_info"]["input"]
    now = time.time()
    monkeypatch.setattr("oqtopus_client.emulator.presigning.time.time", lambda: now + 3601)

    assert call("GET", url).status_code == 403
    assert "<Code>AccessDenied</Code>" in call("GET", url).text
    form = {"data": form_of(registered), "files": {"file": ("input.zip", b"x")}}
    assert call("POST", registered["url"], **form).status_code == 403
    assert call("GET", call.job(job_id)["job_info"]["input"]).status_code == 200
