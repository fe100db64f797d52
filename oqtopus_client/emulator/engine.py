"""A job's way through the emulator: submitted, ready, running, succeeded or failed."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from oqtopus_client.emulator.simulation import DEFAULT_TRANSPILER, JobFailure, Prepared, Sampled, prepare, sample
from oqtopus_client.rest.storage import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor, Future

    from oqtopus_client.emulator.devices import EmulatedDevice
    from oqtopus_client.emulator.store import Row, Store

_Output = TypeVar("_Output")
_logger = logging.getLogger("oqtopus_client.emulator")

IDLE_SECONDS = 2.0
"""How often an idle engine looks for jobs of processes that share its database, and renews its claims."""


class Engine:
    """Takes jobs from the store, oldest first, and runs them on an executor.

    One thread hands out the work; no more jobs are claimed than can run, so what is left in the queue belongs to
    whoever opens the database next.

    Args:
        store: Where the jobs are.
        devices: The devices, by id.
        executor: Runs the simulations.
        max_running: Jobs in work at the same time; by default one a processor core.
    """

    def __init__(
        self,
        store: Store,
        devices: Mapping[str, EmulatedDevice],
        executor: Executor,
        *,
        max_running: int | None = None,
    ) -> None:
        self._store = store
        self._devices = devices
        self._executor = executor
        self.name = secrets.token_hex(8)
        self._places = max_running or os.cpu_count() or 1
        self._free = self._places
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._dispatch, name="oqtopus-emulator", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Tell the engine that a job has been submitted."""
        with self._news:
            self._news.notify()

    def close(self) -> None:
        """Stop taking jobs and return those in work to the queue; what still comes of them is dropped."""
        with self._news:
            self._closed = True
            self._news.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._store.give_back(self.name)

    def _dispatch(self) -> None:
        with self._news:
            while not self._closed:
                try:
                    self._store.renew(self.name)
                    while self._free and (job := self._claim()) is not None:
                        self._hand_out(job)
                except Exception:
                    # A locked database, a full disk: these pass, and the queue must go on then.
                    _logger.exception("The emulator could not hand out work; it will try again.")
                self._news.wait(IDLE_SECONDS)

    def _hand_out(self, job: Row) -> None:
        self._free -= 1
        try:
            self._prepare(job)
        except Exception:
            self._free += 1
            self._store.give_back(self.name, job["job_id"])
            raise

    def _claim(self) -> Row | None:
        """A job to run. Jobs that others left behind never take the last place from our own users."""
        return self._store.claim(self.name, own=self._free == 1 < self._places)

    def _prepare(self, job: Row) -> None:
        device = self._devices.get(job["device_id"])
        if device is None or job["job_type"] != "sampling":
            what = f"job_type {job['job_type']!r}" if device else f"device {job['device_id']!r}"
            self._finish(job, "failed", message=f"{what} is not emulated")
            return
        transpiler_info = json.loads(job["transpiler_info"]) or DEFAULT_TRANSPILER
        self._store.set_transpiler_info(job["job_id"], json.dumps(transpiler_info))
        archive = self._store.get_file(f"{job['job_id']}/input.zip") or b""
        self._then(job, self._sample, prepare, archive, transpiler_info, device.calibration)

    def _sample(self, job: Row, prepared: Prepared) -> None:
        files = {}
        if prepared.transpile_result is not None:
            files["transpile_result.zip"] = _pack_json("transpile_result", prepared.transpile_result)
        if self._store.start(job["job_id"], self.name, files):
            n_qubits = self._devices[job["device_id"]].n_qubits
            self._then(job, self._succeed, sample, prepared.program, job["shots"], n_qubits)
        else:
            self._release()

    def _succeed(self, job: Row, sampled: Sampled) -> None:
        result = {"sampling": {"counts": sampled.counts, "divided_counts": None}, "estimation": None}
        files = {"result.zip": _pack_json("result", result)}
        self._finish(job, "succeeded", message="job is succeeded", execution_time=sampled.seconds, files=files)

    def _then(self, job: Row, step: Callable[[Row, _Output], None], work: Callable[..., _Output], *args: Any) -> None:
        """Run `work` on the executor, then `step` with what it returned; a failure ends the job."""

        def proceed(future: Future[_Output]) -> None:
            try:
                step(job, future.result())
            except JobFailure as failure:
                self._finish(job, "failed", message=str(failure))
            except BaseException:  # Qiskit's native code may panic, which is no Exception
                if not self._closed:
                    _logger.exception("Job %s broke the emulator.", job["job_id"])
                    self._finish(job, "failed", message="internal server error")

        try:
            future = self._executor.submit(work, *args)
        except RuntimeError as error:
            # The executor takes no more work: it broke, or this process is ending. Whoever comes next runs the job.
            if not self._closed and isinstance(error, BrokenExecutor):
                _logger.exception("The emulator's executor is broken; no job can run any more.")
            self._closed = True
            self._store.give_back(self.name, job["job_id"])
        else:
            future.add_done_callback(proceed)

    def _finish(
        self,
        job: Row,
        status: str,
        *,
        message: str,
        execution_time: float | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        try:
            self._store.finish(
                job["job_id"], self.name, status, message=message, execution_time=execution_time, files=files or {}
            )
        finally:
            self._release()

    def _release(self) -> None:
        with self._news:
            self._free += 1
            self._news.notify()


def _pack_json(name: str, content: object) -> bytes:
    return pack(json.dumps(content).encode(), f"{name}.json")
