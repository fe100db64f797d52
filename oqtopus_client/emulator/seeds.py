"""Seeds of the random numbers of jobs: `seed_of` for a job's own seed, `Seeds` for all others."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from oqtopus_client.emulator.simulation.inputs import JobFailure, programs_of, read_input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COMMENT = re.compile(r"^[ \t]*//.*\n?", re.MULTILINE)

_NUMBER = re.compile(r" [0-9]+/[0-9]+\]\Z")
"""A job's number in its batch, at the end of its description; the batch's id before it is random."""

_BITS = 63
"""Size of a seed, as SQLite's integers have a sign."""


def seed_of(simulator_info: Mapping[str, Any]) -> int | None:
    """Return the seed that a job requests; None if it requests none that is a non-negative integer."""
    seed = simulator_info.get("seed_simulation")
    return seed if type(seed) is int and seed >= 0 else None


class Seeds:
    """Different seeds for all jobs, the same ones each time the same jobs are submitted.

    The n-th job of some content always gets the same seed, whatever other jobs are submitted before it.

    Args:
        seed: The seed of all seeds.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def next(self, *content: Any) -> int:
        """Return the seed of a new job.

        Args:
            *content: JSON values that describe the job, without what differs each time it is submitted.
        """
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
        with self._lock:
            number = self._known[digest]
            self._known[digest] += 1
        mixed = hashlib.sha256(b"%d %d " % (self._seed, number) + digest).digest()
        return int.from_bytes(mixed) >> 8 * len(mixed) - _BITS


def content_of(archive: bytes) -> Any:
    """Return the content of a job's `input.zip` without its programs' comment lines; None if it is not valid."""
    try:
        content = read_input(archive)
        return {**content, "program": without_comments(programs_of(content))}
    except JobFailure:
        return None


def without_comments(programs: Sequence[str] | None) -> list[str] | None:
    """Return OpenQASM programs without comment lines, in which clients keep data such as ids."""
    return None if programs is None else [_COMMENT.sub("", program) for program in programs]


def number_in_batch(description: str) -> str:
    """Return the part of a job's description that distinguishes it from other jobs of its batch.

    >>> number_in_batch("ramsey [batch-0123456789abcdef 2/3]")
    ' 2/3]'
    """
    found = _NUMBER.search(description)
    return found[0] if found else ""
