"""`/jobs`: register, submit, list, read, cancel, delete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.dependencies import (
    ApiError,
    Cloud,
    CloudParameter,
    ServerError,
    UserParameter,
    earliest,
    latest,
    read_time,
    to_json,
)
from oqtopus_client.emulator.api.job_rows import SETTINGS, shown_columns, wanted_fields
from oqtopus_client.emulator.api.storage import download_url
from oqtopus_client.emulator.database import Row
from oqtopus_client.emulator.seeds import content_of, number_in_batch, seed_of
from oqtopus_client.emulator.users import may_use
from oqtopus_client.rest.models import JobsJobStatus, JobsSubmitJobRequest

router = APIRouter(prefix="/jobs")

FIELDS = (
    "job_id", "name", "description", "job_type", "status", "device_id", "shots", "job_info", "transpiler_info",
    "simulator_info", "mitigation_info", "execution_time", "submitted_at", "ready_at", "running_at", "ended_at",
)  # fmt: skip
_MAX_PAGE_SIZE = 100
_MAX_PAGE = 4_294_967_295
_NAME_LENGTH, _DESCRIPTION_LENGTH, _PATTERN_LENGTH = 256, 1024, 1024
_UNKNOWN_STATUS = {
    "type": "enum",
    "loc": ("query", "status"),
    "msg": "Input should be 'registered', 'submitted', 'ready', 'running', 'succeeded', 'failed' or 'cancelled'",
    "input": "cancelling",
    "ctx": {"expected": "'registered', 'submitted', 'ready', 'running', 'succeeded', 'failed' or 'cancelled'"},
}
_EXPOSED = {
    # The files that a job of each status shows, as far as they exist.
    "running": {"combined_program", "transpile_result"},
    "cancelling": {"combined_program", "transpile_result"},
    "succeeded": {"combined_program", "transpile_result", "result", "sse_log"},
    "failed": {"combined_program", "transpile_result"},
    "cancelled": {"combined_program", "transpile_result"},
}


@router.post("")
async def register_job(request: Request, cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Register a job: return its id and a presigned form to upload its input with."""
    job_id = cloud.store.register(user["id"])
    fields = cloud.signer.upload_fields(f"{job_id}/input.zip")
    url = f"{request.base_url}storage"
    return JSONResponse({"job_id": job_id, "presigned_url": {"url": url, "fields": fields}})


@router.post("/{job_id}/submit")
async def submit_job(
    job_id: str, body: JobsSubmitJobRequest, cloud: CloudParameter, user: UserParameter
) -> JSONResponse:
    """Queue a job whose input has been uploaded; checks are made in the order of real servers."""
    _require_registered(_get_job(cloud, user, job_id))
    if body.device_id not in cloud.devices:
        raise ApiError(400, "device not found")
    if not cloud.devices[body.device_id].available:
        raise ApiError(400, f"device {body.device_id} is not available")
    if not may_use(user, body.device_id):
        raise ApiError(403, f"cannot create job for device={body.device_id}")
    if not cloud.engine.runs(body.job_type):
        raise ApiError(400, "this emulator does not run sse programs; start it with --allow-sse to allow them")
    if "input.zip" not in cloud.store.file_names(job_id):
        raise ApiError(400, f"job information input for {job_id} job not found")
    if len(body.name or "") > _NAME_LENGTH or len(body.description or "") > _DESCRIPTION_LENGTH:
        raise ServerError
    fields = {
        "device_id": body.device_id,
        "job_type": body.job_type.value,
        "shots": body.shots,
        "name": body.name or "",
        "description": body.description or "",
        "origin": cloud.engine.name,
        **{name: to_json(getattr(body, name) or {}) for name in SETTINGS},
    }
    if cloud.seeds is not None and seed_of(body.simulator_info or {}) is None:
        named = [fields[name] for name in ("device_id", "job_type", "shots", "transpiler_info", "mitigation_info")]
        content = content_of(cloud.store.get_file(f"{job_id}/input.zip") or b"")
        fields["seed"] = cloud.seeds.next(user["name"], *named, number_in_batch(body.description or ""), content)
    if not cloud.store.submit(job_id, fields):
        _require_registered(_get_job(cloud, user, job_id))
    cloud.engine.wake()
    return JSONResponse({"message": "job submitted"})


