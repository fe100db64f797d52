"""Circuits on regions of chips: as many as fit, on good qubits, apart from each other."""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rustworkx
from qiskit import transpile

from qiskit_oqtopus import CircuitError
from qiskit_oqtopus.parallel.arrangement import MAX_TEXT
from qiskit_oqtopus.parallel.assignment import Request, assign, best_place
from qiskit_oqtopus.parallel.chip import Chip, target_of
from qiskit_oqtopus.parallel.load import Load
from qiskit_oqtopus.target import target_from_device
from tests.support.chips import QUBIT, device, pair
from tests.support.chips import chip as published
from tests.support.placement import (
    LATTICES,
    assigned,
    calibration,
    check,
    chip,
    chip_of,
    emulated,
    layered,
    line,
    native,
    plain_load,
    ring,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit_oqtopus.parallel.places import Place

PAIRS = [line(2)] * 32
RINGS_AND_LINES = [ring(6, 2)] * 5 + [line(6, 2)] * 5
LONG_LINES = [line(16, 2)] * 4


@cache
def mixed(number: int) -> list[Load]:
    """Lines and rings of one to six qubits, with one or two layers."""
    random = np.random.default_rng(0)
    sizes = random.integers(1, 7, number).tolist()
    shapes = [ring if size in (4, 6) and random.random() < 0.3 else line for size in sizes]
    return [shape(size, int(random.integers(1, 3))) for shape, size in zip(shapes, sizes, strict=True)]


def kept(programs: Sequence[dict[int, Place]]) -> list[float]:
    """The fraction of its best place's fidelity that each circuit has."""
    return [place.fidelity / (place.best_fidelity or 1) for program in programs for place in program.values()]


@pytest.mark.parametrize(
    ("name", "loads", "spacing", "most", "mean"),
    [
        ("lattice64", PAIRS, 0, 1, 0.97),
        ("lattice64", PAIRS, 1, 2, 0.97),
        ("lattice64", PAIRS, 2, 4, 0.97),
        ("lattice64", RINGS_AND_LINES, 0, 1, 0.95),
        ("lattice64", RINGS_AND_LINES, 1, 2, 0.95),
        ("lattice64", LONG_LINES, 0, 2, 0.96),
        ("lattice64", LONG_LINES, 1, 2, 0.96),
        ("lattice64", mixed(24), 0, 2, 0.96),
        ("lattice64", mixed(24), 1, 3, 0.96),
        ("lattice64", [line(2)] * 200, 0, 7, 0.97),
        ("lattice64", [line(2)] * 200, 1, 13, 0.97),
        ("lattice144", PAIRS, 0, 1, 0.98),
        ("lattice144", PAIRS, 1, 1, 0.97),
        ("lattice144", PAIRS, 2, 2, 0.97),
        ("lattice144", RINGS_AND_LINES, 0, 1, 0.97),
        ("lattice144", RINGS_AND_LINES, 1, 1, 0.96),
        ("lattice144", LONG_LINES, 0, 1, 0.94),
        ("lattice144", LONG_LINES, 1, 1, 0.94),
        ("lattice144", mixed(24), 0, 1, 0.97),
        ("lattice144", mixed(24), 1, 2, 0.96),
        ("lattice144", [line(2)] * 200, 0, 3, 0.97),
        ("lattice144", [line(2)] * 200, 1, 7, 0.97),
    ],
)
def test_few_programs_on_good_qubits(name: str, loads: list[Load], spacing: int, most: int, mean: float) -> None:
    """Programs are as few, and fidelities as high, as a study of such lattices found possible."""
    programs = assigned(chip(name), loads, spacing=spacing)

    check(calibration(name), loads, programs, spacing)
    assert len(programs) <= most
    assert sum(kept(programs)) / len(loads) >= mean
    assert min(kept(programs)) >= 0.9


@pytest.mark.parametrize(
    ("name", "loads", "max_error", "most"),
    [
        ("lattice64", [line(2)] * 200, 0.02, 23),
        ("lattice64", [line(2)] * 200, 0.05, 13),
        ("lattice64", mixed(24), 0.02, 6),
        ("lattice64", mixed(24), 0.05, 3),
        ("lattice64", RINGS_AND_LINES, 0.02, 4),
        ("lattice64", RINGS_AND_LINES, 0.05, 3),
        ("lattice144", [line(2)] * 200, 0.02, 15),
        ("lattice144", [line(2)] * 200, 0.05, 7),
        ("lattice144", mixed(24), 0.02, 5),
        ("lattice144", mixed(24), 0.05, 2),
        ("lattice144", RINGS_AND_LINES, 0.02, 4),
        ("lattice144", RINGS_AND_LINES, 0.05, 1),
    ],
)
def test_max_error(name: str, loads: list[Load], max_error: float, most: int) -> None:
    """No circuit loses more of its best place's fidelity; a further program begins instead."""
    programs = assigned(chip(name), loads, max_error=max_error)

    check(calibration(name), loads, programs, 1)
    assert len(programs) <= most
    for program in programs:
        for index, place in program.items():
            best = best_place(chip(name), loads[index])
            assert best is not None
            assert place.fidelity >= (1 - max_error) * best.fidelity
            assert place.best_fidelity == pytest.approx(best.fidelity)


@pytest.mark.parametrize("name", LATTICES)
def test_pairs_that_touch_fill_the_chip(name: str) -> None:
    """They are as many as a matching of maximum size has."""
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(chip(name).num_qubits))
    graph.add_edges_from_no_data([(a, b) for a, b in np.argwhere(np.triu(chip(name).joined)).tolist()])
    most = len(rustworkx.max_weight_matching(graph, max_cardinality=True))
    loads = [line(2)] * (most + 1)
    programs = assigned(chip(name), loads, spacing=0, max_error=None)

    check(calibration(name), loads, programs, 0)
    assert [len(program) for program in programs] == [most, 1]


