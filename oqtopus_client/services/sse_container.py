"""Jobs run from inside the server's container for server-side execution, through its driver."""

from __future__ import annotations

import asyncio
import importlib
import os
from typing import TYPE_CHECKING

from oqtopus_client import rest
from oqtopus_client.errors import UserApiError

if TYPE_CHECKING:
    from oqtopus_client.rest.models import JobsJob, JobsS3SubmitJobInfo, JobsSubmitJobRequest

_FILES = ("input", "combined_program", "result", "transpile_result", "sse_log", "message")


def in_sse_container() -> bool:
    """Whether this process runs inside such a container."""
    return os.environ.get("OQTOPUS_ENV") == "sse_container"


async def run_in_container(request: JobsSubmitJobRequest, job_input: JobsS3SubmitJobInfo) -> JobsJob:
    """Run a job through the container's driver, which blocks until the job has finished.

    Raises:
        UserApiError: The driver is missing or failed; the status is 0.
    """
    try:
        driver = importlib.import_module("sse_driver")
    except ModuleNotFoundError as error:
        message = "OQTOPUS_ENV is 'sse_container', but the container's module sse_driver is missing."
        raise UserApiError(0, message, {"mode": "sse_container"}) from error
    try:
        answer = await asyncio.to_thread(driver.submit_job, request, job_input)
    except Exception as error:
        raise UserApiError(0, f"The container's driver failed: {error}", {"mode": "sse_container"}) from error
    return _read(answer)


def _read(answer: object) -> JobsJob:
    """Convert the driver's answer, a dict or a model of any version, to this version's model."""
    fields = dict(answer) if isinstance(answer, dict) else answer.model_dump(mode="json")  # type: ignore[attr-defined]
    if "job_info" not in fields:
        fields["job_info"] = {name: fields.pop(name) for name in _FILES if name in fields}
    job = rest.JobsJob.from_dict(fields)
    info = job.job_info
    if info is not None:
        # The driver returns contents instead of URLs.
        if isinstance(info.result, dict):
            info.result = rest.JobsS3JobResult.from_dict(info.result)
        if isinstance(info.transpile_result, dict):
            info.transpile_result = rest.JobsS3TranspileResult.from_dict(info.transpile_result)
    return job
