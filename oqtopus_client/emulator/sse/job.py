"""An sse job: a user's program, the jobs that it submits, and the outcome that a server derives from its end."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oqtopus_client.emulator.seeds import Seeds, seed_of, without_comments
from oqtopus_client.emulator.simulation.inputs import JobFailure, invalid, read_input
from oqtopus_client.emulator.simulation.pipeline import CircuitJob, execute, pack_json, prepare
from oqtopus_client.emulator.sse.engine_job import EngineJob
from oqtopus_client.emulator.sse.sandbox import run_program
from oqtopus_client.emulator.sse.terminal import MAX_OUTPUT_BYTES, container_log
from oqtopus_client.emulator.store import Outcome
from oqtopus_client.rest.storage import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client.emulator.device_files import EmulatedDevice
    from oqtopus_client.emulator.simulation.inputs import ProgramLimits
    from oqtopus_client.emulator.sse.limits import SseContainer, SseLimits
    from oqtopus_client.emulator.sse.sandbox import EndedProgram

_logger = logging.getLogger("oqtopus_client.emulator")

_LOGGED_CHARACTERS = 10_000
"""How much of a failed program's output the emulator logs."""

_stops: dict[str, threading.Event] = {}
"""Events that end the programs running in threads of this process, by job id."""


@dataclass(frozen=True)
class SseJob:
    """An sse job.

    Attributes:
        job: The job, with its program.
        device: The device that its inner jobs run on, whatever device they name.
        program_limits: Limits of the OpenQASM programs of its inner jobs.
        container: Limits and interpreter of its program.
        seed: Seed of the random numbers of its inner jobs, unless the job has its own; None for different ones each
            time.
    """

    job: EngineJob
    device: EmulatedDevice
    program_limits: ProgramLimits
    container: SseContainer
    seed: int | None = None


def read_sse_job(job: Mapping[str, Any], archive: bytes, limits: ProgramLimits) -> EngineJob:
    """Read the program of an sse job.

    Args:
        job: The job as the User API shows it, without its files.
        archive: The job's `input.zip`.
        limits: Limits of the input.

    Raises:
        JobFailure: The input cannot be read, or has no program.
    """
    program = read_input(archive, limits).get("sse_program")
    if program is None:
        raise JobFailure("the sse_program is not specified in the job.")
    try:
        program.encode()
    except (AttributeError, UnicodeEncodeError):
        raise invalid("sse_program must be a text.") from None
    # A container could not use the input's URL, as it has no network.
    return EngineJob.model_validate({**job, "status": "running", "input": "", "sse_program": program})


def run_sse_job(sse_job: SseJob) -> Outcome:
    """Run the job's program in its own process.

    Raises:
        JobFailure: The program could not be started.
    """
    job_id = sse_job.job.job_id
    own = seed_of(sse_job.job.simulator_info)
    seed = sse_job.seed if own is None else own
    seeds = None if seed is None else Seeds(seed)
    stop = _stops.setdefault(job_id, threading.Event())
    try:
        ended = run_program(sse_job.job, lambda inner: _run_inner(sse_job, inner, seeds), sse_job.container, stop=stop)
    finally:
        _stops.pop(job_id, None)
    outcome = outcome_of(ended, sse_job.container.limits)
    if outcome.status == "failed" and not stop.is_set():
        # As on servers, the operator sees the output and the user does not.
        end = "time limit exceeded" if ended.exit_code is None else f"exit code {ended.exit_code}"
        output = container_log(ended.output)[-_LOGGED_CHARACTERS:]
        _logger.warning("Job %s: %s (%s). The program's output:\n%s", job_id, outcome.message, end, output)
    return outcome


def stop_program(job_id: str) -> None:
    """End a job's program that runs, or is about to run, in a thread of this process."""
    _stops.setdefault(job_id, threading.Event()).set()


def outcome_of(ended: EndedProgram, limits: SseLimits) -> Outcome:
    """Return the outcome of a program that has ended: as on servers, by its exit code, last job and size of files."""
    last, files = ended.last_job, {}
    if last is not None and last.transpile_result is not None:
        files["transpile_result.zip"] = pack_json("transpile_result", last.transpile_result)
    failure = _failure(ended)
    if failure is None and last is not None:
        output = {"result.zip": pack_json("result", last.result), "sse_log.zip": _pack_log(ended.output)}
        failure = _too_large(output, min(limits.file_bytes, MAX_OUTPUT_BYTES))
        files |= {} if failure else output
    return Outcome(
        "failed" if failure else "succeeded",
        failure,
        round(ended.seconds, 3) if last else None,
        files,
        json.dumps(last.transpiler_info) if last else None,
    )


def _failure(ended: EndedProgram) -> str | None:
    if ended.exit_code != 0:
        return "user program execution error"
    if ended.last_job is None:
        return "internal server error"
    if ended.last_job.status != "succeeded":
        return "sse job failed"
    return "job result is None" if ended.last_job.result is None else None


def _pack_log(output: bytes) -> bytes:
    if len(output) > MAX_OUTPUT_BYTES:
        return output  # too large in any case, and not complete
    return pack(container_log(output).encode(), "sse_runtime.log")


def _too_large(files: Mapping[str, bytes], limit: int) -> str | None:
    """Return the message for the first file above the limit, or None."""
    sizes = {name: len(content) for name, content in files.items()}
    name = next((name for name, size in sizes.items() if size > limit), None)
    return name and f"{name} size: {sizes[name]}B is larger than the max file size {limit}B"


def _run_inner(sse_job: SseJob, job: EngineJob, seeds: Seeds | None = None) -> None:
    """Run a job that a program submitted."""
    seed = seed_of(job.simulator_info)
    if seed is None and seeds is not None:
        settings = job.transpiler_info, job.mitigation_info
        seed = seeds.next(job.job_type, job.shots, settings, without_comments(job.program), job.operator)
    circuit_job = CircuitJob(
        job.job_type,
        pack_json("input", {"program": job.program, "operator": job.operator}),
        job.shots,
        job.transpiler_info,
        job.mitigation_info,
        sse_job.device,
        sse_job.program_limits,
        seed,
    )
    try:
        prepared = prepare(circuit_job)
        job.transpiler_info = dict(prepared.transpiler_info or {})
        job.transpile_result, job.combined_program = prepared.transpile_result, prepared.combined_program
        job.status = "running"
        executed = execute(circuit_job, prepared)
    except JobFailure as failure:
        job.transpiler_info = dict(failure.transpiler_info or job.transpiler_info)
        if archive := failure.files.get("transpile_result.zip"):
            job.transpile_result = json.loads(unpack(archive))
        job.status, job.message = failure.status, str(failure)
    else:
        job.result, job.execution_time = executed.result, round(executed.seconds, 3)
        job.status, job.message = "succeeded", "job is succeeded"
