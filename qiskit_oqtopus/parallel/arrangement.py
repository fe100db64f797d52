"""Circuits side by side in one program, as many as fit: `Arranger`."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from qiskit_oqtopus.parallel.places import Finder, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qiskit_oqtopus.parallel.chip import Mask
    from qiskit_oqtopus.parallel.load import Load

MAX_TEXT = 3_000_000
"""Maximum number of bytes of the circuits' texts in a program.

Engine services exchange messages of up to 4 MiB. Indices of qubits and bits become longer when circuits are merged, by
up to 27 % of the text on a chip of 1,000 qubits, and the message has other fields, such as the header.
"""

_PRICES = (0.0, 0.005, 0.01, 0.02)
"""Prices of each qubit that a region takes from others: at 0, regions have fewer errors; above, more of them fit."""
_REPAIR_PRICES = (0.0, 0.005, 0.02, 0.05)
_REPAIR_RADII = (2, 3)
_REPAIRS = 100
_STEPS = 2000
"""Limit of the search for the best region of a circuit of unconnected parts."""
_ROUNDING = 1e-12
_RANK = operator.attrgetter("rank")


class Region(NamedTuple):
    """Qubits of the chip, and what a circuit costs there."""

    qubits: tuple[int, ...]
    cost: float

    @property
    def fidelity(self) -> float:
        """The estimated probability that no error occurs."""
        return math.exp(-self.cost)


@dataclass(frozen=True, eq=False)
class Task:
    """A circuit that needs a region.

    Attributes:
        index: Its key in the result.
        load: Its gates.
        kind: Number of its load's shape; circuits of one kind fit on the same qubits.
        best: The best region of the empty chip; the fixed one of a circuit on fixed qubits.
        size: Number of bytes of its text.
        is_fixed: Whether its qubits are fixed.
    """

    index: int
    load: Load
    kind: int
    best: Region
    size: int
    is_fixed: bool = False

    @cached_property
    def rank(self) -> tuple[int, float, int]:
        """The key to sort circuits by: those with more qubits and gates are harder to place, so they come first."""
        return -self.load.num_qubits, -self.best.cost, self.index


class Placed(NamedTuple):
    """A circuit on its qubits."""

    task: Task
    region: Region

    @property
    def place(self) -> Place:
        """The place as reported."""
        # A search for larger circuits may find a better region later.
        best = None if self.task.is_fixed else max(self.task.best.fidelity, self.region.fidelity)
        return Place(self.region.qubits, self.region.fidelity, best)


@dataclass(eq=False)
class Arrangement:
    """The circuits of one program.

    Attributes:
        finder: The search for regions.
        free: Which qubits are left for others, with a False at the end.
        placed: The circuits.
        size: Number of bytes of the circuits' texts.
    """

    finder: Finder
    free: Mask
    placed: list[Placed] = field(default_factory=list)
    size: int = 0

    @classmethod
    def of(cls, finder: Finder, placed: Iterable[Placed] = ()) -> Self:
        """Return an arrangement of some circuits."""
        arrangement = cls(finder, finder.usable.copy())
        for each in placed:
            arrangement.add(*each)
        return arrangement

    @property
    def num_qubits(self) -> int:
        """Number of the circuits' qubits."""
        return sum(len(each.region.qubits) for each in self.placed)

    @property
    def score(self) -> tuple[int, float]:
        """The number of qubits, and minus the cost beyond that of the best regions: the greater, the better."""
        return self.num_qubits, sum(each.task.best.cost - each.region.cost for each in self.placed)

    def add(self, task: Task, region: Region) -> None:
        """Add a circuit, and leave the spacing around it empty."""
        self.placed.append(Placed(task, region))
        self.size += task.size
        self.free[:-1] &= ~self.finder.reach[list(region.qubits)].any(axis=0)

    def has_room(self, task: Task, most: int | None) -> bool:
        """Return whether the program may have another circuit of this size; a first circuit of any size."""
        return not self.placed or ((most is None or len(self.placed) < most) and self.size + task.size <= MAX_TEXT)


