"""Server-side execution: a user's program whose jobs run at once, one after the other."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oqtopus_client.emulator.simulation.inputs import JobFailure, invalid, read_input
from oqtopus_client.emulator.simulation.pipeline import CircuitJob, execute, pack_json, prepare
from oqtopus_client.emulator.simulation.transpiling import DEFAULT_TRANSPILER
from oqtopus_client.emulator.sse.sandbox import InnerJob, SseOutcome, run_sse
from oqtopus_client.emulator.store import Outcome
from oqtopus_client.rest.storage import pack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client.emulator.device_files import EmulatedDevice
    from oqtopus_client.emulator.simulation.inputs import ProgramLimits
    from oqtopus_client.emulator.sse.sandbox import SseLimits

_stops: dict[str, threading.Event] = {}
"""What ends the programs that run in threads of this process, by job."""


@dataclass(frozen=True)
class SseJob:
    """An sse job.

    Attributes:
        job: The job as the API shows it.
        archive: Its `input.zip`.
        device: What its inner jobs run on, whatever device they name.
        program_limits: What the job's input, and the OpenQASM programs of its inner jobs, may be.
        limits: What the program may use.
    """

    job: Mapping[str, Any]
    archive: bytes
    device: EmulatedDevice
    program_limits: ProgramLimits
    limits: SseLimits


def run_sse_job(sse_job: SseJob) -> Outcome:
    """Run the job's program in a process of its own, and pack what came out of it.

    Raises:
        JobFailure: There is no program.
    """
    program = read_input(sse_job.archive, sse_job.program_limits).get("sse_program")
    if not program:
        raise JobFailure("the sse_program is not specified in the job.")
    if not isinstance(program, str):
        raise invalid("sse_program must be a text.")
    job_id = str(sse_job.job["job_id"])
    try:
        outcome = run_sse(
            program,
            sse_job.job,
            lambda request, info: _run_inner(sse_job, request, info),
            sse_job.limits,
            stop=_stops.setdefault(job_id, threading.Event()),
        )
    finally:
        _stops.pop(job_id, None)
    return _packed(outcome)


def _packed(outcome: SseOutcome) -> Outcome:
    files = {}
    if outcome.transpile_result is not None:
        files["transpile_result.zip"] = pack_json("transpile_result", outcome.transpile_result)
    if outcome.failure is None:
        files["result.zip"] = pack_json("result", outcome.result)
        files["sse_log.zip"] = pack(outcome.log.encode(), "sse_runtime.log")
    transpiler_info = None if outcome.transpiler_info is None else json.dumps(outcome.transpiler_info)
    status = "failed" if outcome.failure else "succeeded"
    return Outcome(status, outcome.failure, outcome.seconds, files, transpiler_info)


def stop_program(job_id: str) -> None:
    """End a job's program that runs, or is about to run, in a thread of this process."""
    _stops.setdefault(job_id, threading.Event()).set()


def _run_inner(sse_job: SseJob, request: Mapping[str, Any], info: Mapping[str, Any]) -> InnerJob:
    transpiler_info = request.get("transpiler_info") or DEFAULT_TRANSPILER
    inner = CircuitJob(
        str(request.get("job_type")),
        pack_json("input", info),
        int(request.get("shots") or 0),
        transpiler_info,
        request.get("mitigation_info") or {},
        sse_job.device,
        sse_job.program_limits,
    )
    start = time.perf_counter()
    prepared = executed = None
    message = None
    try:
        prepared = prepare(inner)
        executed = execute(inner, prepared)
    except JobFailure as failure:
        message = str(failure)
    return InnerJob(
        status="succeeded" if executed else "failed",
        message=message,
        result=executed.result if executed else None,
        transpile_result=prepared.transpile_result if prepared else None,
        transpiler_info=dict(transpiler_info),
        seconds=time.perf_counter() - start,
    )
