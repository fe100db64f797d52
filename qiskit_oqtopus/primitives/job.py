"""A primitive's run as one job: `OqtopusPrimitiveJob`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult
from qiskit.providers import JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES

if TYPE_CHECKING:
    from qiskit_oqtopus.primitives.cloud_run import Run


class OqtopusPrimitiveJob(BasePrimitiveJob[PrimitiveResult, JobStatus]):
    """What `OqtopusSampler.run` and `OqtopusEstimator.run` return.

    On an OQTOPUS device, `provider.job(job_id)` gives the job back in any process.

    Args:
        run: The programs.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run.run_id)
        self._run = run
        self._result: PrimitiveResult | None = None

    @property
    def job_ids(self) -> list[str]:
        """Ids of the jobs that run the programs, in their order."""
        return self._run.job_ids

    def result(self, timeout: float | None = None, *, progress: bool = False) -> PrimitiveResult:
        """Wait for all programs and return the primitive's result.

        Args:
            timeout: Seconds to wait at most, time in the queue included; None waits without limit.
            progress: Whether to show a progress bar of the OQTOPUS jobs, in a terminal or notebook.

        Raises:
            OqtopusJobError: A job failed or was cancelled; the message has the server's words.
            OqtopusJobTimeoutError: Some jobs did not finish in time; they are still running.
        """
        if self._result is None:
            outcomes = self._run.outcomes(timeout, progress=progress)
            self._result = self._run.plan().finish(outcomes)
        return self._result

    def status(self) -> JobStatus:
        """The status of the least advanced job; once all have ended, the worst outcome: ERROR, CANCELLED, DONE."""
        return self._run.status()

    def done(self) -> bool:
        """Whether all programs have run."""
        return self.status() is JobStatus.DONE

    def running(self) -> bool:
        """Whether a program is running, and none waits."""
        return self.status() is JobStatus.RUNNING

    def cancelled(self) -> bool:
        """Whether the job was cancelled."""
        return self.status() is JobStatus.CANCELLED

    def in_final_state(self) -> bool:
        """Whether all programs have ended, one way or another."""
        return self.status() in JOB_FINAL_STATES

    def cancel(self) -> bool:
        """Cancel every program that has not ended, on the device. True if that leaves the job cancelled."""
        return self._run.cancel()

    def __repr__(self) -> str:
        return f"<OqtopusPrimitiveJob {self.job_id()!r}, jobs: {len(self.job_ids)}>"
