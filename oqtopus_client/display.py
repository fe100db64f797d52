"""Safe display of server text and times."""

from __future__ import annotations

import difflib
import unicodedata
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable
    from datetime import datetime


def printable(text: str) -> str:
    r"""Remove control, format and line break characters, which a terminal would obey or a reader not see.

    >>> printable("a\x1b[31mb\u202e\nc")
    'a[31mbc'
    """
    # Categories C*: control, format (including text direction), surrogate; Zl, Zp: line breaks.
    return "".join(c for c in text if unicodedata.category(c)[0] != "C" and unicodedata.category(c) not in {"Zl", "Zp"})


def one_line(text: str) -> str:
    r"""Remove the same characters, but replace line breaks with spaces.

    >>> one_line("done\n2026-08-20 INFO \x1b[2Jforged")
    'done 2026-08-20 INFO [2Jforged'
    """
    return text if text.isascii() and text.isprintable() else printable(" ".join(text.splitlines()))


def keep_to_one_line(record: logging.LogRecord) -> bool:
    """Filter log records so that server text can neither forge a line nor control a terminal."""
    if isinstance(record.args, tuple):
        record.args = tuple(one_line(str(arg)) if isinstance(arg, str | Exception) else arg for arg in record.args)
    return True


def moment(time: datetime) -> str:
    """Format a time in UTC, to the minute.

    >>> from datetime import datetime, timedelta, timezone
    >>> moment(datetime(2026, 8, 20, 6, 14, 3, tzinfo=timezone(timedelta(hours=9))))
    '2026-08-19 21:14 UTC'
    """
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def suggestion(name: object, known: Iterable[str], describe: Callable[[str], str] = repr) -> str:
    """Return a sentence that suggests similar known names, or else lists all; empty if there are none.

    Args:
        name: The unknown name.
        known: The known names.
        describe: Formats a known name.

    >>> suggestion("shot", ["shots", "memory"])
    "Did you mean 'shots'?"
    >>> suggestion("x", ["shots", "memory"])
    "Known: 'shots', 'memory'."
    """
    known = list(known)
    if similar := difflib.get_close_matches(str(name), known):
        return f"Did you mean {' or '.join(map(describe, similar))}?"
    return f"Known: {', '.join(map(describe, known))}." if known else ""
