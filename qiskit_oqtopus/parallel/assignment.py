"""The assignment of circuits to programs and to regions of a chip: `assign`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.parallel.arrangement import Arrangement, Arranger, Region, Task
from qiskit_oqtopus.parallel.places import Finder, Place

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from qiskit_oqtopus.parallel.chip import Chip
    from qiskit_oqtopus.parallel.load import Load


@dataclass(frozen=True)
class Request:
    """A circuit that needs a place.

    Attributes:
        load: Its gates.
        name: Its name, for messages.
        index: Its key in the result, different from that of other requests.
        fixed: The device's qubits on which it runs; None to place it.
        group: Circuits of different groups never share a program.
        size: Number of bytes of its text.
    """

    load: Load
    name: str
    index: int
    fixed: tuple[int, ...] | None = None
    group: Hashable = None
    size: int = 0


def assign(
    chip: Chip,
    requests: Sequence[Request],
    *,
    spacing: int = 1,
    max_error: float | None = 0.1,
    most: int | None = None,
    strict: bool = False,
) -> list[dict[int, Place]]:
    """Assign circuits to programs and to regions of a chip, as many as fit to each program.

    The result depends on the arguments only: limits are numbers of steps, not times, and the seed is fixed.

    Args:
        chip: The chip.
        requests: The circuits.
        spacing: Number of qubits between circuits. Circuits on fixed qubits may be closer to each other.
        max_error: Maximum loss of fidelity of a placed circuit, as a fraction of that at its best place; None for no
            limit.
        most: Maximum number of circuits in a program.
        strict: Whether circuits may only be placed where all their `cx` have the direction of the couplings.

    Returns:
        For each program, the place of each of its circuits, by index.

    Raises:
        CircuitError: A circuit does not fit on the chip.
    """
    arranger = Arranger(Finder(chip, spacing=spacing, strict=strict), max_error=max_error, most=most)
    groups: dict[Hashable, list[Request]] = {}
    for request in requests:
        groups.setdefault(request.group, []).append(request)
    return [_places(program) for group in groups.values() for program in _programs(arranger, group)]


def best_place(chip: Chip, load: Load, *, strict: bool = False) -> Place | None:
    """Return the best place for a circuit on the empty chip; None if it does not fit there without more gates."""
    region = Arranger(Finder(chip, spacing=0, strict=strict)).best(load)
    return None if region is None else Place(region.qubits, region.fidelity, region.fidelity)


def fits(chip: Chip, load: Load, *, strict: bool = False) -> bool:
    """Return whether a circuit fits on the empty chip without more gates."""
    return best_place(chip, load, strict=strict) is not None


def _programs(arranger: Arranger, requests: Sequence[Request]) -> list[Arrangement]:
    """Return the programs of circuits that may share one."""
    programs = _fixed(arranger, requests)
    left = _tasks(arranger, [request for request in requests if request.fixed is None])
    for i, program in enumerate(programs):
        programs[i], left = arranger.filled(program, left)
    previous = None
    while left:
        repeated = arranger.repeated(previous, left) if previous else None
        if previous and repeated and repeated[0].num_qubits >= previous.num_qubits:
            previous, left = repeated
        else:
            previous, left = arranger.filled(Arrangement.of(arranger.finder), left)
        programs.append(previous)
    return programs


def _fixed(arranger: Arranger, requests: Sequence[Request]) -> list[Arrangement]:
    """Return the programs of circuits on fixed qubits, each in the first one whose circuits leave them."""
    programs, taken = list[Arrangement](), list[int]()
    for request in requests:
        if request.fixed is None:
            continue
        cost = float(arranger.finder.chip.costs(request.load, np.array([request.fixed], dtype=np.intp))[0])
        region, mask = Region(request.fixed, cost), sum(1 << qubit for qubit in request.fixed)
        task = Task(request.index, request.load, -1, region, request.size, is_fixed=True)
        may_share = (i for i, others in enumerate(taken) if not others & mask)
        number = next((i for i in may_share if programs[i].has_room(task, arranger.most)), len(programs))
        if number == len(programs):
            programs.append(Arrangement.of(arranger.finder))
            taken.append(0)
        programs[number].add(task, region)
        taken[number] |= mask
    return programs


def _tasks(arranger: Arranger, requests: Sequence[Request]) -> list[Task]:
    """Return the tasks to place circuits, sorted by rank."""
    tasks = []
    for request in requests:
        task = arranger.task(request.index, request.load, request.size)
        if task is None:
            raise _error(arranger.finder.chip, request)
        tasks.append(task)
    return sorted(tasks, key=lambda task: task.rank)


def _error(chip: Chip, request: Request) -> CircuitError:
    needed, usable = request.load.num_qubits, int(chip.usable.sum())
    why = (
        f"but {chip.name} has only {usable} that are calibrated with errors below 50 %"
        if usable < needed
        else f"but no qubits of {chip.name} are coupled as its two-qubit gates require"
    )
    return CircuitError(f"Circuit {request.name!r} needs {needed} qubits, {why}.")


def _places(program: Arrangement) -> dict[int, Place]:
    ordered = sorted(program.placed, key=lambda each: each.task.index)
    return {each.task.index: each.place for each in ordered}