@router.get("")
async def list_jobs(
    request: Request,
    cloud: CloudParameter,
    user: UserParameter,
    fields: str | None = None,
    start_time: str | None = None,
    end_time: str | None = None,
    status: JobsJobStatus | None = None,
    q: Annotated[str | None, Query(max_length=_PATTERN_LENGTH)] = None,
    page: str = "1",
    size: str = str(_MAX_PAGE_SIZE),
    order: str = "ASC",
) -> JSONResponse:
    """Return one page of jobs, as a bare array; a page past the end is empty."""
    if status is JobsJobStatus.CANCELLING and not cloud.options.cancelling:
        raise RequestValidationError([_UNKNOWN_STATUS])
    wanted = wanted_fields(fields, FIELDS)
    limit = _whole_number(size, most=_MAX_PAGE_SIZE)
    conditions = search(
        {
            "submitted_at >= ?": None if start_time is None else earliest(read_time(start_time)),
            "submitted_at <= ?": None if end_time is None else latest(read_time(end_time)),
            "status = ?": status.value if status else None,
        },
        q,
    )
    rows = cloud.store.jobs(
        user["id"],
        conditions,
        descending=order == "DESC",
        limit=limit,
        offset=(_whole_number(page, most=_MAX_PAGE) - 1) * limit,
    )
    jobs = [_job(row, cloud, request, wanted) for row in rows]
    return JSONResponse(jobs)


def search(conditions: Mapping[str, Any], pattern: str | None) -> dict[str, Any]:
    """Return the conditions of a search for jobs, as the store takes them.

    Args:
        conditions: SQL conditions and their values; those of None do not apply.
        pattern: Part of the id, name or description. As on servers, `%` and `_` are wildcards, a backslash escapes
            them, and nothing matches a NUL.
    """
    texts = {
        r"(job_id || char(10) || name || char(10) || description) LIKE '%' || ? || '%' ESCAPE '\'": pattern,
        "NOT instr(?, char(0))": pattern,
    }
    return {condition: value for condition, value in {**conditions, **texts}.items() if value is not None}


@router.get("/{job_id}")
async def get_job(job_id: str, request: Request, cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Return one job."""
    return JSONResponse(_job(_get_job(cloud, user, job_id), cloud, request, FIELDS))


@router.get("/{job_id}/status")
async def get_job_status(job_id: str, cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Return a job's status."""
    return JSONResponse({"job_id": job_id, "status": _get_job(cloud, user, job_id)["status"]})


@router.post("/{job_id}/cancel")
async def cancel_job(job_id: str, cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Cancel a job that has not finished."""
    _get_job(cloud, user, job_id)
    if not cloud.store.cancel(job_id, gently=cloud.options.cancelling):
        raise ApiError(
            400,
            f"{job_id} job is not in valid status for cancellation (valid statuses for cancellation: "
            "'registered', 'ready', 'submitted' and 'running')",
        )
    cloud.engine.recheck()
    return JSONResponse({"message": "cancel request accepted"})


@router.delete("/{job_id}")
async def delete_job(job_id: str, cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Delete a finished job and its files."""
    _get_job(cloud, user, job_id)
    if not cloud.store.delete(job_id):
        raise ApiError(
            400,
            f"{job_id} job is not in valid status for deletion (valid statuses for deletion: "
            "'succeeded', 'failed' and 'cancelled')",
        )
    return JSONResponse({"message": "job deleted"})


def _get_job(cloud: Cloud, user: Row, job_id: str) -> Row:
    row = cloud.store.get(job_id, user["id"])
    if row is None:
        raise ApiError(404, "job not found with the given id")
    return row


def _require_registered(row: Row) -> None:
    if row["status"] != "registered":
        raise ApiError(
            400,
            f"{row['job_id']} job is not in valid status for submission (valid status for submission: 'registered')",
        )


def _job(row: Row, cloud: Cloud, request: Request, fields: tuple[str, ...]) -> dict[str, Any]:
    """Return a job as the API shows it: without null fields, and with only id and status while it is registered."""
    if row["status"] == "registered":
        return {name: row[name] for name in fields if name in {"job_id", "status"}}
    job = shown_columns(row, [name for name in fields if name != "job_info"])
    if row["submitted_at"] is None and cloud.options.quirks:
        # Servers fill the columns of a registered job with placeholders, and fail to show them once it is cancelled.
        if not {"job_type", "shots"}.isdisjoint(fields):
            raise ServerError
        if "device_id" in fields:
            job["device_id"] = "null"
    if "job_info" in fields:
        job["job_info"] = _job_info(row, cloud, request)
    return job


def shown_files(cloud: Cloud, row: Row) -> list[str]:
    """Return the names of the files that a job shows in its status, without `.zip`."""
    listed = row["output_files"]
    names = {"input"} | (_EXPOSED.get(row["status"], set()) if listed is None else set(json.loads(listed)))
    kept = cloud.store.file_names(row["job_id"])
    return [name for name in sorted(names) if f"{name}.zip" in kept]


def _job_info(row: Row, cloud: Cloud, request: Request) -> dict[str, str]:
    """Return newly signed URLs of the files that the job shows, and the engine's message."""
    info = {name: download_url(request, cloud, f"{row['job_id']}/{name}.zip") for name in shown_files(cloud, row)}
    if row["message"] is not None:
        info["message"] = row["message"]
    return info


def _whole_number(text: str, *, most: int) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise ServerError from error
    if not 1 <= number <= most:
        raise ServerError
    return number
