"""The User API inside the server's container: over a stand-in for its driver, and in the emulator."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from oqtopus_client import OqtopusClient, OqtopusEstimationOperator, OqtopusJobSpec, UserApiError
from tests.support import chips
from tests.support.circuits import BELL
from tests.support.sse_programs import PARENT, run_bare, simulate

if TYPE_CHECKING:
    from pathlib import Path

# The engine's answer to a job is that job, complete: the driver reads from it what the models have.
DRIVER = """
import datetime, json
from oqtopus_client.rest.models import JobsJob, JobsJobInfo, JobsS3SubmitJobInfo, JobsSubmitJobRequest

requests = []

def submit_job(input_job: JobsSubmitJobRequest, upload_info: JobsS3SubmitJobInfo) -> JobsJob:
    job, info = input_job.model_dump(), upload_info.model_dump()
    job["name"] = job["name"] or ""
    job["program"], job["operator"] = info.get("program") or [], info.get("operator") or []
    job["input"], job["job_id"], job["status"] = "", "parent", "ready"
    requests.append(json.loads(json.dumps(job)))
    if job["shots"] == 12:
        return {"status": "running", "result": None}
    if job["shots"] == 13:
        raise RuntimeError("To execute sampling on OQTOPUS server is failed. reason: device status is not available")
    sampling = {"counts": {"00": 40, "11": 60}, "divided_counts": None}
    estimation = {"exp_value": 2.0, "stds": 0.0}
    job |= {
        "status": "succeeded",
        "message": "job is succeeded",
        "result": {
            "sampling": sampling if job["job_type"] == "sampling" else None,
            "estimation": estimation if job["job_type"] == "estimation" else None,
        },
        "transpile_result": {"transpiled_program": "", "stats": {}, "virtual_physical_mapping": {}},
        "execution_time": 0.123, "sse_log": None, "output_files": [], "parent": None, "children": [],
        "submitted_at": None, "ready_at": None, "running_at": None, "ended_at": None,
    }
    answer = JobsJob.model_validate_json(json.dumps(job), extra="ignore")
    answer.job_info = JobsJobInfo.model_validate_json(json.dumps(job), extra="ignore")
    answer.submitted_at = answer.ready_at = answer.running_at = datetime.datetime.now(tz=datetime.UTC)
    answer.ended_at = datetime.datetime.now(tz=datetime.UTC)
    return answer
"""


@pytest.mark.parametrize("device", ["", "sse", "qulacs"])
def test_no_device_needs_to_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    """A job without a device, as from quri-parts-oqtopus, runs on the program's device."""
    (tmp_path / "sse_driver.py").write_text(DRIVER)
    monkeypatch.setenv("OQTOPUS_ENV", "sse_container")
    monkeypatch.setenv("JOB_ID", "parent")  # some servers do not pass the whole job
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "sse_driver", None)  # so that it is forgotten afterwards
    del sys.modules["sse_driver"]
    operator = [OqtopusEstimationOperator("X 0 X 1", 1.0), OqtopusEstimationOperator("Z 0 Z 1", 1.0)]
    with OqtopusClient() as client:
        with pytest.raises(UserApiError, match="The container's driver failed: It returned a job with the status 'run"):
            client.run_sampling(OqtopusJobSpec.sampling(device_id=device, program=BELL, shots=12))
        with pytest.raises(UserApiError) as failure:
            client.run_sampling(OqtopusJobSpec.sampling(device_id=device, program=BELL, shots=13))
        sampled = client.run_sampling(OqtopusJobSpec.sampling(device_id=device, program=BELL, shots=100))
        estimated = client.run_estimation(OqtopusJobSpec.estimation(device_id=device, program=BELL, operator=operator))

        requests = sys.modules["sse_driver"].requests

    assert sampled.get_counts() == {"00": 40, "11": 60}
    assert (sampled.device_id, sampled.message) == (device, "job is succeeded")
    assert sampled.job_id != estimated.job_id
    assert sampled.job_id.startswith("parent/")
    assert (estimated.exp_value, estimated.stds) == (2.0, 0.0)
    assert [request["device_id"] for request in requests] == [device] * 4
    assert str(failure.value) == (
        "The job failed: device status is not available. The device went out of service; submit the job again when its "
        "status is available."
    )
    assert requests[3]["operator"] == [
        {"pauli": "X 0 X 1", "coeff": 1.0},
        {"pauli": "Z 0 Z 1", "coeff": 1.0},
    ]


# The beginning of a program of the emulator. Each job has its own number of shots.
CLIENT = f"""
import threading
from oqtopus_client import OqtopusClient, OqtopusError, OqtopusJobSpec

def spec(shots, program={BELL!r}, **fields):
    return OqtopusJobSpec.sampling(device_id="", program=program, shots=shots, **fields)

def refusal(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except OqtopusError as error:
        return f"{{type(error).__name__}} {{error}}"

client = OqtopusClient()
"""


def printed(program: str) -> list[str]:
    """The lines that a program of the emulator prints."""
    ran = run_bare(CLIENT + program, simulate)
    assert ran.failure is None, ran.output
    return ran.output.splitlines()


def test_jobs_run_in_turn() -> None:
    """Jobs of one call run in its order, and those of other threads and clients never beside them."""
    ordered, most, total = printed("""
import sse_driver
submit_job, running, most, shots = sse_driver.submit_job, 0, 0, []
def counted(request, content):
    global running, most
    running += 1
    most = max(most, running)
    shots.append(request.shots)
    try:
        return submit_job(request, content)
    finally:
        running -= 1
sse_driver.submit_job = counted

client.submit_jobs([spec(shots) for shots in range(1, 9)], max_workers=4)
print(shots)
batch = [spec(9) for _ in range(4)]
threads = [threading.Thread(target=each.submit_jobs, args=(batch,)) for each in (client, client, OqtopusClient())]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(most)
print(len(shots))
""")

    assert (ordered, most, total) == ("[1, 2, 3, 4, 5, 6, 7, 8]", "1", "20")


