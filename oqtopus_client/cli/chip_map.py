"""A chip on a terminal: `chip_map`."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from oqtopus_client import Calibration, CouplingCalibration, QubitCalibration

    # A row and a column, of the chip or of the terminal.
    _Place = tuple[int, int]

_ARROW = 2
"""Columns of the terminal between neighbours."""


def chip_map(calibration: Calibration, width: int) -> Text | None:
    """Draw a chip: each qubit where the device says it is, and an arrow from control to target of each coupling.

    Colours are those of the errors of readouts and gates: green up to their median, yellow up to twice that, red above.
    A coupling is drawn where its qubits are in one row or column with none between them; the last line counts the rest.

    Args:
        calibration: The chip.
        width: Columns of the terminal.

    Returns:
        None where not every qubit has a place of its own, or the chip is too wide.
    """
    places = _places(calibration.qubits)
    digits = len(str(max(len(places) - 1, 0)))
    if not places or (1 + max(column for _, column in places)) * (digits + _ARROW) > width:
        return None
    canvas: dict[_Place, tuple[str, str]] = {}
    colour = _colours(qubit.readout_error for qubit in calibration.qubits)
    for number, qubit in enumerate(calibration.qubits):
        row, column = places[number]
        for i, digit in enumerate(str(number).rjust(digits)):
            canvas[2 * row, column * (digits + _ARROW) + i] = digit, colour(qubit.readout_error)
    left_out = _draw_couplings(calibration.couplings, places, digits, canvas)
    rows, columns = (1 + max(places) for places in zip(*canvas, strict=True))
    drawing = Text("\n").join(
        Text.assemble(*(canvas.get((row, column), " ") for column in range(columns))) for row in range(rows)
    )
    return drawing.append(f"\n\n{left_out} couplings are not drawn." if left_out else "")


def _places(qubits: Sequence[QubitCalibration]) -> list[_Place]:
    """Each qubit's row, from the top, and column; none where one has no place, or two have the same."""
    positions = [qubit.position for qubit in qubits if qubit.position is not None]
    if len(set(positions)) < len(qubits):
        return []
    columns = {x: column for column, x in enumerate(sorted({x for x, _ in positions}))}
    rows = {y: row for row, y in enumerate(sorted({y for _, y in positions}, reverse=True))}
    return [(rows[y], columns[x]) for x, y in positions]


def _draw_couplings(
    couplings: Sequence[CouplingCalibration],
    places: Sequence[_Place],
    digits: int,
    canvas: dict[_Place, tuple[str, str]],
) -> int:
    """Draw what can be drawn; returns how many couplings cannot."""
    colour = _colours(coupling.gate_error for coupling in couplings)
    occupied = set(canvas)
    left_out = 0
    for coupling in couplings:
        cells, line, head = _arrow(places[coupling.control], places[coupling.target], digits)
        if not cells or not occupied.isdisjoint(cells):
            left_out += 1
            continue
        style = colour(coupling.gate_error)
        for cell in cells[:-1]:
            canvas.setdefault(cell, (line, style))
        opposite, _ = canvas.get(cells[-1], ("", ""))
        canvas[cells[-1]] = "↕" if opposite in {"▲", "▼"} else head, style
    return left_out


def _arrow(start: _Place, end: _Place, digits: int) -> tuple[list[_Place], str, str]:
    """The places on the terminal from one qubit's number to another's, what to draw on them, and what on the last."""
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
    """What colour an error is among those."""
    known = [error for error in errors if error is not None]
    median = statistics.median(known) if known else 0.0

    def colour(error: float | None) -> str:
        if error is None:
            return "dim"
        return "green" if error <= median else "yellow" if error <= 2 * median else "red"

    return colour
