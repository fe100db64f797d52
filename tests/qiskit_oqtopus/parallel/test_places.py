"""Regions of chips for connected loads."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest
import rustworkx

from qiskit_oqtopus.parallel.assignment import best_place, fits
from qiskit_oqtopus.parallel.chip import Chip
from qiskit_oqtopus.parallel.load import Load
from qiskit_oqtopus.parallel.places import Finder, Pool, canonical
from tests.support.chips import chip as published
from tests.support.placement import LATTICES, calibration, chip, chip_of, fidelity, line, plain_load, ring

TREE = plain_load(6, [(0, 1), (1, 2), (1, 3), (3, 4), (4, 5)])
STAR = plain_load(4, [(1, 0), (1, 2), (1, 3)])


def mappings(chip: Chip, load: Load, calls: int | None = None) -> list[tuple[int, ...]]:
    """All regions for a load, or those that so many steps find, by rustworkx."""
    graph, pattern = rustworkx.PyGraph(), rustworkx.PyGraph()
    graph.add_nodes_from(range(chip.num_qubits))
    graph.add_edges_from_no_data([(a, b) for a, b in np.argwhere(np.triu(chip.joined)).tolist()])
    pattern.add_nodes_from(range(load.num_qubits))
    pattern.add_edges_from_no_data(sorted(load.edges))
    found = rustworkx.vf2_mapping(graph, pattern, subgraph=True, induced=False, call_limit=calls)
    return sorted(tuple(sorted(mapping, key=mapping.__getitem__)) for mapping in found)


def qubits(pool: Pool) -> list[tuple[int, ...]]:
    """The regions of a pool, in the order of the load's qubits."""
    return [pool.qubits(i) for i in range(len(pool.costs))]


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize("load", [line(1), line(2), line(5), ring(4), ring(6), STAR], ids=lambda load: str(load.edges))
def test_all_regions_are_found(name: str, load: Load) -> None:
    """Up to six qubits, they are those of an independent search for subgraphs, with the costs of all gates."""
    pool = Finder(chip(name), spacing=1, strict=False).pool(load)

    rows = qubits(pool)
    assert sorted(rows) == mappings(chip(name), load)
    assert pool.are_all
    i = int(np.argmin(pool.costs))
    found = fidelity(calibration(name), load, rows[i])
    assert np.exp(-pool.costs[i]) == pytest.approx(found, rel=1e-9)
    assert found == pytest.approx(max(fidelity(calibration(name), load, row) for row in rows))


@pytest.mark.parametrize(("name", "number"), [("lattice64", 9_504), ("lattice144", 27_312)])
def test_number_of_regions(name: str, number: int) -> None:
    """A line of six qubits has so many."""
    assert len(Finder(chip(name), spacing=1, strict=False).pool(line(6)).costs) == number


def test_strict_regions_have_the_direction_of_each_gate() -> None:
    """Controls and targets alternate on the lattice, so a line fits only if its gates do."""
    alternating = plain_load(4, [(0, 1), (2, 1), (2, 3)])
    pool = Finder(chip("lattice64"), spacing=1, strict=True).pool(alternating)
    directed = {(each.control, each.target) for each in calibration("lattice64").couplings}
    expected = [
        row
        for row in mappings(chip("lattice64"), alternating)
        if all((row[a], row[b]) in directed for a, b, _ in alternating.pairs)
    ]

    assert sorted(qubits(pool)) == expected
    assert not fits(chip("lattice64"), plain_load(3, [(0, 1), (1, 2)]), strict=True)
    assert fits(chip("lattice64"), plain_load(3, [(0, 1), (1, 2)]))


def test_broken_parts_are_avoided() -> None:
    """No region has an unusable qubit or coupling, however good the others are."""
    fine = {"fidelity": 0.999, "meas_error": {"readout_assignment_error": 0.01}}
    grid = [(3 * row + column, 3 * row + column + step) for row in range(3) for column in range(3) for step in (1, 3)]
    couplings = [
        {"control": a, "target": b, "fidelity": 0.4 if (a, b) == (6, 7) else 0.99}
        for a, b in grid
        if b < 9 and (b - a == 3 or b % 3)
    ]
    corner = {"fidelity": 0.999}
    found = chip_of(published(corner, *[fine] * 8, couplings=couplings))
    rows = Finder(found, spacing=0, strict=False).pool(line(3)).regions.rows

    assert len(rows)
    assert 0 not in rows
    assert not any({6, 7} in ({a, b}, {b, c}) for a, b, c in rows.tolist())
    assert fits(found, line(8))
    assert not fits(found, line(9))


@pytest.mark.parametrize("spacing", [0, 1, 2])
def test_room_taken_from_others(spacing: int) -> None:
    """It is the number of free qubits to keep empty; if regions may touch, those cut off and a quarter of those met."""
    random, lattice = np.random.default_rng(spacing), chip("lattice64")
    regions = Finder(lattice, spacing=spacing, strict=False).pool(line(4)).regions
    free = np.append(random.random(64) < 0.7, False)
    chosen = regions.free(free)
    spoiled = regions.spoiled(chosen, free)
    reach = lattice.within(spacing)

    assert len(chosen)
    for i, row in zip(chosen, regions.rows[chosen], strict=True):
        left = free[:-1].copy()
        left[row] = False
        if spacing:
            expected = float((left & reach[row].any(axis=0)).sum())
        else:
            met = left & lattice.near[row].any(axis=0)
            cut = [qubit for qubit in np.flatnonzero(met) if not (lattice.near[qubit] & left).any()]
            expected = len(cut) + met.sum() / 4
        assert spoiled[chosen == i] == pytest.approx(expected)


