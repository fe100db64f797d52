"""Fields of a job, as both APIs select and show them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oqtopus_client.emulator.api.dependencies import ApiError, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oqtopus_client.emulator.database import Row

SETTINGS = ("transpiler_info", "simulator_info", "mitigation_info")
TIMES = ("submitted_at", "ready_at", "running_at", "ended_at")


def wanted_fields(fields: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields that a query names, separated by commas; all known ones without a query.

    Raises:
        ApiError: A field is not known.
    """
    if fields is None:
        return known
    names = tuple(fields.split(","))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ApiError(400, f"fields {unknown} is invalid")
    return names


def shown_columns(row: Row | Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return columns of a job that are not null, with times in whole seconds and settings as objects."""
    shown = {name: row[name] for name in names if row[name] is not None}
    shown |= {name: whole_seconds(shown[name]) for name in TIMES if name in shown}
    return shown | {name: json.loads(shown[name]) for name in SETTINGS if name in shown}
