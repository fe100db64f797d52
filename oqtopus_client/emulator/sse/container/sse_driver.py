"""The module through which a server-side program runs jobs, as it is in the cloud's container."""

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


def submit_job(input_job: JobsSubmitJobRequest, upload_info: JobsS3SubmitJobInfo) -> JobsJob:
    """Run a job at once, beside the queue, and wait for its end. Threads and processes may call it; they take turns.

    Returns:
        The job under the id of the server-side job. Its `job_info` holds contents where the network has URLs.

    Raises:
        OSError: This is no server-side program.
        SseRuntimeError: The job failed or took too long, or it cannot be sent.
    """
    parent = json.loads(_variable("JOB_JSON", "Could not get job data"))
    asked = {"request": input_job.model_dump(mode="json"), "info": upload_info.model_dump(mode="json")}
    start = datetime.now(tz=UTC)
    answer = _ask_engine(json.dumps(asked).encode())
    end = datetime.now(tz=UTC)
    job = JobsJob.model_validate(
        {
            **asked["request"],
            "job_id": parent.get("job_id"),
            "name": input_job.name or "",
            "status": answer["status"],
            "transpiler_info": answer["transpiler_info"],
            "execution_time": answer["seconds"],
            "submitted_at": start,
            "ready_at": start,
            "running_at": start,
            "ended_at": end,
        }
    )
    contents = {name: answer[name] for name in ("result", "transpile_result", "message")}
    job.job_info = JobsJobInfo.model_validate({"input": "", **contents})
    # Every job overwrites the one before.
    Path(_variable("OUT_PATH", "There is no OUT_PATH"), "result.json").write_text(job.model_dump_json(), "utf-8")
    if answer["status"] != "succeeded":
        raise _failure(answer["message"])
    return job


def _ask_engine(message: bytes) -> dict[str, Any]:
    limit = int(os.environ.get("GRPC_MAX_SEND_MESSAGE_LENGTH", "4194304"))
    if len(message) > limit:
        raise _failure(f"its {len(message):,} bytes are more than the {limit:,} that the engine takes")
    address = _variable("SSE_ENGINE_ADDRESS", "Could not get the engine's address").removeprefix("unix:")
    # A connection a job: that serves threads and forked processes alike.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(address)
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as reader:
            answer = reader.read()
    if not answer:
        raise _failure("the engine gave no answer")
    content: dict[str, Any] = json.loads(answer)
    return content


def _failure(reason: str | None) -> SseRuntimeError:
    # The server says "sampling" whatever the job's type.
    return SseRuntimeError(f"To execute sampling on OQTOPUS server is failed. reason: {reason}")


def _variable(name: str, otherwise: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise OSError(otherwise)
    return value
