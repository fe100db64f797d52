"""A primitive's run as one job: `OqtopusPrimitiveJob`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult
from qiskit.providers import JobError, JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from qiskit_oqtopus.job_data import JobData

if TYPE_CHECKING:
    from collections.abc import Callable

    from qiskit.providers import BackendV2

    from oqtopus_client import OqtopusJobResult
    from qiskit_oqtopus.primitives.run import Run


class OqtopusPrimitiveJob(JobData, BasePrimitiveJob[PrimitiveResult, JobStatus]):
    """The job that `OqtopusSampler.run` and `OqtopusEstimator.run` return.

    On an OQTOPUS device, `provider.job(job_id)` gives the job back in any process.

    Args:
        run: The submitted programs.
        backend: The backend, if known.
        find_backend: A function that returns the backend with a given name; used if `backend` is None.
    """

    def __init__(
        self,
        run: Run,
        backend: BackendV2 | None = None,
        *,
        find_backend: Callable[[str], BackendV2] | None = None,
    ) -> None:
        super().__init__(run.run_id)
        self._run = run
        self._backend = backend
        self._find_backend = find_backend
        self._result: PrimitiveResult | None = None

    @property
    def job_ids(self) -> list[str]:
        """The ids of the jobs, in the order of the programs."""
        return self._run.job_ids

    def backend(self) -> BackendV2:
        """Return the backend that runs the job.

        Raises:
            JobError: The run needed no job, and so no backend.
            QiskitBackendNotFoundError: The server no longer has the device.
        """
        if self._backend is None:
            jobs = self.jobs()
            if not jobs or self._find_backend is None:
                raise JobError("This run needed no job, so its backend is unknown.")
            self._backend = self._find_backend(jobs[0].device_id)
        return self._backend

    def jobs(self) -> list[OqtopusJobResult]:
        """Return the current state of the OQTOPUS jobs; empty on other backends."""
        return self._run.jobs()

    def wait_for_final_state(self, timeout: float | None = None) -> None:
        """Wait until all programs have ended, successfully or not.

        Args:
            timeout: Seconds to wait at most, including time in the queue; None waits without limit.

        Raises:
            OqtopusJobTimeoutError: Some jobs did not finish in time; they are still running.
        """
        self._run.wait(timeout)

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
