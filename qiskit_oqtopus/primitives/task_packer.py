"""A primitive's tasks side by side in as few programs as possible: `TaskPacker`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self, cast

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.parallel.arrangement import MAX_TEXT
from qiskit_oqtopus.parallel.embedding import Embedder
from qiskit_oqtopus.parallel.merging import Part, merge
from qiskit_oqtopus.parallel.packing import pack, shares
from qiskit_oqtopus.primitives.placer import Placer
from qiskit_oqtopus.primitives.plan import planned_jobs
from qiskit_oqtopus.primitives.task import programs_of
from qiskit_oqtopus.programs import Program
from qiskit_oqtopus.specs import Job, refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from qiskit.providers import BackendV2

    from qiskit_oqtopus.header import PartHeader
    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.parallel.embedding import Item
    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.plan import Block, PlannedJob
    from qiskit_oqtopus.primitives.task import Task
    from qiskit_oqtopus.programs import Template

_MEASURED = re.compile(r"measure q\[(\d+)\]")


class TaskPacker:
    """Packs the tasks of a run side by side.

    Circuits with the same number of shots share programs, across PUBs, bindings, measurements and
    randomizations. In the header of a merged program, the index of a part is that of the planned job.

    Args:
        backend: The device.
        settings: The options of the run.
        max_shots: Maximum number of shots of a job.

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
        self._embedder = Embedder(self._chip, backend.target)
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
        leaders: dict[int, tuple[Item, int]] = {}
        followers: dict[int, list[tuple[Item, int]]] = {}
        leader_of: dict[int, int] = {}
        added = set()
        first = 0  # index of the first item of the last task with the first noise factor
        for task, programs in zip(tasks, programs_of(tasks, self._target), strict=True):
            refuse_foreign(programs, self._target, self._settings)
            block = task.block(self._max_shots, programs[0].header.clbits)
            planned = list(planned_jobs([block]))
            template = cast("Template", task.circuit.template(self._target))  # native gates need no binding
            of_jobs = [programs[job.text] for job in planned]
            is_fixed = task.circuit.home is None and not self._chip.is_complete
            items = self._embedder.unchanged(template, of_jobs, index=self._num_planned, is_fixed=is_fixed)
            if not task.noise_factor:
                first = self._num_planned
            for i, (job, item) in enumerate(zip(planned, items, strict=True)):
                number, partner = first + i, _partner(planned, i)
                if not task.noise_factor:
                    leader_of[number] = number if partner is None else first + partner
                if leader_of[number] == item.index:
                    leaders[number], followers[number] = (item, job.shots), []
                else:
                    followers[leader_of[number]].append((item, job.shots))
                if task.is_added or job.randomization:
                    added.add(item.index)
            self.blocks.append(block)
            self._num_planned += len(planned)
        self._pack(leaders, followers, added)

    def _pack(
        self,
        leaders: Mapping[int, tuple[Item, int]],
        followers: Mapping[int, Sequence[tuple[Item, int]]],
        added: set[int],
    ) -> None:
        """Pack items.

        Args:
            leaders: The items that choose qubits, with their shots.
            followers: The items that run on the qubits of each, with their shots.
            added: The indices of items that only suppress or mitigate errors of others.
        """
        groups: dict[tuple[int, ...], list[Item]] = {}
        for number, (item, shots) in leaders.items():
            groups.setdefault((shots, *(each for _, each in followers[number])), []).append(item)
        for (shots, *of_followers), items in groups.items():
            for program in pack(items, self._chip, self._settings):
                parts = program.header.parts
                self._append(program, shots, added)
                for i, own_shots in enumerate(of_followers):
                    for each in self._following(parts, [followers[part.index][i][0] for part in parts]):
                        self._append(each, own_shots, added)

    def _append(self, program: Program, shots: int, added: set[int]) -> None:
        """Append the jobs of a program, in as many shares as results of limited size need."""
        # Readout errors are undone here, for each part.
        jobs = [Job([program], share, mitigated=False) for share in shares(program, shots, self._max_shots)]
        self.jobs += jobs
        self.num_added += len(jobs) * added.issuperset(part.index for part in program.header.parts)

    def _following(self, parts: Sequence[PartHeader], items: Sequence[Item]) -> Iterator[Program]:
        """Yield programs of circuits with more noise or with other flips, each on the qubits of the one it belongs to.

        Args:
            parts: The parts of the program that chose the qubits.
            items: For each part, the circuit to run on its qubits.
        """
        groups: dict[Hashable, list[Part]] = {}
        room: dict[Hashable, int] = {}
        for part, item in zip(parts, items, strict=True):
            native, body = item.circuit.native, cast("Program", item.program).body
            room[item.group] = room.get(item.group, MAX_TEXT) - len(body)
            chunk = item.group, room[item.group] // MAX_TEXT
            fidelity = self._chip.fidelity(native.load, [cast("int", part.qubits[qubit]) for qubit in native.used])
            sent = Program(item.header, body, is_isa=not self._chip.is_complete)
            groups.setdefault(chunk, []).append(Part(sent, part.qubits, item.index, fidelity))
        for each in groups.values():
            yield merge(each, self._chip.num_qubits)


def _partner(jobs: Sequence[PlannedJob], index: int) -> int | None:
    """Return the job on whose qubits another has to run, which completes it; None for all others.

    Every second randomization flips the measured bits that the one before does not. Readout errors that favour one
    outcome then cancel, but only on the same qubits. Their shots may differ by one.
    """
    job = jobs[index]
    partner = index - max(1, job.block.jobs // job.block.randomizations)
    is_second = job.randomization % 2 and partner >= 0
    found = jobs[partner]
    return (
        partner if is_second and (found.program, found.randomization) == (job.program, job.randomization - 1) else None
    )
