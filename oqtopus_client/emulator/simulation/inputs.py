"""Reading and validation of a job's input, as on servers."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from oqtopus_client.checks import check_limits
from oqtopus_client.errors import OqtopusStorageError
from oqtopus_client.rest.storage import unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger("oqtopus_client.emulator")


class JobFailure(Exception):  # noqa: N818 - an outcome of a job, not an error of this program
    """The failure of a job; its text is the job's message.

    Attributes:
        status: The status of the job: `failed`, or `running` if servers lose track of it.
        files: The files that the job shows nevertheless, by name.
        transpiler_info: The settings it was, or would have been, transpiled with; None if it did not get that far.
    """

    status: str = "failed"
    files: Mapping[str, bytes] = MappingProxyType({})
    transpiler_info: Mapping[str, Any] | None = None


class ServiceFailure(JobFailure):
    """A failure of the estimator or the mitigator."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Exception calling application: {reason}")

    def hide_reason(self) -> None:
        """Replace the text by that of real servers, whose services fail to send an error and so its reason."""
        self.args = (_NO_RESPONSE,)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy to another process without adding to the text."""
        return JobFailure, self.args, self.__dict__


@dataclass(frozen=True)
class ProgramLimits:
    """Limits on a job's input, so that a small file cannot block the emulator. Real programs stay far below them.

    Attributes:
        input_bytes: Size of the input, packed or unpacked, in bytes. The services of a real engine exchange 4 MiB.
        tokens: Words, numbers and symbols of a program; a gate has about ten.
        bits: Qubits and classical bits of a program: declared, aliased, or referenced as physical qubits.
        registers: Registers of a program; each one takes longer to create than the last.
        operations: Operations of a program, with the gates it defines decomposed and operations on whole registers
            counted once per qubit.
        terms: Terms of an operator.
        seconds: Time to read and transpile the input. Worker processes are killed after it; a thread cannot be killed,
            so its job fails in time, but the thread keeps running.

    Raises:
        TypeError, ValueError: A limit is not a number of at least 0.
    """

    input_bytes: int = 16 << 20
    tokens: int = 2_000_000
    bits: int = 100_000
    registers: int = 5_000
    operations: int = 500_000
    terms: int = 10_000
    seconds: float = 300.0

    def __post_init__(self) -> None:
        check_limits(self)


DEFAULT_LIMITS = ProgramLimits()

_NO_RESPONSE = """<AioRpcError of RPC that terminated with:
\tstatus = StatusCode.INTERNAL
\tdetails = "Failed to serialize response!"
\tdebug_error_string = "UNKNOWN:Error received from peer  {grpc_message:"Failed to serialize response!"}"
>"""


def read_input(archive: bytes, limits: ProgramLimits = DEFAULT_LIMITS) -> dict[str, Any]:
    """Return the content of a job's `input.zip`.

    Raises:
        JobFailure: The file is not a single JSON object in a single zip entry, or it is too large.
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


def programs_of(content: Mapping[str, Any]) -> list[str] | None:
    """Return the input's OpenQASM 3 programs; None if the input has no such list.

    Raises:
        JobFailure: They are not a list of texts.
    """
    programs = content.get("program")
    if programs is not None and not (isinstance(programs, list) and all(isinstance(text, str) for text in programs)):
        raise invalid("program must be a list of texts.")
    return programs


def first_of(programs: Sequence[str] | None) -> str:
    """Return the first program.

    Raises:
        JobFailure: There is none; servers show Python's own words.
    """
    if programs is None:
        raise JobFailure("'NoneType' object is not subscriptable")
    if not programs:
        raise JobFailure("list index out of range")
    return programs[0]


def invalid(reason: str) -> JobFailure:
    """Return the failure of a job whose input is readable but not valid."""
    return JobFailure(f"Job input validation failed: {reason}")
