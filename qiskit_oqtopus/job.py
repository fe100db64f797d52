"""One Qiskit job over the OQTOPUS jobs of its circuits: `OqtopusJob`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol, Self

from qiskit.providers import JobError as QiskitJobError
from qiskit.providers import JobStatus, JobV1

from oqtopus_client.rest.enums import JobsJobStatus
from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.errors import OqtopusJobError, failure_message, reason, timed_out
from qiskit_oqtopus.results import are_ours, layout, to_experiments, to_result, warn_of_lost_shots

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from matplotlib.figure import Figure
    from qiskit import QuantumCircuit
    from qiskit.providers import BackendV2
    from qiskit.result import Result

    from oqtopus_client import OqtopusClient, OqtopusJobResult
    from qiskit_oqtopus.archive import SavedJob
    from qiskit_oqtopus.batch import JobTimes
    from qiskit_oqtopus.programs import Program


class Provider(Protocol):
    """The parts of `OqtopusProvider` that a job read from a file uses."""

    @property
    def client(self) -> OqtopusClient:
        """The client that asks the server for the job."""

    def get_backend(self, name: str) -> BackendV2:
        """The device of that name."""


class OqtopusJob(JobV1):
    """The circuits of one `backend.run`.

    Each circuit is an OQTOPUS job, or several share one (`multi_manual`). `provider.job(job_id)` returns the job in any
    process.

    Args:
        batch: The OQTOPUS jobs.
        programs: The programs of each OQTOPUS job; if None, they are read from the server when needed.
        circuits: The circuits, as far as they are known.
        backend: The backend, if known.
        find_backend: Returns the backend of a name; used if `backend` is None.
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
        self._batch = batch
        self._programs = programs
        self._circuits = circuits
        self._result: Result | None = None

    @property
    def job_ids(self) -> list[str]:
        """Ids of the OQTOPUS jobs, in the order of the circuits."""
        return list(self._batch.job_ids)

    def backend(self) -> BackendV2:
        """The backend that runs the job.

        Raises:
            JobError: The job was read from a file, without a provider.
            QiskitBackendNotFoundError: The server no longer has the device.
        """
        if self._backend is None:
            if self._find_backend is None:
                raise QiskitJobError(
                    "This job was read from a file, without a provider; provider.load_job(path) reads one that finds "
                    "its backend."
                )
            self._backend = self._find_backend(self._device_id())
        return self._backend

    def submit(self) -> NoReturn:
        """Not for use: `backend.run` returns jobs that are submitted already.

        Raises:
            JobError: Always.
        """
        raise QiskitJobError("This job has been submitted already; call backend.run() to run the circuits again.")

    # --- its status and result

    def status(self) -> JobStatus:
        """The status of the least advanced circuit; once all have ended, the worst outcome: ERROR, CANCELLED, DONE.

        A status that this version does not know counts as RUNNING, and so does `cancelling`, as such a job may still
        succeed.
        """
        return self._batch.status()

    def result(self, timeout: float | None = None, *, partial: bool = False, progress: bool = False) -> Result:
        """Wait for all circuits and return their counts.

        Args:
            timeout: Seconds to wait at most, time in the queue included; None waits without limit.
            partial: Whether to return the available counts, rather than raise, if circuits have failed or the timeout
                has passed. For a circuit without counts, `get_counts` raises the reason.
            progress: Whether to show a progress bar, in a terminal or notebook.

        Raises:
            OqtopusJobError: A circuit failed or was cancelled; the message has the server's words.
            OqtopusJobTimeoutError: Some circuits did not finish in time; they are still running.
        """
        if self._result is not None:
            return self._result
        outcomes = self._batch.outcomes(timeout, progress=progress)
        if not partial and None in outcomes:
            raise timed_out(self.job_id(), timeout)
        experiments = [
            experiment
            for job_id, outcome, programs in zip(self.job_ids, outcomes, self.programs_by_job(), strict=True)
            for experiment in to_experiments(job_id, outcome, programs)
        ]
        failures = [experiment for experiment in experiments if not experiment.success]
        if failures and not partial:
            message = failure_message([failure.status for failure in failures], len(experiments))
            others = " result(partial=True) returns the others." if len(failures) < len(experiments) else ""
            raise OqtopusJobError(self.job_id(), message + others)
        for i, experiment in enumerate(experiments):
            lost = getattr(experiment, "lost_shots", 0)
            warn_of_lost_shots(f"Circuit {i}", experiment.shots + lost, lost)
        result = to_result(self._device_id(), self.job_id(), experiments)
        if not failures:
            self._result = result
        return result

    def error_message(self) -> str | None:
        """Why circuits failed, in the server's words; None if none has failed."""
        programs = self._programs or [()] * len(self.job_ids)  # where they are not known, they are not worth a request
        return (
            "\n".join(
                f"{job.name!r} ({job.job_id}) {reason(job, ours=are_ours(sent))}"
                for job, sent in zip(self._batch.jobs(), programs, strict=True)
                if job.status in {"failed", "cancelled"}
            )
            or None
        )

    def cancel(self) -> bool:
        """Cancel every circuit that has not ended. True if that leaves the job cancelled."""
        return self._batch.cancel()

    def queue_position(self) -> int | None:
        """None, as servers do not report it; `backend.pending_jobs` is the number of jobs waiting for the device."""
        return None

    # --- what is known about it

    def jobs(self) -> list[OqtopusJobResult]:
        """The OQTOPUS jobs as they are now, with all data that the server has."""
        return self._batch.jobs()

    def times(self) -> list[JobTimes]:
        """When each OQTOPUS job reached each stage of its life."""
        return self._batch.times()

    def plot_timeline(self) -> Figure:
        """Draw how long each OQTOPUS job waited and ran.

        Raises:
            ImportError: The extra `visualization` is not installed.
            ValueError: No job has been submitted.
        """
        from qiskit_oqtopus.visualization.timeline import plot_timeline  # noqa: PLC0415 - an extra

        rows = []
        for job in self.jobs():
            times = job.submitted_at, job.ready_at, job.running_at
            ended = job.ended_at
            if job.status == JobsJobStatus.CANCELLED:  # servers do not tell when
                ended = max((time for time in times if time), default=None)
            rows.append((job.name or job.job_id, *times, ended))
        return plot_timeline(rows)

    @property
    def timestamps(self) -> dict[str, datetime | None]:
        """When the first circuit was `submitted`, `ready` and `running`, and when the last had `ended`; in UTC.

        None for a stage that none has reached, or, for the last, that not all have.
        """
        times = self.times()
        ends = [time.ended_at for time in times]
        return {
            "submitted": min((time.submitted_at for time in times if time.submitted_at), default=None),
            "ready": min((time.ready_at for time in times if time.ready_at), default=None),
            "running": min((time.running_at for time in times if time.running_at), default=None),
            "ended": None if None in ends else max(end for end in ends if end),
        }

    @property
    def execution_time(self) -> float | None:
        """Seconds on the device, all circuits together; None as long as none has run."""
        seconds = [time.execution_time for time in self.times() if time.execution_time is not None]
        return sum(seconds) if seconds else None

    def programs(self) -> list[Program]:
        """The program of each circuit."""
        return [program for programs in self.programs_by_job() for program in programs]

    def programs_by_job(self) -> Sequence[Sequence[Program]]:
        """The programs of each OQTOPUS job: one, or several if the job is `multi_manual`."""
        if self._programs is None:
            self._programs = self._batch.programs()
        return self._programs

    def circuits(self) -> list[QuantumCircuit]:
        """The circuits; in another process than the one that ran them, rebuilt from their programs."""
        if self._circuits is None or None in self._circuits:
            programs = self.programs()
            known = self._circuits or [None] * len(programs)
            self._circuits = [circuit or program.to_circuit() for circuit, program in zip(known, programs, strict=True)]
        return list(self._circuits)

    def transpiled_circuits(self) -> list[QuantumCircuit | None]:
        """The output of the server's transpiler for each OQTOPUS job; None if it did not run, or has not run yet.

        Qubits are the device's. The circuits of a `multi_manual` job are one.

        Raises:
            MissingOptionalLibraryError: Package `qiskit-qasm3-import` is not installed.
        """
        from qiskit import qasm3  # noqa: PLC0415 - needs another package

        programs = [result and result.transpiled_program for result in self._batch.transpile_results()]
        return [qasm3.loads(program) if program else None for program in programs]

    def layouts(self) -> list[list[int] | None]:
        """For each OQTOPUS job, the device's qubit that each qubit of the circuit ended up on.

        Routing included; None if the server's transpiler did not run, or has not run yet.

        Raises:
            ResponseValidationError: The server sent an invalid mapping.
        """
        return [layout(result) for result in self._batch.transpile_results()]

    # --- saving and loading

    def save(self, path: str | Path) -> None:
        """Write the job to a file that `load` reads: programs, circuits, and outcomes as far as known.

        Circuits that Qiskit's QPY cannot hold are left out with a warning; `circuits()` rebuilds them from their
        programs.
        """
        from qiskit_oqtopus.archive import SavedJob, save  # noqa: PLC0415 - rarely needed

        save(SavedJob(self.job_id(), self.programs_by_job(), self._circuits, self.jobs()), path)

    @classmethod
    def load(cls, path: str | Path, provider: Provider | None = None) -> Self:
        """Read a job that `save` wrote.

        Args:
            path: The file.
            provider: Asks the server about OQTOPUS jobs that had not ended when the job was saved, and finds the
                backend; `provider.load_job(path)` does the same. By default the job is read without a server.

        Raises:
            ValueError: The file is not a saved job.
        """
        from qiskit_oqtopus.archive import load  # noqa: PLC0415 - rarely needed

        return cls.from_saved(load(path), provider)

    @classmethod
    def from_saved(cls, saved: SavedJob, provider: Provider | None = None) -> Self:
        """The job that a file holds; see `load`."""
        client, find_backend = (provider.client, provider.get_backend) if provider else (None, None)
        batch = JobBatch(client, saved.job_id, [job.job_id for job in saved.jobs], saved.jobs)
        return cls(batch, saved.programs, circuits=saved.circuits, find_backend=find_backend)

    def _device_id(self) -> str:
        return str(self._backend.name) if self._backend is not None else self._batch.device_id()

    def __repr__(self) -> str:
        return f"<OqtopusJob {self.job_id()!r}, OQTOPUS jobs: {len(self.job_ids)}>"
