"""Limits and interpreter of server-side programs."""

from __future__ import annotations

from dataclasses import dataclass

from oqtopus_client.checks import check_kind, check_limits


@dataclass(frozen=True)
class SseLimits:
    """Resources that a program may use. The defaults are the cloud's.

    Attributes:
        total_seconds: Time from the program's start to its end, in seconds.
        job_seconds: Time for each job that the program submits, in seconds.
        memory_bytes: Memory in use by the program and its child processes together, in bytes; enforced on Linux.
            1 GiB is what the cloud's deployment template sets; the engine's own default is 256 MiB.
        message_bytes: Size of a job that the program submits, and of its result, in bytes.
        file_bytes: Size of each zipped output file, the log among them, in bytes.

    Raises:
        TypeError, ValueError: A limit is not a number of at least 0.
    """

    total_seconds: float = 600.0
    job_seconds: float = 60.0
    memory_bytes: int = 1 << 30
    message_bytes: int = 4 << 20
    file_bytes: int = 10 << 20

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True)
class SseContainer:
    """The environment of a program.

    Attributes:
        limits: Resources that it may use.
        python: Path of the interpreter that runs it, with that interpreter's packages; None for this process's.
    """

    limits: SseLimits = SseLimits()
    python: str | None = None

    def __post_init__(self) -> None:
        check_kind(self.limits, SseLimits, "sse_limits")


DEFAULT_CONTAINER = SseContainer()
