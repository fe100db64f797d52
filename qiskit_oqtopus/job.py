"""One Qiskit job over the OQTOPUS jobs of its circuits: `OqtopusJob`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never, NoReturn, Self

from qiskit.providers import JobError as QiskitJobError
from qiskit.providers import JobStatus, JobV1

from oqtopus_client.checks import check_boolean
from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.elsewhere import refuse_others
from qiskit_oqtopus.equivalents import WAITING
from qiskit_oqtopus.errors import OqtopusJobError, failure_message
from qiskit_oqtopus.job_data import JobData
from qiskit_oqtopus.job_results import JobPrograms, warn_of_missing_shots
from qiskit_oqtopus.parallel.results import by_replica
from qiskit_oqtopus.resubmission import submit_again
from qiskit_oqtopus.results import DONE, are_ours, to_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qiskit import QuantumCircuit
    from qiskit.providers import BackendV2
    from qiskit.result import Counts, Result

    from qiskit_oqtopus.archive import SavedJob
    from qiskit_oqtopus.job_data import Provider
    from qiskit_oqtopus.job_results import Outcomes
    from qiskit_oqtopus.parallel.placement import Placement
    from qiskit_oqtopus.programs import Program


class OqtopusJob(JobData, JobV1):
    """The circuits of one `backend.run`.

    Each circuit is an OQTOPUS job, or several circuits share one (`parallel`, `multi_manual`). `provider.job(job_id)`
    returns the job in any process.

    Args:
        batch: The OQTOPUS jobs.
        programs: The programs of each OQTOPUS job; if None, they are read from the server when needed.
        circuits: The circuits; None for those not known.
        backend: The backend, if known.
        find_backend: A function that returns the backend with a given name; used if `backend` is None.
    """

    def __init__(
        self,
        batch: JobBatch,
        programs: Sequence[Sequence[Program]] | None = None,
        *,
        circuits: Sequence[QuantumCircuit | None] | None = None,
        backend: BackendV2 | None = None,
        find_backend: Callable[[str], BackendV2] | None = None,
    ) -> None:
        super().__init__(backend, batch.batch_id)
        self._backend: BackendV2 | None = backend
        self._find_backend = find_backend
        self._batch: JobBatch = batch
        self._programs = programs
        self._circuits = circuits
        self._result: Result | None = None

    @property
    def job_ids(self) -> list[str]:
        """Ids of the OQTOPUS jobs, in the order of the circuits."""
        return list(self._batch.job_ids)

    def submit(self) -> NoReturn:
        """Not supported: `backend.run` returns jobs that are already submitted.

        Raises:
            JobError: Always.
        """
        raise QiskitJobError("This job has been submitted already; call backend.run() to run the circuits again.")

    # --- status and result

    def status(self) -> JobStatus:
        """Return the status of the least advanced circuit, or the worst outcome (ERROR, CANCELLED, DONE) if all ended.

        A status unknown to this version counts as RUNNING, and so does `cancelling`, as such a job may still succeed.
        """
        return self._batch.status()

    def result(
        self, timeout: float | None = None, *, partial: bool = False, progress: bool = False, **unknown: Never
    ) -> Result:
        """Wait for all circuits and return their counts.

        Args:
            timeout: Maximum time to wait in seconds, including time in the queue; None waits without limit.
            partial: Whether to return the available counts, rather than raise, if circuits have failed or the timeout
                has passed. For a circuit without counts, `get_counts` raises an error with the reason.
            progress: Whether to show a progress bar, in a terminal or notebook, with the number of jobs ahead.
            **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

        Raises:
            TypeError: An argument is unknown or has the wrong type.
            OqtopusJobError: A circuit failed or was cancelled, with the server's message; or a later release submitted
                the job.
            OqtopusJobTimeoutError: Some circuits did not finish in time; they are still running.
        """
        refuse_others("result()", unknown, WAITING)
        check_boolean(partial, "partial")
        if self._result is not None:
            return self._result
        outcomes = self._batch.outcomes(timeout, progress=progress)
        if not partial and None in outcomes:
            raise self._batch.timed_out(timeout)
        experiments = self._job_programs().experiments(outcomes)
        failures = [experiment for experiment in experiments if experiment.status != DONE]
        if failures and not partial:
            message = failure_message([failure.status for failure in failures], len(experiments))
            has_counts = any(experiment.success for experiment in experiments)
            others = " result(partial=True) returns the others." if has_counts else ""
            raise OqtopusJobError(self.job_id(), message + others)
        warn_of_missing_shots(experiments)
        result = to_result(self._device_id(), self.job_id(), experiments)
        if not failures:
            self._result = result
        return result

    def replica_counts(self, circuit: int = 0, timeout: float | None = None) -> list[Counts]:
        """Wait for all circuits and return the counts of each copy of a circuit that ran side by side (`replicas`).

        Copies that failed are left out. The result of `result()` has the sum. Its `results[circuit].disagreement`
        measures how much the copies differ: it is Pearson's chi-squared divided by its degrees of freedom, so about 1
        if only the number of shots makes them differ, and larger if their qubits do. `results[circuit].replicas` lists
        their qubits.

        Args:
            circuit: Index of the circuit.
            timeout: Maximum time to wait in seconds, including time in the queue; None waits without limit.

        Raises:
            OqtopusJobError: The circuit ran alone, or all its copies failed.
            OqtopusJobTimeoutError: Some circuits did not finish in time; they are still running.
            IndexError: There is no such circuit.
        """
        programs = self._job_programs()
        if not programs.are_parallel:
            raise OqtopusJobError(
                self.job_id(),
                "did not run circuits side by side, so there are no copies; use backend.run(..., parallel=True).",
            )
        pieces = programs.pieces(self._outcomes(timeout))
        if not -len(pieces) <= circuit < len(pieces):
            raise IndexError(f"circuit must be the index of one of {len(pieces)} circuits, not {circuit!r}.")
        copies = by_replica(pieces[circuit])
        counted = [copy for copy in copies if copy.success]
        if not counted:
            raise OqtopusJobError(self.job_id(), failure_message([copy.status for copy in copies], len(copies)))
        result = to_result(self._device_id(), self.job_id(), counted)
        return [result.get_counts(i) for i in range(len(counted))]

    def resubmit(self) -> Self:
        """Submit the programs of failed and cancelled OQTOPUS jobs again, and return the new job.

        It has the circuits of these programs, in their order, and those that ran side by side do so on the same qubits.
        `result(partial=True)` of this job has the other circuits.

        Raises:
            OqtopusJobError: No job has failed.
            OqtopusError: A job could not be submitted.
        """
        pairs = zip(self.jobs(), self.programs_by_job(), strict=True)
        lost = [(job, programs) for job, programs in pairs if job.status in {"failed", "cancelled"}]
        if not lost:
            raise OqtopusJobError(self.job_id(), "has not failed, so there is nothing to submit again.")
        batch, sent = submit_again(self._batch.client, lost)
        return type(self)(batch, sent, backend=self._backend, find_backend=self._find_backend)

    def _are_ours(self, number: int) -> list[bool]:
        # Unknown programs are not worth a request.
        return [are_ours(programs) for programs in self._programs or [()] * number]

    def _wait(self, timeout: float | None) -> None:
        self._outcomes(timeout)

    def _outcomes(self, timeout: float | None) -> Outcomes:
        outcomes = self._batch.outcomes(timeout)
        if None in outcomes:
            raise self._batch.timed_out(timeout)
        return outcomes

    def cancel(self) -> bool:
        """Cancel every circuit that has not ended, and return whether the job is then cancelled."""
        return self._batch.cancel()

    # --- data about the job

    def programs(self) -> list[Program]:
        """Return the program of each circuit, without the circuits that run side by side with it."""
        return self._job_programs().of_circuits()

    def programs_by_job(self) -> Sequence[Sequence[Program]]:
        """Return the programs of each OQTOPUS job: one, or several if the job is `multi_manual`."""
        if self._programs is None:
            self._programs = self._batch.programs()
        return self._programs

    def _job_programs(self) -> JobPrograms:
        return JobPrograms(self._batch, self.programs_by_job())

    def circuits(self) -> list[QuantumCircuit]:
        """Return the circuits; in processes other than the submitting one, they are rebuilt from their programs."""
        if self._circuits is None or None in self._circuits:
            programs = self.programs()
            known = self._circuits or [None] * len(programs)
            self._circuits = [circuit or program.to_circuit() for circuit, program in zip(known, programs, strict=True)]
        return list(self._circuits)

    def layouts(self) -> Sequence[Sequence[int | None] | None]:
        """Return, for each OQTOPUS job, the device qubit that each circuit qubit ended up on.

        Routing is included; None if the server's transpiler has not run. For circuits side by side, the list is by
        circuit, with the qubits of the first copy; None stands for qubits without gates.

        Raises:
            ResponseValidationError: The server sent an invalid mapping.
        """
        if self._job_programs().are_parallel:
            first = {each.circuit: each for each in reversed(self.placements())}
            return [list(first[circuit].qubits) for circuit in sorted(first)]
        return super().layouts()

    def placements(self) -> list[Placement]:
        """Return the placement of each copy of each circuit that runs side by side with others; empty if none does."""
        return self._job_programs().placements()

    # --- saving and loading

    def save(self, path: str | Path) -> None:
        """Write the job to a file that `load` reads: programs, circuits and the outcomes that are known.

        Circuits that QPY cannot represent are left out with a warning; `circuits()` rebuilds them from their programs.
        """
        from qiskit_oqtopus.archive import SavedJob, save  # noqa: PLC0415 - rarely needed

        save(SavedJob(self.job_id(), self.programs_by_job(), self._circuits, self._batch.jobs_to_save()), path)

    @classmethod
    def from_saved(cls, saved: SavedJob, provider: Provider | None = None) -> Self:
        """Return the job that was loaded from a file; see `load`."""
        if saved.is_primitive:
            raise ValueError(f"{saved.job_id} is the job of a primitive; use OqtopusPrimitiveJob.load(path).")
        client, find_backend = (provider.client, provider.get_backend) if provider else (None, None)
        batch = JobBatch(client, saved.job_id, [job.job_id for job in saved.jobs], saved.jobs)
        return cls(batch, saved.programs, circuits=saved.circuits, find_backend=find_backend)

    def _device_id(self) -> str:
        return str(self._backend.name) if self._backend is not None else self._batch.device_id()

    @property
    def _num_inputs(self) -> tuple[int | None, str]:
        return len(self._circuits or ()) or None, "circuit"
