"""The User API inside the server's container for server-side programs: `ContainerConnection`.

The container has no network. Its driver, `sse_driver`, runs one job in a blocking call, and has neither ids of jobs nor
a list of them; this module keeps both in memory, so that clients work as they do elsewhere.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import itertools
import json
import os
import re
import threading
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote

from oqtopus_client.errors import NotFoundError, UserApiError
from oqtopus_client.rest import endpoints as ops
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus, JobsJobType
from oqtopus_client.rest.models import (
    JobsJob,
    JobsS3JobResult,
    JobsS3SubmitJobInfo,
    JobsS3TranspileResult,
    JobsSubmitJobRequest,
    Model,
)
from oqtopus_client.rest.storage import read_model, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from oqtopus_client.rest.endpoints import Operation

DEVICE_FILE_ENV = "OQTOPUS_SSE_DEVICE"
"""Environment variable with the path of a JSON file that describes the program's device as `GET /devices` does."""

_FILES = ("combined_program", "result", "transpile_result")
_MODELS: dict[str, type[Model]] = {"result": JobsS3JobResult, "transpile_result": JobsS3TranspileResult}
_JOB_FAILED = re.compile(r"To execute sampling on OQTOPUS server is failed\. reason: (?P<reason>.*)", re.DOTALL)
"""The driver's message for a failed job of any type."""


@dataclass
class _InnerJob:
    """A job of this program.

    Attributes:
        job: The job without its files.
        message: The server's message.
        input: The uploaded archive.
        files: The output files as compressed JSON: a program may run thousands of jobs in little memory.
    """

    job: JobsJob
    message: str | None = None
    input: bytes = b""
    files: bytes = b""


_jobs: dict[str, _InnerJob] = {}
"""Jobs of this program, by id in the order of registration; every client of the process knows them."""
_numbers = itertools.count(1)


@functools.cache
def _driver_lock(_pid: int) -> threading.Lock:
    """Return the process's lock of the driver. A forked process must not wait for a thread of its parent."""
    return threading.Lock()


class ContainerConnection:
    """Connection of a server-side program: jobs go to the container's driver, and run when they are submitted.

    They run one after the other, as the driver overwrites one result file for all. Requests that need the network
    raise a `UserApiError` with status 0.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()  # gives turns in the order of submission, and keeps other threads from starting
        self._handlers: dict[Operation, Callable[..., Any]] = {
            ops.LIST_DEVICES: self._list_devices,
            ops.GET_DEVICE: self._get_device,
            ops.REGISTER_JOB: self._register,
            ops.LIST_JOBS: self._list_jobs,
            ops.GET_JOB: self._get_job,
            ops.GET_JOB_STATUS: self._get_status,
            ops.CANCEL_JOB: self._cancel,
            ops.DELETE_JOB: self._delete,
        }

    async def call(
        self,
        operation: Operation,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        empty: bool = False,  # noqa: ARG002 - of requests that need the network
        **ids: str,
    ) -> Any:
        """Answer a request to the User API.

        Raises:
            UserApiError: The request needs the network, or the container's driver is missing; the status is 0.
            NotFoundError: This program has no such job.
        """
        unquoted = {name: unquote(value) for name, value in ids.items()}
        if operation == ops.SUBMIT_JOB:
            return await self._submit(unquoted["job_id"], json)
        if operation not in self._handlers:
            _refuse(str(operation))
        return self._handlers[operation](params=params or {}, **unquoted)

    async def post_form(self, url: str, fields: Mapping[str, str], content: bytes) -> None:  # noqa: ARG002
        """Keep a job's input; the URL is the job's id."""
        _find(url).input = content

    async def fetch(self, url: str) -> bytes:
        """Refuse a download.

        Raises:
            UserApiError: Always; the status is 0.
        """
        _refuse(f"GET {url.partition('?')[0]}")

    async def aclose(self) -> None:
        """Do nothing: the jobs stay available to other clients."""

    def abandon(self) -> None:
        """Do nothing."""

    def _list_devices(self, **_: object) -> list[Any]:
        return [_device()]

    def _get_device(self, device_id: str, **_: object) -> Any:
        device = _device()
        if device.get("device_id") != device_id:
            own = device.get("device_id")
            raise NotFoundError(404, f"This server-side program runs on device {own!r} and cannot use {device_id!r}.")
        return device

    def _register(self, **_: object) -> dict[str, Any]:
        _driver()  # raises here rather than when the job is lost
        job_id = f"{_parent()['job_id']}/{next(_numbers)}"
        _jobs[job_id] = _InnerJob(JobsJob(job_id=job_id, status=JobsJobStatus.REGISTERED))
        return {"job_id": job_id, "presigned_url": {"url": job_id, "fields": {}}}

    async def _submit(self, job_id: str, body: dict[str, Any]) -> dict[str, str]:
        """Run a job and wait for its end."""
        inner, request = _find(job_id), JobsSubmitJobRequest.from_dict(body)
        if request.job_type == JobsJobType.SSE:
            raise UserApiError(0, "A server-side program cannot submit another one.")
        async with self._turn:
            await asyncio.to_thread(_run, inner, request)
        return {"message": "job submitted"}

    def _list_jobs(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = list(_matching(**{name: params[name] for name in params.keys() - {"fields", "page", "size", "order"}}))
        if params.get("order") == "DESC":
            found.reverse()
        size = params.get("size", 100)
        start = (params.get("page", 1) - 1) * size
        fields = set(params["fields"].split(",")) if "fields" in params else None
        return [each.job.model_dump(include=fields, exclude_none=True) for each in found[start : start + size]]

    def _get_job(self, job_id: str, **_: object) -> dict[str, Any]:
        inner = _find(job_id)
        info: dict[str, Any] = json.loads(zlib.decompress(inner.files)) if inner.files else {}
        info |= {name: model.from_dict(info[name]) for name, model in _MODELS.items() if info.get(name) is not None}
        if inner.input:
            info["input"] = read_model(JobsS3SubmitJobInfo, unpack(inner.input))
        return {**inner.job.model_dump(exclude_none=True), "job_info": {**info, "message": inner.message}}

    def _get_status(self, job_id: str, **_: object) -> dict[str, Any]:
        return {"job_id": job_id, "status": _find(job_id).job.status}

    def _cancel(self, job_id: str, **_: object) -> dict[str, str]:
        job = _find(job_id).job
        if job.status not in {JobsJobStatus.REGISTERED, JobsJobStatus.CANCELLED}:
            raise UserApiError(
                400, f"{job_id} cannot be cancelled: jobs of a server-side program run as they are submitted."
            )
        job.status = JobsJobStatus.CANCELLED
        return {"message": "cancel request accepted"}

    def _delete(self, job_id: str, **_: object) -> dict[str, str]:
        _find(job_id)
        del _jobs[job_id]
        return {"message": "job deleted"}


def _run(inner: _InnerJob, request: JobsSubmitJobRequest) -> None:
    """Run a job through the driver. If the driver fails, so does the job."""
    job = inner.job = JobsJob(job_id=inner.job.job_id, **dict(request))
    job.name, job.description, job.status = job.name or "", job.description or "", JobsJobStatus.RUNNING
    uploaded = read_model(JobsS3SubmitJobInfo, unpack(inner.input))
    with _driver_lock(os.getpid()):
        job.submitted_at = job.ready_at = job.running_at = datetime.now(UTC)
        try:
            _keep(inner, _driver().submit_job(request, uploaded))
        except Exception as error:  # noqa: BLE001 - reported as the job's message
            failed = _JOB_FAILED.fullmatch(str(error))
            inner.message = failed["reason"] if failed else f"The container's driver failed: {error}"
            job.ended_at, job.status = datetime.now(UTC), JobsJobStatus.FAILED


def _keep(inner: _InnerJob, answer: object) -> None:
    """Keep the driver's answer, a dict or a model of any version, which has contents in place of URLs."""
    fields = dict(answer) if isinstance(answer, dict) else answer.model_dump(mode="json")  # type: ignore[attr-defined]
    # Some drivers have the contents beside the other fields.
    info = fields.pop("job_info", None) or fields
    known = {name: fields[name] for name in JobsJob.model_fields if fields.get(name) is not None}
    ended = JobsJob.from_dict({**dict(inner.job), **known, "job_id": inner.job.job_id})
    if ended.status not in FINAL_STATUSES:
        raise ValueError(f"It returned a job with the status {str(ended.status)!r}.")
    inner.files = zlib.compress(json.dumps({name: info.get(name) for name in _FILES}).encode(), 1)
    inner.job, inner.message = ended, info.get("message")


