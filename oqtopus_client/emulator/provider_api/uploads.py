"""`/jobs/{job_id}/upload`: presigned forms for a job's output files."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.dependencies import ApiError, Cloud, CloudParameter
from oqtopus_client.emulator.provider_api.jobs import require_job

router = APIRouter(prefix="/jobs")

_ITEMS = ("combined_program", "transpile_result", "result", "sse_log")
_ONLY = {"combined_program": "multi_manual", "sse_log": "sse"}
"""The job type of items that only jobs of one type may have."""


@router.get("/{job_id}/upload")
async def upload_forms(job_id: str, items: str, request: Request, cloud: CloudParameter) -> JSONResponse:
    """Return a form for each item, in the order asked for; the job's status does not matter."""
    job_type = require_job(cloud, job_id)["job_type"]
    names = items.split(",")
    unknown = [name for name in names if name not in _ITEMS]
    if unknown:
        raise ApiError(400, f"Unsupported item(s) for upload: {unknown}")
    for name in names:
        if _ONLY.get(name, job_type) != job_type:
            raise ApiError(400, f"Unsupported item: {name} for job type: {job_type}")
    return JSONResponse([upload_form(request, cloud, f"{job_id}/{name}.zip") for name in names])


def upload_form(request: Request, cloud: Cloud, key: str) -> dict[str, Any]:
    """Return a newly signed form for uploading one file."""
    return {"url": f"{request.base_url}storage", "fields": cloud.signer.upload_fields(key)}
