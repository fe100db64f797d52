"""Query parameters as the API takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from oqtopus_client.checks import whole_number

_LEAST = {"page": 1, "size": 1, "limit": 1, "offset": 0}
"""The least that numbers in a query may be."""


def given(**params: object) -> dict[str, Any]:
    """The parameters that are given, times as the API takes them."""
    given = {name: value for name, value in params.items() if value is not None}
    for name, value in given.items():
        if isinstance(value, datetime):
            given[name] = _with_zone(value)
        elif name in _LEAST:
            given[name] = whole_number(
                value, f"{name} must be an integer of at least {_LEAST[name]}", least=_LEAST[name]
            )
    return given


def _with_zone(time: datetime) -> str:
    """A time as text that says its zone: without one, servers would take it for UTC, and not for the user's own."""
    if time.utcoffset() is not None:
        return time.isoformat()
    try:
        return time.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):  # `datetime.min` or `max`, which mean no more than long ago, or never
        return time.replace(tzinfo=UTC).isoformat()
