"""A job's input as servers read it, and refuse it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from oqtopus_client.errors import OqtopusStorageError
from oqtopus_client.rest.storage import unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger("oqtopus_client.emulator")


class JobFailure(Exception):  # noqa: N818 - an outcome of a job, not an error of this program
    """The job fails; the message is what the server tells its user."""


def read_input(archive: bytes) -> dict[str, Any]:
    """The content of a job's `input.zip`.

    Raises:
        JobFailure: It is not one JSON object in one zip entry.
    """
    trouble = "Job input download failed: "
    try:
        content = json.loads(unpack(archive))
    except OqtopusStorageError as error:
        raise JobFailure(f"{trouble}{error}") from error
    except (ValueError, RecursionError) as error:
        raise JobFailure(f"{trouble}Invalid JSON in ZIP file") from error
    if not isinstance(content, dict):
        raise JobFailure(f"{trouble}Expected JSON root to be an object (dict) but got {type(content).__name__}")
    return content


def programs_of(content: dict[str, Any]) -> Sequence[str]:
    """The input's OpenQASM 3 programs, at least one.

    Raises:
        JobFailure: There is none.
    """
    programs = content.get("program")
    if not isinstance(programs, list) or not programs or not all(isinstance(text, str) for text in programs):
        raise invalid("program must be a list with at least one program.")
    return programs


def invalid(reason: str) -> JobFailure:
    """The failure of a job whose input can be read but makes no sense."""
    return JobFailure(f"Job input validation failed: {reason}")
