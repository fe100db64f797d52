"""The assignment of circuits to regions of a chip, in as few programs as possible: `assign`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.parallel.places import Finder, Place

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from qiskit_oqtopus.parallel.chip import Chip, Mask
    from qiskit_oqtopus.parallel.load import Load

MAX_TEXT = 3_000_000
"""Maximum number of bytes of the circuits' texts in a program.

Engine services exchange messages of up to 4 MiB. Numbers of qubits and bits become longer when circuits are merged, at
most by 27 % of the text on a chip of 1,000 qubits, and the message has other fields, such as the header.
"""

_PRICES = (0.0, 0.005, 0.01, 0.02)
"""Costs of each neighbour that a region takes from others: without, regions are best; with more, they are closer."""
_REPAIR_PRICES = (0.0, 0.005, 0.02, 0.05)
_ROUNDS = 100
_RADII = (2, 3)


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
    """Assign circuits to regions of a chip.

    The same circuits get the same places, as limits are numbers of rounds, not times, and the seed is fixed.

    Args:
        chip: The chip.
        requests: The circuits.
        spacing: Number of qubits between circuits. Circuits on fixed qubits may be closer to each other.
        max_error: Most of its best place's fidelity that a placed circuit may lose; None for no limit.
        most: Maximum number of circuits in a program.
        strict: Whether circuits may only be placed where all their `cx` have the direction of the couplings.

    Returns:
        The place of each circuit by index, one dictionary for each program.

    Raises:
        CircuitError: A circuit fits nowhere on the chip.
    """
    packer = _Packer(Finder(chip, spacing=spacing, strict=strict), max_error, most)
    groups: dict[Hashable, list[Request]] = {}
    for request in requests:
        groups.setdefault(request.group, []).append(request)
    return [program.found() for group in groups.values() for program in packer.programs(group)]


def best(chip: Chip, load: Load, *, strict: bool = False) -> Place | None:
    """Return the best place for a circuit on an empty chip; None if it fits nowhere."""
    found = _Packer(Finder(chip, spacing=0, strict=strict), None, None).best(load)
    return None if found is None else Place(found.qubits, math.exp(-found.cost))


def fits(chip: Chip, load: Load, *, strict: bool = False) -> bool:
    """Return whether a circuit fits on an empty chip without more gates."""
    return best(chip, load, strict=strict) is not None


class _Region(NamedTuple):
    """Qubits of the chip, and what a circuit costs there."""

    qubits: tuple[int, ...]
    cost: float


class _Placed(NamedTuple):
    """A circuit on its qubits; `loss` is its cost beyond that at its best place, zero if its qubits are fixed."""

    request: Request
    region: _Region
    loss: float

    @property
    def place(self) -> Place:
        fidelity = math.exp(-self.region.cost)
        best = None if self.request.fixed is not None else math.exp(self.loss - self.region.cost)
        return Place(self.region.qubits, fidelity, best)


@dataclass
class _Program:
    """The circuits of one program, and the qubits that are left for others.

    Attributes:
        free: Which qubits are left, with a False at the end.
        placed: Circuits, their qubits and costs.
        size: Number of bytes of the circuits' texts.
    """

    finder: Finder
    free: Mask
    placed: list[_Placed] = field(default_factory=list)
    size: int = 0

    @classmethod
    def of(cls, finder: Finder, placed: Iterable[_Placed] = ()) -> Self:
        program = cls(finder, np.append(finder.chip.usable, False))
        for each in placed:
            program.add(each)
        return program

    @property
    def score(self) -> tuple[int, float]:
        """The number of qubits, and the losses as a negative number: the greater, the better."""
        return sum(len(each.region.qubits) for each in self.placed), -sum(each.loss for each in self.placed)

    def add(self, placed: _Placed) -> None:
        self.placed.append(placed)
        self.size += placed.request.size
        self.free[:-1] &= ~self.finder.reach[list(placed.region.qubits)].any(axis=0)

    def copy(self) -> _Program:
        return replace(self, free=self.free.copy(), placed=self.placed.copy())

    def has_room(self, request: Request, most: int | None) -> bool:
        return not self.placed or ((most is None or len(self.placed) < most) and self.size + request.size <= MAX_TEXT)

    def found(self) -> dict[int, Place]:
        ordered = sorted(self.placed, key=lambda each: each.request.index)
        return {each.request.index: each.place for each in ordered}


class _Packer:
    """The rules of one assignment."""

    def __init__(self, finder: Finder, max_error: float | None, most: int | None) -> None:
        self._finder = finder
        self._allowance = math.inf if max_error is None or max_error >= 1 else -math.log1p(-max_error)
        self._most = most
        self._best: dict[Load, _Region | None] = {}

    def programs(self, requests: Sequence[Request]) -> list[_Program]:
        """Return the programs of circuits that may share one."""
        programs: list[_Program] = []
        for request in requests:
            if request.fixed is not None:
                self._fix(request, request.fixed, programs)
        left = self._sorted([request for request in requests if request.fixed is None])
        number = 0
        while left:
            if number == len(programs):
                programs.append(_Program.of(self._finder))
            programs[number], left = self._fill(programs[number], left)
            number += 1
        return programs

    def _fix(self, request: Request, qubits: tuple[int, ...], programs: list[_Program]) -> None:
        """Add a circuit to the first program whose circuits leave its qubits."""
        cost = float(self._finder.chip.costs(request.load, np.array([qubits], dtype=np.intp))[0])
        placed = _Placed(request, _Region(qubits, cost), 0.0)
        for program in programs:
            taken = {qubit for each in program.placed for qubit in each.region.qubits}
            if program.has_room(request, self._most) and taken.isdisjoint(qubits):
                program.add(placed)
                return
        programs.append(_Program.of(self._finder, [placed]))

    def best(self, load: Load) -> _Region | None:
        """Return the best region of the empty chip; None if there is none."""
        if load not in self._best:
            self._best[load] = self._place(load, np.append(self._finder.chip.usable, False), 0.0, math.inf)
        return self._best[load]

    def _sorted(self, requests: Iterable[Request]) -> list[Request]:
        """Return the circuits, those with more qubits and errors first, after checking that each fits."""
        keys = {}
        for request in requests:
            region = self.best(request.load)
            if region is None:
                raise self._error(request)
            keys[request] = (-request.load.num_qubits, -region.cost, request.index)
        return sorted(keys, key=keys.__getitem__)

    def _error(self, request: Request) -> CircuitError:
        chip, n = self._finder.chip, request.load.num_qubits
        usable = int(chip.usable.sum())
        why = (
            f"but {chip.name} has only {usable} that are calibrated with errors below 50 %"
            if usable < n
            else f"which {chip.name} does not couple in the pattern of its two-qubit gates"
        )
        return CircuitError(f"Circuit {request.name!r} needs {n} qubits, {why}.")

    def _fill(self, program: _Program, requests: list[Request]) -> tuple[_Program, list[Request]]:
        """Add as many circuits as possible to a program, and return those that are left."""
        attempts = []
        for price in _PRICES:
            attempt, left = self._greedy(program, requests, price)
            if not left or len(attempt.placed) == self._most:
                return attempt, left
            attempts.append((attempt, left))
        return self._repaired(*max(attempts, key=lambda each: each[0].score[0]), len(program.placed))

    def _repaired(self, program: _Program, left: list[Request], fixed: int) -> tuple[_Program, list[Request]]:
        """Clear parts of a program and fill them again, and keep what places more or better."""
        random = np.random.default_rng(0)
        chip = self._finder.chip
        centres, balls = np.flatnonzero(chip.usable), [chip.within(radius) for radius in _RADII]
        for _ in range(_ROUNDS):
            if not left:
                break
            ball = balls[random.integers(len(balls))][random.choice(centres)]
            price = _REPAIR_PRICES[random.integers(len(_REPAIR_PRICES))]
            kept = program.placed[:fixed]
            cleared: list[_Placed] = []
            for each in program.placed[fixed:]:
                (cleared if ball[list(each.region.qubits)].any() else kept).append(each)
            again = self._sorted([*left, *(each.request for each in cleared)])
            attempt, rest = self._greedy(_Program.of(self._finder, kept), again, price)
            if attempt.score >= program.score:
                program, left = attempt, rest
        return program, left

    def _greedy(self, program: _Program, requests: Iterable[Request], price: float) -> tuple[_Program, list[Request]]:
        """Add each circuit at its cheapest place, and return those that found none."""
        program, left = program.copy(), []
        hopeless: set[Load] = set()
        for request in requests:
            best, region = self._best[request.load], None
            if best is not None and request.load not in hopeless and program.has_room(request, self._most):
                region = self._place(request.load, program.free, price, self._allowance + best.cost)
                if region is None:
                    hopeless.add(request.load)
                else:
                    program.add(_Placed(request, region, region.cost - best.cost))
            if region is None:
                left.append(request)
        return program, left

    def _place(self, load: Load, free: Mask, price: float, limit: float) -> _Region | None:
        """Return the cheapest free region for a circuit and its cost; None if all cost more than the limit."""
        if len(load.components) == 1:
            return self._region(load, free, price, limit)
        free, qubits, total = free.copy(), [0] * load.num_qubits, 0.0
        for component in load.components:
            found = self._region(load.on(component), free, price, limit - total)
            if found is None:
                return None
            for local, qubit in zip(component, found.qubits, strict=True):
                qubits[local] = qubit
            free[list(found.qubits)] = False
            total += found.cost
        return _Region(tuple(qubits), total)

    def _region(self, load: Load, free: Mask, price: float, limit: float) -> _Region | None:
        pool = self._finder.pool(load)
        chosen = pool.regions.free(free)
        if not len(chosen) and not pool.are_all:
            pool = self._finder.grown(load, free)
            chosen = pool.regions.free(free)
        costs = pool.costs[chosen]
        cheap = costs <= limit + 1e-12
        chosen, costs = chosen[cheap], costs[cheap]
        if not len(chosen):
            return None
        priced = costs + price * pool.regions.spoiled(chosen, free) if price else costs
        i = int(np.argmin(priced))
        return _Region(tuple(pool.regions.rows[chosen[i]].tolist()), float(costs[i]))
