"""Terminal drawing of a chip: `chip_map`."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from oqtopus_client import Calibration, CouplingCalibration, QubitCalibration

    # Row and column, on the chip or on the terminal.
    _Cell = tuple[int, int]

_ARROW = 2
"""Terminal columns between neighbouring qubits."""


def chip_map(calibration: Calibration, width: int) -> Text | None:
    """Draw each qubit at its published position, and each coupling as an arrow from control to target.

    Colours show readout errors of qubits and gate errors of couplings: green up to the median, yellow up to twice the
    median, red above. A coupling is drawn if its qubits share a row or column with no qubit in between; the last line
    counts the others.

    Args:
        calibration: The chip's calibration.
        width: Width of the terminal in columns.

    Returns:
        The drawing; None if the qubits do not all have distinct positions, or if the chip is too wide.
    """
    positions = _positions(calibration.qubits)
    digits = len(str(max(len(positions) - 1, 0)))
    if not positions or (1 + max(column for _, column in positions)) * (digits + _ARROW) > width:
        return None
    canvas: dict[_Cell, tuple[str, str]] = {}
    colour = _colours(qubit.readout_error for qubit in calibration.qubits)
    for number, qubit in enumerate(calibration.qubits):
        row, column = positions[number]
        for i, digit in enumerate(str(number).rjust(digits)):
            canvas[2 * row, column * (digits + _ARROW) + i] = digit, colour(qubit.readout_error)
    left_out = _draw_couplings(calibration.couplings, positions, digits, canvas)
    rows, columns = (1 + max(axis) for axis in zip(*canvas, strict=True))
    drawing = Text("\n").join(
        Text.assemble(*(canvas.get((row, column), " ") for column in range(columns))) for row in range(rows)
    )
    return drawing.append(f"\n\n{left_out} couplings are not drawn." if left_out else "")


def _positions(qubits: Sequence[QubitCalibration]) -> list[_Cell]:
    """Return each qubit's row, from the top, and column; empty unless all qubits have distinct positions."""
    positions = [qubit.position for qubit in qubits if qubit.position is not None]
    if len(set(positions)) < len(qubits):
        return []
    columns = {x: column for column, x in enumerate(sorted({x for x, _ in positions}))}
    rows = {y: row for row, y in enumerate(sorted({y for _, y in positions}, reverse=True))}
    return [(rows[y], columns[x]) for x, y in positions]


def _draw_couplings(
    couplings: Sequence[CouplingCalibration],
    positions: Sequence[_Cell],
    digits: int,
    canvas: dict[_Cell, tuple[str, str]],
) -> int:
    """Draw the couplings onto the canvas, and return the number of those that cannot be drawn."""
    colour = _colours(coupling.gate_error for coupling in couplings)
    occupied = set(canvas)
    left_out = 0
    for coupling in couplings:
        cells, line, head = _arrow(positions[coupling.control], positions[coupling.target], digits)
        if not cells or not occupied.isdisjoint(cells):
            left_out += 1
            continue
        style = colour(coupling.gate_error)
        for cell in cells[:-1]:
            canvas.setdefault(cell, (line, style))
        opposite, _ = canvas.get(cells[-1], ("", ""))
        canvas[cells[-1]] = "↕" if opposite in {"▲", "▼"} else head, style
    return left_out


def _arrow(start: _Cell, end: _Cell, digits: int) -> tuple[list[_Cell], str, str]:
    """Return the terminal cells between two qubits, the line character, and the arrowhead for the last cell."""
    (row, column), (last_row, last_column) = start, end
    pitch = digits + _ARROW
    if row == last_row:
        columns = range(min(column, last_column) * pitch + digits, max(column, last_column) * pitch)
        cells, glyphs = [(2 * row, x) for x in columns], ("◀", "─", "▶")
    elif column == last_column:
        rows = range(2 * min(row, last_row) + 1, 2 * max(row, last_row))
        cells, glyphs = [(y, column * pitch + digits - 1) for y in rows], ("▲", "│", "▼")
    else:
        return [], "", ""
    backward, line, forward = glyphs
    return (cells, line, forward) if start < end else (cells[::-1], line, backward)


def _colours(errors: Iterable[float | None]) -> Callable[[float | None], str]:
    """Return a function that maps an error to its colour among all errors."""
    known = [error for error in errors if error is not None]
    median = statistics.median(known) if known else 0.0

    def colour(error: float | None) -> str:
        if error is None:
            return "dim"
        return "green" if error <= median else "yellow" if error <= 2 * median else "red"

    return colour
