"""A primitive's run as one job: `OqtopusPrimitiveJob`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never, Self

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult
from qiskit.providers import JobStatus

from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.elsewhere import refuse_others
from qiskit_oqtopus.equivalents import PRIMITIVE_JOB, WAITING
from qiskit_oqtopus.job_data import JobData
from qiskit_oqtopus.primitives.backend_run import BackendRun
from qiskit_oqtopus.primitives.cloud_run import CloudRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qiskit.providers import BackendV2

    from qiskit_oqtopus.archive import SavedJob
    from qiskit_oqtopus.job_data import Provider
    from qiskit_oqtopus.primitives.run import Run
    from qiskit_oqtopus.programs import Program


class OqtopusPrimitiveJob(JobData, BasePrimitiveJob[PrimitiveResult, JobStatus]):
    """The job that `OqtopusSampler.run` and `OqtopusEstimator.run` return.

    On an OQTOPUS device, `provider.job(job_id)` gives the job back in any process.

    Args:
        run: The submitted programs.
        backend: The backend, if known.
        find_backend: A function that returns the backend with a given name; used if `backend` is None.
    """

    _elsewhere = PRIMITIVE_JOB

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

    @property
    def _batch(self) -> JobBatch | None:
        return self._run.batch

    def programs(self) -> list[Program]:
        """Return the program of each OQTOPUS job; empty on other backends."""
        return [] if self._run.batch is None else [programs[0] for programs in self._run.batch.programs()]

    def result(self, timeout: float | None = None, *, progress: bool = False, **unknown: Never) -> PrimitiveResult:
        """Wait for all programs and return the primitive's result.

        Args:
            timeout: Seconds to wait at most, including time in the queue; None waits without limit.
            progress: Whether to show a progress bar, in a terminal or notebook, with the number of jobs ahead.
            **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

        Raises:
            TypeError: An argument is unknown.
            OqtopusJobError: A job failed or was cancelled; the message quotes the server.
            OqtopusJobTimeoutError: Some jobs did not finish in time; they are still running.
        """
        refuse_others("result()", unknown, WAITING)
        if self._result is None:
            outcomes = self._run.outcomes(timeout, progress=progress)
            self._result = self._run.plan().finish(outcomes)
        return self._result

    def status(self) -> JobStatus:
        """Return the status of the least advanced job; of ended ones the worst: ERROR, CANCELLED, DONE."""
        return self._run.status()

    def _wait(self, timeout: float | None) -> None:
        self._run.wait(timeout)

    def cancel(self) -> bool:
        """Cancel every program that has not ended, on the server. Return whether the job is then cancelled."""
        return self._run.cancel()

    # --- saving and loading

    def save(self, path: str | Path) -> None:
        """Write the job to a file that `load` reads: how its result is computed, and the outcomes that are known.

        Raises:
            JobError: The job ran on a backend other than an `OqtopusBackend`, whose jobs cannot be saved.
            OqtopusJobError: The server no longer has all programs.
        """
        from qiskit_oqtopus.archive import save  # noqa: PLC0415 - rarely needed

        save(self._run.saved(), path)

    @classmethod
    def from_saved(cls, saved: SavedJob, provider: Provider | None = None) -> Self:
        """Return the job that was loaded from a file; see `load`."""
        if not saved.is_primitive:
            raise ValueError(f"{saved.job_id} is a job of backend.run; use OqtopusJob.load(path).")
        if not saved.jobs:
            return cls(BackendRun.retrieved(saved.job_id))
        client, find_backend = (provider.client, provider.get_backend) if provider else (None, None)
        job_ids = [job.job_id for job in saved.jobs]
        batch = JobBatch(client, saved.job_id, job_ids, saved.jobs, programs=saved.programs)
        return cls(CloudRun(batch), find_backend=find_backend)

    @property
    def _num_inputs(self) -> tuple[int | None, str]:
        return self._run.num_pubs, "PUB"
