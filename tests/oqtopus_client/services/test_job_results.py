"""Result classes of jobs."""

from __future__ import annotations

from typing import Any

import pytest

from oqtopus_client import OqtopusJobResult, OqtopusSamplingJobResult
from oqtopus_client.errors import JobFailedError
from oqtopus_client.rest.enums import FINAL_STATUSES
from oqtopus_client.rest.models import JobsJob, JobsJobStatus, JobsS3JobResult
from oqtopus_client.services.job_results import typed_result

RAW: dict[str, Any] = {
    "job_id": "id-1",
    "name": "bell",
    "job_type": "sampling",
    "status": "succeeded",
    "device_id": "qulacs",
    "shots": 10,
    "job_info": {"input": "https://storage/input?Signature=hidden", "message": "job is succeeded"},
}


def job(**changes: Any) -> OqtopusJobResult:
    """Return the job with changes."""
    return typed_result(JobsJob.from_dict({**RAW, **changes}))


def test_typed_by_job_type() -> None:
    """A job has the class for its type; one of an unknown type is a plain job."""
    assert isinstance(job(), OqtopusSamplingJobResult)
    assert type(job(job_type="annealing")) is OqtopusJobResult
    assert job(job_type="annealing").job_type == "annealing"


def test_unknown_status() -> None:
    """An unknown status stays text and does not count as success."""
    hibernating = job(status="hibernating")

    assert hibernating.status == "hibernating"
    with pytest.raises(JobFailedError):
        hibernating.raise_for_status()


@pytest.mark.parametrize("status", [status for status in JobsJobStatus if status != "succeeded"])
def test_raise_for_status(status: JobsJobStatus) -> None:
    """Only a success passes; the message has id and status, and the server's message and a remedy if it has ended."""
    unfinished = job(status=status, job_info={"message": "device status is not available"})
    with pytest.raises(JobFailedError) as caught:
        unfinished.raise_for_status()

    reason = ", so it has no result yet; wait_for_job() waits for it."
    if status in FINAL_STATUSES:
        reason = (
            ": device status is not available. The device went out of service; submit the job again when its status "
            "is available."
        )
    assert str(caught.value) == f"Job id-1: has the status {status.value!r}{reason}"
    assert caught.value.job_id == "id-1"
    assert job().raise_for_status().job_id == "id-1"
    for method in ("get_counts", "counts_with_integer_keys"):
        with pytest.raises(JobFailedError) as raised:
            getattr(unfinished, method)()
        assert str(raised.value) == str(caught.value)


def test_counts() -> None:
    """Counts are those of the result file; without one, there is an error."""
    result = JobsS3JobResult.from_dict({"sampling": {"counts": {"01": 3, "10": 7}}, "estimation": None})

    assert OqtopusSamplingJobResult(**{**RAW, "job_info": {"result": result}}).get_counts() == {"01": 3, "10": 7}
    with pytest.raises(JobFailedError, match=r"^Job id-1: has succeeded, but its result has no counts\.$"):
        OqtopusSamplingJobResult(**{**RAW, "job_info": {}}).get_counts()


def test_registered_job_is_no_result() -> None:
    """A job that was never submitted has no result, and its error says so."""
    with pytest.raises(ValueError, match=r"Job id-1 lacks job_type, name.*has it been submitted"):
        typed_result(JobsJob.from_dict({"job_id": "id-1", "status": "registered"}))


@pytest.mark.parametrize(("field", "value"), [("job_type", None), ("status", 5), ("status", "")])
def test_what_is_no_text(field: str, value: object) -> None:
    """Status and type that are not text are refused."""
    with pytest.raises(ValueError, match=f"{field} must be text"):
        OqtopusJobResult(**{**RAW, field: value})


def test_repr_shows_no_credential() -> None:
    """The representation of a job shows no presigned URL."""
    assert repr(job()) == "OqtopusSamplingJobResult(job_id='id-1', status='succeeded')"
    assert "hidden" not in repr(JobsJob.from_dict(RAW))
