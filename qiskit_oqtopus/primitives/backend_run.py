"""Programs as jobs of any Qiskit backend: `BackendRun`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Self

import numpy as np
from qiskit.providers import JobError, JobStatus, JobTimeoutError

from oqtopus_client.checks import seconds_until
from qiskit_oqtopus.errors import OqtopusJobError, OqtopusJobTimeoutError, timed_out
from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.plan import by_program, from_run_id, joined, planned_jobs, to_run_id
from qiskit_oqtopus.status import overall_status
from qiskit_oqtopus.tags import new_batch_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.providers import BackendV2, JobV1
    from qiskit.result import Result

    from qiskit_oqtopus.archive import SavedJob
    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.plan import Block, Plan
    from qiskit_oqtopus.primitives.task import Task


_MAX_INTEGER_BITS = 62
"""The most bits of an outcome that is read as an integer."""


@dataclass(frozen=True)
class _Call:
    """One call of `backend.run`.

    Attributes:
        job: The job that it returned.
        indices: For each of its circuits, the index among all planned jobs.
    """

    job: JobV1
    indices: Sequence[int]


class BackendRun:
    """Programs as circuits that any backend runs, as many in one of its jobs as it takes.

    Args:
        calls: The calls of `backend.run`; none if there is nothing to run.
        plan: The plan.
        blocks: Its blocks.
        run_id: The id of the run, if it is an earlier one.
    """

    def __init__(self, calls: Sequence[_Call], plan: Plan, blocks: Sequence[Block], run_id: str = "") -> None:
        self.run_id = run_id or (new_batch_id(plan.kind) if calls else to_run_id(plan))
        self._calls = calls
        self._plan = plan
        self._blocks = blocks

    @classmethod
    def empty(cls, plan: Plan) -> Self:
        """Return the run of a plan that needs no programs; its id holds the plan."""
        return cls([], plan, [])

    @classmethod
    def retrieved(cls, run_id: str) -> Self:
        """Return an earlier run that needed no programs.

        Raises:
            ValueError: Its id does not hold the plan.
            LaterReleaseError: A later release wrote it.
        """
        plan = from_run_id(run_id)
        if plan is None:
            raise ValueError(f"{run_id!r} is not the id of a run without jobs.")
        return cls([], plan, [], run_id)

    @classmethod
    def submit(cls, backend: BackendV2, tasks: Sequence[Task], plan: Plan, options: PrimitiveOptions) -> Self:
        """Start tasks; see `dispatch.submit`. Circuits are bound, and only counts are read."""
        options.for_other_backend(str(backend.name))
        blocks = [task.block(options.max_shots, tuple(range(task.circuit.circuit.num_clbits))) for task in tasks]
        circuits = [circuit for task in tasks for circuit in task.circuit.bound(task.values)]
        planned = list(planned_jobs(blocks))
        by_shots: dict[int, list[int]] = {}
        for i, job in enumerate(planned):
            by_shots.setdefault(job.shots, []).append(i)
        size = backend.max_circuits or len(planned)
        groups = [
            (shots, indices[start : start + size])
            for shots, indices in by_shots.items()
            for start in range(0, len(indices), size)
        ]
        calls = []
        for (shots, indices), seed in zip(groups, _seeds(backend, options.seed, len(groups)), strict=True):
            given = [circuits[planned[i].text] for i in indices]
            calls.append(_Call(backend.run(given, shots=shots, **seed), indices))
        return cls(calls, plan, blocks)

    @property
    def job_ids(self) -> list[str]:
        """The ids of the backend's jobs."""
        return [str(call.job.job_id()) for call in self._calls]

    @property
    def batch(self) -> None:
        """None, as another backend's jobs are not OQTOPUS jobs."""
        return

    @property
    def num_pubs(self) -> int:
        """Number of PUBs."""
        return len(self._plan.pubs)

    def saved(self) -> SavedJob:
        """Return the content of the file that a run without jobs is saved to; see `Run`."""
        from qiskit_oqtopus.archive import SavedJob  # noqa: PLC0415 - rarely needed

        if self._calls:
            raise JobError(
                f"Run {self.run_id} has no OQTOPUS jobs, and others cannot be saved; save the arrays of its result, "
                "such as result[0].data.evs or result[0].data.meas.get_counts()."
            )
        return SavedJob(self.run_id, [], None, [])

    def wait(self, timeout: float | None) -> None:
        """Wait for all jobs; see `Run`."""
        deadline = None if timeout is None else time.monotonic() + seconds_until(timeout)
        for call in self._calls:
            self._wait(call.job, deadline, timeout)

    def _wait(self, job: JobV1, deadline: float | None, timeout: float | None) -> None:
        remaining = None if deadline is None else max(deadline - time.monotonic(), 0)
        try:
            job.wait_for_final_state(timeout=remaining, wait=0.02)
        except JobTimeoutError:
            raise timed_out(self.run_id, timeout) from None

    def status(self) -> JobStatus:
        """Return the status of the least advanced job; once all have ended, the worst outcome."""
        return overall_status([call.job.status() for call in self._calls])

    def cancel(self) -> bool:
        """Cancel every job that has not ended, as far as the backend can. Return whether the run is then cancelled."""
        for call in self._calls:
            if not call.job.in_final_state():
                call.job.cancel()
        return self.status() is JobStatus.CANCELLED

    def plan(self) -> Plan:
        """Return the plan that turns the outcomes into the primitive's result."""
        return self._plan

    def outcomes(self, timeout: float | None, *, progress: bool) -> list[Outcomes]:  # noqa: ARG002 - few jobs, no bar
        """Wait for all jobs and return the outcomes of each program; see `Run`."""
        deadline = None if timeout is None else time.monotonic() + seconds_until(timeout)
        planned = list(planned_jobs(self._blocks))
        found: dict[int, Outcomes] = {}
        for call in self._calls:
            result = self._result(call.job, deadline, timeout)
            for position, i in enumerate(call.indices):
                found[i] = _counted(result, position, planned[i].block)
        return [joined(parts) for parts in by_program(planned, [found[i] for i in range(len(planned))])]

    def _result(self, job: JobV1, deadline: float | None, timeout: float | None) -> Result:
        try:
            self._wait(job, deadline, timeout)
            result = None if job.cancelled() else job.result()
        except OqtopusJobTimeoutError:
            raise
        except JobError as error:
            raise OqtopusJobError(self.run_id, f"{job.job_id()}: {error.message}") from error
        if result is None:
            raise OqtopusJobError(self.run_id, f"{job.job_id()} was cancelled.")
        if not result.success:
            states = [str(getattr(experiment, "status", "")) for experiment in result.results]
            raise OqtopusJobError(self.run_id, f"{job.job_id()}: {result.status}; {'; '.join(states)}.")
        return result


