"""The interface of a submitted primitive, wherever it runs: `Run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.providers import JobStatus

    from qiskit_oqtopus.archive import SavedJob
    from qiskit_oqtopus.batch import JobBatch
    from qiskit_oqtopus.primitives.counts import Outcomes
    from qiskit_oqtopus.primitives.expectation import Estimate
    from qiskit_oqtopus.primitives.plan import Plan


class Run(Protocol):
    """The submitted programs of one call of a primitive's `run`."""

    @property
    def run_id(self) -> str:
        """The id of the run."""

    @property
    def job_ids(self) -> list[str]:
        """The ids of the jobs, in the order of the programs."""

    @property
    def batch(self) -> JobBatch | None:
        """The OQTOPUS jobs; None on other backends."""

    @property
    def num_pubs(self) -> int | None:
        """Number of PUBs; None if it would take a request."""

    def saved(self) -> SavedJob:
        """Return the content of the file that the run is saved to.

        Raises:
            JobError: The jobs are not OQTOPUS jobs.
        """

    def wait(self, timeout: float | None) -> None:
        """Wait for all jobs.

        Raises:
            OqtopusJobTimeoutError: Some jobs did not finish in time; they are still running.
        """

    def status(self) -> JobStatus:
        """Return the status of the least advanced job; once all have ended, the worst outcome."""

    def cancel(self) -> bool:
        """Cancel every job that has not ended. Return whether the run is then cancelled."""

    def plan(self) -> Plan:
        """Return the plan that turns the outcomes into the primitive's result."""

    def outcomes(self, timeout: float | None, *, progress: bool) -> Sequence[Outcomes | Estimate]:
        """Wait for all jobs and return the outcomes of each program, or the server's estimate.

        Raises:
            OqtopusJobError: A job ended without a result.
            OqtopusJobTimeoutError: Some jobs did not finish in time; they are still running.
        """
