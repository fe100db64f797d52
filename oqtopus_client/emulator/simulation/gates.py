"""The matrices of operations; the first qubit is the highest bit of their indices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAULIS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
"""I, X, Y and Z."""

_, _X, _, _Z = PAULIS
_GATES: dict[str, NDArray[Any]] = {
    "x": _X,
    "sx": np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2,
    "cx": np.eye(4)[[0, 1, 3, 2]],
}
_AXES = {"rx": _X, "rz": _Z, "rzz": np.kron(_Z, _Z), "rzx": np.kron(_Z, _X)}


def unitary(name: str, angle: float) -> NDArray[Any]:
    """Return the matrix of a gate or a coherent error, with the angle of a rotation in radians."""
    if name in _GATES:
        return _GATES[name]
    axis = _AXES[name]
    return np.asarray(math.cos(angle / 2) * np.eye(len(axis)) - 1j * math.sin(angle / 2) * axis)