def _matching(
    status: str | None = None, q: str | None = None, start_time: str | None = None, end_time: str | None = None
) -> Iterator[_InnerJob]:
    """Yield the jobs that a server would list, in the order of their creation."""
    earliest, latest = (time and datetime.fromisoformat(time) for time in (start_time, end_time))
    for inner in list(_jobs.values()):
        job = inner.job
        if (
            (status is None or job.status == status)
            and (q is None or any(q in (text or "") for text in (job.job_id, job.name, job.description)))
            and (not earliest or (job.submitted_at and job.submitted_at >= earliest))
            and (not latest or (job.submitted_at and job.submitted_at <= latest))
        ):
            yield inner


def _find(job_id: str) -> _InnerJob:
    if job_id not in _jobs:
        raise NotFoundError(404, f"This server-side program has not submitted a job {job_id}, and cannot read others.")
    return _jobs[job_id]


def _driver() -> ModuleType:
    try:
        return importlib.import_module("sse_driver")
    except ModuleNotFoundError as error:
        message = "OQTOPUS_ENV is 'sse_container', but the container's module sse_driver is missing."
        raise UserApiError(0, message, {"mode": "sse_container"}) from error


def _parent() -> dict[str, Any]:
    """Return the job whose program this is, as far as known: some servers pass its id only."""
    parent: dict[str, Any] = json.loads(os.environ.get("JOB_JSON") or "{}")
    return {"job_id": os.environ.get("JOB_ID") or "sse", **parent}


def _device() -> dict[str, Any]:
    """Return the program's device: without a description, one whose size and calibration are unknown."""
    file = os.environ.get(DEVICE_FILE_ENV)
    if not file:
        return {"device_id": _parent().get("device_id") or "sse", "device_type": "QPU", "status": "available"}
    try:
        device: dict[str, Any] = json.loads(Path(file).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserApiError(0, f"The device's description, {file}, cannot be read: {error}") from error
    return device


def _refuse(request: str) -> NoReturn:
    message = f"{request} needs the network, to which a server-side program has no access."
    raise UserApiError(0, message, {"mode": "sse_container"})