def test_jobs_stay_available() -> None:
    """Every client of the program finds its jobs, by id and in lists, until they are deleted."""
    lines = printed("""
ids = [job.job_id for job in client.submit_jobs([spec(10, name="a_b"), spec(20, description="axb"), spec(30)])]
print(ids)
client = OqtopusClient()
print([job.get_counts().keys() == {"00", "11"} or job.get_counts() for job in client.wait_for_jobs(ids)])
print(*client.get_job_statuses(ids), sep=" ")
print([job.shots for job in client.list_jobs(order="DESC", size=2)], [job.shots for job in client.list_jobs(q="a_b")])
print([job.shots for job in client.iter_jobs(start_time=client.get_job(ids[1]).submitted_at)])
print(client.list_jobs(fields="job_id,status", status="succeeded", page=3, size=1)[0].to_json())
job = client.get_job(ids[0])
print(job.input.program == spec(1).to_s3_submit_job_info().program, job.transpile_result.stats.keys())
print(job.submitted_at <= job.ended_at, job.execution_time >= 0, job.description == "", job.message)
client.cancel_jobs(ids)
print(refusal(client.cancel_job, ids[0]))
client.delete_job(ids[0])
print(refusal(client.get_job, ids[0]))
""")

    ids = [f"{PARENT}/{number}" for number in (1, 2, 3)]
    assert lines == [
        str(ids),
        "[True, True, True]",
        "succeeded succeeded succeeded",
        "[30, 20] [10]",
        "[20, 30]",
        f'{{"job_id":"{ids[2]}","status":"succeeded"}}',
        "True dict_keys(['before', 'after'])",
        "True True True job is succeeded",
        f"UserApiError HTTP 400: {ids[0]} cannot be cancelled: jobs of a server-side program run as they are "
        "submitted.",
        f"NotFoundError HTTP 404: This server-side program has not submitted a job {ids[0]}, and cannot read others.",
    ]


def test_failed_jobs() -> None:
    """A failed job has the server's reason, and does not keep the others of its batch from running."""
    failed, others, raised, nested, last = printed("""
jobs = client.run_jobs_batch([spec(10), spec(20, program="bad"), spec(30)])
print(jobs[1].status, jobs[1].message, jobs[1].sampling)
print([sum(job.get_counts().values()) for job in (jobs[0], jobs[2])])
print(refusal(client.run_job, spec(20, program="bad")))
print(refusal(client.submit_job, OqtopusJobSpec.sse(device_id="qulacs", program="pass")).partition(": ")[2])
print(client.run_job(spec(40)).status)
""")

    assert failed == "failed Expecting value: line 1 column 1 (char 0) None"
    assert others == "[10, 30]"
    assert raised.startswith("UserApiError The job failed: Expecting value: line 1 column 1 (char 0). The server could")
    assert (
        nested
        == "could not be submitted to 'qulacs': A server-side program cannot submit another one. It has been removed."
    )
    assert last == "succeeded"


def test_no_network() -> None:
    """Requests that only a server can answer say that there is no network."""
    lines = printed("""
print(refusal(client.get_user))
print(refusal(client.get_device_history, "1"))
print(refusal(client.get_sselog, client.run_job(spec(1)).job_id))
""")

    assert lines[:2] == [
        f"UserApiError {request} needs the network, to which a server-side program has no access."
        for request in ("GET /users/me", "GET /device_histories/{history_uid}")
    ]
    assert lines[2].endswith("has no log; servers keep logs of succeeded sse jobs only.")


def test_device(tmp_path: Path) -> None:
    """The device is that of the program: as a file describes it, else without size and calibration."""
    (tmp_path / "chip.json").write_text(chips.device(chips.CHIP).raw.to_json())
    lines = printed(f"""
import os
device, = client.list_devices()
print(device.device_id, device.status, device.n_qubits, device.device_info)
os.environ["OQTOPUS_SSE_DEVICE"] = {str(tmp_path / "chip.json")!r}
print(client.get_device("chip").calibration.couplings[0].control, refusal(client.get_device, "qulacs"))
os.environ["OQTOPUS_SSE_DEVICE"] = {str(tmp_path / "none.json")!r}
print(refusal(client.list_devices))
client.run_job(spec(1))
""")

    assert lines == [
        "qulacs available None None",
        "1 NotFoundError HTTP 404: This server-side program runs on device 'chip' and cannot use 'qulacs'.",
        f"UserApiError The device's description, {tmp_path / 'none.json'}, cannot be read: [Errno 2] No such file or "
        f"directory: '{tmp_path / 'none.json'}'",
    ]


def test_forked_processes() -> None:
    """A process that forks while a job runs can submit jobs of its own."""
    lines = printed("""
import os, sse_driver
submit_job, started, forked = sse_driver.submit_job, threading.Event(), threading.Event()
def slow(request, content):
    started.set()
    forked.wait()
    return submit_job(request, content)
sse_driver.submit_job = slow
thread = threading.Thread(target=client.run_job, args=(spec(1),))
thread.start()
started.wait()
pid = os.fork()
forked.set()
if pid == 0:
    print(client.run_job(spec(2)).status, flush=True)
    os._exit(0)
print(os.waitpid(pid, 0)[1])
thread.join()
""")

    assert lines == ["succeeded", "0"]
