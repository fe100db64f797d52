"""Programs as OQTOPUS jobs: `CloudRun`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import oqtopus_client
from qiskit_oqtopus.errors import OqtopusJobError, failure_message, is_sent_as_is, reason
from qiskit_oqtopus.header import PARALLEL
from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.expectation import Estimate
from qiskit_oqtopus.primitives.part_outcomes import part_outcomes
from qiskit_oqtopus.primitives.plan import by_program, from_header, joined, planned_jobs, to_header
from qiskit_oqtopus.primitives.task import programs_of
from qiskit_oqtopus.results import layout
from qiskit_oqtopus.specs import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.providers import JobStatus

    from oqtopus_client import OqtopusJobResult
    from oqtopus_client.rest.models import JobsS3TranspileResult
    from qiskit_oqtopus.archive import SavedJob
    from qiskit_oqtopus.backend import OqtopusBackend
    from qiskit_oqtopus.batch import JobBatch
    from qiskit_oqtopus.header import CircuitHeader
    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.plan import Block, Plan, PlannedJob
    from qiskit_oqtopus.primitives.task import Task
    from qiskit_oqtopus.primitives.task_packer import TaskPacker


class CloudRun:
    """Programs on an OQTOPUS device, each as a job, or as several jobs across which its shots are split.

    Args:
        batch: The jobs.
        plan: The plan and its blocks; if None, they are read from the first job's program when they are needed.
        headers: The headers of the jobs' programs, if these run several programs side by side. They are read with the
            plan, too.

    Attributes:
        batch: As passed to the constructor.
    """

    def __init__(
        self,
        batch: JobBatch,
        plan: tuple[Plan, Sequence[Block]] | None = None,
        headers: Sequence[CircuitHeader] = (),
    ) -> None:
        self.batch = batch
        self._plan = plan
        self._headers = headers

    @classmethod
    def submit(cls, backend: OqtopusBackend, tasks: Sequence[Task], plan: Plan, options: PrimitiveOptions) -> Self:
        """Submit tasks; see `dispatch.submit`."""
        max_shots = min(options.max_shots, backend.max_shots)
        blocks, jobs = [], []
        for task, programs in zip(tasks, programs_of(tasks, backend.target), strict=True):
            block = task.block(max_shots, programs[0].header.clbits)
            blocks.append(block)
            jobs += [
                Job([programs[job.text]], job.shots, task.operator, task.mitigated) for job in planned_jobs([block])
            ]
        jobs[0] = _with_plan(jobs[0], plan, blocks, plan.version)
        return cls(backend.submit(jobs, kind=plan.kind, **options.for_device()), (plan, blocks))

    @classmethod
    def submit_packed(cls, backend: OqtopusBackend, packer: TaskPacker, plan: Plan, options: PrimitiveOptions) -> Self:
        """Submit the tasks that a packer has packed; see `dispatch.submit`."""
        jobs = [_with_plan(packer.jobs[0], plan, packer.blocks, PARALLEL), *packer.jobs[1:]]
        headers = [job.programs[0].header for job in jobs]
        return cls(backend.submit(jobs, kind=plan.kind, **options.for_device()), (plan, packer.blocks), headers)

    @property
    def run_id(self) -> str:
        """The tag by which the server finds the jobs."""
        return self.batch.batch_id

    @property
    def job_ids(self) -> list[str]:
        """The ids of the OQTOPUS jobs."""
        return list(self.batch.job_ids)

    @property
    def num_pubs(self) -> int | None:
        """Number of PUBs; None if it would take a request."""
        return None if self._plan is None else len(self._plan[0].pubs)

    def saved(self) -> SavedJob:
        """Return the content of the file that the run is saved to; see `Run`.

        Raises:
            OqtopusJobError: The server no longer has all programs.
        """
        from qiskit_oqtopus.archive import SavedJob  # noqa: PLC0415 - rarely needed

        programs = self.batch.programs()
        if not all(program.header for each in programs for program in each):
            raise OqtopusJobError(
                self.run_id, "the programs of some of its jobs cannot be read, so it cannot be saved."
            )
        return SavedJob(self.run_id, programs, None, self.batch.jobs_to_save())

    def wait(self, timeout: float | None) -> None:
        """Wait for all jobs; see `Run`."""
        if None in self.batch.outcomes(timeout):
            raise self.batch.timed_out(timeout)

    def status(self) -> JobStatus:
        """Return the status of the least advanced job; once all have ended, the worst outcome."""
        return self.batch.status()

    def cancel(self) -> bool:
        """Cancel every job that has not ended. Return whether the run is then cancelled."""
        return self.batch.cancel()

    def plan(self) -> Plan:
        """Return the plan that turns the outcomes into the primitive's result."""
        return self._plan_and_blocks()[0]

    def outcomes(self, timeout: float | None, *, progress: bool) -> list[Outcomes | Estimate]:
        """Wait for all jobs and return the outcomes of each program, or the server's estimate; see `Run`."""
        jobs = self.batch.outcomes(timeout, progress=progress)
        if None in jobs:
            raise self.batch.timed_out(timeout)
        plan, blocks = self._plan_and_blocks()
        planned = list(planned_jobs(blocks))
        found: list[Outcomes | Estimate] = []
        parts: dict[int, list[Outcomes]] = {}
        failures = []
        for i, (job_id, job) in enumerate(zip(self.job_ids, jobs, strict=True)):
            try:
                if self._headers:
                    for index, outcomes in part_outcomes(_counts(job), self._headers[i], planned, i):
                        parts.setdefault(index, []).append(outcomes)
                else:
                    found.append(_outcome(job, planned[i].block))
            except ValueError as error:
                name = repr(getattr(job, "name", "circuit"))
                failures.append(f"{name} ({job_id}) {error}")
        if failures:
            of = "programs" if self._headers else "circuits"
            raise OqtopusJobError(self.run_id, failure_message(failures, len(jobs), of))
        if self._headers:
            found += [Outcomes.concatenated(parts[index]) for index in range(len(planned))]
        elif plan.needs_layout:
            transpiled = zip(self.batch.jobs(), self.batch.transpile_results(), found, strict=True)
            found = [self._with_qubits(job, result, outcome) for job, result, outcome in transpiled]
        return [_combined(parts) for parts in by_program(planned, found)]

    def _with_qubits(
        self, job: OqtopusJobResult, result: JobsS3TranspileResult | None, outcome: Outcomes | Estimate
    ) -> Outcomes | Estimate:
        """Return a job's outcomes with the device's qubits that were measured.

        Raises:
            OqtopusJobError: The server chose them and does not report which.
        """
        if isinstance(outcome, Estimate) or is_sent_as_is(job):
            return outcome
        qubits = layout(result)
        if not qubits:
            raise OqtopusJobError(
                self.run_id,
                f"{job.job_id} was transpiled by the server, which does not report which qubits it measured, so their "
                "readout errors cannot be mitigated. Use qiskit.transpile(circuit, backend) first.",
            )
        return outcome.measured_on(qubits)

    def _plan_and_blocks(self) -> tuple[Plan, Sequence[Block]]:
        if self._plan is None:
            header = self.batch.first_program().header
            try:
                plan = from_header(header.extra, self.batch.kind)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise OqtopusJobError(
                    self.run_id, f"was not submitted by this version of qiskit_oqtopus: {error!r}."
                ) from error
            if header.parts:
                self._headers = [programs[0].header for programs in self.batch.programs()]
            else:
                self.batch.check_late_jobs()
            self._plan = plan
        return self._plan


