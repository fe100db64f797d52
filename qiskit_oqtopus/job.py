"""One Qiskit job over the OQTOPUS jobs of its circuits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, cast

from qiskit.providers import JobError as QiskitJobError
from qiskit.providers import JobStatus, JobV1
from qiskit.providers import JobTimeoutError as QiskitJobTimeoutError

from oqtopus_client.errors import JobFailedError, JobTimeoutError, OqtopusError, WaitTimeoutError
from oqtopus_client.rest.models import JobsJobStatus
from qiskit_oqtopus.results import to_experiment, to_result

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from qiskit import QuantumCircuit
    from qiskit.result import Result

    from oqtopus_client import OqtopusClient, OqtopusSamplingJobResult
    from qiskit_oqtopus.backend import OqtopusBackend
    from qiskit_oqtopus.programs import Program

_STATUS = {
    JobsJobStatus.REGISTERED: JobStatus.INITIALIZING,
    JobsJobStatus.SUBMITTED: JobStatus.QUEUED,
    JobsJobStatus.READY: JobStatus.QUEUED,
    JobsJobStatus.RUNNING: JobStatus.RUNNING,
    # Not over yet: the job may still succeed.
    JobsJobStatus.CANCELLING: JobStatus.RUNNING,
    JobsJobStatus.SUCCEEDED: JobStatus.DONE,
    JobsJobStatus.FAILED: JobStatus.ERROR,
    JobsJobStatus.CANCELLED: JobStatus.CANCELLED,
}
_BY_URGENCY = (
    # While anything goes on, the least advanced circuit is what keeps us waiting; then the worst outcome counts.
    JobStatus.INITIALIZING,
    JobStatus.QUEUED,
    JobStatus.RUNNING,
    JobStatus.ERROR,
    JobStatus.CANCELLED,
    JobStatus.DONE,
)


class OqtopusJobError(JobFailedError, QiskitJobError):
    """A job ended without a result."""


class OqtopusJobTimeoutError(JobTimeoutError, QiskitJobTimeoutError):
    """A job had not ended when the time was up. It goes on."""


class OqtopusJob(JobV1):
    """The circuits of one `backend.run`, each an OQTOPUS job.

    Args:
        backend: The backend that runs them.
        job_id: The OQTOPUS job's id for one circuit; for several, the tag that their descriptions share.
        job_ids: The OQTOPUS jobs' ids, in the order of the circuits.
        circuits: The circuits.
        programs: What was sent for each.
        client: The client to ask.
    """

    def __init__(
        self,
        backend: OqtopusBackend,
        job_id: str,
        job_ids: Sequence[str],
        circuits: Sequence[QuantumCircuit],
        programs: Sequence[Program],
        client: OqtopusClient,
    ) -> None:
        super().__init__(backend, job_id)
        self._job_ids = list(job_ids)
        self._circuits = list(circuits)
        self._programs = list(programs)
        self._client = client
        self._result: Result | None = None

    @property
    def job_ids(self) -> list[str]:
        """Ids of the OQTOPUS jobs, in the order of the circuits."""
        return list(self._job_ids)

    def submit(self) -> NoReturn:
        """Not for use: `backend.run` returns jobs that are submitted already.

        Raises:
            JobError: Always.
        """
        raise QiskitJobError("This job has been submitted already; call backend.run() to run the circuits again.")

    def status(self) -> JobStatus:
        """The status of the least advanced circuit; once all have ended, the worst outcome."""
        return _aggregate(self._client.get_job_statuses(self._job_ids))

    def result(self, timeout: float | None = None) -> Result:
        """Wait for all circuits and return their counts.

        Args:
            timeout: Seconds to wait at most, time in the queue included; None waits for ever.

        Raises:
            OqtopusJobError: A circuit failed or was cancelled; the message has the server's words.
            OqtopusJobTimeoutError: Not all had ended in time; they go on.
        """
        if self._result is None:
            experiments = [
                to_experiment(circuit, program.clbits, job)
                for circuit, program, job in zip(self._circuits, self._programs, self._wait(timeout), strict=True)
            ]
            self._result = to_result(self.backend().name, self.job_id(), experiments)
        return self._result

    def cancel(self) -> bool:
        """Cancel every circuit that has not ended. True if that leaves the job cancelled."""
        trouble = []
        for job_id in self._job_ids:
            try:
                self._client.cancel_job(job_id)
            except OqtopusError as error:
                # The server answers 400 for a job that has ended, which is no trouble.
                if getattr(error, "status_code", None) != 400:  # noqa: PLR2004
                    trouble.append(error)
        if trouble:
            raise trouble[0]
        return self.status() is JobStatus.CANCELLED

    def __repr__(self) -> str:
        return f"<OqtopusJob {self.job_id()!r} on {self.backend().name!r}, circuits: {len(self._circuits)}>"

    def _wait(self, timeout: float | None) -> list[OqtopusSamplingJobResult]:
        try:
            jobs = self._client.wait_for_jobs(
                self._job_ids, interval=0.05, interval_backoff=1.5, max_interval=5.0, timeout=timeout
            )
        except WaitTimeoutError as error:
            message = f"had not ended after {timeout} s. It goes on; call result() again."
            raise OqtopusJobTimeoutError(self.job_id(), message) from error
        failures = [
            f"{circuit.name!r} ({job.job_id}) {job.status}: {job.message or 'the server gave no reason'}"
            for circuit, job in zip(self._circuits, jobs, strict=True)
            if job.sampling is None
        ]
        if failures:
            raise OqtopusJobError(
                self.job_id(), f"{len(failures)} of {len(jobs)} circuits ended without a result. {'; '.join(failures)}"
            )
        return cast("list[OqtopusSamplingJobResult]", jobs)


def _aggregate(statuses: Collection[JobsJobStatus | str]) -> JobStatus:
    """One status for several jobs; one we do not know is taken for running, never for final."""
    found = {_STATUS.get(cast("JobsJobStatus", status), JobStatus.RUNNING) for status in statuses}
    return next(status for status in _BY_URGENCY if status in found)