def test_many_pairs_on_a_thousand_qubits() -> None:
    """At a spacing of 1, each takes four qubits at least; 400 of them need two programs."""
    loads = [line(2)] * 400
    programs = assigned(chip("lattice1000"), loads)

    check(calibration("lattice1000"), loads, programs, 1)
    assert len(programs) == 2
    assert max(map(len, programs)) <= 250


def test_many_different_circuits() -> None:
    """A thousand circuits of a few shapes fill programs as well as equal ones do."""
    random = np.random.default_rng(0)
    loads = [
        Load(2, tuple(random.integers(1, 9, 2).tolist()), (1, 1), ((0, 1, int(random.integers(1, 4))),))
        for _ in range(1_000)
    ]
    programs = assigned(chip("lattice64"), loads)

    check(calibration("lattice64"), loads, programs, 1)
    assert len(programs) <= 68
    assert min(kept(programs)) >= 0.9


@pytest.mark.parametrize("name", LATTICES)
def test_estimates_hold_for_transpiled_circuits(name: str) -> None:
    """The estimate is that of the circuit transpiled for its place, or at most 1 % lower."""
    circuits = [layered(size, 2, is_ring=size in (4, 6)) for size in (1, 2, 3, 4, 5, 6)]
    loads = [Load.of(native(circuit)) for circuit in circuits]
    target = target_from_device(emulated(name))
    for program in assigned(chip(name), loads * 3):
        for index, place in program.items():
            part = target_of(target, place.qubits)
            layout = range(len(place.qubits))
            placed = transpile(circuits[index % 6], target=part, initial_layout=layout, optimization_level=1)
            gates = [(item.name, tuple(placed.find_bit(qubit).index for qubit in item.qubits)) for item in placed.data]
            fidelity = math.prod(1 - part[gate][qubits].error for gate, qubits in gates if gate != "barrier")
            assert 0.99 * fidelity <= place.fidelity <= fidelity * (1 + 1e-9)


