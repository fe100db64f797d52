"""The places on a chip where a connected load fits: `Regions`, and `Finder`, which searches them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import rustworkx

from qiskit_oqtopus.parallel.chip import listed
from qiskit_oqtopus.parallel.load import Load

if TYPE_CHECKING:
    from qiskit_oqtopus.parallel.chip import Chip, Floats, Integers, Mask

_ENUMERATED = 6
"""Number of qubits up to which all regions for a load are listed, unless there are too many."""
_MOST = 60_000
"""Number of regions above which only the best around each qubit are listed."""
_BEAM = 8
"""Number of regions kept around each qubit while those of larger loads grow."""

_KEPT = 20_000_000
"""About the number of floats in the pools that are kept; those of 10,000 different loads would fill the memory."""

_CALLS = 100_000
_MATCHES = 1_000
"""Limits of a search for subgraphs, and of the number of regions that it returns."""


@dataclass(frozen=True)
class Place:
    """Qubits for a circuit.

    Attributes:
        qubits: The device's qubit of each of the circuit's qubits.
        fidelity: The estimated probability that no error occurs there.
        best_fidelity: The same at the best place on the chip; None if the qubits were given.
    """

    qubits: tuple[int, ...]
    fidelity: float
    best_fidelity: float | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False)
class Regions:
    """Sets of qubits on which a load fits.

    Attributes:
        rows: The qubit of the chip of each qubit of the load, of shape (regions, qubits).
        near: Which qubits near a region matter to others, of shape (qubits, qubits): those that have to stay empty or,
            if regions may touch, its neighbours.
        may_touch: Whether regions may touch.
    """

    rows: Integers
    near: Mask
    may_touch: bool

    def free(self, free: Mask) -> Integers:
        """Return the indices of the regions whose qubits are all free.

        Args:
            free: Which qubits of the chip are free, with a False at the end.
        """
        return np.flatnonzero(free[self.rows].all(axis=1))

    def spoiled(self, chosen: Integers, free: Mask) -> Floats:
        """Return how much room regions take from others, in addition to their own qubits.

        These are the free qubits that have to stay empty. If regions may touch, they are the free qubits that are cut
        off from all others, and a quarter of those that are touched.

        Args:
            chosen: Indices of the regions.
            free: Which qubits of the chip are free, with a False at the end.
        """
        around, times = self._around
        hit = free[around[chosen]]
        if not self.may_touch:
            return np.asarray(hit.sum(axis=1), dtype=np.float64)
        ways = np.append((self.near & free[:-1]).sum(axis=1), -1)
        cut = hit & (ways[around[chosen]] == times[chosen])
        return np.asarray(cut.sum(axis=1) + 0.25 * hit.sum(axis=1), dtype=np.float64)

    @cached_property
    def _around(self) -> tuple[Integers, Integers]:
        """The qubits near each region, filled up with their number, and how many of its qubits each is near."""
        n, lists = len(self.near), _compact(listed(self.near), len(self.near))
        around = np.sort(lists[self.rows].reshape(len(self.rows), -1), axis=1)
        is_first = np.ones_like(around, dtype=bool)
        is_first[:, 1:] = around[:, 1:] != around[:, :-1]
        starts = np.flatnonzero(is_first)
        times = np.zeros_like(around)
        times.flat[starts] = np.diff(starts, append=around.size)
        for column in self.rows.T:
            is_first &= around != column[:, None]
        return np.where(is_first, around, n), times


@dataclass(frozen=True, eq=False)
class Pool:
    """The regions for a load with their costs.

    Attributes:
        regions: The regions.
        costs: The cost of each.
        are_all: Whether there are no others.
        columns: The column of the regions' rows for each qubit of the load; None if they are in its order.
    """

    regions: Regions
    costs: Floats
    are_all: bool
    columns: tuple[int, ...] | None = None

    def qubits(self, region: int) -> tuple[int, ...]:
        """Return the qubit of the chip of each qubit of the load in a region."""
        row = self.regions.rows[region].tolist()
        return tuple(row if self.columns is None else [row[column] for column in self.columns])


class Finder:
    """A search for regions of a chip, which shares those of small shapes with other searches.

    Args:
        chip: The chip.
        spacing: Number of qubits between regions.
        strict: Whether regions must have the direction of each `cx`.
    """

    def __init__(self, chip: Chip, *, spacing: int, strict: bool) -> None:
        self.chip = chip
        self.reach = chip.within(spacing)
        self.strict = strict
        self.usable = np.append(chip.usable, False)
        self._may_touch = not spacing
        self._near = (self.reach if spacing else chip.near) & ~np.eye(chip.num_qubits, dtype=bool)
        self._regions: dict[Load, Regions | None] = chip.searches.setdefault((spacing, strict), {})
        self._pools: dict[Load, Pool] = {}
        self._kept = 0

    def pool(self, load: Load) -> Pool:
        """Return the regions of the whole chip for a connected load."""
        if load not in self._pools:
            pool = self._pool(load)
            if self._kept > _KEPT:
                self._pools.clear()
                self._kept = 0
            self._pools[load] = pool
            self._kept += pool.costs.size + (0 if pool.are_all else 2 * pool.regions.rows.size)
        return self._pools[load]

    def _pool(self, load: Load) -> Pool:
        shape, columns = canonical(load, is_directed=self.strict)
        regions = self._listed(shape)
        if regions is not None:
            costs = self.chip.costs(load, regions.rows[:, columns])
            return Pool(regions, costs, are_all=True, columns=columns)
        grown = self.grown(load, self.usable)
        return grown if len(grown.costs) else self._matched(load)

    def grown(self, load: Load, free: Mask) -> Pool:
        """Return the best regions around each free qubit for a connected load.

        Args:
            load: The load.
            free: Which qubits of the chip are free, with a False at the end.
        """
        quota = _MOST // self.chip.num_qubits if load.num_qubits <= _ENUMERATED else _BEAM
        return self._grown(load, free, max(quota, _BEAM))

    def _listed(self, shape: Load) -> Regions | None:
        """Return all regions for a shape; None if there are too many."""
        if shape.num_qubits > _ENUMERATED:
            return None
        if shape not in self._regions:
            found = self.grown(shape, self.usable)
            self._regions[shape] = found.regions if found.are_all else None
        return self._regions[shape]

    def _matched(self, load: Load) -> Pool:
        """Return the regions that a search for subgraphs finds; loads that nearly fill a chip hardly grow greedily."""
        chip, pattern = rustworkx.PyGraph(), rustworkx.PyGraph()
        chip.add_nodes_from(range(self.chip.num_qubits))
        chip.add_edges_from_no_data([(a, b) for a, b in np.argwhere(np.triu(self.chip.joined)).tolist()])
        pattern.add_nodes_from(range(load.num_qubits))
        pattern.add_edges_from_no_data(sorted(load.edges))
        found = rustworkx.vf2_mapping(chip, pattern, subgraph=True, induced=False, id_order=False, call_limit=_CALLS)
        places = [sorted(mapping, key=mapping.__getitem__) for mapping in itertools.islice(found, _MATCHES)]
        rows = np.array(places, dtype=np.intp).reshape(-1, load.num_qubits)
        if self.strict:
            rows = rows[[all(self.chip.directed[row[a], row[b]] for a, b, _ in load.pairs) for row in rows]]
        return Pool(Regions(rows, self._near, self._may_touch), self.chip.costs(load, rows), are_all=False)

    def _grown(self, load: Load, free: Mask, quota: int) -> Pool:
        chip, are_all, order = self.chip, True, load.growth
        rows = np.flatnonzero(free)[:, None]
        costs = self._one_qubit(load, order[0])[rows[:, 0]]
        for step, qubit in enumerate(order[1:], 1):
            earlier = [column for column in range(step) if load.are_joined(order[column], qubit)]
            added = chip.neighbours[rows[:, earlier[0]]]
            rows, added = np.repeat(rows, added.shape[1], axis=0), added.ravel()
            costs = np.repeat(costs, len(added) // max(len(costs), 1))
            fits = free[added] & (rows != added[:, None]).all(axis=1)
            rows, added, costs = rows[fits], added[fits], costs[fits] + self._one_qubit(load, qubit)[added[fits]]
            fits = np.ones(len(added), dtype=bool)
            for column in earlier:
                other, there, back = rows[:, column], (order[column], qubit), (qubit, order[column])
                fits &= chip.joined[other, added]
                for pair, ends in ((there, (other, added)), (back, (added, other))):
                    if pair in load.counts:
                        costs += load.counts[pair] * np.where(chip.joined[ends], chip.couplings[ends], 0.0)
                        fits &= chip.directed[ends] | (not self.strict)
            rows, costs = np.column_stack([rows, added])[fits], costs[fits]
            kept = _best(rows[:, 0], costs, quota)
            are_all &= len(kept) == len(rows)
            rows, costs = rows[kept], costs[kept]
        rows = _compact(rows[:, np.argsort(order)], chip.num_qubits)
        return Pool(Regions(rows, self._near, self._may_touch), costs, are_all)

    def _one_qubit(self, load: Load, qubit: int) -> Floats:
        """Return the cost of one of a load's qubits on each qubit of the chip, without its couplings."""
        chip = self.chip
        return load.singles[qubit] * chip.gates + load.measured[qubit] * chip.readouts


