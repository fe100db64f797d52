"""Programs under way: on an OQTOPUS device as a batch of jobs, on any other backend as its own jobs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qiskit.providers import JobError, JobStatus, JobTimeoutError

import oqtopus_client
from qiskit_oqtopus.errors import OqtopusJobError, failure_message, is_sent_as_is, reason, timed_out
from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.expectation import Estimate, merged
from qiskit_oqtopus.primitives.plan import as_id, shares, unpack
from qiskit_oqtopus.results import layout
from qiskit_oqtopus.status import overall_status
from qiskit_oqtopus.tags import new_batch_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.providers import JobV1
    from qiskit.result import Result

    from oqtopus_client import OqtopusJobResult
    from oqtopus_client.rest.models import JobsS3TranspileResult
    from qiskit_oqtopus.batch import JobBatch
    from qiskit_oqtopus.primitives.plan import Block, Plan


class Run(Protocol):
    """The programs of one primitive's run, wherever they are."""

    @property
    def run_id(self) -> str:
        """The run's id."""

    @property
    def job_ids(self) -> list[str]:
        """Ids of the jobs, in the order of the programs."""

    def status(self) -> JobStatus:
        """The status of the least advanced job; once all have ended, the worst outcome."""

    def cancel(self) -> bool:
        """Cancel every job that has not ended. True if that leaves the run cancelled."""

    def plan(self) -> Plan:
        """What becomes of the outcomes."""

    def outcomes(self, timeout: float | None, *, progress: bool) -> Sequence[Outcomes | Estimate]:
        """Wait for all jobs; what each program measured, or the server estimated.

        Raises:
            OqtopusJobError: A job ended without a result.
            OqtopusJobTimeoutError: Some jobs did not finish in time; they are still running.
        """


class CloudRun:
    """Programs as OQTOPUS jobs.

    Args:
        batch: The jobs.
        plan: Plan and blocks; read from the first job's program when needed if None.
    """

    def __init__(self, batch: JobBatch, plan: tuple[Plan, Sequence[Block]] | None = None) -> None:
        self._batch = batch
        self._plan = plan

    @property
    def run_id(self) -> str:
        """The tag by which the server finds the jobs."""
        return self._batch.batch_id

    @property
    def job_ids(self) -> list[str]:
        """Ids of the OQTOPUS jobs."""
        return list(self._batch.job_ids)

    def status(self) -> JobStatus:
        """Theirs together."""
        return self._batch.status()

    def cancel(self) -> bool:
        """Cancel them on the server."""
        return self._batch.cancel()

    def plan(self) -> Plan:
        """What becomes of the outcomes."""
        return self._plan_and_blocks()[0]

    def outcomes(self, timeout: float | None, *, progress: bool) -> list[Outcomes | Estimate]:
        """Wait for them."""
        jobs = self._batch.outcomes(timeout, progress=progress)
        if None in jobs:
            raise timed_out(self.run_id, timeout)
        plan, blocks = self._plan_and_blocks()
        found: dict[str, Outcomes | Estimate] = {}
        failures = []
        for (_, block, _), job_id, job in zip(shares(blocks), self.job_ids, jobs, strict=True):
            try:
                found[job_id] = _outcome(job, block)
            except ValueError as error:
                name = repr(getattr(job, "name", "circuit"))
                failures.append(f"{name} ({job_id}) {error}")
        if failures:
            raise OqtopusJobError(self.run_id, failure_message(failures, len(jobs)))
        of_each = list(found.values())
        if plan.by_qubit:
            transpiled = zip(self._batch.jobs(), self._batch.transpile_results(), found.values(), strict=True)
            of_each = [self._placed(job, result, outcome) for job, result, outcome in transpiled]
        parts: dict[int, list[tuple[Outcomes | Estimate, int]]] = {}
        for (program, _, shots), outcome in zip(shares(blocks), of_each, strict=True):
            parts.setdefault(program, []).append((outcome, shots))
        return [_merged(parts[program]) for program in sorted(parts)]

    def _placed(
        self, job: OqtopusJobResult, result: JobsS3TranspileResult | None, outcome: Outcomes | Estimate
    ) -> Outcomes | Estimate:
        """What a job measured, with the device's qubits that it was measured on.

        Raises:
            OqtopusJobError: The server chose them, and does not tell which.
        """
        if isinstance(outcome, Estimate) or is_sent_as_is(job):
            return outcome
        qubits = layout(result)
        if not qubits:
            raise OqtopusJobError(
                self.run_id,
                f"{job.job_id} was transpiled by the server, which does not tell which qubits it measured: their "
                "readout errors cannot be mitigated. Use qiskit.transpile(circuit, backend) first.",
            )
        return outcome.on(qubits)

    def _plan_and_blocks(self) -> tuple[Plan, Sequence[Block]]:
        if self._plan is None:
            try:
                plan = unpack(self._batch.first_program().header.extra, self._batch.kind)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise OqtopusJobError(
                    self.run_id, f"was not submitted by this version of qiskit_oqtopus: {error!r}."
                ) from error
            self._batch.check_late_jobs()
            self._plan = plan
        return self._plan


