"""Angles of gates, however large, without loss.

Mathematical libraries take the sine of any float exactly. Transpilers do not: they add angles, or take them modulo the
float next to 2 pi, and so lose a phase as large as the angle's last digit. So angles are made small before.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import TypeVar

_Gate = TypeVar("_Gate")

PERIOD = 4 * math.pi
"""Of all gates of Qiskit's and OpenQASM's standard libraries in their angles, controls and signs included."""


def reduced(angle: float) -> float:
    """The angle that is the same to every standard gate, within two turns of zero; one that is already stays as it is.

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
    """A standard gate of Qiskit's with each of its angles `reduced`; what is no number stays as it is."""
    angles = gate.params  # type: ignore[attr-defined]  # Qiskit need not be installed
    small = [reduced(float(angle)) if isinstance(angle, Real) else angle for angle in angles]
    if small == angles:
        return gate
    copied: _Gate = gate.to_mutable()  # type: ignore[attr-defined]
    copied.params = small  # type: ignore[attr-defined]
    copied.definition = None  # type: ignore[attr-defined]  # which it may have of the large ones
    return copied
