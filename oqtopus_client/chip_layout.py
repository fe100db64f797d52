"""Positions of the qubits in the picture of a chip: `place_qubits`."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import rustworkx

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from oqtopus_client.calibration import QubitCalibration

    Floats = npt.NDArray[np.float64]
    Couplings = npt.NDArray[np.int64]


def published_positions(qubits: Sequence[QubitCalibration]) -> Floats | None:
    """Return the positions of shape (qubits, 2), upwards in y; None unless all qubits have distinct ones."""
    positions = [qubit.position for qubit in qubits]
    return None if None in positions or len(set(positions)) < len(positions) else np.array(positions)


def place_qubits(n_qubits: int, couplings: Couplings, positions: Floats | None) -> Floats:
    """Return positions of shape (qubits, 2), scaled to a smallest distance of 1 and shifted to a minimum of 0.

    These are the published positions, or else computed from the couplings, or else a square lattice.

    Args:
        n_qubits: Number of qubits.
        couplings: Control and target of each coupling, of shape (couplings, 2).
        positions: The published positions, if there are any.
    """
    if positions is None:
        positions = _unfolded(n_qubits, couplings) if len(couplings) else _lattice(n_qubits)
    positions = positions - positions.min(axis=0)
    scaled: Floats = positions / _smallest_distance(positions)
    return scaled


def _lattice(n: int) -> Floats:
    """Return a square lattice, filled row by row from the top."""
    columns = math.ceil(math.sqrt(n))
    return np.array([[i % columns, -(i // columns)] for i in range(n)], dtype=np.float64)


def _unfolded(n: int, couplings: Couplings) -> Floats:
    """Lay out the graph of couplings, with edges parallel to the axes as far as it is a lattice."""
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(n))
    graph.add_edges_from_no_data([(int(a), int(b)) for a, b in couplings])
    # Springs would push unconnected parts away from each other.
    parts = sorted(rustworkx.connected_components(graph), key=min)
    graph.add_edges_from_no_data([(max(part), min(other)) for part, other in pairwise(parts)])
    start = _scaled_distances(rustworkx.distance_matrix(graph))
    # Springs alone, without these starting positions, would leave a long chip twisted.
    springs = rustworkx.spring_layout(graph, pos=dict(enumerate(start.tolist())), num_iter=500, seed=0)
    positions = np.array([springs[i] for i in range(n)])
    return _upright(positions, couplings)


def _scaled_distances(distances: Floats) -> Floats:
    """Return points with roughly these distances, by classical multidimensional scaling, within [-1, 1]."""
    squares = distances**2
    centred = squares - squares.mean(axis=0) - squares.mean(axis=1, keepdims=True) + squares.mean()
    points = np.random.default_rng(0).normal(size=(len(distances), 2))
    for _ in range(100):  # towards the two largest eigenvectors
        points, strengths = np.linalg.qr(-centred @ points)
    points *= np.sqrt(np.abs(np.diag(strengths)))
    start: Floats = points / np.abs(points).max()
    return start


def _upright(positions: Floats, couplings: Couplings) -> Floats:
    """Rotate the points: couplings parallel to the axes, the width at least the height, qubit 0 at the top left."""
    points = positions @ [1, 1j]
    edges = points[couplings[:, 1]] - points[couplings[:, 0]]
    # The fourth power of a direction is invariant under rotation by right angles.
    points = points * np.exp(-0.25j * np.angle((edges**4).sum()))
    if np.ptp(points.imag) > np.ptp(points.real):
        points = points * 1j
    points = points - points.mean()
    mirrored = np.where([points[0].real > 0, points[0].imag < 0], -1, 1)
    return np.column_stack([points.real, points.imag]) * mirrored


def _smallest_distance(positions: Floats) -> float:
    points = positions @ [1, 1j]
    distances = np.abs(points[:, None] - points)
    return float(distances[~np.eye(len(points), dtype=bool)].min(initial=np.inf)) if len(points) > 1 else 1.0
