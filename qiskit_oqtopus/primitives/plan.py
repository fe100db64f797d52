"""How outcomes become a primitive's result: `Plan`, and `Block`. Both are sent in the first program's header."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self, TypeVar

import numpy as np

from qiskit_oqtopus.errors import LaterReleaseError
from qiskit_oqtopus.primitives.counts import Outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    from qiskit.primitives import PrimitiveResult

_T = TypeVar("_T")


class Plan(Protocol):
    """How the outcomes of a primitive's programs become its result."""

    kind: ClassVar[str]
    """The primitive's name, as in the ids of its runs."""

    @property
    def pubs(self) -> tuple[Any, ...]:
        """The plans of the PUBs."""

    @property
    def needs_layout(self) -> bool:
        """Whether the result depends on which qubits of the device were measured."""

    @property
    def version(self) -> int:
        """The version of the header that holds the plan; see `CircuitHeader`."""

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON, in which the bindings of a sweep share what they have in common."""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the plan that `to_json` wrote."""

    def finish(self, outcomes: Sequence[Any]) -> PrimitiveResult:
        """Return the primitive's result.

        Args:
            outcomes: For each program, in the order of the tasks and their bindings, its `Outcomes`, or an `Estimate`
                where the server estimated.
        """


@dataclass(frozen=True)
class Block:
    """Consecutive programs that are decoded alike: one circuit with different values.

    Attributes:
        programs: Number of programs.
        shots: Number of shots of each.
        jobs: Number of jobs across which the shots of each are split; equally many for each randomization, or one for
            each shot.
        clbits: For each counted bit, bit 0 first, the index of the circuit's classical bit.
        num_clbits: Number of classical bits of the circuit.
        flips: For each randomization of the circuit, the classical bits that it flips: bit i is classical bit i. Empty
            if the circuit is not randomized.
    """

    programs: int
    shots: int
    jobs: int
    clbits: tuple[int, ...]
    num_clbits: int
    flips: tuple[int, ...] = ()

    @property
    def randomizations(self) -> int:
        """Number of circuits with which each program runs."""
        return max(1, len(self.flips))

    def shots_per_job(self) -> list[int]:
        """Return the shots of each job of a program, split as evenly as possible.

        >>> Block(programs=1, shots=10, jobs=3, clbits=(0,), num_clbits=1).shots_per_job()
        [4, 3, 3]
        """
        return [self.shots // self.jobs + (i < self.shots % self.jobs) for i in range(self.jobs)]

    def flips_of(self, randomization: int) -> npt.NDArray[np.bool_]:
        """Return whether a randomization flips each classical bit.

        >>> Block(1, 10, 2, clbits=(0, 1), num_clbits=3, flips=(0, 6)).flips_of(1)
        array([False,  True,  True])
        """
        flips = self.flips[randomization]
        return np.array([flips >> bit & 1 for bit in range(self.num_clbits)], bool)

    def to_json(self) -> list[Any]:
        """Return the block as JSON."""
        # One field more, so that versions that would leave the flips in refuse the plan.
        flips = [[f"{each:x}" for each in self.flips]] if self.flips else []
        return [self.programs, self.shots, self.jobs, list(self.clbits), self.num_clbits, *flips]

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Self:
        """Return the block that `to_json` wrote."""
        programs, shots, jobs, clbits, num_clbits, *more = fields
        (flips,) = more or [()]
        randomized = tuple(int(each, 16) for each in flips)
        return cls(int(programs), int(shots), int(jobs), tuple(map(int, clbits)), int(num_clbits), randomized)


class PlannedJob(NamedTuple):
    """A job of a run.

    Attributes:
        program: Index of the program that it runs.
        randomization: Index of the program's randomization that it runs; 0 if the program is not randomized.
        text: Index of that randomization among those of all programs.
        block: The block of that program.
        shots: Number of shots.
    """

    program: int
    randomization: int
    text: int
    block: Block
    shots: int


def planned_jobs(blocks: Sequence[Block]) -> Iterator[PlannedJob]:
    """Yield the jobs that run the programs of blocks, in order."""
    first_program = first_text = 0
    for block in blocks:
        shots_per_job = block.shots_per_job()
        for i in range(block.programs):
            for job, shots in enumerate(shots_per_job):
                randomization = job * block.randomizations // block.jobs
                text = first_text + i * block.randomizations + randomization
                yield PlannedJob(first_program + i, randomization, text, block, shots)
        first_program += block.programs
        first_text += block.programs * block.randomizations


def by_program(jobs: Sequence[PlannedJob], found: Sequence[_T]) -> list[list[tuple[PlannedJob, _T]]]:
    """Return the jobs of each program, with something found for each."""
    programs: dict[int, list[tuple[PlannedJob, _T]]] = {}
    for job, each in zip(jobs, found, strict=True):
        programs.setdefault(job.program, []).append((job, each))
    return list(programs.values())


def joined(parts: Sequence[tuple[PlannedJob, Outcomes]]) -> Outcomes:
    """Return the outcomes of a program, from those of its jobs."""
    if not parts[0][0].block.flips:
        return Outcomes.concatenated([outcomes for _, outcomes in parts])
    randomizations: dict[int, list[Outcomes]] = {}
    for job, outcomes in parts:
        undone = outcomes.flipped(job.block.flips_of(job.randomization))
        randomizations.setdefault(job.randomization, []).append(undone)
    return Outcomes.randomized([Outcomes.concatenated(each) for each in randomizations.values()])


def to_header(plan: Plan, blocks: Sequence[Block]) -> dict[str, Any]:
    """Return a plan and its blocks as fields of the first program's header."""
    return {plan.kind: plan.to_json(), "blocks": [block.to_json() for block in blocks]}


def from_header(extra: Mapping[str, Any], kind: str) -> tuple[Plan, list[Block]]:
    """Return the plan and the blocks from the fields of the first program's header.

    Raises:
        ValueError, KeyError, TypeError: The header has none, or those of another version.
    """
    return _plans()[kind].from_json(extra[kind]), [Block.from_json(block) for block in extra["blocks"]]


def to_run_id(plan: Plan) -> str:
    """Return the id of a run without jobs, which holds the plan, as no server has it."""
    content = json.dumps({"run": secrets.token_hex(4), plan.kind: plan.to_json()}, separators=(",", ":"))
    return f"{plan.kind}-{base64.urlsafe_b64encode(content.encode()).decode()}"


def from_run_id(run_id: str) -> Plan | None:
    """Return the plan that a run's id holds; None for the id of a run with jobs.

    Raises:
        LaterReleaseError: The id states a version; those of this release do not.
    """
    kind, _, content = run_id.partition("-")
    try:
        read = _plans()[kind].from_json
        fields = json.loads(base64.urlsafe_b64decode(content))
        plan = None if "v" in fields else read(fields[kind])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if plan is None:
        raise LaterReleaseError("This run's id", fields["v"])
    return plan


def _plans() -> dict[str, type[Plan]]:
    from qiskit_oqtopus.primitives.estimator_plan import EstimatorPlan  # noqa: PLC0415 - plans import what uses this
    from qiskit_oqtopus.primitives.sampler_plan import SamplerPlan  # noqa: PLC0415

    plans: tuple[type[Plan], ...] = (SamplerPlan, EstimatorPlan)
    return {plan.kind: plan for plan in plans}