def test_results_do_not_depend_on_the_order_of_circuits() -> None:
    """Permuted circuits get the same places, permuted; the same circuits get the same places."""
    loads = mixed(24)
    order = np.random.default_rng(1).permutation(24).tolist()
    requests = [Request(load, f"circuit {i}", i) for i, load in enumerate(loads)]
    first = assign(chip("lattice64"), requests)
    permuted = assign(chip("lattice64"), [requests[i] for i in order])

    assert first == permuted == assign(chip("lattice64"), requests)
    renumbered = assigned(chip("lattice64"), [loads[i] for i in order])
    places = [sorted(place.qubits for place in program.values()) for program in first]
    assert places == [sorted(place.qubits for place in program.values()) for program in renumbered]


@pytest.mark.parametrize("spacing", [0, 1])
def test_fixed_circuits_stay(spacing: int) -> None:
    """They share a program if they are disjoint, though they may touch; others are placed around them."""
    fixed = [(0, 1), (2, 3), (1, 9), (8, 16)]
    requests = [Request(line(2), f"fixed {i}", i, fixed=qubits) for i, qubits in enumerate(fixed)]
    requests += [Request(line(2), f"free {i}", i) for i in range(4, 20)]
    programs = assign(chip("lattice64"), requests, spacing=spacing)

    assert [sorted(index for index in program if index < 4) for program in programs[:2]] == [[0, 1, 3], [2]]
    for program in programs:
        for index, place in program.items():
            if index < 4:
                assert place.qubits == fixed[index]
                assert place.best_fidelity is None
                assert place.fidelity == pytest.approx(chip("lattice64").fidelity(line(2), fixed[index]))
        for (i, one), (k, other) in combinations(program.items(), 2):
            assert set(one.qubits).isdisjoint(other.qubits)
            if max(i, k) >= 4:
                assert not chip("lattice64").within(spacing)[np.ix_(one.qubits, other.qubits)].any()
            if min(i, k) >= 4:
                assert min(kept([{i: one}, {k: other}])) >= 0.9


def test_fixed_circuits_may_use_broken_qubits() -> None:
    """They stay where the user put them, with the fidelity that the calibration gives."""
    good = {"fidelity": 0.999, "meas_error": {"readout_assignment_error": 0.01}}
    bad = {"fidelity": 0.2, "meas_error": {"readout_assignment_error": 0.01}}
    found = chip_of(published(good, bad, good, couplings=[pair(0, 1, 0.9), pair(1, 2, 0.9)]))
    lone = Load(1, (1,), (1,), ())
    requests = [Request(lone, "fixed", 0, fixed=(1,)), Request(lone, "free", 1), Request(lone, "free", 2)]
    programs = assign(found, requests, spacing=0)

    assert [program.keys() for program in programs] == [{0, 1, 2}]
    assert programs[0][0].fidelity == pytest.approx(0.2 * 0.99)
    assert {programs[0][i].qubits for i in (1, 2)} == {(0,), (2,)}


@pytest.mark.parametrize(("most", "sizes"), [(1, [1] * 6), (4, [4, 2]), (None, [6])])
def test_most(most: int | None, sizes: list[int]) -> None:
    """It limits the number of circuits in a program; fixed ones count."""
    requests = [Request(line(2), "pair", i, fixed=(0, 1) if not i else None) for i in range(6)]
    programs = assign(chip("lattice64"), requests, most=most)

    assert [len(program) for program in programs] == sizes


def test_size_of_programs() -> None:
    """Texts of a program stay below the limit; a circuit beyond it has a program of its own."""
    sizes = [MAX_TEXT // 2, MAX_TEXT // 2, 1, MAX_TEXT + 1, 1]
    programs = assign(chip("lattice64"), [Request(line(2), "pair", i, size=size) for i, size in enumerate(sizes)])

    assert [sorted(program) for program in programs] == [[0, 1], [2, 4], [3]]


def test_groups_do_not_share_programs() -> None:
    """Circuits of different groups are in different programs, in the order of their groups."""
    requests = [Request(line(2), "pair", i, group=i % 3) for i in range(9)]
    programs = assign(chip("lattice64"), requests)

    assert [sorted(program) for program in programs] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]


