"""Filters of a list of jobs, as its address carries them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from oqtopus_client.emulator.api.dependencies import earliest, latest
from oqtopus_client.emulator.api.jobs import search
from oqtopus_client.emulator.store import JOB_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUSES = ("registered", "submitted", "ready", "running", "cancelling", "succeeded", "failed", "cancelled")

_LONGEST = 2000
"""Maximum length of a filter, in characters: more than a job's id, name and description have together."""

_WILDCARD = re.compile(r"[\\%_]")


@dataclass(frozen=True)
class Filters:
    """The filters of a list; an empty text does not restrict it.

    Attributes:
        q: Part of the id, the name or the description, in either case.
        status: A status.
        device: A device's id.
        type: A type of jobs.
        start: The first day of submission, in UTC, such as `2026-08-20`.
        end: The last day of submission.
    """

    q: str = ""
    status: str = ""
    device: str = ""
    type: str = ""
    start: str = ""
    end: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Read the filters in a query or a form; those that are not valid are left out."""
        given = cls(**{name: str(fields.get(name, "")).strip()[:_LONGEST] for name in cls.__dataclass_fields__})
        return replace(
            given,
            status=given.status if given.status in STATUSES else "",
            type=given.type if given.type in JOB_TYPES else "",
            start=_day(given.start),
            end=_day(given.end),
        )

    def conditions(self) -> dict[str, Any]:
        """Return the conditions of a search, as the store takes them."""
        conditions = {
            "submitted_at >= ?": self.start and earliest(_at(self.start, time.min)),
            "submitted_at <= ?": self.end and latest(_at(self.end, time.max)),
            "status = ?": self.status,
            "device_id = ?": self.device,
            "job_type = ?": self.type,
        }
        pattern = _WILDCARD.sub(r"\\\g<0>", self.q)  # people search for what they type
        return search({condition: value or None for condition, value in conditions.items()}, pattern or None)

    @property
    def fields(self) -> dict[str, str]:
        """The filters that restrict the list, by name."""
        return {name: value for name, value in asdict(self).items() if value}

    def address(self, **more: object) -> str:
        """Return the address of the list with these filters.

        Args:
            **more: Other fields of the query, which replace those of the filters; empty ones are left out.
        """
        query = urlencode({name: value for name, value in {**self.fields, **more}.items() if value != ""})
        return f"/console/jobs{'?' if query else ''}{query}"


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _at(day: str, hour: time) -> datetime:
    return datetime.combine(date.fromisoformat(day), hour, UTC)
