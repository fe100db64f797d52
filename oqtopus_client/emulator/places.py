"""Scheduling of the emulator's jobs: `Places`."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oqtopus_client.emulator.database import Row

_MAX_WAITING = 100
"""Maximum number of a user's heavy jobs that wait on a device for room while lighter ones overtake them."""


def number_of_places(max_running: int | None) -> int:
    """Return how many jobs can be in work at the same time, for each of which the executor needs a worker.

    Args:
        max_running: See `Places`.
    """
    return max(2, max_running or os.cpu_count() or 1) + 1


class Places:
    """A limited number of places for jobs in progress, and the order in which jobs get them.

    Each device has its own queue. Devices take turns, and so do the users of a device, whose jobs are taken in the
    order of submission. One place is reserved for light jobs: heavy ones, which take seconds, wait for each other. One
    more is reserved for devices without a job in progress, so that no device waits for the jobs of another.

    Args:
        worker: Name of the engine. Jobs submitted through it precede those of other processes, which never take the
            last place that a device can have.
        max_running: Maximum number of jobs in progress at the same time, at least 2, besides the one on an otherwise
            idle device; by default one per processor core.

    Attributes:
        free: Number of free places.
    """

    def __init__(self, worker: str, max_running: int | None) -> None:
        self._worker = worker
        self.free = number_of_places(max_running)
        self._heavy_free = self.free - 2
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, Row] = {}
        self._claims = _Turns()
        self._rooms = _Turns()

    def choose(self, jobs: Iterable[Row]) -> Row | None:
        """Return the job to claim next, or None."""
        waiting = Counter((job["device_id"], job["owner"]) for job in self._waiting.values())
        claimable = (
            job
            for job in jobs
            if self._free_for(job) > (not self._is_own(job)) and waiting[job["device_id"], job["owner"]] < _MAX_WAITING
        )
        return min(
            claimable,
            key=lambda job: (job["status"] == "submitted", job["origin"] != self._worker, *self._claims.order(job)),
            default=None,
        )

    def claim(self, job: Row) -> None:
        """Give a place to a job that has been claimed."""
        self._claims.note(job)
        self._take(job)

    def wait(self, job: Row) -> None:
        """Free a job's place and let it wait with the other heavy jobs."""
        self.leave(job)
        self._waiting[job["job_id"]] = job

    def next_heavy(self) -> Row | None:
        """Give a place to the next waiting heavy job, if there is room, and return the job."""
        if not self._heavy_free:
            return None
        job = min(filter(self._free_for, self._waiting.values()), key=self._rooms.order, default=None)
        if job is not None:
            del self._waiting[job["job_id"]]
            self._rooms.note(job)
            self._heavy_free -= 1
            self._take(job)
        return job

    def leave(self, job: Row, *, heavy: bool = False) -> None:
        """Free a job's place, or stop its wait for one.

        Args:
            job: The job.
            heavy: Whether `next_heavy` has returned it.
        """
        if self._waiting.pop(job["job_id"], None) is None:
            self.free += 1
            self._heavy_free += heavy
            self._running[job["device_id"]] -= 1

    def _take(self, job: Row) -> None:
        self.free -= 1
        self._running[job["device_id"]] += 1

    def _free_for(self, job: Row) -> int:
        """Return the number of free places that the job's device may use."""
        return self.free - (self._running[job["device_id"]] > 0)

    def _is_own(self, job: Row) -> bool:
        return bool(job["status"] == "submitted" and job["origin"] == self._worker)


class _Turns:
    """Round-robin order of devices, and of the users of each device."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, ...], int] = {}
        self._count = 0

    def order(self, job: Row) -> tuple[int, int, str]:
        """Return a key that sorts jobs by turn."""
        device, user = job["device_id"], job["owner"]
        return self._latest.get((device,), 0), self._latest.get((device, user), 0), job["submitted_at"]

    def note(self, job: Row) -> None:
        """Record that this job had its turn."""
        self._count += 1
        self._latest[job["device_id"],] = self._latest[job["device_id"], job["owner"]] = self._count