@pytest.mark.parametrize(
    "load",
    [
        plain_load(5, [(0, 1)]),
        plain_load(64, []),
        plain_load(64, [(2 * i, 2 * i + 1) for i in range(32)]),
        plain_load(18, [(6 * k + i, 6 * k + i + 1) for k in range(3) for i in range(5)]),
    ],
    ids=["pair and lone qubits", "lone qubits", "pairs", "lines"],
)
def test_unconnected_circuits(load: Load) -> None:
    """Their parts are placed one by one, and may touch each other, but not other circuits."""
    programs = assigned(chip("lattice64"), [load] * 3)
    best = best_place(chip("lattice64"), load)

    check(calibration("lattice64"), [load] * 3, programs, 1)
    assert best is not None
    assert min(kept(programs)) >= 0.9
    assert (programs[0][0].best_fidelity or 0) >= best.fidelity * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_unconnected_circuits_keep_their_fidelity(seed: int) -> None:
    """The best place is that of all parts together, not of one after the other, and `max_error` refers to it."""
    rng = np.random.default_rng(seed)
    qubits = [{**QUBIT, "fidelity": float(rng.uniform(0.9, 1))} for _ in range(6)]
    couplings = [pair(i, (i + 1) % 6, float(rng.uniform(0.8, 1))) for i in range(6)]
    described = published(*qubits, couplings=couplings)
    ring_of_six = Chip.of(described, target_from_device(described))
    singles = tuple(int(number) for number in rng.integers(0, 9, 5))
    load = Load(5, singles, (1,) * 5, ((0, 1, int(rng.integers(1, 6))), (2, 3, int(rng.integers(1, 6)))))
    best = max(ring_of_six.fidelity(load, places) for places in permutations(range(6), 5))
    requests = [Request(load, "parts", i) for i in range(2)]
    places = [program[i] for i, program in enumerate(assign(ring_of_six, requests, spacing=0, max_error=0.01))]

    assert len(places) == 2
    for place in places:
        assert place.best_fidelity == pytest.approx(best)
        assert place.fidelity >= 0.99 * best
        assert place.fidelity == pytest.approx(ring_of_six.fidelity(load, place.qubits))


def test_lone_qubits_get_the_best() -> None:
    """The best place of unconnected equal qubits are the best qubits."""
    lone = Load(1, (1,), (1,), ())
    each = sorted((chip("lattice64").fidelity(lone, (qubit,)) for qubit in range(64)), reverse=True)
    best = best_place(chip("lattice64"), plain_load(3, []))

    assert best is not None
    assert best.fidelity == pytest.approx(math.prod(each[:3]))


def test_simulators_are_filled_by_width() -> None:
    """Without couplings, circuits take the first free qubits, side by side."""
    found = chip_of(device(None, n_qubits=20))
    programs = assigned(found, [ring(3)] * 8)

    assert [len(program) for program in programs] == [6, 2]
    assert [place.qubits for place in programs[0].values()] == [(3 * i, 3 * i + 1, 3 * i + 2) for i in range(6)]
    assert {place.fidelity for program in programs for place in program.values()} == {1.0}


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (
            line(65),
            r"'circuit 0' needs 65 qubits, but lattice64 has only 64 that are calibrated with errors below 50 %",
        ),
        (ring(3), r"'circuit 0' needs 3 qubits, but no qubits of lattice64 are coupled as its two-qubit gates require"),
    ],
)
def test_what_does_not_fit_is_refused(load: Load, message: str) -> None:
    """The error names the circuit, and what it lacks."""
    with pytest.raises(CircuitError, match=message):
        assigned(chip("lattice64"), [load])


@pytest.mark.parametrize("options", [{}, {"strict": True}])
def test_strict(options: dict[str, Any]) -> None:
    """All `cx` have the direction of the couplings."""
    alternating = plain_load(3, [(0, 1), (2, 1)])
    programs = assigned(chip("lattice64"), [alternating] * 9, **options)
    directed = [
        chip("lattice64").directed[place.qubits[a], place.qubits[1]]
        for program in programs
        for place in program.values()
        for a in (0, 2)
    ]

    check(calibration("lattice64"), [alternating] * 9, programs, 1)
    assert all(directed) or not options
