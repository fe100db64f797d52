"""Hands out the emulator's jobs: which one is next, and how many run at a time."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections import deque
from typing import TYPE_CHECKING

from oqtopus_client.emulator.run import JobRun, Surroundings
from oqtopus_client.emulator.store import JOB_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from oqtopus_client.emulator.database import Row
    from oqtopus_client.emulator.device_files import EmulatedDevice
    from oqtopus_client.emulator.faults import Faults
    from oqtopus_client.emulator.simulation.inputs import ProgramLimits
    from oqtopus_client.emulator.sse.limits import SseLimits
    from oqtopus_client.emulator.store import Store

_logger = logging.getLogger("oqtopus_client.emulator")

IDLE_SECONDS = 2.0
"""How often an idle engine looks for jobs of processes that share its database, and renews its claims."""

_MAX_WAITING = 100
"""So many heavy jobs may wait for room while lighter ones overtake them."""


class Engine:
    """Takes jobs from the store, oldest first, and runs them on an executor.

    One thread hands out the work; no more jobs are claimed than can run, so what is left in the queue belongs to
    whoever opens the database next. One place is kept for light jobs: heavy ones, seconds long, wait for each other.

    Args:
        store: Where the jobs are.
        devices: The devices, by id.
        executor: Runs the simulations.
        faults: What shall go wrong.
        max_running: Jobs in work at the same time, at least 2; by default one a processor core.
        limits: What programs may be.
        sse_limits: What programs of sse jobs may use; None if none may run.
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
        sse_limits: SseLimits | None = None,
    ) -> None:
        self.name = secrets.token_hex(8)
        self._store = store
        self._around = Surroundings(
            worker=self.name,
            store=store,
            devices=devices,
            executor=executor,
            faults=faults,
            limits=limits,
            sse_limits=sse_limits,
            release=self._release,
            wait_for_room=self._wait_for_room,
            closed=lambda: self._closed,
            stop=self._stop,
        )
        self._job_types = [name for name in JOB_TYPES if sse_limits or name != "sse"]
        self._places = self._free = max(2, max_running or os.cpu_count() or 1)
        self._heavy_free = self._places - 1
        self._runs: dict[str, JobRun] = {}
        self._waiting: deque[Callable[[], None]] = deque()
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._dispatch, name="oqtopus-emulator", daemon=True)
        self._thread.start()

    def runs(self, job_type: str) -> bool:
        """Whether jobs of this type are run."""
        return job_type in self._job_types

    def wake(self) -> None:
        """Tell the engine that a job has been submitted or cancelled."""
        with self._news:
            self._news.notify()

    def close(self) -> None:
        """Stop taking jobs and return those in work to the queue; what still comes of them is dropped."""
        with self._news:
            self._closed = True
            self._news.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        for run in list(self._runs.values()):
            run.cancel()
        self._store.give_back(self.name)

    def _dispatch(self) -> None:
        with self._news:
            while not self._closed:
                try:
                    wanted = self._store.renew(self.name, self._runs)
                    for job_id, run in list(self._runs.items()):
                        run.check(wanted=job_id in wanted)
                    while self._free and not self._closed and self._hand_out():
                        pass
                except Exception:
                    # A locked database, a full disk: these pass, and the queue must go on then.
                    _logger.exception("The emulator could not hand out work; it will try again.")
                self._news.wait(IDLE_SECONDS)

    def _hand_out(self) -> bool:
        """Fill one place; False if there is nothing to fill it with."""
        if self._waiting and self._heavy_free:
            self._waiting[0]()
            self._waiting.popleft()
            self._free -= 1
            self._heavy_free -= 1
            return True
        job = self._claim()
        if job is None:
            return False
        self._free -= 1
        self._runs[job["job_id"]] = run = JobRun(job, self._around)
        try:
            run.begin()
        except Exception:
            self._free += 1
            self._runs.pop(job["job_id"], None)
            self._store.give_back(self.name, job["job_id"])
            raise
        return True

    def _claim(self) -> Row | None:
        """A job to run. Jobs that others left behind never take the last place from our own users."""
        if len(self._waiting) >= _MAX_WAITING:
            return None
        return self._store.claim(self.name, own=self._free == 1, job_types=self._job_types)

    def _wait_for_room(self, run: JobRun, go_on: Callable[[], None]) -> None:
        with self._news:
            self._free += 1
            run.heavy = True
            self._waiting.append(go_on)
            self._news.notify()

    def _release(self, run: JobRun) -> None:
        with self._news:
            if self._runs.get(run.job_id) is run:
                del self._runs[run.job_id]
            self._free += 1
            self._heavy_free += run.heavy
            self._news.notify()

    def _stop(self) -> None:
        self._closed = True
