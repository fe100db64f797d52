"""`/jobs`: fetch and read jobs, and write back their transpiler settings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.dependencies import (
    ApiError,
    Cloud,
    CloudParameter,
    ServerError,
    read_time,
    to_json,
)
from oqtopus_client.emulator.api.job_rows import SETTINGS, TIMES, shown_columns, wanted_fields
from oqtopus_client.emulator.api.storage import download_url
from oqtopus_client.emulator.database import Row
from oqtopus_client.emulator.provider_api.handover import HandoverParameter, id_after

router = APIRouter(prefix="/jobs")

_FIELDS = (
    "job_id", "name", "description", "device_id", "job_type", "shots", "input", *SETTINGS, "status", "execution_time",
    *TIMES,
)  # fmt: skip
_MAX_INTEGER = (1 << 63) - 1


@router.get("")
async def fetch_jobs(
    request: Request,
    cloud: CloudParameter,
    handover: HandoverParameter,
    device_id: str,
    status: str | None = None,
    limit: int | None = None,
    max_results: int | None = None,
    fields: Annotated[str | None, Query(max_length=1024)] = None,
    timestamp: str | None = None,
) -> JSONResponse:
    """Return jobs in the order of submission; those that were `submitted` become `ready`.

    Each job is handed out as `submitted` once. Its row already has the new status, but not the time of the change:
    engines report `running` only for a job whose row said `ready`.
    """
    wanted = wanted_fields(fields, _FIELDS)
    most = next((number for number in (limit, max_results) if number is not None), _MAX_INTEGER)
    if not 0 <= most <= _MAX_INTEGER:
        raise ServerError
    after = "" if timestamp is None else id_after(read_time(timestamp))
    rows = handover.hand_out(device_id, status, limit=most, after=after)
    handed_out = [dict(row) | ({"status": "ready"} if row["status"] == "submitted" else {}) for row in rows]
    return JSONResponse([_job(row, cloud, request, wanted) for row in handed_out])


@router.get("/{job_id}")
async def get_job(job_id: str, request: Request, cloud: CloudParameter) -> JSONResponse:
    """Return one job, and change nothing."""
    return JSONResponse(_job(dict(require_job(cloud, job_id)), cloud, request, _FIELDS))


@router.put("/{job_id}/transpiler_info")
async def set_transpiler_info(
    job_id: str, body: dict[str, Any], cloud: CloudParameter, handover: HandoverParameter
) -> JSONResponse:
    """Replace the transpiler settings of a job in any status."""
    require_job(cloud, job_id)
    handover.set_transpiler_info(job_id, to_json(body))
    return JSONResponse({"message": "The job's transpiler_info has been updated."})


def require_job(cloud: Cloud, job_id: str) -> Row:
    """Return a job that has been submitted.

    Raises:
        ApiError: No submitted job has this id.
    """
    row = cloud.store.get(job_id)
    if row is None or row["submitted_at"] is None:
        raise ApiError(404, "Job not found")
    return row


def _job(row: dict[str, Any], cloud: Cloud, request: Request, fields: tuple[str, ...]) -> dict[str, Any]:
    """Return a job as engines see it: without null fields, its owner, its message and its output."""
    job = shown_columns(row, [name for name in fields if name != "input"])
    if "input" in fields:
        job["input"] = download_url(request, cloud, f"{row['job_id']}/input.zip")
    return job