class Arranger:
    """A search for arrangements.

    Args:
        finder: The search for regions.
        max_error: Maximum loss of fidelity of a circuit, as a fraction of that at its best place; None for no limit.
        most: Maximum number of circuits in a program.
    """

    def __init__(self, finder: Finder, *, max_error: float | None = None, most: int | None = None) -> None:
        self.finder = finder
        self.most = most
        self._allowance = math.inf if max_error is None or max_error >= 1 else _ROUNDING - math.log1p(-max_error)
        self._best: dict[Load, Region | None] = {}
        self._kinds: dict[Load, int] = {}

    def task(self, index: int, load: Load, size: int = 0) -> Task | None:
        """Return the task to place a circuit; None if it does not fit on the empty chip."""
        best = self.best(load)
        return best and Task(index, load, self._kinds.setdefault(load.shape, len(self._kinds)), best, size)

    def best(self, load: Load) -> Region | None:
        """Return the best region of the empty chip; None if there is none."""
        if load not in self._best:
            found = self._region(load, self.finder.usable, 0.0, math.inf) or self._best_of_parts(load)
            self._best[load] = found and self._improved(load, found)
        return self._best[load]

    def filled(self, start: Arrangement, tasks: Sequence[Task]) -> tuple[Arrangement, list[Task]]:
        """Add as many circuits as possible to a program, and return those that are left.

        Args:
            start: The program.
            tasks: The circuits, sorted by rank.
        """
        attempts = []
        for price in _PRICES:
            attempt, left = self._greedy(start, tasks, price)
            if not left or len(attempt.placed) == self.most or self.finder.chip.is_complete:
                return attempt, left
            attempts.append((attempt, left))
        return self._repaired(*max(attempts, key=lambda each: each[0].num_qubits), len(start.placed))

    def repeated(self, previous: Arrangement, tasks: Sequence[Task]) -> tuple[Arrangement, list[Task]]:
        """Place circuits where those of the same kinds are in another program, and return those that are left."""
        regions: dict[int, list[tuple[int, ...]]] = {}
        for each in previous.placed:
            regions.setdefault(each.task.kind, []).append(each.region.qubits)
        arrangement, left = Arrangement.of(self.finder), []
        for task in tasks:
            rows = regions.get(task.kind)
            if rows and arrangement.has_room(task, self.most):
                costs = self.finder.chip.costs(task.load, np.array(rows))
                cheapest = int(np.argmin(costs))
                if costs[cheapest] <= self._limit(task):
                    arrangement.add(task, Region(rows.pop(cheapest), float(costs[cheapest])))
                    continue
            left.append(task)
        return arrangement, left

    def _limit(self, task: Task) -> float:
        """Return the maximum cost of a circuit."""
        return task.best.cost + self._allowance

    def _best_of_parts(self, load: Load) -> Region | None:
        """Return a region of the empty chip for a circuit of unconnected parts that do not all fit one by one."""
        if len(load.components) == 1:
            return None
        arranger = Arranger(Finder(self.finder.chip, spacing=0, strict=self.finder.strict))
        parts = [load.on(component) for component in load.components]
        tasks = [task for i, part in enumerate(parts) if (task := arranger.task(i, part)) is not None]
        if len(tasks) < len(parts):
            return None
        arrangement, left = arranger.filled(Arrangement.of(arranger.finder), sorted(tasks, key=_RANK))
        return None if left else _joined(load, {each.task.index: each.region for each in arrangement.placed})

    def _improved(self, load: Load, found: Region) -> Region:
        """Return the best region of the empty chip for a circuit, of whose parts each one was placed by itself.

        This is a search with branch and bound: the rest of the parts costs at least what each would cost alone.
        """
        if len(load.components) == 1 or self.finder.chip.is_complete:
            return found
        pools = [self.finder.pool(load.on(component)) for component in load.components]
        orders = [np.argsort(pool.costs, kind="stable") for pool in pools]
        sorted_costs = [pool.costs[order] for pool, order in zip(pools, orders, strict=True)]
        rest = np.append(np.cumsum([float(costs[0]) for costs in sorted_costs][::-1])[::-1], 0.0)
        best, steps = found, 0

        def search(free: Mask, regions: dict[int, Region], cost: float) -> None:
            nonlocal best, steps
            i = len(regions)
            if i == len(pools):
                best = _joined(load, regions)
                return
            for row, own in zip(orders[i], sorted_costs[i], strict=True):
                if steps == _STEPS or cost + own + rest[i + 1] >= best.cost - _ROUNDING:
                    return
                qubits = pools[i].regions.rows[row]
                if free[qubits].all():
                    steps += 1
                    left = free.copy()
                    left[qubits] = False
                    search(left, {**regions, i: Region(tuple(qubits.tolist()), float(own))}, cost + own)

        search(self.finder.usable, {}, 0.0)
        return best

    def _repaired(self, found: Arrangement, left: list[Task], fixed: int) -> tuple[Arrangement, list[Task]]:
        """Clear surroundings of qubits and fill them again; keep what places more, or the same at no more cost."""
        random = np.random.default_rng(0)
        chip = self.finder.chip
        centres, balls = np.flatnonzero(chip.usable), [chip.within(radius) for radius in _REPAIR_RADII]
        for _ in range(_REPAIRS):
            if not left:
                break
            ball = balls[random.integers(len(balls))][random.choice(centres)]
            price = _REPAIR_PRICES[random.integers(len(_REPAIR_PRICES))]
            kept, cleared = found.placed[:fixed], list[Task]()
            for each in found.placed[fixed:]:
                if ball[list(each.region.qubits)].any():
                    cleared.append(each.task)
                else:
                    kept.append(each)
            tasks = sorted([*left, *cleared], key=_RANK)
            attempt, rest = self._greedy(Arrangement.of(self.finder, kept), tasks, price)
            if attempt.score >= found.score:
                found, left = attempt, rest
        return found, left

    def _greedy(self, start: Arrangement, tasks: Sequence[Task], price: float) -> tuple[Arrangement, list[Task]]:
        """Add each circuit at its cheapest region, and return those that found none."""
        arrangement, left = replace(start, free=start.free.copy(), placed=start.placed.copy()), list[Task]()
        kinds = {task.kind for task in tasks}  # those that may still fit
        for i, task in enumerate(tasks):
            if not kinds or len(arrangement.placed) == self.most:
                return arrangement, [*left, *tasks[i:]]
            region = None
            if task.kind in kinds and arrangement.has_room(task, self.most):
                region = self._region(task.load, arrangement.free, price, self._limit(task))
                is_good = region is not None and region.cost <= self._limit(task)
                if not is_good and arrangement.free[list(task.best.qubits)].all():
                    region = task.best  # unconnected parts may fit there only, or as well as necessary
                if region is None:
                    kinds.discard(task.kind)
            if region is None or region.cost > self._limit(task):
                left.append(task)
            else:
                arrangement.add(task, region)
        return arrangement, left

    def _region(self, load: Load, free: Mask, price: float, limit: float) -> Region | None:
        """Return the cheapest free region, with prices only for those below a limit; None if there is none.

        Args:
            load: The circuit's gates.
            free: Which qubits are free, with a False at the end.
            price: Cost of each qubit that a region takes from others.
            limit: Maximum cost of the circuit.
        """
        if self.finder.chip.is_complete:
            qubits = np.flatnonzero(free)[: load.num_qubits]
            return None if len(qubits) < load.num_qubits else Region(tuple(qubits.tolist()), 0.0)
        if len(load.components) == 1:
            return self._connected(load, free, price, limit)
        free, regions, cost = free.copy(), {}, 0.0
        for i, component in enumerate(load.components):
            region = self._connected(load.on(component), free, price, limit - cost)
            if region is None:
                return None
            free[list(region.qubits)] = False
            regions[i], cost = region, cost + region.cost
        return _joined(load, regions)

    def _connected(self, load: Load, free: Mask, price: float, limit: float) -> Region | None:
        pool = self.finder.pool(load)
        chosen = pool.regions.free(free)
        if not len(chosen) and not pool.are_all:
            pool = self.finder.grown(load, free)
            chosen = pool.regions.free(free)
        if not len(chosen):
            return None
        costs = pool.costs[chosen]
        if price and (cheap := costs <= limit).any():
            chosen, costs = chosen[cheap], costs[cheap]
            best = int(np.argmin(costs + price * pool.regions.spoiled(chosen, free)))
        else:
            best = int(np.argmin(costs))
        return Region(pool.qubits(chosen[best]), float(costs[best]))


def _joined(load: Load, regions: dict[int, Region]) -> Region:
    """Return the region of a circuit that consists of those of its components."""
    qubits = dict[int, int]()
    for i, component in enumerate(load.components):
        qubits.update(zip(component, regions[i].qubits, strict=True))
    return Region(tuple(qubits[i] for i in range(load.num_qubits)), sum(each.cost for each in regions.values()))
