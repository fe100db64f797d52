"""Batch tags and users' tags, both kept in jobs' descriptions, which the server's search covers: `Tag`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")

_BATCH_ID = re.compile(r"(?P<kind>batch|sampler|estimator)-[0-9a-f]{16}")
"""The kind is `batch` for circuits, else the name of a primitive: the id determines how to read the batch."""

_TAG = re.compile(rf"\[(?P<batch>{_BATCH_ID.pattern}) (?P<number>[1-9][0-9]{{0,8}})/(?P<total>[1-9][0-9]{{0,8}})\]\Z")

_USER_TAGS = re.compile(r"(?:\A| )\[tags: (?P<tags>[^\[\]]+)\]\Z")

MOST_TAG_CHARACTERS = 200
"""Maximum length of a job's tags in its description, so that this stays below the servers' limit of 1,024."""


@dataclass(frozen=True)
class Tag:
    """The last part of the description of each job in a batch, by which the server's search finds the batch.

    Users copy descriptions, so a tag alone does not make a job part of the batch; see `JobBatch.find`.

    Attributes:
        batch_id: The id of the batch.
        number: The job's number in the batch, from 1.
        total: Number of jobs in the batch.
    """

    batch_id: str
    number: int
    total: int

    @classmethod
    def of(cls, description: str | None) -> Self | None:
        """Return the tag at the end of a description; None if there is none.

        >>> Tag.of("ramsey [batch-0123456789abcdef 2/3]")
        Tag(batch_id='batch-0123456789abcdef', number=2, total=3)
        """
        found = _TAG.search(description or "")
        if found is None or int(found["number"]) > int(found["total"]):
            return None
        return cls(found["batch"], int(found["number"]), int(found["total"]))

    def __str__(self) -> str:
        return f"[{self.batch_id} {self.number}/{self.total}]"


def without_tag(description: str | None) -> str | None:
    """Return a description without the tag at its end; None if nothing is left.

    >>> without_tag("ramsey [batch-0123456789abcdef 2/3]")
    'ramsey'
    """
    return _TAG.sub("", description or "").rstrip() or None


def checked_user_tags(tags: object, of: str) -> list[str]:
    """Return a user's tags, if they can be read back from a description.

    Args:
        tags: The tags.
        of: The option's name, for messages.

    Raises:
        TypeError: They are not a list of text.
        ValueError: A tag is empty or has other characters, or they are too long.
    """
    given: list[Any] = list(tags) if isinstance(tags, Iterable) and not isinstance(tags, str) else [None]
    if not all(isinstance(tag, str) for tag in given):
        raise TypeError(f"{of} must be a list of words, such as ['calibration'], not {tags!r}.")
    for tag in given:
        if not tag.isprintable() or tag != tag.strip() or not tag or set(tag) & set(",[]\\"):
            raise ValueError(
                f"{of} must be words without commas, square brackets, backslashes and unprintable characters, and "
                f"without spaces at their ends, not {tag!r}."
            )
    length = len(", ".join(given))
    if length > MOST_TAG_CHARACTERS:
        raise ValueError(
            f"{of} must have at most {MOST_TAG_CHARACTERS} characters together, with two between them, not {length}."
        )
    return given


def with_user_tags(description: str | None, tags: Sequence[str]) -> str | None:
    """Return a description followed by a user's tags; None if it is empty.

    >>> with_user_tags("ramsey", ["night", "lab 3"])
    'ramsey [tags: night, lab 3]'
    """
    parts = [description] if description else []
    return " ".join([*parts, *([f"[tags: {', '.join(dict.fromkeys(tags))}]"] if tags else [])]) or None


def user_tags(description: str | None) -> list[str]:
    """Return the user's tags from a job's description, which may end with a batch tag.

    >>> user_tags("ramsey [tags: night, lab 3] [batch-0123456789abcdef 2/3]")
    ['night', 'lab 3']
    """
    found = _USER_TAGS.search(without_tag(description) or "")
    return found["tags"].split(", ") if found else []


def new_tags(kind: str, total: int, description: str | None) -> list[Tag | None]:
    """Return the tags of a new batch's jobs; None for a single circuit that no primitive submitted.

    A single circuit with a description that ends with a copied tag gets a tag, which then follows the copied one.
    """
    if kind == "batch" and total == 1 and Tag.of((description or "").rstrip()) is None:
        return [None]
    batch_id = new_batch_id(kind)
    return [Tag(batch_id, number, total) for number in range(1, total + 1)]


def first_of_each(jobs: Iterable[tuple[_T, Tag]]) -> list[_T]:
    """Return, from jobs with tags of one batch, the first job with each tag, in the order of the batch.

    The first job determines the total number of jobs.
    """
    found: dict[int, _T] = {}
    total = 0
    for job, tag in jobs:
        total = total or tag.total
        if tag.total == total:
            found.setdefault(tag.number, job)
    return [found[number] for number in sorted(found)]


def is_batch_id(text: str) -> bool:
    """Return whether an id is that of a batch rather than a job."""
    return _BATCH_ID.fullmatch(text) is not None


def kind_of(batch_id: str) -> str:
    """Return the kind of a batch or a single job: `batch` for circuits, else the name of a primitive."""
    found = _BATCH_ID.fullmatch(batch_id)
    return found["kind"] if found else "batch"


def new_batch_id(kind: str) -> str:
    """Return a new, unique batch id."""
    return f"{kind}-{secrets.token_hex(8)}"
