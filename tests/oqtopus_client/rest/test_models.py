"""The wire is read with tolerance."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from oqtopus_client import rest
from oqtopus_client.rest import endpoints, models
from oqtopus_client.rest.models import JobsJob, JobsJobStatus, JobsRegisterJobResponse, JobsSubmitJobRequest, Model


def test_unknown_status_is_kept_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A newer server's status stays text, and does not flood the log."""
    with caplog.at_level(logging.WARNING, logger="oqtopus_client"):
        jobs = [JobsJob.from_dict({"job_id": "a", "status": "defrosting"}) for _ in range(3)]

    assert [job.status for job in jobs] == ["defrosting"] * 3
    assert len(caplog.messages) == 1
    assert "'defrosting'" in caplog.messages[0]


def test_known_status_is_an_enum_member() -> None:
    """Known values are members, and compare equal to their text."""
    job = JobsJob.from_dict({"status": "ready", "job_type": "sampling"})

    assert job.status is JobsJobStatus.READY
    assert job.job_type == "sampling"


def test_unknown_fields_are_kept() -> None:
    """What a newer server adds is there for who looks for it."""
    assert JobsJob.from_json('{"job_id": "a", "priority": 3}').to_dict() == {"job_id": "a", "priority": 3}


def test_times_without_offset_are_utc() -> None:
    """Servers have sent both forms."""
    job = JobsJob.from_dict({"submitted_at": "2026-08-20T03:00:00", "ended_at": "2026-08-20T12:00:00+09:00"})

    assert job.submitted_at == job.ended_at == datetime(2026, 8, 20, 3, tzinfo=UTC)


def test_every_upload_field_survives() -> None:
    """Fields of any signature version are kept under their own names, in full."""
    fields = {"key": "k", "policy": "p", "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-date": "20260820T030000Z"}
    answer = JobsRegisterJobResponse.from_dict({"job_id": "a", "presigned_url": {"url": "https://s", "fields": fields}})

    assert answer.presigned_url.fields.model_dump(by_alias=True, exclude_unset=True) == fields


@pytest.mark.parametrize("field", ["signature", "AWSAccessKeyId", "x-amz-signature", "X-Amz-Credential"])
def test_upload_credentials_are_not_shown(field: str) -> None:
    """A presigned form is a credential, in any form of signature, but its fields can be read."""
    answer = JobsRegisterJobResponse.from_dict(
        {"job_id": "a", "presigned_url": {"url": "https://secret", "fields": {"key": "k", field: "secret"}}}
    )

    for shown in (answer, answer.presigned_url, answer.presigned_url.fields, [answer]):
        assert "secret" not in f"{shown} {shown!r}"
    assert answer.presigned_url.url == "https://secret"
    assert answer.presigned_url.fields.to_dict() == {"key": "k", field: "secret"}


@pytest.mark.parametrize("shots", [0, 10_000_001])
def test_requests_are_strict(shots: int) -> None:
    """What we send is checked as the server would."""
    with pytest.raises(ValueError, match="shots"):
        JobsSubmitJobRequest(device_id="qulacs", job_type="sampling", shots=shots)


def test_every_model_is_shown_by_the_package() -> None:
    """`oqtopus_client.rest` has all models, whether asked by name, by `dir` or by a star."""
    names: dict[str, object] = {}
    exec("from oqtopus_client.rest import *", names)  # noqa: S102 - a star import fits in no function
    defined = {name for name, value in vars(models).items() if isinstance(value, type) and issubclass(value, Model)}

    assert {"JobsJobStatus", "JobsJobType", *defined} == {*models.__all__}
    assert all(getattr(rest, name) is getattr(models, name) is names[name] for name in models.__all__)
    assert {*models.__all__} <= {*dir(rest)}


def test_what_is_no_model() -> None:
    """A misspelt name is an error as in any module."""
    with pytest.raises(AttributeError, match="JobsJobb"):
        rest.JobsJobb  # noqa: B018 - the question is the test


def test_former_name_of_the_endpoints() -> None:
    """An import path that the documentation named still works, and names the new one."""
    with pytest.warns(DeprecationWarning, match=r"import from oqtopus_client\.rest\.endpoints") as warned:
        from oqtopus_client.rest.operations import Operation  # noqa: PLC0415 - it warns

    assert Operation is endpoints.Operation
    assert warned[0].filename == __file__