def _merged(parts: Sequence[tuple[Outcomes | Estimate, int]]) -> Outcomes | Estimate:
    """What the jobs that share a program's shots found together."""
    estimates = [(part, shots) for part, shots in parts if isinstance(part, Estimate)]
    return (
        merged(estimates) if estimates else Outcomes.merged([part for part, _ in parts if isinstance(part, Outcomes)])
    )


def _outcome(job: OqtopusJobResult | Exception | None, block: Block) -> Outcomes | Estimate:
    """What a job measured, or estimated.

    Raises:
        ValueError: It has no result that can be read.
    """
    if isinstance(job, oqtopus_client.OqtopusEstimationJobResult):
        if job.exp_value is None or job.stds is None:
            raise ValueError(reason(job, ours=True))
        return Estimate(job.exp_value, job.stds)
    if not isinstance(job, oqtopus_client.OqtopusSamplingJobResult):
        raise ValueError(f"has an unreadable result: {job}")  # noqa: TRY004 - of the server's making
    counts = job.get_counts()
    if not sum(counts.values()):
        raise ValueError(reason(job, ours=True) if job.sampling is None else "succeeded, but counted nothing.")
    try:
        return Outcomes.from_bitstrings(counts, block.clbits, block.num_clbits)
    except ValueError as error:
        raise ValueError(f"has an unreadable result: {error}") from None


@dataclass(frozen=True)
class Chunk:
    """What one call of `backend.run` runs.

    Attributes:
        job: The job it returned.
        parts: For each circuit, its place among all jobs that the blocks ask for.
    """

    job: JobV1
    parts: Sequence[int]


class BackendRun:
    """Programs as jobs of any backend.

    Args:
        kind: The primitive.
        chunks: The jobs; none if there is nothing to run.
        plan: Plan and blocks.
    """

    def __init__(self, chunks: Sequence[Chunk], plan: tuple[Plan, Sequence[Block]]) -> None:
        self.run_id = new_batch_id(plan[0].kind) if chunks else as_id(plan[0])
        self._chunks = chunks
        self._plan, self._blocks = plan

    @property
    def job_ids(self) -> list[str]:
        """Ids of the backend's jobs."""
        return [str(chunk.job.job_id()) for chunk in self._chunks]

    def status(self) -> JobStatus:
        """Theirs together."""
        return overall_status([chunk.job.status() for chunk in self._chunks])

    def cancel(self) -> bool:
        """Cancel them as far as the backend can."""
        for chunk in self._chunks:
            if not chunk.job.in_final_state():
                chunk.job.cancel()
        return self.status() is JobStatus.CANCELLED

    def plan(self) -> Plan:
        """What becomes of the outcomes."""
        return self._plan

    def outcomes(self, timeout: float | None, *, progress: bool) -> list[Outcomes]:  # noqa: ARG002 - few jobs, no bar
        """Wait for them."""
        deadline = None if timeout is None else time.monotonic() + timeout
        wanted = list(shares(self._blocks))
        found: dict[int, Outcomes] = {}
        for chunk in self._chunks:
            result = self._result(chunk.job, deadline, timeout)
            for i, part in enumerate(chunk.parts):
                found[part] = _counted(result, i, wanted[part][1])
        parts: dict[int, list[Outcomes]] = {}
        for part, (program, _, _) in enumerate(wanted):
            parts.setdefault(program, []).append(found[part])
        return [Outcomes.merged(parts[program]) for program in sorted(parts)]

    def _result(self, job: JobV1, deadline: float | None, timeout: float | None) -> Result:
        try:
            remaining = None if deadline is None else max(deadline - time.monotonic(), 0)
            job.wait_for_final_state(timeout=remaining, wait=0.02)
            result = None if job.cancelled() else job.result()
        except JobTimeoutError:
            raise timed_out(self.run_id, timeout) from None
        except JobError as error:
            raise OqtopusJobError(self.run_id, f"{job.job_id()}: {error.message}") from error
        if result is None:
            raise OqtopusJobError(self.run_id, f"{job.job_id()} was cancelled.")
        if not result.success:
            states = [str(getattr(experiment, "status", "")) for experiment in result.results]
            raise OqtopusJobError(self.run_id, f"{job.job_id()}: {result.status}; {'; '.join(states)}.")
        return result


def _counted(result: Result, index: int, block: Block) -> Outcomes:
    """The counts of one circuit of a result, whatever their keys."""
    width = block.num_clbits
    counts: dict[str, int] = {}
    for key, number in result.data(index)["counts"].items():
        bits = f"{int(key, 16):0{width}b}" if key.startswith("0x") else key.replace(" ", "")
        counts[bits] = int(number)
    return Outcomes.from_bitstrings(counts, range(width), width)
