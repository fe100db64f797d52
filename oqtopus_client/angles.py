"""Lossless reduction of large gate angles.

Mathematical libraries compute the sine of any float exactly. Transpilers add angles, or take them modulo the float
nearest to 2 pi, and so lose a phase as large as the angle's last digit. Angles are therefore reduced before.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import TypeVar

_Gate = TypeVar("_Gate")

PERIOD = 4 * math.pi
"""Period in their angles of all standard gates of Qiskit and OpenQASM, including signs and controls."""


def reduced(angle: float) -> float:
    """Return the equivalent angle for every standard gate within two turns of zero; return smaller angles unchanged.

    Args:
        angle: In radians.

    >>> reduced(-0.5)
    -0.5
    >>> round(reduced(1e17), 6)
    -2.658489
    """
    if abs(angle) <= PERIOD or not math.isfinite(angle):
        return angle
    half = angle / 2
    return 2 * math.atan2(math.sin(half), math.cos(half))


def with_reduced_angles(gate: _Gate) -> _Gate:
    """Return a standard Qiskit gate with its numeric angles `reduced`; leave other parameters unchanged."""
    angles = gate.params  # type: ignore[attr-defined]  # Qiskit need not be installed
    small = [reduced(float(angle)) if isinstance(angle, Real) else angle for angle in angles]
    if small == angles:
        return gate
    copied: _Gate = gate.to_mutable()  # type: ignore[attr-defined]
    copied.params = small  # type: ignore[attr-defined]
    copied.definition = None  # type: ignore[attr-defined]  # it may be cached for the large angles
    return copied
