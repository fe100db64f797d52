"""The jobs of a primitive, before they are submitted: `RunPreview`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.backend import OqtopusBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit import QuantumCircuit
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.task import Task
    from qiskit_oqtopus.primitives.task_packer import TaskPacker

_MANY = 200
"""The most jobs that suppression adds without a warning."""


class RunPreview:
    """The jobs, shots and circuits that `run` would submit.

    Args:
        tasks: The tasks.
        backend: The backend to run on.
        options: The primitive's options.
        packer: The packer of a run whose programs run side by side.

    Attributes:
        jobs: Number of jobs; on other backends than OQTOPUS devices, the number of circuits to run.
        shots: Number of shots of all jobs together.
        added_jobs: The number of these jobs that error suppression and mitigation add; side by side, those that run
            nothing else.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        backend: BackendV2,
        options: PrimitiveOptions,
        packer: TaskPacker | None = None,
    ) -> None:
        self._circuits = list(dict.fromkeys(task.circuit for task in tasks))
        self._options = options
        if packer is not None:
            self.jobs, self.added_jobs = len(packer.jobs), packer.num_added
            self.shots = sum(job.shots for job in packer.jobs)
            return
        max_shots = options.max_shots
        if isinstance(backend, OqtopusBackend):
            max_shots = min(max_shots, backend.max_shots)
        blocks = [task.block(max_shots, ()) for task in tasks]
        without = sum(len(task.values) * task.num_jobs(max_shots) for task in tasks if not task.is_added)
        self.jobs = sum(block.programs * block.jobs for block in blocks)
        self.shots = sum(block.programs * block.shots for block in blocks)
        self.added_jobs = self.jobs - without

    @property
    def circuits(self) -> list[QuantumCircuit]:
        """The different circuits, in each randomization, with their parameters."""
        return [each for circuit in self._circuits for each in circuit.circuits()]

    def warn(self) -> None:
        """Warn if error suppression and mitigation add many jobs."""
        if self.added_jobs > _MANY:
            warn_user(
                f"Error suppression and mitigation add {self.added_jobs:,} jobs to the "
                f"{self.jobs - self.added_jobs:,} of this run. {self._lowering()} lowers their number."
            )

    def _lowering(self) -> str:
        """Return the option that lowers the number of added jobs most."""
        randomizations = max(len(circuit.flips) for circuit in self._circuits)
        if randomizations > 1:
            return f"A smaller twirling.num_randomizations, now {randomizations},"
        if self._options.steps.extrapolation is not None:
            return "A shorter resilience.zne.noise_factors"
        return "A larger max_shots"

    def __repr__(self) -> str:
        return f"<RunPreview: {self.jobs:,} jobs, of which suppression adds {self.added_jobs:,}; {self.shots:,} shots>"