def _with_plan(job: Job, plan: Plan, blocks: Sequence[Block], version: int) -> Job:
    """Return a job whose first program holds the plan."""
    return replace(job, programs=[job.programs[0].with_extra(to_header(plan, blocks), version)])


def _combined(parts: Sequence[tuple[PlannedJob, Outcomes | Estimate]]) -> Outcomes | Estimate:
    """Return a program's combined outcome, from the outcomes of the jobs across which its shots are split."""
    estimates = [(part, job.shots) for job, part in parts if isinstance(part, Estimate)]
    if estimates:
        return Estimate.weighted_mean(estimates)
    return joined([(job, part) for job, part in parts if isinstance(part, Outcomes)])


def _outcome(job: OqtopusJobResult | Exception | None, block: Block) -> Outcomes | Estimate:
    """Return a job's outcomes, or its estimate.

    Raises:
        ValueError: The job has no readable result.
    """
    if isinstance(job, oqtopus_client.OqtopusEstimationJobResult):
        if job.exp_value is None or job.stds is None:
            raise ValueError(reason(job, ours=True))
        return Estimate(job.exp_value, job.stds)
    counts = _counts(job)
    try:
        return Outcomes.from_bitstrings(counts, block.clbits, block.num_clbits)
    except ValueError as error:
        raise ValueError(f"has an unreadable result: {error}") from None


def _counts(job: OqtopusJobResult | Exception | None) -> dict[str, int]:
    """Return a job's counts.

    Raises:
        ValueError: The job has none.
    """
    if not isinstance(job, oqtopus_client.OqtopusSamplingJobResult):
        raise ValueError(f"has an unreadable result: {job}")  # noqa: TRY004 - of the server's making
    if job.sampling is None:
        raise ValueError(reason(job, ours=True))
    counts, most = job.get_counts(), oqtopus_client.rest.models.MAX_SHOTS
    for key, number in counts.items():
        if not (isinstance(number, int | float) and 0 <= number <= most and number % 1 == 0):
            raise ValueError(f"has an unreadable result: {number!s:.20} is not a valid count of the outcome {key!r}.")
    if not sum(counts.values()):
        raise ValueError("succeeded, but counted nothing.")
    return counts
