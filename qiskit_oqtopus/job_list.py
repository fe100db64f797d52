"""A list of jobs that is read when it is needed: `JobList`."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, TypeAlias, overload

from oqtopus_client.checks import shown
from oqtopus_client.display import moment, printable
from oqtopus_client.errors import OqtopusError
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob
from qiskit_oqtopus.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

AnyJob: TypeAlias = OqtopusJob | OqtopusPrimitiveJob

_HEADINGS = ("Job", "Name", "Status", "Device", "OQTOPUS jobs", "Submitted", "Tags")
_SHOWN = 20
"""The most jobs that a display reads."""


class JobList(Sequence[AnyJob]):
    """Jobs in a list, each requested when it is first needed; `print` and notebooks show the first 20 as a table.

    Iterating and indexing read as far as necessary, a hundred jobs with one request; `len`, negative indices and
    `reversed` read all. Jobs that have been read are kept. `next(jobs)` returns the first job, then the second.

    Deleting jobs on the server shifts those not read yet, so that some are missed: call `len` before.

    Args:
        found: The jobs, in order.
    """

    def __init__(self, found: Iterable[AnyJob]) -> None:
        self._found = iter(found)
        self._read: list[AnyJob] = []
        self._failure: Exception | None = None
        self._position = 0
        self._lock = RLock()

    def _first(self, number: float) -> list[AnyJob]:
        """Read until there are so many jobs or no more, and return all that have been read.

        Raises:
            OqtopusError: They cannot be read, now or earlier: the list would be incomplete.
        """
        with self._lock:
            while len(self._read) < number:
                if self._failure is not None:
                    raise self._failure
                try:
                    job = next(self._found, None)
                except BaseException as error:
                    interrupted = OqtopusError(
                        "The list was interrupted while it was read; call provider.jobs() again."
                    )
                    self._failure = error if isinstance(error, Exception) else interrupted
                    raise
                if job is None:
                    break
                self._read.append(job)
        return self._read

    def __len__(self) -> int:
        return len(self._first(float("inf")))

    @overload
    def __getitem__(self, index: int) -> AnyJob: ...
    @overload
    def __getitem__(self, index: slice) -> JobList: ...
    def __getitem__(self, index: int | slice) -> AnyJob | JobList:
        if isinstance(index, slice):
            index.indices(0)  # raises for ends that are not integers
            ends = (index.start or 0, -1 if index.stop is None else index.stop, index.step or 1)
            return JobList(self._first(ends[1] if min(ends) >= 0 else float("inf"))[index])
        try:
            index = operator.index(index)
        except TypeError:
            raise TypeError(
                f"The index of a job must be an integer or a slice, not {shown(index)}; provider.job(job_id) returns "
                "the job with an id."
            ) from None
        return self._first(index + 1 if index >= 0 else float("inf"))[index]

    def __iter__(self) -> Iterator[AnyJob]:
        for index in count():
            if index >= len(self._first(index + 1)):
                return
            yield self._read[index]

    def __next__(self) -> AnyJob:
        if self._position >= len(self._first(self._position + 1)):
            raise StopIteration
        self._position += 1
        return self._read[self._position - 1]

    def __bool__(self) -> bool:
        return bool(self._first(1))

    def __contains__(self, job: object) -> bool:
        """Return whether a job, or the job with an id, is in the list."""
        job_id = job if isinstance(job, str) else job.job_id() if isinstance(job, AnyJob) else None
        return any(each.job_id() == job_id for each in self)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, JobList | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return self._table().text() if self else "No jobs"

    def _repr_html_(self) -> str:
        return self._table().html() if self else "No jobs"

    def _table(self) -> Table:
        shown = self._first(_SHOWN + 1)
        note = f"The first {_SHOWN} jobs; there are more." if len(shown) > _SHOWN else ""
        return Table(_HEADINGS, list(map(_cells, shown[:_SHOWN])), {"OQTOPUS jobs"}, note)


def _cells(job: AnyJob) -> tuple[str, ...]:
    seen = job.last_seen
    if seen is None:
        return (job.job_id(), *[""] * (len(_HEADINGS) - 1))
    return (
        printable(job.job_id()),
        printable(seen.name or ""),
        seen.status,
        printable(seen.device_id or ""),
        str(len(job.job_ids)),
        "" if seen.submitted_at is None else moment(seen.submitted_at),
        printable(", ".join(seen.tags)),
    )
