"""A primitive's tasks side by side in as few programs as possible: `TaskPacker`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Self

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.parallel.assignment import Request, assign
from qiskit_oqtopus.parallel.chip import Chip
from qiskit_oqtopus.parallel.load import Load
from qiskit_oqtopus.parallel.merging import Part, merge
from qiskit_oqtopus.parallel.splitting import shots_limit
from qiskit_oqtopus.primitives.placer import Placer
from qiskit_oqtopus.primitives.plan import Block, planned_jobs
from qiskit_oqtopus.primitives.task import programs_of
from qiskit_oqtopus.specs import Job
from qiskit_oqtopus.user_warnings import warn_user

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from qiskit.providers import BackendV2

    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.parallel.places import Place
    from qiskit_oqtopus.primitives.options import PrimitiveOptions
    from qiskit_oqtopus.primitives.task import Task, TaskCircuit
    from qiskit_oqtopus.programs import Program

_MEASURED = re.compile(r"measure q\[(\d+)\]")
_QUBIT = re.compile(r"q\[\d+\]")
_ANGLE = re.compile(r"rz\([^)]*\)")


class _Item(NamedTuple):
    """A program with its shots; several if its shots exceed those of a job."""

    number: int
    program: Program
    circuit: TaskCircuit
    shots: int
    is_added: bool


class TaskPacker:
    """Packs the tasks of a run side by side.

    Programs with the same number of shots run side by side, be they of different PUBs, bindings, measurements or
    randomizations. Each is a part of a merged program, whose index is that of the planned job.

    Args:
        backend: The device.
        settings: The options of the run.
        mitigation: The readout mitigation that the options or the backend's ask for, if any.
        max_shots: The most shots of a job.

    Attributes:
        mitigation: As passed to the constructor.
        placer: Finds places of circuits that have none yet.
        blocks: The metadata needed to decode the outcomes of the tasks.
        jobs: The jobs.
        num_added: Number of jobs that run only to suppress or mitigate errors of others.
    """

    def __init__(
        self, backend: OqtopusBackend, settings: OqtopusOptions, mitigation: str | None, max_shots: int
    ) -> None:
        self._target = backend.target
        self._chip = Chip.of(backend.device, backend.target)
        self._settings = settings
        self._max_shots = max_shots
        self.mitigation = mitigation
        self.placer = Placer(self._chip, backend.target)
        self.blocks: list[Block] = []
        self.jobs: list[Job] = []
        self.num_added = 0
        self._loads: dict[TaskCircuit, tuple[Load, tuple[int, ...] | None]] = {}

    @classmethod
    def of(cls, backend: BackendV2, options: PrimitiveOptions) -> Self | None:
        """Return the packer of a run; None if its programs do not run side by side.

        Raises:
            ValueError: Options contradict each other.
        """
        if not isinstance(backend, OqtopusBackend):
            return None
        settings = backend.settings(parallel=options.parallel, spacing=options.spacing, max_error=options.max_error)
        if settings.parallel is False:
            return None
        wanted = backend.settings(**options.for_device())
        for name, value in (("transpile", wanted.transpile), ("transpiler_options", wanted.transpiler_options)):
            if value not in ("auto", "none", None):
                raise ValueError(
                    f"{name}={value!r} cannot be combined with parallel, as circuits are placed on the "
                    "device before they are sent. Leave it out, also in backend.options."
                )
        return cls(backend, settings, wanted.mitigation, min(options.max_shots, backend.max_shots))

    def add(self, tasks: Sequence[Task]) -> None:
        """Place tasks, which share programs with each other only.

        Raises:
            CircuitError: The device cannot run a circuit as intended.
        """
        tasks = [task for task in tasks if len(task.values)]
        by_shots: dict[int, list[_Item]] = {}
        for task, programs in zip(tasks, programs_of(tasks, self._target), strict=True):
            block = task.block(self._max_shots, programs[0].header.clbits)
            start = sum(each.programs * each.jobs for each in self.blocks)
            self.blocks.append(block)
            for index, job in enumerate(planned_jobs([block]), start):
                is_added = task.is_added or job.randomization > 0
                item = _Item(index, programs[job.text], task.circuit, job.shots, is_added)
                by_shots.setdefault(job.shots, []).append(item)
        for shots, items in by_shots.items():
            self._pack(items, shots)

    def _pack(self, items: Sequence[_Item], shots: int) -> None:
        """Append the jobs of programs with the same number of shots."""
        by_number = {item.number: item for item in items}
        settings, parallel = self._settings, self._settings.parallel
        programs = assign(
            self._chip,
            [self._request(item) for item in items],
            spacing=settings.spacing,
            max_error=settings.max_error,
            most=None if parallel is True else parallel,
            strict=True,
        )
        for places in programs:
            packed = [by_number[index] for index in places]
            merged = merge([_part(item, places[item.number]) for item in packed], self._chip.num_qubits)
            limit = min(self._max_shots, shots_limit(len(merged.header.clbits)))
            number = -(-shots // limit)
            shares = [shots // number + (i < shots % number) for i in range(number)]
            # Readout errors are undone here, for each part.
            self.jobs += [Job([merged], share, mitigated=False) for share in shares]
            self.num_added += number * all(item.is_added for item in packed)

    def _request(self, item: _Item) -> Request:
        if item.circuit not in self._loads:
            self._loads[item.circuit] = self._load(item.circuit)
        load, fixed = self._loads[item.circuit]
        name, body = item.program.header.name, item.program.body
        return Request(load, name, item.number, fixed, _delays(body), len(body))

    def _load(self, circuit: TaskCircuit) -> tuple[Load, tuple[int, ...] | None]:
        """Return the gates of a circuit, and the device's qubits if it stays on these."""
        load = Load.of(circuit.circuit)
        if circuit.home is not None:
            return load, None
        busy = {qubit for item in circuit.circuit.data if item.name != "barrier" for qubit in item.qubits}
        fixed = tuple(i for i, qubit in enumerate(circuit.circuit.qubits) if qubit in busy)
        load = load.on(fixed)
        if broken := self._chip.broken(load, fixed):
            warn_user(
                f"Circuit {circuit.circuit.name!r} stays on the qubits {[*fixed]}, of which {broken} have an error of "
                "50 % and more, or none published."
            )
        return load, fixed

    @property
    def qubits(self) -> set[int]:
        """The device's qubits that are measured."""
        return {int(qubit) for job in self.jobs for qubit in _MEASURED.findall(job.programs[0].body)}


def _part(item: _Item, place: Place) -> Part:
    qubits = place.qubits if item.circuit.home is not None else tuple(range(item.program.header.num_qubits))
    return Part(item.program, qubits, item.number, place.fidelity)


def _delays(body: str) -> Hashable:
    """Return what programs with delays have in common if they may run side by side; None without delays."""
    if "delay[" not in body:
        return None
    numbers: dict[str, str] = {}
    return _QUBIT.sub(lambda found: numbers.setdefault(found[0], f"q{len(numbers)}"), _ANGLE.sub("rz", body))
