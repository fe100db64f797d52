"""Output of commands: tables for people, JSON for programs.

Text from servers is escaped, so that the terminal and the table library cannot interpret it.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oqtopus_client.display import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

_WIDE = 200
"""Width of output to a file or another program, where lines should not be broken."""

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
    """Return a console, which uses colours only on a terminal that has them and without `NO_COLOR`."""
    from rich.console import Console

    terminal = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not terminal.is_terminal and "COLUMNS" not in os.environ:
        terminal.width = _WIDE
    return terminal


def animated(terminal: Console) -> bool:
    """Return whether a console can change what it shows: a terminal that can move its cursor."""
    return terminal.file.isatty() and not terminal.is_dumb_terminal


def say(message: str) -> None:
    """Print a message to stderr, in one line."""
    typer.echo(one_line(message), err=True)


def show_json(value: object) -> None:
    """Print JSON, with times in ISO 8601 and UTC."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, default=_plain)
    typer.echo(text)


def show(shown: Table) -> None:
    """Print a table without cropping: the terminal wraps long lines, and copied text stays in one piece."""
    console().print(shown, crop=False)


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    numbers: Collection[str] = (),
    whole: Collection[str] | None = None,
    folded: bool = True,
) -> Table:
    """Return a table.

    Args:
        headings: The column headings.
        rows: The cells; None leaves a cell empty.
        title: The table's title.
        numbers: Headings of the columns with numbers, which are right-aligned.
        whole: Headings of the columns that are never folded, such as ids, which people copy; by default the first.
        folded: Whether to fold the cells of other columns, or else to cut them.
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
        made.add_row(*(row if folded else map(cut, row)))
    return made


def cut(text: Text) -> Text:
    """Return a text that is cut at the width it has, instead of folded."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Return a table of names and values, without the pairs whose value is None."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None:
            made.add_row(name, _cell(value))
    return made


def coloured(word: str) -> Text:
    """Return a status in its colour."""
    from rich.text import Text

    return Text(printable(str(word)), style=_COLOURS.get(str(word), ""))


def counted(number: int, thing: str) -> str:
    """Format a number of things.

    >>> counted(1, "job"), counted(0, "job")
    ('1 job', '0 jobs')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def percent(probability: float | None) -> str | None:
    """Format a probability as a percentage.

    >>> percent(0.01234)
    '1.23 %'
    """
    return None if probability is None else f"{100 * probability:.2f} %"


def utc(time: datetime | None) -> str | None:
    """Format a time to the second in UTC; return None for None."""
    return None if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cell(value: object) -> Text:
    from rich.text import Text

    if isinstance(value, Text):
        return value
    return Text("" if value is None else printable(str(value)))


def _plain(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
