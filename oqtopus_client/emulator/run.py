"""One job on its way through the emulator: ready, running, succeeded or failed."""

from __future__ import annotations

import json
import logging
import time
from concurrent.futures import BrokenExecutor, CancelledError
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from oqtopus_client.emulator.faults import FaultKind, Faults
from oqtopus_client.emulator.simulation.inputs import JobFailure, ProgramLimits, invalid
from oqtopus_client.emulator.simulation.pipeline import Task, execute, prepare
from oqtopus_client.emulator.simulation.transpiling import DEFAULT_TRANSPILER
from oqtopus_client.emulator.sse.job import SseJob, read_sse_job, run_sse_job, stop_program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor, Future

    from oqtopus_client.emulator.database import Row
    from oqtopus_client.emulator.device_files import EmulatedDevice
    from oqtopus_client.emulator.simulation.pipeline import Executed, Prepared
    from oqtopus_client.emulator.sse.engine_job import EngineJob
    from oqtopus_client.emulator.sse.job import SseOutcome
    from oqtopus_client.emulator.sse.limits import SseLimits
    from oqtopus_client.emulator.store import Store

_Output = TypeVar("_Output")
_logger = logging.getLogger("oqtopus_client.emulator")

_MAX_ATTEMPTS = 3
"""A job in whose work processes died so often is what killed them."""


@dataclass(frozen=True)
class Surroundings:
    """What a run works with.

    Attributes:
        worker: In whose name it works.
        store: Where the jobs are.
        devices: The devices, by id.
        executor: Runs the simulations.
        faults: What shall go wrong.
        limits: What programs may be.
        sse_limits: What programs of sse jobs may use; None if none may run.
        release: Called once when the run needs its place no more.
        wait_for_room: Called with what shall go on when there is room for a heavy job; gives up the place till then.
        closed: Whether no more work is wanted.
        stop: Called when the executor takes no more work.
    """

    worker: str
    store: Store
    devices: Mapping[str, EmulatedDevice]
    executor: Executor
    faults: Faults
    limits: ProgramLimits
    sse_limits: SseLimits | None
    release: Callable[[JobRun], None]
    wait_for_room: Callable[[JobRun, Callable[[], None]], None]
    closed: Callable[[], bool]
    stop: Callable[[], None]


