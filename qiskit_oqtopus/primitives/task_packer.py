"""A primitive's tasks side by side in as few programs as possible: `TaskPacker`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self, cast

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.parallel.embedding import Embedder
from qiskit_oqtopus.parallel.packing import pack
from qiskit_oqtopus.parallel.splitting import shots_limit
from qiskit_oqtopus.primitives.placer import Placer
from qiskit_oqtopus.primitives.plan import planned_jobs
from qiskit_oqtopus.primitives.task import programs_of
from qiskit_oqtopus.specs import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.providers import BackendV2

    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.parallel.embedding import Item
    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.plan import Block
    from qiskit_oqtopus.primitives.task import Task
    from qiskit_oqtopus.programs import Template

_MEASURED = re.compile(r"measure q\[(\d+)\]")


class TaskPacker:
    """Packs the tasks of a run side by side.

    Programs with the same number of shots share programs, be they of different PUBs, bindings, measurements or
    randomizations. In the header of a merged program, the index of a part is that of the planned job.

    Args:
        backend: The device.
        settings: The options of the run.
        max_shots: The most shots of a job.

    Attributes:
        placer: Finds places of circuits that have none yet.
        blocks: The metadata needed to decode the outcomes of the tasks.
        jobs: The jobs.
        num_added: Number of jobs that only suppress or mitigate errors of others.
        mitigation: The readout mitigation that the options or the backend's ask for, if any.
    """

    def __init__(self, backend: OqtopusBackend, settings: OqtopusOptions, max_shots: int) -> None:
        self._target = backend.target
        self._settings = settings
        self._max_shots = max_shots
        self._chip = backend.chip
        self._embedder = Embedder(self._chip, backend.target, as_is=settings.transpile == "none")
        self._num_planned = 0
        self.placer = Placer(self._chip, backend.target, as_is=settings.transpile == "none")
        self.blocks: list[Block] = []
        self.jobs: list[Job] = []
        self.num_added = 0
        self.mitigation = settings.mitigation

    @classmethod
    def of(cls, backend: BackendV2, options: PrimitiveOptions) -> Self | None:
        """Return the packer of a run; None if its programs do not run side by side.

        Raises:
            ValueError: Options contradict each other.
        """
        if not isinstance(backend, OqtopusBackend):
            return None
        if not (backend.options.parallel if options.parallel is None else options.parallel):
            return None
        settings = backend.settings(
            parallel=options.parallel,
            spacing=options.spacing,
            max_error=options.max_error,
            mitigation=options.mitigation,
            transpile=options.transpile,
            transpiler_options=options.transpiler_options,
            multi_manual=False,
        )
        if settings.replicas != 1:
            raise ValueError(
                f"backend.options has replicas={settings.replicas!r}, which primitives do not have; use more shots."
            )
        return cls(backend, settings, min(options.max_shots, backend.max_shots))

    @property
    def qubits(self) -> set[int]:
        """The device's qubits that are measured."""
        return {int(qubit) for job in self.jobs for qubit in _MEASURED.findall(job.programs[0].body)}

    def add(self, tasks: Sequence[Task]) -> None:
        """Pack tasks, which share programs with each other only.

        Raises:
            CircuitError: The device cannot run a circuit as intended.
        """
        tasks = [task for task in tasks if len(task.values)]
        by_shots: dict[int, list[Item]] = {}
        added = set()
        for task, programs in zip(tasks, programs_of(tasks, self._target), strict=True):
            block = task.block(self._max_shots, programs[0].header.clbits)
            planned = list(planned_jobs([block]))
            template = cast("Template", task.circuit.template(self._target))  # native gates need no binding
            of_jobs = [programs[job.text] for job in planned]
            items = self._embedder.unchanged(template, of_jobs, index=self._num_planned)
            for job, item in zip(planned, items, strict=True):
                by_shots.setdefault(job.shots, []).append(item)
                if task.is_added or job.randomization:
                    added.add(item.index)
            self.blocks.append(block)
            self._num_planned += len(planned)
        for shots, items in by_shots.items():
            for program in pack(items, self._chip, self._settings):
                limit = min(self._max_shots, shots_limit(len(program.header.clbits)))
                number = -(-shots // limit)
                shares = [shots // number + (i < shots % number) for i in range(number)]
                # Readout errors are undone here, for each part.
                self.jobs += [Job([program], share, mitigated=False) for share in shares]
                self.num_added += number * added.issuperset(part.index for part in program.header.parts)
