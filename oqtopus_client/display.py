"""Server text and times, as people can safely read them."""

from __future__ import annotations

import unicodedata
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def printable(text: str) -> str:
    r"""The text without what a terminal would obey or a reader not see: control, format and line break characters.

    >>> printable("a\x1b[31mb\u202e\nc")
    'a[31mbc'
    """
    # Categories C*: control, format (which turns the direction of writing), surrogate; Zl, Zp: line breaks.
    return "".join(c for c in text if unicodedata.category(c)[0] != "C" and unicodedata.category(c) not in {"Zl", "Zp"})


def moment(time: datetime) -> str:
    """A time to the minute, in UTC.

    >>> from datetime import datetime, timedelta, timezone
    >>> moment(datetime(2026, 8, 20, 6, 14, 3, tzinfo=timezone(timedelta(hours=9))))
    '2026-08-19 21:14 UTC'
    """
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
