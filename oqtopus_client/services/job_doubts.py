"""Warnings about jobs that servers run, but probably not as intended."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from oqtopus_client.rest.enums import JobsJobType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_KEYS = {
    "transpiler_info": ("transpiler_lib", "transpiler_options"),
    "simulator_info": ("seed_simulation",),
    "mitigation_info": ("ro_error_mitigation",),
}
"""The keys that servers or the emulator read. Servers store others in silence, or let the job fail."""

_MITIGATION = "pseudo_inverse"

_QUBITS = re.compile(r"\b(?:qubit|qreg)\b")


def measures_nothing(job_type: JobsJobType | str, programs: Sequence[str]) -> str | None:
    """Return a warning about a job that counts outcomes without a measurement in any of its programs."""
    if job_type not in {JobsJobType.SAMPLING, JobsJobType.MULTI_MANUAL}:
        return None
    if any("measure" in text for text in programs) or not any(_QUBITS.search(text) for text in programs):
        return None
    return "The program measures nothing, so its counts are meaningless; add a line such as c = measure q;"


def misspellings(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a warning about each key that is similar to a known one; a newer server may know other keys.

    Args:
        settings: The settings of a job, such as `mitigation_info`, by name.
    """
    for name, given in settings.items():
        for key in given:
            if meant := _meant(key, _KEYS[name]):
                yield f"{name} has the unknown key {key!r}. Did you mean {meant!r}?"
    method = settings["mitigation_info"].get("ro_error_mitigation")
    if meant := _meant(method, [_MITIGATION]):
        yield f"Servers ignore ro_error_mitigation={method!r} and mitigate nothing. Did you mean {meant!r}?"


def _meant(word: object, known: Iterable[str]) -> str | None:
    """Return the known word that a similar one stands for, or that a whole part of it does, such as `seed`."""
    if not isinstance(word, str) or word in known:
        return None
    folded = word.lower().replace("-", "_")
    part = (each for each in known if folded in each.split("_"))
    return next(iter(difflib.get_close_matches(folded, known, n=1, cutoff=0.75)), None) or next(part, None)
