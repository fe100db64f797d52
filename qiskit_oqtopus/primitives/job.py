"""A primitive's run as one job: `OqtopusPrimitiveJob`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult
from qiskit.providers import JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from qiskit_oqtopus.elsewhere import JOB, Hinting

if TYPE_CHECKING:
    from qiskit_oqtopus.primitives.run import Run


class OqtopusPrimitiveJob(Hinting, BasePrimitiveJob[PrimitiveResult, JobStatus]):
    """The job that `OqtopusSampler.run` and `OqtopusEstimator.run` return.

    On an OQTOPUS device, `provider.job(job_id)` gives the job back in any process.

    Args:
        run: The submitted programs.
    """

    _elsewhere = JOB

    def __init__(self, run: Run) -> None:
        super().__init__(run.run_id)
        self._run = run
        self._result: PrimitiveResult | None = None

    @property
    def job_ids(self) -> list[str]:
        """The ids of the jobs, in the order of the programs."""
        return self._run.job_ids

    def result(self, timeout: float | None = None, *, progress: bool = False) -> PrimitiveResult:
        """Wait for all programs and return the primitive's result.

        Args:
            timeout: Seconds to wait at most, including time in the queue; None waits without limit.
            progress: Whether to show a progress bar of the OQTOPUS jobs, in a terminal or notebook.

        Raises:
            OqtopusJobError: A job failed or was cancelled; the message quotes the server.
            OqtopusJobTimeoutError: Some jobs did not finish in time; they are still running.
        """
        if self._result is None:
            outcomes = self._run.outcomes(timeout, progress=progress)
            self._result = self._run.plan().finish(outcomes)
        return self._result

    def status(self) -> JobStatus:
        """Return the status of the least advanced job; of ended ones the worst: ERROR, CANCELLED, DONE."""
        return self._run.status()

    def done(self) -> bool:
        """Return whether all programs have run successfully."""
        return self.status() is JobStatus.DONE

    def running(self) -> bool:
        """Return whether a program is running and none is waiting."""
        return self.status() is JobStatus.RUNNING

    def cancelled(self) -> bool:
        """Return whether the job was cancelled."""
        return self.status() is JobStatus.CANCELLED

    def in_final_state(self) -> bool:
        """Return whether all programs have ended, successfully or not."""
        return self.status() in JOB_FINAL_STATES

    def cancel(self) -> bool:
        """Cancel every program that has not ended, on the server. Return whether the job is then cancelled."""
        return self._run.cancel()

    def __repr__(self) -> str:
        return f"<OqtopusPrimitiveJob {self.job_id()!r}, jobs: {len(self.job_ids)}>"
