"""What a primitive would submit: `RunPreview`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.user_warnings import warn_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit import QuantumCircuit
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.task import Task

_MANY = 200
"""The most jobs that suppression adds without a warning."""


@dataclass(frozen=True)
class RunPreview:
    """What `run` would submit.

    Attributes:
        jobs: Number of jobs; on other backends than OQTOPUS devices, the number of circuits to run.
        shots: Number of shots of all jobs together.
        added_jobs: The number of these jobs that error suppression and mitigation add.
        circuits: The different circuits, in each randomization, with their parameters.
        lowering: The option that lowers the number of added jobs most.
    """

    jobs: int
    shots: int
    added_jobs: int
    circuits: list[QuantumCircuit]
    lowering: str

    @classmethod
    def of(cls, tasks: Sequence[Task], backend: BackendV2, options: PrimitiveOptions) -> Self:
        """Return the preview of some tasks."""
        max_shots = options.max_shots
        if isinstance(backend, OqtopusBackend):
            max_shots = min(max_shots, backend.max_shots)
        blocks = [task.block(max_shots, ()) for task in tasks]
        jobs = sum(block.programs * block.jobs for block in blocks)
        plain = sum(len(task.values) * task.num_jobs(max_shots) for task in tasks if not task.is_added)
        circuits = {id(task.circuit): task.circuit for task in tasks}
        randomizations = max((block.randomizations for block in blocks), default=1)
        return cls(
            jobs,
            sum(block.programs * block.shots for block in blocks),
            jobs - plain,
            [each for circuit in circuits.values() for each in circuit.circuits()],
            _lowering(randomizations, options),
        )

    def warn(self) -> None:
        """Warn if error suppression and mitigation add many jobs."""
        if self.added_jobs > _MANY:
            warn_user(
                f"Error suppression and mitigation add {self.added_jobs:,} jobs to the "
                f"{self.jobs - self.added_jobs:,} of this run. {self.lowering} lowers their number."
            )

    def __repr__(self) -> str:
        return (
            f"<RunPreview: {self.jobs:,} jobs, of which suppression adds {self.added_jobs:,}; {self.shots:,} shots, "
            f"{len(self.circuits)} circuits>"
        )


def _lowering(randomizations: int, options: PrimitiveOptions) -> str:
    if randomizations > 1:
        return f"A smaller twirling.num_randomizations, now {randomizations},"
    if options.steps.extrapolation is not None:
        return "A shorter resilience.zne.noise_factors"
    return "A larger max_shots"
