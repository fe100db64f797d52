"""Programs for server-side execution, and how to run them as the engine does."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation.inputs import ProgramLimits
from oqtopus_client.emulator.sse.engine_job import EngineJob
from oqtopus_client.emulator.sse.job import SseJob, _run_inner, outcome_of
from oqtopus_client.emulator.sse.limits import SseContainer, SseLimits
from oqtopus_client.emulator.sse.sandbox import EndedProgram, run_program
from oqtopus_client.emulator.sse.terminal import container_log
from tests.support.circuits import BELL

if TYPE_CHECKING:
    import threading

    from oqtopus_client.emulator.sse.inner_jobs import RunInnerJob
    from oqtopus_client.emulator.store import Outcome

# The program's beginning: `submit(shots)` runs a Bell circuit through the driver, as libraries in the container do.
DRIVER = f"""
import os, subprocess, sys, time
import sse_driver
from oqtopus_client.rest.models import JobsS3SubmitJobInfo, JobsSubmitJobRequest

def submit(shots=10, program={BELL!r}, transpiler_info=None):
    request = JobsSubmitJobRequest(device_id="", job_type="sampling", shots=shots, transpiler_info=transpiler_info)
    return sse_driver.submit_job(request, JobsS3SubmitJobInfo(program=[program]))
"""

REFUSED = "submit(transpiler_info={'transpiler_lib': None})"
"""Raises SseRuntimeError: the device has no h."""

PARENT = "0691f3a2-7c1e-7b44-8000-3f5a9d2c1e77"


def sse_job(program: str) -> EngineJob:
    """An sse job, as the engine gives it to a container."""
    return EngineJob(
        job_id=PARENT,
        name="parent",
        device_id="qulacs",
        shots=1,
        job_type="sse",
        input="",
        sse_program=program,
        transpiler_info={},
        simulator_info={},
        mitigation_info={},
        status="running",
    )


def simulate(job: EngineJob) -> None:
    """Transpile and sample, as the engine does with any inner job."""
    _run_inner(SseJob(sse_job(""), built_in_devices()["qulacs"], ProgramLimits(), SseContainer()), job)


def answer(job: EngineJob) -> None:
    """Let a job succeed, with its number of shots as the only outcome."""
    job.status, job.message = "succeeded", "job is succeeded"
    job.result = {"sampling": {"counts": {"0": job.shots}, "divided_counts": None}, "estimation": None}


@dataclass(frozen=True)
class Ran:
    """A program that ran.

    Attributes:
        ended: How it ended.
        outcome: How its job ended.
    """

    ended: EndedProgram
    outcome: Outcome

    @property
    def failure(self) -> str | None:
        """The message of a failed job."""
        assert (self.outcome.message is None) == (self.outcome.status == "succeeded")
        return self.outcome.message

    @property
    def output(self) -> str:
        """What it wrote, after the prompt, with plain line ends."""
        log = container_log(self.ended.output)
        assert log.startswith("$ ")
        return log.removeprefix("$ ").replace("\r\n", "\n")

    def file(self, name: str) -> bytes:
        """The content of an output file."""
        with zipfile.ZipFile(io.BytesIO(self.outcome.files[f"{name}.zip"])) as archive:
            (entry,) = archive.namelist()
            return archive.read(entry)

    @property
    def shots(self) -> int:
        """What `answer` put into the result."""
        assert self.failure is None, self.output
        return int(json.loads(self.file("result"))["sampling"]["counts"]["0"])


def run(
    program: str, run_inner_job: RunInnerJob = answer, *, stop: threading.Event | None = None, **limits: Any
) -> Ran:
    """Run a program that knows `submit`."""
    return run_bare(DRIVER + program, run_inner_job, stop=stop, **limits)


def run_bare(
    program: str,
    run_inner_job: RunInnerJob = answer,
    *,
    python: str | None = None,
    stop: threading.Event | None = None,
    **limits: Any,
) -> Ran:
    """Run a program as it is."""
    container = SseContainer(SseLimits(**limits), python)
    ended = run_program(sse_job(program), run_inner_job, container, stop=stop)
    return Ran(ended, outcome_of(ended, container.limits))
