"""Jobs of server-side programs, with all versions of the container's driver."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from oqtopus_client import OqtopusClient, OqtopusEstimationOperator, OqtopusJobSpec, UserApiError
from tests.support.circuits import BELL

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
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "sse_driver", None)  # so that it is forgotten afterwards
    del sys.modules["sse_driver"]
    operator = [OqtopusEstimationOperator("X 0 X 1", 1.0), OqtopusEstimationOperator("Z 0 Z 1", 1.0)]
    with OqtopusClient() as client:
        with pytest.raises(UserApiError) as failure:
            client.run_sampling(OqtopusJobSpec.sampling(device_id=device, program=BELL, shots=13))
        sampled = client.run_sampling(OqtopusJobSpec.sampling(device_id=device, program=BELL, shots=100))
        estimated = client.run_estimation(OqtopusJobSpec.estimation(device_id=device, program=BELL, operator=operator))

        requests = sys.modules["sse_driver"].requests

    assert sampled.get_counts() == {"00": 40, "11": 60}
    assert (sampled.device_id, sampled.message) == (device, "job is succeeded")
    assert sampled.job_id != estimated.job_id
    assert (estimated.exp_value, estimated.stds) == (2.0, 0.0)
    assert [request["device_id"] for request in requests] == [device] * 3
    assert str(failure.value) == (
        "The job failed: device status is not available. The device went out of service; submit the job again when its "
        "status is available."
    )
    assert requests[2]["operator"] == [
        {"pauli": "X 0 X 1", "coeff": 1.0},
        {"pauli": "Z 0 Z 1", "coeff": 1.0},
    ]
