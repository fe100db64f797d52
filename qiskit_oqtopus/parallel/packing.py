"""Circuits side by side in as few programs as possible: `pack`."""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.parallel.arrangement import MAX_TEXT
from qiskit_oqtopus.parallel.assignment import Request, assign
from qiskit_oqtopus.parallel.merging import Part, merge
from qiskit_oqtopus.parallel.placement import Placement
from qiskit_oqtopus.parallel.splitting import shots_limit
from qiskit_oqtopus.programs import Program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qiskit_oqtopus.parallel.chip import Chip
    from qiskit_oqtopus.parallel.embedding import Item
    from qiskit_oqtopus.parallel.native import Native, Pairs
    from qiskit_oqtopus.parallel.places import Place

_BYTES_PER_GATE = 30
_BYTES_PER_TURN = 60
"""Size of a gate's text, and of that of the gates added to a `cx` in the other direction, in every second place."""


class Settings(Protocol):
    """The options that decide where circuits run; see `OqtopusOptions`."""

    @property
    def parallel(self) -> bool | int:
        """Whether circuits share programs, or the maximum number of circuits in one."""

    @property
    def spacing(self) -> int:
        """Number of idle qubits between circuits."""

    @property
    def max_error(self) -> float | None:
        """Maximum loss of fidelity of a circuit, as a fraction of that at its best place."""


class _Copy(NamedTuple):
    item: Item
    replica: int


def pack(items: Sequence[Item], chip: Chip, settings: Settings, replicas: int = 1) -> list[Program]:
    """Return programs of circuits side by side.

    Their headers record each circuit's index, replica, place and bits; see `PartHeader`.

    Args:
        items: The circuits.
        chip: The chip.
        settings: The options.
        replicas: Number of copies of each circuit.

    Raises:
        CircuitError: A circuit fits nowhere on the chip, or copies of a circuit on fixed qubits are requested.
    """
    copies = [_Copy(item, replica) for replica in range(replicas) for item in items]
    _check_fixed(copies, chip)
    places = _assigned(copies, chip, settings)
    programs = _bound(copies, {i: place for program in places for i, place in program.items()}, chip)
    sizes = [len(programs[i].body) + _header_size(copy.item) for i, copy in enumerate(copies)]
    return [
        merge([_part(copies[i], programs[i], program[i], chip) for i in circuits], chip.num_qubits)
        for program in places
        for circuits in _divided(program, sizes)
    ]


def most_replicas(items: Sequence[Item], chip: Chip, settings: Settings) -> int:
    """Return the largest number of copies of each circuit that need no more programs than the circuits alone."""

    def num_programs(replicas: int) -> int:
        return len(_assigned([_Copy(item, replica) for replica in range(replicas) for item in items], chip, settings))

    least = num_programs(1)
    room = least * chip.num_qubits // sum(item.circuit.native.load.num_qubits for item in items)
    return bisect.bisect_right(range(1, max(room, 1) + 1), least, key=num_programs)


def shares(program: Program, shots: int, most: int | None = None) -> list[int]:
    """Return the shots of each job of a program; several if it runs many circuits, as results are of limited size.

    Args:
        program: The program.
        shots: Number of shots of all jobs.
        most: Maximum number of shots of a job; None for no other limit.
    """
    if not program.header.parts:
        return [shots]
    limit = shots_limit(len(program.header.clbits))
    jobs = -(-shots // (limit if most is None else min(limit, most)))
    return [shots // jobs + (job < shots % jobs) for job in range(jobs)]


def placements(programs: Sequence[Program]) -> list[Placement]:
    """Return the place of each circuit in programs that `pack` returned, in the order of circuits and replicas."""
    found = [
        Placement(
            circuit=part.index,
            name=part.header.name,
            program=number,
            replica=part.replica,
            qubits=part.qubits[: part.header.num_qubits],
            fidelity=math.nan if part.fidelity is None else part.fidelity,
            best_fidelity=part.best_fidelity,
            is_fixed=part.best_fidelity is None,
        )
        for number, program in enumerate(programs)
        for part in program.header.parts
    ]
    return sorted(found, key=lambda each: (each.circuit, each.replica))


def _assigned(copies: Sequence[_Copy], chip: Chip, settings: Settings) -> list[dict[int, Place]]:
    """Return the place of each copy by its position, for each program."""
    most = None if settings.parallel is True else settings.parallel
    programs: list[dict[int, Place]] = []
    for strict in (False, True):
        requests = [_request(i, copy) for i, copy in enumerate(copies) if copy.item.circuit.is_strict is strict]
        programs += assign(
            chip, requests, spacing=settings.spacing, max_error=settings.max_error, most=most, strict=strict
        )
    return programs


def _request(position: int, copy: _Copy) -> Request:
    item = copy.item
    native = item.circuit.native
    turns = sum(count for _, _, count in native.load.pairs)
    size = _BYTES_PER_GATE * len(native.circuit.data) + _BYTES_PER_TURN * turns + _header_size(item)
    # Not all copies have the same direction of each cx, so their delays begin at different times.
    is_alone = native.has_delays and not item.circuit.is_strict
    group = (item.group, copy.replica) if is_alone else item.group
    return Request(native.load, item.header.name, position, item.circuit.fixed, group, size)


def _header_size(item: Item) -> int:
    return len(item.header.to_comment()) if item.header.metadata else 0


def _divided(circuits: Iterable[int], sizes: Sequence[int]) -> list[list[int]]:
    """Divide the circuits of a program if their texts are longer than estimated, and too long together."""
    divided: list[list[int]] = []
    room = 0
    for i in circuits:
        if not divided or sizes[i] > room:
            divided.append([])
            room = MAX_TEXT
        divided[-1].append(i)
        room -= sizes[i]
    return divided


def _bound(copies: Sequence[_Copy], places: Mapping[int, Place], chip: Chip) -> dict[int, Program]:
    """Return the program of each copy for its place; those of equal circuits are bound together."""
    programs: dict[int, Program] = {}
    alike: dict[tuple[Native, Pairs], list[int]] = {}
    for i, (item, _) in enumerate(copies):
        if item.program is not None:
            programs[i] = item.program
        else:
            turned = item.circuit.turned(places[i].qubits, chip)
            alike.setdefault((item.circuit.native, turned), []).append(i)
    for (native, turned), indices in alike.items():
        bound = native.template(turned).bind(np.array([copies[i].item.numbers for i in indices]))
        programs |= zip(indices, bound, strict=True)
    return programs


def _part(copy: _Copy, program: Program, place: Place, chip: Chip) -> Part:
    item = copy.item
    sent = Program(item.header, program.body, is_isa=not chip.is_complete)
    qubits = item.circuit.register(place.qubits)
    return Part(sent, qubits, item.index, place.fidelity, copy.replica, place.best_fidelity)


def _check_fixed(copies: Sequence[_Copy], chip: Chip) -> None:
    for item, replica in copies:
        name, fixed = item.header.name, item.circuit.fixed
        if fixed is None:
            continue
        if replica:
            raise CircuitError(
                f"Circuit {name!r} is on qubits of {chip.name}, so copies of it cannot run on others: use "
                "replicas=1, or a circuit that has not been transpiled for the device."
            )
        if broken := chip.broken(item.circuit.native.load, fixed):
            listed = ", ".join("-".join(map(str, qubits)) for qubits in broken)
            warn_user(
                f"Circuit {name!r} is on qubits or couplings of {chip.name} without calibration or with an error of "
                f"50 % or more: {listed}."
            )
