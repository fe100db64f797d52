"""The content of a job's files, as its page shows it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oqtopus_client.display import printable
from oqtopus_client.emulator.api.jobs import shown_files
from oqtopus_client.errors import OqtopusStorageError
from oqtopus_client.rest.storage import unpack
from oqtopus_client.services.sse_log import log_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oqtopus_client.emulator.api.dependencies import Cloud
    from oqtopus_client.emulator.database import Row

MOST_CHARACTERS = 200_000
"""Maximum length of a text on a page."""

_MOST_BYTES = 64 << 20
"""Maximum size of a file that is read for a page, unpacked."""

UNREADABLE = (OqtopusStorageError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""Errors that reading a file raises, as external engines and users may store anything."""

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""An instruction to a terminal."""


@dataclass
class Content:
    """The content of a job's files, as far as they exist and can be read.

    Attributes:
        files: The names of the files that the job shows.
        unreadable: The names of those that cannot be read.
        programs: The OpenQASM programs, or the Python program of an sse job.
        operator: The terms of the observable: each with its Pauli operators and its coefficient.
        combined: The OpenQASM program that a multi_manual job combines.
        transpiled: The transpiled OpenQASM program.
        stats: The size of the program before and after transpilation.
        mapping: The physical qubit of each qubit of the program.
        counts: The counts by outcome.
        divided: The counts of each program of a multi_manual job, by its index.
        value: The expectation value.
        error: Its standard error.
        log: The last part of the output of an sse program.
        log_cut: Whether there is more of it.
    """

    files: Sequence[str]
    unreadable: list[str] = field(default_factory=list)
    programs: Sequence[str] = ()
    operator: Sequence[tuple[str, Any]] = ()
    combined: str | None = None
    transpiled: str | None = None
    stats: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mapping: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, float] | None = None
    divided: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    value: float | None = None
    error: float | None = None
    log: str | None = None
    log_cut: bool = False


def read_content(cloud: Cloud, job: Row) -> Content:
    """Read the files of a job."""
    content = Content(shown_files(cloud, job))
    readers = {
        "input": _read_input,
        "combined_program": _read_combined,
        "transpile_result": _read_transpile_result,
        "result": _read_result,
        "sse_log": _read_log,
    }
    for name, read in readers.items():
        if name in content.files:
            try:
                read(content, cloud.store.get_file(f"{job['job_id']}/{name}.zip") or b"")
            except UNREADABLE:
                content.unreadable.append(name)
    return content


def read_input(archive: bytes) -> dict[str, Any]:
    """Return the content of a job's input.

    Raises:
        OqtopusStorageError: It is not a valid archive.
        ValueError: It is not a JSON object.
    """
    content = json.loads(unpack(archive, limit=_MOST_BYTES))
    if not isinstance(content, dict):
        raise ValueError("the input is not an object")  # noqa: TRY004 - as for all other unreadable files
    return content


def terms_of(given: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the terms of the operator in a job's input: each with its Pauli operators and its coefficient."""
    return [(str(term["pauli"]), term.get("coeff")) for term in given.get("operator") or ()]


def _read_input(content: Content, archive: bytes) -> None:
    given = read_input(archive)
    programs = given.get("program") or [given.get("sse_program") or ""]
    content.programs = [str(program) for program in programs]
    content.operator = terms_of(given)


def _read_combined(content: Content, archive: bytes) -> None:
    content.combined = unpack(archive, limit=_MOST_BYTES).decode()


def _read_transpile_result(content: Content, archive: bytes) -> None:
    given = read_input(archive)
    if stats := given.get("stats"):
        content.stats = {name: dict(stats[name]) for name in ("before", "after")}
    content.mapping = dict((given.get("virtual_physical_mapping") or {}).get("qubit_mapping") or {})
    content.transpiled = given.get("transpiled_program") and str(given["transpiled_program"])


def _read_result(content: Content, archive: bytes) -> None:
    given = read_input(archive)
    sampling, estimation = given.get("sampling") or {}, given.get("estimation") or {}
    if (counts := sampling.get("counts")) is not None:
        content.counts = _counts(counts)
    divided = {str(index): _counts(counts) for index, counts in (sampling.get("divided_counts") or {}).items()}
    content.divided = dict(sorted(divided.items(), key=lambda item: (len(item[0]), item[0])))
    if estimation.get("exp_value") is not None:
        content.value = float(estimation["exp_value"])
        content.error = None if estimation.get("stds") is None else float(estimation["stds"])


def _counts(given: Mapping[str, Any]) -> dict[str, float]:
    if not all(type(count) in {int, float} and math.isfinite(count) for count in given.values()):
        raise ValueError("a count is not a number")
    return dict(given)


def _read_log(content: Content, archive: bytes) -> None:
    text = log_text(archive, encoding="utf-8", errors="replace")
    lines = _ESCAPE.sub("", text[-MOST_CHARACTERS:]).splitlines()
    content.log = "\n".join(printable(line.replace("\t", "    ")) for line in lines)
    content.log_cut = len(text) > MOST_CHARACTERS