@pytest.mark.parametrize(("load", "least"), [(line(16), 0.97), (ring(12), 0.97), (line(8), 0.99)])
def test_large_circuits_grow_on_good_qubits(load: Load, least: float) -> None:
    """Beyond six qubits, the best region found is nearly as good as any, and its gates are on couplings."""
    place = best_place(chip("lattice64"), load)

    assert place is not None
    assert place.fidelity == pytest.approx(fidelity(calibration("lattice64"), load, place.qubits))
    others = np.array(mappings(chip("lattice64"), load, calls=20_000))
    assert len(others) > 100
    assert place.fidelity >= least * np.exp(-chip("lattice64").costs(load, others).min())


@pytest.mark.parametrize("load", [line(64), ring(60), line(50)])
def test_circuits_that_nearly_fill_the_chip(load: Load) -> None:
    """A search for subgraphs finds regions that do not grow greedily."""
    place = best_place(chip("lattice64"), load)

    assert place is not None
    assert len(set(place.qubits)) == load.num_qubits
    assert place.fidelity == pytest.approx(fidelity(calibration("lattice64"), load, place.qubits))


@pytest.mark.parametrize("load", [ring(3), ring(5), line(65), plain_load(6, [(0, i) for i in range(1, 6)])])
def test_what_does_not_fit(load: Load) -> None:
    """Odd rings, five neighbours of a qubit, and more qubits than there are do not fit on a square lattice."""
    assert not fits(chip("lattice64"), load)


def test_renumbered_circuits_share_their_regions() -> None:
    """A tree of six qubits is searched for once, however its qubits are numbered and its gates directed."""
    random = np.random.default_rng(5)
    finder = Finder(replace(chip("lattice64")), spacing=1, strict=False)
    expected = len(mappings(finder.chip, TREE))
    for _ in range(20):
        numbers = random.permutation(6).tolist()
        pairs = [(numbers[a], numbers[b])[:: random.choice([1, -1])] for a, b, _ in TREE.pairs]
        load = plain_load(6, pairs)
        pool = finder.pool(load)
        i = int(np.argmin(pool.costs))

        assert len(pool.costs) == expected
        assert np.exp(-pool.costs[i]) == pytest.approx(finder.chip.fidelity(load, pool.qubits(i)), rel=1e-9)
        assert all(finder.chip.joined[pool.qubits(i)[a], pool.qubits(i)[b]] for a, b in pairs)
    assert len(finder.chip.searches[1, False]) == 1


@pytest.mark.parametrize("is_directed", [False, True])
def test_shapes_are_shared_only_by_loads_that_fit_alike(is_directed: bool) -> None:
    """Graphs of up to six qubits have the same shape if and only if they are isomorphic."""
    random = np.random.default_rng(6)
    kind = rustworkx.PyDiGraph if is_directed else rustworkx.PyGraph
    known: dict[Load, rustworkx.PyGraph | rustworkx.PyDiGraph] = {}
    for _ in range(150):
        pairs = [(i, int(random.integers(i)))[:: random.choice([1, -1])] for i in range(1, 4)]
        if random.random() < 0.5:
            pairs.append((0, 3) if (3, 0) not in pairs else (1, 2))
        load = plain_load(4, sorted(set(pairs)))
        shape, columns = canonical(load, is_directed=is_directed)
        graph = kind()
        graph.add_nodes_from(range(4))
        graph.add_edges_from_no_data([(a, b) for a, b, _ in load.pairs] if is_directed else sorted(load.edges))

        renumbered = {(columns[a], columns[b]) for a, b in graph.edge_list()}
        assert {tuple(sorted(pair)) for pair in renumbered} == set(shape.edges)
        assert [shape] == [
            each for each, other in {**known, shape: graph}.items() if rustworkx.is_isomorphic(graph, other)
        ]
        known.setdefault(shape, graph)
    assert len(known) > 3


def test_memory_of_a_search_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search keeps the costs of few loads only, and finds the same again for the others."""
    loads = [Load(5, (i, 0, 0, 0, 0), (1,) * 5, line(5).pairs) for i in range(40)]
    unlimited = Finder(chip("lattice64"), spacing=1, strict=False)
    expected = [unlimited.pool(load).costs for load in loads]
    monkeypatch.setattr("qiskit_oqtopus.parallel.places._KEPT", 3 * len(expected[0]))
    finder = Finder(chip("lattice64"), spacing=1, strict=False)
    held = [weakref.ref(finder.pool(load)) for load in loads]

    assert sum(pool() is not None for pool in held) <= 5
    for load, costs in zip(loads, expected, strict=True):
        np.testing.assert_array_equal(finder.pool(load).costs, costs)
