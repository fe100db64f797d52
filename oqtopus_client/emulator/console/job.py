"""`/console/jobs/ID`: one job."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from oqtopus_client.emulator.api.dependencies import ApiError, Cloud, CloudParameter, UserParameter
from oqtopus_client.emulator.api.job_rows import SETTINGS, shown_columns
from oqtopus_client.emulator.api.jobs import FIELDS, shown_files
from oqtopus_client.emulator.console.drawing.histogram import histogram
from oqtopus_client.emulator.console.drawing.timeline import stages, timeline
from oqtopus_client.emulator.console.job_files import MOST_CHARACTERS, Content, read_content
from oqtopus_client.emulator.console.jobs import ENDED, left
from oqtopus_client.emulator.console.limited import try_to_draw, within_limits
from oqtopus_client.emulator.console.pages import render
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.emulator.database import Row, now
from oqtopus_client.errors import OqtopusStorageError
from oqtopus_client.rest.storage import unpack
from oqtopus_client.services.remedies import with_remedy

router = APIRouter(prefix="/console/jobs")

REPEATABLE = ("sampling", "estimation")
"""The types of jobs that the form can submit again."""

_MOST_ITEMS = 50
"""Number of programs, and of terms of an operator, that a page shows."""

_MOST_UNPACKED_BYTES = 256 << 20
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class _Settings:
    """The settings of a job that remedies depend on."""

    job_type: str
    transpiler_info: Mapping[str, Any]
    mitigation_info: Mapping[str, Any]

    def is_estimation(self) -> bool:
        return self.job_type == "estimation"

    def is_sse(self) -> bool:
        return self.job_type == "sse"


@router.get("/{job_id}")
def show_job(job_id: str, request: Request, cloud: CloudParameter, user: UserParameter) -> Response:
    """Return the page of a job."""
    job = _get_job(cloud, user, job_id)
    content = read_content(cloud, job)
    settings = {name: json.loads(job[name]) for name in SETTINGS}
    message = job["message"]
    if message is not None and job["status"] == "failed":
        known = _Settings(job["job_type"], settings["transpiler_info"], settings["mitigation_info"])
        message = with_remedy(message, known)
    ended = job["status"] in ENDED
    shown = stages(job, now())
    return render(
        request,
        "job.html",
        job=job,
        content=content,
        settings=settings,
        message=message,
        mitigated=settings["mitigation_info"].get("ro_error_mitigation") == "pseudo_inverse",
        ended=ended,
        stages=shown,
        timeline=timeline(shown),
        histogram=None if content.counts is None else histogram(content.counts),
        divided=[(index, histogram(counts)) for index, counts in islice(content.divided.items(), _MOST_ITEMS)],
        circuits=_circuits(job, content) if ended else {},
        pending=cloud.store.pending(job["device_id"]) if job["status"] == "submitted" else None,
        repeatable=job["job_type"] in REPEATABLE and "input" in content.files,
        most=MOST_CHARACTERS,
        most_items=_MOST_ITEMS,
        left=left(request),
    )


@router.get("/{job_id}/circuit")
async def draw_circuit(
    job_id: str, request: Request, cloud: CloudParameter, user: UserParameter, of: str = "transpiled"
) -> Response:
    """Return a page with the drawing of a job's circuit: `transpiled`, `combined` or the `program` as submitted."""
    job = _get_job(cloud, user, job_id)
    program = _circuits(job, await run_in_threadpool(read_content, cloud, job)).get(of)
    if program is None:
        raise ApiError(404, texts().job.no_circuit)
    return render(
        request, "circuit.html", job=job, of=of, drawing=await within_limits(user["id"], try_to_draw, program)
    )


@router.get("/{job_id}/files/{name}")
def download(job_id: str, name: str, cloud: CloudParameter, user: UserParameter) -> Response:
    """Return a file of a job: as it is stored, unpacked, or `job.json` with the job's fields."""
    job = _get_job(cloud, user, job_id)
    if name == "job.json":
        fields = shown_columns(job, [*(field for field in FIELDS if field != "job_info"), "message"])
        return _attachment(name, json.dumps(fields, indent=2).encode())
    kind = name.removesuffix(".zip")
    archive = cloud.store.get_file(f"{job_id}/{kind}.zip") if kind in shown_files(cloud, job) else None
    if archive is None:
        raise ApiError(404, texts().job.no_file)
    if name != kind:
        return _attachment(name, archive)
    try:
        content = unpack(archive, limit=_MOST_UNPACKED_BYTES)
    except OqtopusStorageError as error:
        raise ApiError(404, texts().job.not_unpacked.format(reason=error)) from error
    with zipfile.ZipFile(io.BytesIO(archive)) as reader:
        return _attachment(reader.namelist()[0], content)


def _get_job(cloud: Cloud, user: Row, job_id: str) -> Row:
    job = cloud.store.get(job_id, user["id"])
    if job is None:
        raise ApiError(404, texts().job.missing)
    return job


def _circuits(job: Row, content: Content) -> dict[str, str]:
    """Return the programs of a job that can be drawn, by name."""
    first = content.programs[0] if job["job_type"] in REPEATABLE and content.programs else None
    programs = {"transpiled": content.transpiled, "combined": content.combined, "program": first}
    return {name: program for name, program in programs.items() if program}


def _attachment(name: str, content: bytes) -> Response:
    """Return a file that browsers save and never show, as its content is a user's."""
    safe = _NOT_IN_NAMES.sub("_", name.rpartition("/")[2]).lstrip(".") or "file"
    headers = {"Content-Disposition": f'attachment; filename="{safe}"'}
    return Response(content, media_type="application/octet-stream", headers=headers)
