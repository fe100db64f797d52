"""What commands say: tables for people, JSON for programs.

Text from servers is shown as text: neither the terminal nor the table library obeys what is in it.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oqtopus_client.display import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs in place of tables.")]

_WIDE = 200
"""Columns of output that goes to a file or another program, where nobody wants lines cut."""

_COLOURS = {
    "available": "green",
    "succeeded": "green",
    "ok": "green",
    "unavailable": "red",
    "failed": "red",
    "fail": "red",
    "cancelled": "yellow",
    "cancelling": "yellow",
    "warn": "yellow",
    "running": "cyan",
    "ready": "cyan",
}


def console(*, stderr: bool = False) -> Console:
    """The terminal; colours only where it has them and `NO_COLOR` is not set."""
    from rich.console import Console

    terminal = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not terminal.is_terminal and "COLUMNS" not in os.environ:
        terminal.width = _WIDE
    return terminal


def say(message: str) -> None:
    """Tell people something beside the output proper, on stderr, in one line."""
    typer.echo(one_line(message), err=True)


def show_json(value: object) -> None:
    """Print JSON; times are ISO 8601 in UTC."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def show(shown: Table) -> None:
    """Print a table; what is wider than the terminal is for that to break, which keeps what is copied in one piece."""
    console().print(shown, crop=False)


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    numbers: Collection[str] = (),
    whole: Collection[str] | None = None,
) -> Table:
    """A table for people.

    Args:
        headings: What the columns are.
        rows: The cells; None is an empty one.
        title: What the table is.
        numbers: The headings of columns that hold numbers.
        whole: The headings of columns that are never folded, as ids must not be, which people copy; by default the
            first's.
    """
    from rich import box
    from rich.table import Table

    made = Table(
        title=title, box=box.SIMPLE_HEAD, title_justify="left", show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )
    cells = [[_cell(value) for value in row] for row in rows]
    for index, heading in enumerate(headings):
        kept = heading in (headings[:1] if whole is None else whole)
        longest = [row[index].cell_len for row in cells] if kept else []
        made.add_column(
            heading,
            justify="right" if heading in numbers else "left",
            overflow="fold",
            no_wrap=kept,
            min_width=max([0, *map(len, heading.split()), *longest]),
        )
    for row in cells:
        made.add_row(*row)
    return made


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values in two columns; a value of None is left out."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None:
            made.add_row(name, _cell(value))
    return made


def coloured(word: str) -> Text:
    """A status in its colour."""
    from rich.text import Text

    return Text(printable(str(word)), style=_COLOURS.get(str(word), ""))


def counted(number: int, thing: str) -> str:
    """How many there are of something.

    >>> counted(1, "job"), counted(0, "job")
    ('1 job', '0 jobs')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def percent(probability: float | None) -> str | None:
    """A probability for people.

    >>> percent(0.01234)
    '1.23 %'
    """
    return None if probability is None else f"{100 * probability:.2f} %"


def utc(time: datetime | None) -> str | None:
    """A time to the second in UTC; None stays None."""
    return None if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cell(value: object) -> Text:
    from rich.text import Text

    if isinstance(value, Text):
        return value
    return Text("" if value is None else printable(str(value)))


def _plain(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
