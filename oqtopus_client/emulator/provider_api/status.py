"""`/jobs/{job_id}/status`: what an engine reports about a job."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from oqtopus_client.emulator.api.dependencies import ApiError, Cloud, CloudParameter
from oqtopus_client.emulator.provider_api.handover import HandoverParameter, Report
from oqtopus_client.emulator.provider_api.jobs import require_job
from oqtopus_client.emulator.server_options import ServerOptions

router = APIRouter(prefix="/jobs")

_KEY = re.compile(r"([A-Za-z0-9_-]+)/(input|combined_program|result|transpile_result|sse_log)\.zip")
_ALLOWED = {
    "running": {"ready"},
    "succeeded": {"running"},
    "failed": {"ready", "running"},
    "cancelled": {"running"},
}
"""For each status that an engine may report, the statuses from which it is allowed; an ended job keeps its status."""


class StatusChange(BaseModel):
    """An engine's report."""

    status: Literal["running", "succeeded", "failed", "cancelled"]
    output_files: list[str] | None = None
    message: str | None = None
    execution_time: Annotated[float, Field(allow_inf_nan=False)] | None = None


@router.patch("/{job_id}/status")
async def change_status(
    job_id: str, change: StatusChange, cloud: CloudParameter, handover: HandoverParameter
) -> JSONResponse:
    """Apply a report, entirely or, after an error, not at all; checks are made in the order of real servers."""
    allowed = _allowed(change.status, cloud.options)
    if require_job(cloud, job_id)["status"] not in allowed:
        raise _conflict(change)
    names = [_output_name(key, job_id, cloud) for key in change.output_files or ()]
    seconds = change.execution_time
    if seconds is not None and seconds < 0:
        raise ApiError(400, "Execution time should not be negative.")
    report = Report(change.status, change.message, seconds and round(seconds, 3), names)
    if not handover.report(job_id, report, allowed):
        raise _conflict(change)
    return JSONResponse({"message": "Job status updated"})


def _allowed(status: str, options: ServerOptions) -> set[str]:
    allowed = _ALLOWED[status]
    if options.strict_provider:
        allowed = allowed - {"ready"} if status == "failed" else allowed
    return allowed | {"cancelling"} if options.cancelling and status != "running" else allowed


def _conflict(change: StatusChange) -> ApiError:
    text = "The specified job is not a status that allows transition to the status"
    return ApiError(409, f"{text}: Status.{change.status}")


def _output_name(key: str, job_id: str, cloud: Cloud) -> str:
    """Return the name of an output file, which must be in the storage.

    Raises:
        ApiError: The key is malformed, belongs to another job, or names a file that was not uploaded.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        raise ApiError(400, f"Invalid output file key: {key}")
    if match[1] != job_id:
        raise ApiError(409, f"Invalid output file key: {key} for job_id: {job_id}")
    if not cloud.store.has_file(key):
        raise ApiError(400, f"{key} not found")
    return match[2]