def _seeds(backend: BackendV2, seed: int | None, number: int) -> list[dict[str, int]]:
    """Return, for each of some calls, the keyword that seeds it differently; empty without a seed or such an option."""
    if seed is None or not hasattr(backend.options, "seed_simulator"):
        return [{}] * number
    return [{"seed_simulator": int(word) >> 1} for word in np.random.SeedSequence(seed).generate_state(number)]


def _counted(result: Result, index: int, block: Block) -> Outcomes:
    """Return the outcomes of one circuit of a result, whose keys may be hexadecimal or have spaces."""
    width, seen = block.num_clbits, result.data(index)["counts"]
    if width <= _MAX_INTEGER_BITS and next(iter(seen), "").startswith("0x"):
        # Twenty times as fast as by way of bitstrings.
        states = np.fromiter(map(int, seen, repeat(16)), np.int64, len(seen))
        if not (states >> width).any():
            bits = (states[:, np.newaxis] >> np.arange(width) & 1).astype(np.uint8)
            return Outcomes(bits, np.fromiter(seen.values(), np.int64, len(seen)))
    counts: dict[str, int] = {}
    for key, number in seen.items():
        bitstring = f"{int(key, 16):0{width}b}" if key.startswith("0x") else key.replace(" ", "")
        counts[bitstring] = int(number)
    return Outcomes.from_bitstrings(counts, range(width), width)
