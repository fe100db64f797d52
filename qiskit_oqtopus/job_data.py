"""Data about a job, the same for runs of circuits and of primitives: `JobData`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qiskit_oqtopus.elsewhere import JOB, Hinting
from qiskit_oqtopus.errors import reason
from qiskit_oqtopus.job_times import JobTimes, stages, timeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from matplotlib.figure import Figure

    from oqtopus_client import OqtopusJobResult


class JobData(Hinting):
    """Base of jobs that consist of OQTOPUS jobs."""

    _elsewhere = JOB

    if TYPE_CHECKING:

        def jobs(self) -> list[OqtopusJobResult]:
            """Return the current state of the OQTOPUS jobs."""

    def error_message(self) -> str | None:
        """Return the server's messages for failed and cancelled OQTOPUS jobs; None if there are none."""
        jobs = self.jobs()
        pairs = zip(jobs, self._are_ours(len(jobs)), strict=True)
        failed = [(job, ours) for job, ours in pairs if job.status in {"failed", "cancelled"}]
        return "\n".join(f"{job.name!r} ({job.job_id}) {reason(job, ours=ours)}" for job, ours in failed) or None

    def _are_ours(self, number: int) -> Sequence[bool]:
        """Return whether this package wrote the programs of each of so many OQTOPUS jobs."""
        return [True] * number

    def times(self) -> list[JobTimes]:
        """Return the times at which each OQTOPUS job reached each stage."""
        return [JobTimes.of(job) for job in self.jobs()]

    def plot_timeline(self) -> Figure:
        """Draw how long each OQTOPUS job waited and ran.

        Raises:
            ImportError: The extra `visualization` is not installed.
            ValueError: No job has been submitted.
        """
        from qiskit_oqtopus.visualization.timeline import plot_timeline  # noqa: PLC0415 - an extra

        return plot_timeline(timeline(self.jobs()))

    @property
    def timestamps(self) -> dict[str, datetime | None]:
        """UTC times at which the first OQTOPUS job was `submitted`, `ready` and `running`, and the last had `ended`.

        A stage that no job has reached is None; `ended` is None until all jobs have ended.
        """
        return stages(self.times())

    @property
    def creation_date(self) -> datetime | None:
        """Time at which the first OQTOPUS job was submitted, in UTC."""
        return self.timestamps["submitted"]

    @property
    def execution_time(self) -> float | None:
        """Total time of all OQTOPUS jobs on the device in seconds; None until one has run."""
        seconds = [time.execution_time for time in self.times() if time.execution_time is not None]
        return sum(seconds) if seconds else None

    def usage(self) -> float:
        """Return `execution_time` as in qiskit-ibm-runtime: 0 until a job has run."""
        return self.execution_time or 0.0

    def metrics(self) -> dict[str, Any]:
        """Return times and usage in the form of qiskit-ibm-runtime: times as ISO 8601, durations in seconds."""
        times = self.times()
        reached = stages(times)
        named = {"created": reached["submitted"], "running": reached["running"], "finished": reached["ended"]}
        seconds = sum(time.execution_time or 0.0 for time in times)
        return {
            "timestamps": {name: time and time.isoformat() for name, time in named.items()},
            "usage": {"seconds": seconds, "quantum_seconds": seconds},
        }

    def queue_position(self) -> int | None:
        """Return None, as servers do not report it; `backend.pending_jobs` counts the jobs waiting for the device."""
        return None