class JobRun:
    """A claimed job's run; each step is called by the one before it, from whatever thread that ended in.

    Args:
        job: The job as it was when claimed.
        around: What the run works with.

    Attributes:
        job_id: The job's id.
        heavy: Whether it takes seconds rather than milliseconds, as far as is known yet.
    """

    def __init__(self, job: Row, around: Surroundings) -> None:
        self._job = job
        self.job_id: str = job["job_id"]
        self._around = around
        self.heavy = False
        self._future: Future[Any] | None = None
        self._reading = False
        self._reading_since: float | None = None

    def begin(self) -> None:
        """Take the first step."""
        device = self._around.devices.get(self._job["device_id"])
        if device is None:
            self._fail(f"device {self._job['device_id']!r} is not emulated")
        elif self._job["attempts"] > _MAX_ATTEMPTS:
            self._fail("internal server error")
        elif fault := self._around.faults.for_job(FaultKind.FAIL_JOB):
            self._fail(fault.message)
        else:
            self._hold("ready", lambda: self._prepare(device))

    def check(self, *, wanted: bool) -> None:
        """Cancel the work if the job was cancelled, or if reading its input takes too long; called every now and then.

        Args:
            wanted: Whether the job is still ours to run.
        """
        if wanted and self._reading and self._future and self._future.running():
            # Only now: it may have waited for the executor.
            self._reading_since = self._reading_since or time.monotonic()
            seconds = self._around.limits.seconds
            if time.monotonic() - self._reading_since >= seconds:
                failure = invalid(f"reading and transpiling it took longer than {seconds:g} seconds.")
                self._around.store.finish(self.job_id, self._around.worker, "failed", message=str(failure), files={})
                wanted = False
        if not wanted:
            self.cancel()

    def cancel(self) -> None:
        """Cancel the work, as far as the executor can; a server-side program in this process is always ended."""
        if self._future and not self._future.cancel() and self._future.running():
            stop_program(self.job_id)

    def _prepare(self, device: EmulatedDevice) -> None:
        archive = self._around.store.get_file(f"{self.job_id}/input.zip") or b""
        if self._job["job_type"] == "sse":
            step = partial(self._execute_sse, device)
            self._then(step, read_sse_job, _public(self._job), archive, self._around.limits)
            return
        transpiler_info = json.loads(self._job["transpiler_info"]) or DEFAULT_TRANSPILER
        self._around.store.set_transpiler_info(self.job_id, json.dumps(transpiler_info))
        mitigation_info = json.loads(self._job["mitigation_info"])
        task = Task(
            self._job["job_type"],
            archive,
            self._job["shots"],
            transpiler_info,
            mitigation_info,
            device,
            self._around.limits,
        )
        self._reading = True
        self._then(lambda prepared: self._execute(task, prepared), prepare, task)

    def _execute(self, task: Task, prepared: Prepared) -> None:
        self._reading = False
        self._start(prepared.files, lambda: self._then(self._succeed, execute, task, prepared), heavy=prepared.heavy)

    def _execute_sse(self, device: EmulatedDevice, job: EngineJob) -> None:
        assert self._around.sse_limits is not None  # noqa: S101 - it would not have been claimed
        sse_job = SseJob(job, device, self._around.limits, self._around.sse_limits)
        self._start({}, lambda: self._then(self._end_sse, run_sse_job, sse_job), heavy=True)

    def _start(self, files: Mapping[str, bytes], go_on: Callable[[], None], *, heavy: bool) -> None:
        """Make the job `running` and go on, for a heavy one as soon as there is room."""

        def start() -> None:
            if self._around.store.start(self.job_id, self._around.worker, files):
                self._hold("running", go_on)
            else:
                self._around.release(self)

        if heavy:
            self._around.wait_for_room(self, start)
        else:
            start()

    def _succeed(self, executed: Executed) -> None:
        self._finish("succeeded", "job is succeeded", executed.seconds, executed.files)

    def _end_sse(self, outcome: SseOutcome) -> None:
        if outcome.transpiler_info is not None:
            self._around.store.set_transpiler_info(self.job_id, json.dumps(outcome.transpiler_info))
        status = "failed" if outcome.failure else "succeeded"
        self._finish(status, outcome.failure, outcome.execution_time, outcome.files)

    def _fail(self, message: str) -> None:
        self._finish("failed", message, None, {})

    def _finish(self, status: str, message: str | None, seconds: float | None, files: Mapping[str, bytes]) -> None:
        try:
            self._around.store.finish(
                self.job_id, self._around.worker, status, message=message, execution_time=seconds, files=files
            )
        finally:
            self._around.release(self)

    def _hold(self, status: str, go_on: Callable[[], None]) -> None:
        """Go on, at once or as late as a fault wants it."""
        if fault := self._around.faults.for_job(FaultKind.HOLD_JOB, status):
            self._around.faults.hold(fault.seconds, lambda: self._carefully(go_on))
        else:
            go_on()

    def _then(self, step: Callable[[_Output], None], work: Callable[..., _Output], *args: Any) -> None:
        """Run `work` on the executor, then `step` with what it returned; a failure ends the job."""

        def proceed(future: Future[_Output]) -> None:
            self._carefully(lambda: step(future.result()))

        try:
            future = None if self._around.closed() else self._around.executor.submit(work, *args)
        except RuntimeError as error:
            # The executor takes no more work: it broke, or this process is ending. Whoever comes next runs the job.
            if not self._around.closed() and isinstance(error, BrokenExecutor):
                _logger.exception("The emulator's executor is broken; no job can run any more.")
            self._around.stop()
            self._around.store.give_back(self._around.worker, self.job_id)
        else:
            self._future = future
            if future:
                future.add_done_callback(proceed)

    def _carefully(self, step: Callable[[], None]) -> None:
        """Take a step in a thread where nobody else minds its failure, which ends the job."""
        try:
            step()
        except BaseException as error:  # noqa: BLE001 - Qiskit's native code may panic, which is no Exception
            # Of an emulator that has been closed, the job is in the queue again.
            if not self._around.closed():
                self._cope(error)

    def _cope(self, error: BaseException) -> None:
        if isinstance(error, JobFailure):
            self._fail(str(error))
        elif isinstance(error, BrokenExecutor | CancelledError):
            # A process died, of this job or of one beside it: try again. What was cancelled is not ours to give back.
            self._around.store.give_back(self._around.worker, self.job_id, tried=True)
            self._around.release(self)
        else:
            _logger.error("Job %s broke the emulator.", self.job_id, exc_info=error)
            self._fail("internal server error")


def _public(job: Row) -> dict[str, Any]:
    """The job as the API shows it, without its files."""
    names = ("job_id", "name", "description", "job_type", "status", "device_id", "shots", "submitted_at")
    settings = ("transpiler_info", "simulator_info", "mitigation_info")
    return {name: job[name] for name in names} | {name: json.loads(job[name]) for name in settings}
