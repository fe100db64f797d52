"""Positions of qubits in pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from qiskit.transpiler import CouplingMap

from oqtopus_client.chip_layout import place_qubits

LINE = CouplingMap.from_line(12, bidirectional=False)
LATTICE = CouplingMap.from_grid(8, 8, bidirectional=False)
HEAVY_HEX = CouplingMap.from_heavy_hex(5, bidirectional=False)
STAR = CouplingMap([(0, i) for i in range(1, 9)])
FORK = CouplingMap([(i, i + 1) for i in range(9)] + [(9, 10), (9, 11), (9, 12)])
FULL = CouplingMap.from_full(7)


def placed_qubits(n_qubits: int, couplings: Iterable[tuple[int, int]], positions: object = None) -> np.ndarray:
    """Return the positions in the picture."""
    places = None if positions is None else np.array(positions, dtype=float)
    return place_qubits(n_qubits, np.array(list(couplings), dtype=np.int64).reshape(-1, 2), places)


def distances(positions: np.ndarray) -> np.ndarray:
    """Return the distances of all pairs of qubits."""
    return np.linalg.norm(positions[:, None] - positions, axis=-1)


def test_published() -> None:
    """Published positions are kept up to scale and origin."""
    placed = placed_qubits(3, [(0, 2)], [[-1, 10], [-1, 10.5], [1, 11]])

    assert placed.tolist() == [[0, 0], [0, 1], [4, 2]]


def test_nothing_published() -> None:
    """Without positions and couplings, qubits are in rows from the top down."""
    assert placed_qubits(5, []).tolist() == [[0, 1], [1, 1], [2, 1], [0, 0], [1, 0]]
    assert placed_qubits(1, []).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    "graph", [LINE, LATTICE, HEAVY_HEX, STAR, FORK, FULL], ids=["line", "8x8", "hex", "star", "fork", "full"]
)
def test_found(graph: CouplingMap) -> None:
    """Computed positions do not overlap, are compact, and are deterministic."""
    placed = placed_qubits(graph.size(), list(graph.get_edges()))
    apart = distances(placed)[np.triu_indices(graph.size(), 1)]

    assert apart.min() == pytest.approx(1)
    assert apart.max() < 2 * graph.size()
    assert placed.min(axis=0).tolist() == [0, 0]
    assert np.array_equal(placed, placed_qubits(graph.size(), list(graph.get_edges())))


@pytest.mark.parametrize(("rows", "columns"), [(2, 8), (8, 8), (12, 12)])
def test_lattice(rows: int, columns: int) -> None:
    """A lattice is laid out upright, without crossing couplings, with qubit 0 at the top left."""
    edges = list(CouplingMap.from_grid(rows, columns, bidirectional=False).get_edges())
    placed = placed_qubits(rows * columns, edges)
    lengths = np.array([placed[b] - placed[a] for a, b in edges])

    assert (np.abs(lengths).min(axis=1) < 0.35 * np.abs(lengths).max(axis=1)).all()
    assert not any(crossed(placed, e, f) for e, f in itertools.combinations(edges, 2))
    assert np.ptp(placed[:, 0]) >= np.ptp(placed[:, 1])
    assert placed[0, 0] < placed[:, 0].mean()
    assert placed[0, 1] > placed[:, 1].mean()


def test_separate_parts() -> None:
    """Unconnected parts stay close to each other, including qubits without couplings."""
    edges = [(i, i + 1) for i in range(9)] + [(i, i + 1) for i in range(10, 18)]
    placed = placed_qubits(20, edges)
    apart = distances(placed)

    assert np.isfinite(placed).all()
    assert apart.max() < 40
    assert apart[~np.eye(20, dtype=bool)].min() == pytest.approx(1)


def crossed(placed: np.ndarray, edge: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether the lines of two couplings cross."""
    if set(edge) & set(other):
        return False
    (a, b), (c, d) = placed[list(edge)], placed[list(other)]

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> bool:
        return bool((q[0] - p[0]) * (r[1] - p[1]) > (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) != side(a, b, d) and side(c, d, a) != side(c, d, b)
