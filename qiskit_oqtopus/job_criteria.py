"""Criteria that listed jobs must meet: `JobCriteria`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus
from qiskit_oqtopus.status import wire_statuses
from qiskit_oqtopus.tags import checked_user_tags, user_tags

if TYPE_CHECKING:
    from collections.abc import Collection

    from qiskit.providers import JobStatus

    from oqtopus_client.rest.models import JobsJob

_SPECIAL = re.compile(r"[\\\0]")
"""Characters that a server's search does not match literally; `_`, its wildcard for one character, replaces them."""


@dataclass(frozen=True)
class JobCriteria:
    """Criteria for the jobs of a list; see `OqtopusProvider.jobs`.

    Attributes:
        statuses: The accepted statuses; empty for any.
        after: Earliest time of submission; None for any.
        before: Latest time of submission; None for any.
        backend_name: The device; None for any.
        name: Text in the id, name or description; empty for any.
        tags: Tags that a job must all have.
    """

    statuses: Collection[JobsJobStatus]
    after: datetime | None
    before: datetime | None
    backend_name: str | None
    name: str
    tags: Collection[str]

    @classmethod
    def checked(
        cls,
        backend_name: object,
        pending: object,
        status: JobStatus | str | None,
        after: object,
        before: object,
        name: object,
        tags: object,
    ) -> Self:
        """Return the criteria from the arguments of `OqtopusProvider.jobs`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `status` or a tag is not valid, or `status` and `pending` are both given.
        """
        if status is not None and pending is not None:
            raise ValueError("Use either status or pending.")
        statuses = wire_statuses(status)
        if pending is not None:
            _check("pending", pending, bool, "True, False or None")
            statuses = [each for each in JobsJobStatus if (each not in FINAL_STATUSES) is pending]
        for time, value in (("after", after), ("before", before)):
            _check(time, value, datetime, "a datetime, such as datetime(2026, 8, 20), or None")
        _check("backend_name", backend_name, str, "the name of a device or None")
        _check("name", name, str, "text or None")
        wanted = [] if tags is None else checked_user_tags(tags, "tags")
        return cls(statuses, after, before, backend_name, name or "", wanted)  # type: ignore[arg-type]  # checked above

    def query(self) -> dict[str, Any]:
        """Return the parameters of `client.iter_jobs` that leave out most other jobs."""
        text = self.name or max(self.tags, key=len, default="")
        return {
            "status": next(iter(self.statuses)) if len(self.statuses) == 1 else None,
            "start_time": self.after,
            "end_time": self.before,
            "q": _SPECIAL.sub("_", text) or None,
        }

    @property
    def are_active(self) -> bool:
        """Whether the statuses are several, none of them final."""
        return len(self.statuses) > 1 and FINAL_STATUSES.isdisjoint(self.statuses)

    def accepts(self, job: JobsJob) -> bool:
        """Return whether a job meets the criteria that servers do not check, or check with wildcards."""
        return (
            (not self.statuses or job.status in self.statuses)
            and self.backend_name in {None, job.device_id}
            and _mentions(job, self.name)
            and set(self.tags) <= set(user_tags(job.description))
        )


def _check(name: str, value: object, kind: type, wanted: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{name} must be {wanted}, not {value!r}.")


def _mentions(job: JobsJob, text: str) -> bool:
    """Return whether a job has this text in its id, name or description; servers treat `%` and `_` as wildcards."""
    return any(text.casefold() in (field or "").casefold() for field in (job.job_id, job.name, job.description))
