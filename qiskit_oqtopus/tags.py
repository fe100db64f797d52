"""How the jobs of a batch find each other on the server: ids of batches, and `Tag`."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

_T = TypeVar("_T")

_BATCH_ID = re.compile(r"(?P<kind>batch|sampler|estimator)-[0-9a-f]{16}")
"""The kind is what the batch was submitted for, circuits (`batch`) or a primitive, so the id says how to read it."""

_TAG = re.compile(rf"\[(?P<batch>{_BATCH_ID.pattern}) (?P<number>[1-9][0-9]{{0,8}})/(?P<total>[1-9][0-9]{{0,8}})\]\Z")


@dataclass(frozen=True)
class Tag:
    """What ends the description of each job of a batch; the server's search finds the batch by it.

    Users copy descriptions, so a tag alone does not make a job one of the batch; see `JobBatch.find`.

    Attributes:
        batch_id: The batch.
        number: The job's place in it, from 1.
        total: How many jobs the batch has.
    """

    batch_id: str
    number: int
    total: int

    @classmethod
    def of(cls, description: str | None) -> Self | None:
        """The tag that a description ends with, if any.

        >>> Tag.of("ramsey [batch-0123456789abcdef 2/3]")
        Tag(batch_id='batch-0123456789abcdef', number=2, total=3)
        """
        found = _TAG.search(description or "")
        if found is None or int(found["number"]) > int(found["total"]):
            return None
        return cls(found["batch"], int(found["number"]), int(found["total"]))

    def __str__(self) -> str:
        return f"[{self.batch_id} {self.number}/{self.total}]"


def new_tags(kind: str, total: int, description: str | None) -> list[Tag | None]:
    """The tags of a new batch's jobs; none for a circuit that is alone and not a primitive's.

    One whose description was copied from a job of a batch gets a tag, so that it does not end with the copied one.
    """
    if kind == "batch" and total == 1 and Tag.of((description or "").rstrip()) is None:
        return [None]
    batch_id = new_batch_id(kind)
    return [Tag(batch_id, number, total) for number in range(1, total + 1)]


def first_of_each(jobs: Iterable[tuple[_T, Tag]]) -> list[_T]:
    """Of jobs with tags of one batch, the first with each tag, in the order of the batch.

    The first of all says how many jobs the batch has.
    """
    found: dict[int, _T] = {}
    total = 0
    for job, tag in jobs:
        total = total or tag.total
        if tag.total == total:
            found.setdefault(tag.number, job)
    return [found[number] for number in sorted(found)]


def is_batch_id(text: str) -> bool:
    """Whether an id is a batch's, rather than a job's."""
    return _BATCH_ID.fullmatch(text) is not None


def kind_of(batch_id: str) -> str:
    """What a batch or a single job was submitted for: `batch` for circuits, else the name of a primitive."""
    found = _BATCH_ID.fullmatch(batch_id)
    return found["kind"] if found else "batch"


def new_batch_id(kind: str) -> str:
    """An id that no other batch has."""
    return f"{kind}-{secrets.token_hex(8)}"
