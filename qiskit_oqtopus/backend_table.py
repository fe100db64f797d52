"""A list of backends that is displayed as a table: `BackendTable`."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from oqtopus_client.display import moment, printable
from qiskit_oqtopus.backend import OqtopusBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADINGS = ("Name", "Qubits", "Type", "Status", "Pending jobs", "Calibrated at")
_NUMBERS = frozenset({"Qubits", "Pending jobs"})


class BackendTable(list[OqtopusBackend]):
    """A list of backends, which `print` and notebooks show as a table."""

    def __repr__(self) -> str:
        if not self:
            return "No backends"
        rows = [_HEADINGS, *map(_cells, self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
        return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{heading}</th>" for heading in _HEADINGS)
        rows = "".join(f"<tr>{''.join(map(_html_cell, _HEADINGS, _cells(backend)))}</tr>" for backend in self)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(backend: OqtopusBackend) -> tuple[str, ...]:
    device = backend.device
    return (
        printable(device.device_id),
        "" if backend.num_qubits is None else str(backend.num_qubits),
        printable(device.device_type),
        printable(device.status),
        str(device.n_pending_jobs),
        "" if device.calibrated_at is None else moment(device.calibrated_at),
    )


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)
        for heading, cell, width in zip(_HEADINGS, row, widths, strict=True)
    ]


def _html_cell(heading: str, cell: str) -> str:
    return f'<td style="text-align: {"right" if heading in _NUMBERS else "left"}">{html.escape(cell)}</td>'
