"""The module through which a server-side program runs jobs, under the name it has in the cloud's container."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oqtopus_client.rest.models import JobsJob, JobsJobInfo

if TYPE_CHECKING:
    from oqtopus_client.rest.models import JobsS3SubmitJobInfo, JobsSubmitJobRequest


class SseRuntimeError(RuntimeError):
    """A job that the program submitted did not succeed."""


class RpcError(Exception):
    """A call to the engine failed; the message has the form of gRPC's errors, as the cloud's driver uses gRPC.

    Args:
        status: gRPC's name of the status.
        details: What happened.
    """

    def __init__(self, status: str, details: str) -> None:
        lines = ["<_InactiveRpcError of RPC that terminated with:", f"status = StatusCode.{status}"]
        super().__init__("\n\t".join([*lines, f'details = "{details}"']) + "\n>")


def submit_job(input_job: JobsSubmitJobRequest, upload_info: JobsS3SubmitJobInfo) -> JobsJob:
    """Run a job at once, outside the queue, and wait for its end. Calls of several threads or processes take turns.

    Returns:
        The job, under the id of the server-side job. Its `job_info` holds file contents where the User API has URLs.

    Raises:
        OSError: This process is not a server-side program.
        SseRuntimeError: The job failed, or took too long.
        RpcError: The job or its result is too large to be sent, or the engine did not answer.
    """
    parent = os.environ.get("JOB_JSON")
    if not parent:
        raise OSError("Could not get job data")
    start = datetime.now(tz=UTC)
    status, message, content = _call_engine(_request(json.loads(parent), input_job, upload_info))
    job = _job(content)
    job.submitted_at = job.ready_at = job.running_at = start
    job.ended_at = datetime.now(tz=UTC)
    _write_result(content)
    if status != "succeeded" or job.status != "succeeded":
        # The server says "sampling" whatever the job's type.
        reason = message or (job.job_info and job.job_info.message)
        raise SseRuntimeError(f"To execute sampling on OQTOPUS server is failed. reason: {reason}")
    return job


def _request(parent: dict[str, Any], input_job: JobsSubmitJobRequest, upload_info: JobsS3SubmitJobInfo) -> bytes:
    job, content = input_job.model_dump(mode="json"), upload_info.model_dump(mode="json")
    job |= {name: job.get(name) or {} for name in ("transpiler_info", "simulator_info", "mitigation_info")}
    job |= {name: content.get(name) or [] for name in ("program", "operator")}
    job |= {"job_id": parent["job_id"], "name": job.get("name") or "", "input": "", "status": "ready"}
    return json.dumps(job).encode()


def _job(content: bytes) -> JobsJob:
    try:
        fields = json.loads(content)
    except ValueError as error:
        raise SseRuntimeError(f"Could not parse job data: {error}") from error
    job = JobsJob.model_validate({name: fields.get(name) for name in JobsJob.model_fields})
    job.job_info = JobsJobInfo.model_validate({name: fields.get(name) for name in JobsJobInfo.model_fields})
    return job


def _write_result(content: bytes) -> None:
    """Write the job to `result.json`, over the one before: the last one written is the server-side job's result."""
    folder = Path(os.environ.get("OUT_PATH", ""))
    if not folder.exists():
        raise SseRuntimeError(f"The path to output does not exist {folder}")
    (folder / "result.json").write_bytes(content)


def _call_engine(request: bytes) -> tuple[str, str, bytes]:
    """Send a job, and return status and message of the call, and the job as it ended."""
    _check_size("Sent", request, "GRPC_MAX_SEND_MESSAGE_LENGTH")
    address = os.environ.get("SSE_ENGINE_ADDRESS", "").removeprefix("unix:")
    # A connection for each call serves threads and forked processes alike.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(address)
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as reader:
                call, content = reader.readline(), reader.read()
        except OSError as error:
            raise RpcError("UNAVAILABLE", str(error)) from error
    if not call:
        raise RpcError("UNAVAILABLE", "Socket closed")
    _check_size("Received", content, "GRPC_MAX_RECEIVE_MESSAGE_LENGTH")
    outcome = json.loads(call)
    return outcome["status"], outcome["message"], content


def _check_size(direction: str, message: bytes, variable: str) -> None:
    limit = int(os.environ.get(variable) or 4 << 20)
    if len(message) > limit:
        raise RpcError("RESOURCE_EXHAUSTED", f"{direction} message larger than max ({len(message)} vs. {limit})")