def _best(group: Integers, costs: Floats, quota: int) -> Integers:
    """Return the indices of the cheapest regions of each group, at most `quota` each."""
    order = np.lexsort((costs, group))
    sorted_groups = group[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_groups, sorted_groups)
    return order[rank < quota]


def _compact(indices: Integers, most: int) -> Integers:
    """Return indices of qubits up to this one in the smallest type, as there are millions of them."""
    return indices.astype(np.min_scalar_type(most))


def canonical(load: Load, *, is_directed: bool) -> tuple[Load, tuple[int, ...]]:
    """Return one shape for all loads that fit on the same qubits in some order, and its qubit for each of the load's.

    Larger loads keep the order of their qubits.

    Args:
        load: The load.
        is_directed: Whether the direction of a `cx` matters.
    """
    if load.num_qubits > _ENUMERATED:
        return load.shape, tuple(range(load.num_qubits))
    pairs = [(a, b) for a, b, _ in load.pairs] if is_directed else sorted(load.edges)
    return _canonical(load.num_qubits, tuple(pairs), is_directed)


@lru_cache(maxsize=4096)
def _canonical(num_qubits: int, pairs: tuple[tuple[int, int], ...], is_directed: bool) -> tuple[Load, tuple[int, ...]]:
    """Return the renumbered pairs that come first in lexical order, as a load; see `canonical`."""

    def renumbered(numbers: tuple[int, ...]) -> list[tuple[int, int]]:
        renamed = [(numbers[a], numbers[b]) for a, b in pairs]
        return sorted(renamed if is_directed else [(min(pair), max(pair)) for pair in renamed])

    best, columns = min((renumbered(numbers), numbers) for numbers in itertools.permutations(range(num_qubits)))
    zeros = (0,) * num_qubits
    return Load(num_qubits, zeros, zeros, tuple((a, b, 0) for a, b in best)), columns
