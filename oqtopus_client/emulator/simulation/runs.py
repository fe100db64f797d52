"""Runs of one-qubit gates, multiplied out: `fused`."""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING

from oqtopus_client.emulator.simulation.operations import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Matrix = tuple[complex, complex, complex, complex]
"""A matrix of two rows and columns, by rows."""

IDENTITY: Matrix = (1, 0, 0, 1)
_GATES = frozenset({"x", "sx", "rz", "rx", "ry"})
_ROUNDING = 1e-13


def fused(operations: Iterable[Operation], n_qubits: int) -> Iterator[Operation]:
    """Yield operations with each run of one-qubit gates as at most three rotations, about Z, Y and Z."""
    runs = [IDENTITY] * n_qubits
    for operation in operations:
        name, qubits, value = operation
        if name in _GATES:
            runs[qubits[0]] = after(runs[qubits[0]], name, value)
            continue
        for qubit in qubits:
            if runs[qubit] is not IDENTITY:
                yield from rotations(runs[qubit], qubit)
                runs[qubit] = IDENTITY
        yield operation
    for qubit, run in enumerate(runs):
        yield from rotations(run, qubit)


def after(run: Matrix, name: str, value: float) -> Matrix:
    """Return the matrix of a run and one more gate: `x`, `sx`, `rx`, `ry` or `rz`."""
    a, b, c, d = run
    if name == "x":
        return c, d, a, b
    if name == "rz":
        phase = cmath.rect(1, value / 2)
        back = phase.conjugate()
        return back * a, back * b, phase * c, phase * d
    angle = math.pi / 4 if name == "sx" else value / 2
    cos, sin = math.cos(angle), math.sin(angle)
    if name == "ry":
        return cos * a - sin * c, cos * b - sin * d, sin * a + cos * c, sin * b + cos * d
    return cos * a - 1j * sin * c, cos * b - 1j * sin * d, cos * c - 1j * sin * a, cos * d - 1j * sin * b


def rotations(run: Matrix, qubit: int) -> Iterator[Operation]:
    """Yield a run as rotations about Z, Y and Z, apart from a phase."""
    a, b, c, d = run
    both, difference = cmath.phase(d) - cmath.phase(a), cmath.phase(c) - cmath.phase(-b)
    if abs(c) < _ROUNDING:
        first, turn, last = 0.0, 0.0, both
    elif abs(a) < _ROUNDING:
        first, turn, last = 0.0, math.pi, difference
    else:
        turn, last = 2 * math.atan2(abs(c), abs(a)), cmath.phase(c) - cmath.phase(a)
        # For turns near 0 or pi, both angles are inaccurate, but not their sum or difference.
        first = both - last if abs(a) > abs(c) else last - difference
    for name, angle in (("rz", first), ("ry", turn), ("rz", last)):
        if angle:
            yield Operation(name, (qubit,), angle)
