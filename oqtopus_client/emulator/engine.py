"""Runs the emulator's jobs: which one is next, how many at a time, and each one from its claim to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import sqlite3
import threading
from concurrent.futures import BrokenExecutor, CancelledError
from typing import TYPE_CHECKING, Any, TypeVar

from oqtopus_client.emulator.database import DiskFullError
from oqtopus_client.emulator.faults import FaultKind, Faults
from oqtopus_client.emulator.job_run import JobRun
from oqtopus_client.emulator.places import Places
from oqtopus_client.emulator.seeds import seed_of
from oqtopus_client.emulator.simulation.inputs import JobFailure, ProgramLimits, invalid
from oqtopus_client.emulator.simulation.packing import PackedJob, prepare_packed, run_packed
from oqtopus_client.emulator.simulation.pipeline import CircuitJob
from oqtopus_client.emulator.sse.job import SseJob, read_sse_job, run_sse_job
from oqtopus_client.emulator.store import JOB_TYPES, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from oqtopus_client.emulator.database import Row
    from oqtopus_client.emulator.device_files import EmulatedDevice
    from oqtopus_client.emulator.sse.limits import SseContainer
    from oqtopus_client.emulator.store import Store

_Output = TypeVar("_Output")
_logger = logging.getLogger("oqtopus_client.emulator")

IDLE_SECONDS = 2.0
"""Interval at which the engine renews its claims and looks for jobs submitted through other processes."""

_REPORT_SECONDS = 60.0
"""Interval at which a full disk is logged."""

_MAX_ATTEMPTS = 3
"""A job during which worker processes have died this often is assumed to kill them."""


class Engine:
    """Takes jobs from the store and runs them on an executor.

    Each job is a coroutine on an event loop in the engine's own thread. The engine claims no more jobs than it has
    places (see `Places`), so the rest of the queue is left to other processes that open the database.

    Args:
        store: The jobs.
        devices: The devices, by id.
        executor: Runs the simulations.
        faults: The faults to inject.
        max_running: Maximum number of jobs in progress at the same time; see `Places`.
        limits: Limits on programs.
        sse_container: Environment of the programs of sse jobs; None to run no sse jobs.
    """

    def __init__(
        self,
        store: Store,
        devices: Mapping[str, EmulatedDevice],
        executor: Executor,
        faults: Faults,
        *,
        max_running: int | None = None,
        limits: ProgramLimits,
        sse_container: SseContainer | None = None,
    ) -> None:
        self.name = secrets.token_hex(8)
        self._store = store
        self._devices = devices
        self._executor = executor
        self._faults = faults
        self._limits = limits
        self._sse_container = sse_container
        self._job_types = [name for name in JOB_TYPES if sse_container or name != "sse"]
        self._places = Places(self.name, max_running)
        self._runs: dict[str, JobRun] = {}
        self._closed = False
        self._check_at = 0.0
        self._report_full_at = 0.0
        self._news = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="oqtopus-emulator", daemon=True)
        self._thread.start()

    def runs(self, job_type: str) -> bool:
        """Return whether the engine runs jobs of this type."""
        return job_type in self._job_types

    def wake(self) -> None:
        """Notify the engine that a job has been submitted."""
        self._call_soon(self._news.set)

    def recheck(self) -> None:
        """Notify the engine that a job has been cancelled, which it may be working on."""
        self._check_at = 0.0
        self.wake()

    def close(self) -> None:
        """Stop taking jobs and return those in progress to the queue; results that still arrive are dropped."""
        self._closed = True
        self.wake()
        if threading.current_thread() is not self._thread:  # garbage collection closes it in any thread
            self._thread.join()
        self._return_jobs()

    # --- which jobs run

    def _serve(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._dispatch())

    async def _dispatch(self) -> None:
        while not self._closed:
            try:
                if self._loop.time() >= self._check_at:
                    self._check_at = self._loop.time() + IDLE_SECONDS
                    self._check_runs()
                while self._places.free and not self._closed and self._hand_out():
                    pass
            except DiskFullError as error:
                self._report_full(error)
            except Exception:
                # A locked database passes, and the queue must move again then.
                _logger.exception("The emulator could not hand out work; it will try again.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._check_at):
                    await self._news.wait()
            self._news.clear()
        tasks = [task for run in self._runs.values() for task in (run.task, run.hold) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _check_runs(self) -> None:
        """Renew the claims, and cancel the work on jobs that were cancelled or take too long to read."""
        wanted = self._store.renew(self.name, self._runs)
        for job_id, run in self._runs.items():
            if job_id in wanted and run.seconds_reading() >= self._limits.seconds:
                failure = invalid(f"reading and transpiling it took longer than {self._limits.seconds:g} seconds.")
                self._store.finish(job_id, self.name, Outcome("failed", str(failure)))
                wanted.remove(job_id)
            if job_id not in wanted:
                run.cancel()

    def _hand_out(self) -> bool:
        """Give one place to a job; return False if no job can take one."""
        if heavy := self._places.next_heavy():
            run = self._runs[heavy["job_id"]]
            run.waiting, run.heavy = False, True
            run.room.set()
            return True
        job = self._store.claim(self.name, self._places.choose, job_types=self._job_types, in_work=self._runs)
        if job is None:
            return False
        self._places.claim(job)
        run = self._runs[job["job_id"]] = JobRun(job)
        run.task = self._loop.create_task(self._run(run))
        return True

    async def _wait_for_room(self, run: JobRun) -> None:
        """Give up the place until a heavy job can have one."""
        self._places.wait(run.job)
        run.waiting = True
        self._news.set()
        await run.room.wait()

    def _release(self, run: JobRun) -> None:
        if self._runs.get(run.job_id) is run:
            del self._runs[run.job_id]
        self._places.leave(run.job, heavy=run.heavy)
        self._news.set()

    # --- how a job runs

    async def _run(self, run: JobRun) -> None:
        """Run a claimed job to its end, whatever goes wrong with it."""
        try:
            outcome = await self._outcome(run)
            if outcome is not None:
                await self._store_change(self._store.finish, run.job_id, self.name, outcome)
        except (BrokenExecutor, CancelledError):
            # A worker process died, for this job or one beside it: try again. A cancelled job stays as it is.
            await self._store_change(self._store.give_back, self.name, run.job_id, tried=True)
        except (sqlite3.Error, DiskFullError):
            # The database is locked, or the engine was closed: as in `_dispatch`, try again later.
            if not self._closed:
                _logger.exception("The emulator could not read or write job %s; it will try again.", run.job_id)
                await asyncio.sleep(IDLE_SECONDS)
                await self._store_change(self._store.give_back, self.name, run.job_id, tried=run.future is not None)
        finally:
            self._release(run)

    async def _outcome(self, run: JobRun) -> Outcome | None:
        try:
            return await self._attempt(run)
        except JobFailure as failure:
            info = None if failure.transpiler_info is None else json.dumps(failure.transpiler_info)
            return Outcome(failure.status, str(failure), files=failure.files, transpiler_info=info)
        except (asyncio.CancelledError, BrokenExecutor, CancelledError, sqlite3.Error, DiskFullError):
            raise
        except BaseException:  # Qiskit's native code may panic, which is not an Exception
            _logger.exception("Job %s failed with an unexpected error.", run.job_id)
            return Outcome("failed", "internal server error")

    async def _attempt(self, run: JobRun) -> Outcome | None:
        """Prepare and execute a job; None if it was cancelled before it was `running`."""
        job = run.job
        device = self._devices.get(job["device_id"])
        if device is None:
            raise JobFailure(f"device {job['device_id']!r} is not emulated")
        if job["attempts"] > _MAX_ATTEMPTS:
            raise JobFailure("internal server error")
        if fault := self._faults.for_job(FaultKind.FAIL_JOB):
            raise JobFailure(fault.message)
        await self._hold(run, "ready")
        archive = self._store.get_file(f"{run.job_id}/input.zip") or b""
        prepared: PackedJob | None = None
        work: tuple[Any, ...]
        run.reading = True
        if job["job_type"] == "sse":
            assert self._sse_container is not None  # noqa: S101 - it would not have been claimed
            program = await self._execute(run, read_sse_job, _public(job), archive, self._limits)
            work = run_sse_job, SseJob(program, device, self._limits, self._sse_container, job["seed"])
        else:
            circuit_job = self._circuit_job(job, archive, device)
            prepared = await self._execute(run, prepare_packed, circuit_job)
            work = run_packed, circuit_job, prepared
        run.reading = False
        if prepared is None or prepared.heavy:
            await self._wait_for_room(run)
        if not await self._store_change(self._start, run, prepared):
            return None
        await self._hold(run, "running")
        return await self._execute(run, *work)

    def _circuit_job(self, job: Row, archive: bytes, device: EmulatedDevice) -> CircuitJob:
        transpiler_info = json.loads(job["transpiler_info"])
        mitigation_info = json.loads(job["mitigation_info"])
        given = seed_of(json.loads(job["simulator_info"]))
        seed = job["seed"] if given is None else given
        return CircuitJob(
            job["job_type"], archive, job["shots"], transpiler_info, mitigation_info, device, self._limits, seed
        )

    async def _execute(self, run: JobRun, work: Callable[..., _Output], *args: Any) -> _Output:
        """Run work on the executor."""
        done = asyncio.Event()
        try:
            run.future = future = self._executor.submit(work, *args)
        except RuntimeError as error:
            self._stop(error)
            raise asyncio.CancelledError from error
        future.add_done_callback(lambda _: self._call_soon(done.set))
        try:
            await done.wait()
        finally:
            run.cancel()
        return future.result()

    async def _store_change(self, change: Callable[..., _Output], *args: Any, **settings: Any) -> _Output:
        """Make a change in the store; while the disk is full, try again, so that no work is lost.

        Raises:
            DiskFullError: The engine was closed, and the disk is still full.
        """
        while True:
            try:
                return await self._in_thread(change, *args, **settings)
            except DiskFullError as error:
                if self._closed:
                    raise
                self._report_full(error)
            await asyncio.sleep(IDLE_SECONDS)

    def _report_full(self, error: DiskFullError) -> None:
        """Log, now and then, that the disk is full."""
        if self._loop.time() >= self._report_full_at:
            self._report_full_at = self._loop.time() + _REPORT_SECONDS
            _logger.error("%s. Jobs wait until there is space.", error)

    async def _in_thread(self, work: Callable[..., _Output], *args: Any, **settings: Any) -> _Output:
        """Run work that waits for the database in a thread."""
        try:
            return await asyncio.to_thread(work, *args, **settings)
        except RuntimeError as error:  # the interpreter is ending
            self._stop(error)
            raise asyncio.CancelledError from error

    async def _hold(self, run: JobRun, status: str) -> None:
        """Wait if an injected fault holds the job.

        Raises:
            CancelledError: The job was cancelled meanwhile.
        """
        if fault := self._faults.for_job(FaultKind.HOLD_JOB, status):
            run.hold = self._loop.create_task(self._faults.hold(fault.seconds))
            await asyncio.wait([run.hold])
            if run.hold.cancelled():
                raise CancelledError

    def _start(self, run: JobRun, prepared: PackedJob | None) -> bool:
        if prepared is None:
            return self._store.start(run.job_id, self.name, {})
        return self._store.start(run.job_id, self.name, prepared.files, json.dumps(prepared.transpiler_info))

    # --- how the engine stops

    def _stop(self, error: RuntimeError) -> None:
        """Stop, as the executor is broken or this process is ending; the jobs wait for another process."""
        if not self._closed:
            if isinstance(error, BrokenExecutor):
                _logger.error("The emulator's executor is broken; it can run no more jobs.", exc_info=error)
            self._closed = True
            self._news.set()
            self._return_jobs()

    def _return_jobs(self) -> None:
        for run in list(self._runs.values()):
            run.cancel()
        with contextlib.suppress(DiskFullError):  # the jobs return when their claims expire
            self._store.give_back(self.name)

    def _call_soon(self, callback: Callable[[], None]) -> None:
        """Call a function in the engine's thread, unless that has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback)


def _public(job: Row) -> dict[str, Any]:
    """Return the job as the API shows it, without its files."""
    names = ("job_id", "name", "description", "job_type", "status", "device_id", "shots", "submitted_at")
    settings = ("transpiler_info", "simulator_info", "mitigation_info")
    return {name: job[name] for name in names} | {name: json.loads(job[name]) for name in settings}
