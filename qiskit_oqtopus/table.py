"""Tables as text and as HTML: `Table`."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Table(NamedTuple):
    """A table.

    Attributes:
        headings: The headings of the columns.
        rows: The cells of each row.
        numbers: The headings of columns to align on the right.
        note: A line below the table.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Collection[str] = ()
    note: str = ""

    def text(self) -> str:
        """Return the table as lines of text."""
        rows = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(self._padded, self.headings, row, widths)).rstrip() for row in rows]
        rule = "  ".join("-" * width for width in widths)
        return "\n".join([lines[0], rule, *lines[1:], *([self.note] if self.note else [])])

    def html(self) -> str:
        """Return the table as HTML."""
        head = "".join(f"<th>{heading}</th>" for heading in self.headings)
        rows = "".join(f"<tr>{''.join(map(self._cell, self.headings, row))}</tr>" for row in self.rows)
        note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}"

    def _padded(self, heading: str, cell: str, width: int) -> str:
        return cell.rjust(width) if heading in self.numbers else cell.ljust(width)

    def _cell(self, heading: str, cell: str) -> str:
        return f'<td style="text-align: {"right" if heading in self.numbers else "left"}">{html.escape(cell)}</td>'
