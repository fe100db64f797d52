"""Query parameters in the API's format."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from oqtopus_client.checks import shown, whole_number

_LEAST = {"page": 1, "size": 1, "limit": 1, "offset": 0}
"""Smallest allowed values of numeric parameters."""

_TIMES = {"from": "start_time", "to": "end_time"} | {name: name for name in ("start_time", "end_time", "current_time")}
"""Parameters that are times, and their names in methods."""

_ORDERS = ("ASC", "DESC")
"""The orders of lists; servers ignore others."""


def given(**params: object) -> dict[str, Any]:
    """Return the parameters that are not None, with values checked and times as ISO 8601 text.

    Raises:
        TypeError: A value has the wrong type.
        ValueError: A value is out of range.
    """
    given = {name: value for name, value in params.items() if value is not None}
    for name, value in given.items():
        if name in _LEAST:
            given[name] = whole_number(
                value, f"{name} must be an integer of at least {_LEAST[name]}", least=_LEAST[name]
            )
        elif name in _TIMES and isinstance(value, datetime):
            given[name] = _with_zone(value)
        elif not isinstance(value, str):
            wanted = "a datetime" if name in _TIMES else "text"
            raise TypeError(f"{_TIMES.get(name, name)} must be {wanted}, not {shown(value)}.")
        elif name == "order" and value not in _ORDERS:
            raise ValueError(f"order must be one of {', '.join(map(repr, _ORDERS))}, not {shown(value)}.")
    return given


def _with_zone(time: datetime) -> str:
    """Format a time with its zone; a naive time is local, while servers would assume UTC."""
    if time.utcoffset() is not None:
        return time.isoformat()
    try:
        return time.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):  # `datetime.min` or `max`, whose zone does not matter
        return time.replace(tzinfo=UTC).isoformat()
