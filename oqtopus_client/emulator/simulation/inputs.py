"""A job's input as servers read it, and refuse it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oqtopus_client.errors import OqtopusStorageError
from oqtopus_client.rest.storage import unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger("oqtopus_client.emulator")


class JobFailure(Exception):  # noqa: N818 - an outcome of a job, not an error of this program
    """The job fails; the message is what the server tells its user."""


@dataclass(frozen=True)
class ProgramLimits:
    """What a job's input may be, so that a small file cannot occupy the emulator. Real programs stay far below.

    Attributes:
        input_bytes: Size of the input, packed or unpacked, in bytes. The engine's services send each other 4 MiB.
        tokens: Words, numbers and signs of one program; a gate has about ten.
        bits: Qubits and classical bits that one program declares, or refers to by physical numbers; aliases count.
        registers: Registers of one program; each takes longer to make than the one before.
        operations: Operations of one program, with its own gates taken apart, and operations on whole registers
            counted for each qubit.
        terms: Terms of an operator.
        seconds: Time to read and transpile the input. Worker processes are killed then; a thread cannot be, so its
            job fails in time, but the thread runs on.
    """

    input_bytes: int = 16 << 20
    tokens: int = 2_000_000
    bits: int = 100_000
    registers: int = 5_000
    operations: int = 500_000
    terms: int = 10_000
    seconds: float = 300.0


DEFAULT_LIMITS = ProgramLimits()


def read_input(archive: bytes, limits: ProgramLimits = DEFAULT_LIMITS) -> dict[str, Any]:
    """The content of a job's `input.zip`.

    Raises:
        JobFailure: It is not one JSON object in one zip entry, or it is too large.
    """
    trouble = "Job input download failed: "
    if len(archive) > limits.input_bytes:
        raise JobFailure(f"{trouble}The file has more than {limits.input_bytes:,} bytes.")
    try:
        content = json.loads(unpack(archive, limit=limits.input_bytes))
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
