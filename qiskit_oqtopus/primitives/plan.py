"""What it takes to make a primitive's result of what its programs measured; it travels with the first program."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from qiskit_oqtopus.errors import LaterReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qiskit.primitives import PrimitiveResult


class Plan(Protocol):
    """A primitive's own part: what becomes of the outcomes."""

    kind: ClassVar[str]
    """The primitive's name, as in the ids of its jobs."""

    @property
    def by_qubit(self) -> bool:
        """Whether it matters on which qubits of the device something was measured."""

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON, as short as can be: a sweep's bindings share what they have in common."""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The plan that `to_json` wrote."""

    def finish(self, outcomes: Sequence[Any]) -> PrimitiveResult:
        """The primitive's result.

        Args:
            outcomes: Of each program, in the order of the tasks and their bindings: `Outcomes`, or an `Estimate` where
                the server estimated.
        """


@dataclass(frozen=True)
class Block:
    """Consecutive programs that are read alike, being one circuit with different values.

    Attributes:
        programs: How many there are.
        shots: How often each runs.
        jobs: How many jobs share the shots of each.
        clbits: For each bit of what is counted, bit 0 first, the index of the circuit's classical bit.
        num_clbits: How many classical bits the circuit has.
    """

    programs: int
    shots: int
    jobs: int
    clbits: tuple[int, ...]
    num_clbits: int

    def shares(self) -> list[int]:
        """The shots of each job of a program, as even as can be.

        >>> Block(programs=1, shots=10, jobs=3, clbits=(0,), num_clbits=1).shares()
        [4, 3, 3]
        """
        return [self.shots // self.jobs + (i < self.shots % self.jobs) for i in range(self.jobs)]

    def to_json(self) -> list[Any]:
        """The block as JSON."""
        return [self.programs, self.shots, self.jobs, list(self.clbits), self.num_clbits]

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Self:
        """The block that `to_json` wrote."""
        programs, shots, jobs, clbits, num_clbits = fields
        return cls(int(programs), int(shots), int(jobs), tuple(map(int, clbits)), int(num_clbits))


def shares(blocks: Sequence[Block]) -> Iterator[tuple[int, Block, int]]:
    """For each job, in order: the index of its program, the program's block, and the job's shots."""
    first = 0
    for block in blocks:
        parts = block.shares()
        for program in range(first, first + block.programs):
            for shots in parts:
                yield program, block, shots
        first += block.programs


def pack(plan: Plan, blocks: Sequence[Block]) -> dict[str, Any]:
    """Plan and blocks as the first program's header carries them."""
    return {plan.kind: plan.to_json(), "blocks": [block.to_json() for block in blocks]}


def unpack(extra: Mapping[str, Any], kind: str) -> tuple[Plan, list[Block]]:
    """Plan and blocks from the first program's header.

    Raises:
        ValueError, KeyError, TypeError: They are not there, or of another version.
    """
    return _plans()[kind].from_json(extra[kind]), [Block.from_json(block) for block in extra["blocks"]]


def as_id(plan: Plan) -> str:
    """The id of a run that needs no job: it holds the plan, as no server has it."""
    content = json.dumps({"run": secrets.token_hex(4), plan.kind: plan.to_json()}, separators=(",", ":"))
    return f"{plan.kind}-{base64.urlsafe_b64encode(content.encode()).decode()}"


def from_id(run_id: str) -> Plan | None:
    """Return the plan that an id contains; None for an id of jobs.

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
