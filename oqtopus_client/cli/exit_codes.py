"""What goes wrong, as one line and an exit code."""

from __future__ import annotations

from enum import IntEnum

from oqtopus_client.errors import (
    AuthenticationError,
    JobFailedError,
    JobNotSubmittedError,
    JobSubmissionError,
    NotFoundError,
    OqtopusConfigError,
    OqtopusError,
    OqtopusTimeoutError,
    PermissionDeniedError,
)


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    JOB = 1
    USAGE = 2
    AUTHENTICATION = 3
    NOT_FOUND = 4
    SERVER = 5
    TIMEOUT = 6
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "all went well",
    ExitCode.JOB: "the job failed or was cancelled",
    ExitCode.USAGE: "the command, a file or the configuration cannot be used",
    ExitCode.AUTHENTICATION: "the server does not accept the token, or you may not do this",
    ExitCode.NOT_FOUND: "there is no such job, device or log, or the job was never submitted",
    ExitCode.SERVER: "the server refused, or cannot be reached",
    ExitCode.TIMEOUT: "the time was up; a job goes on",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C, or a question answered with no; a job goes on",
}


class CommandError(Exception):
    """A command cannot do what it was asked.

    Attributes:
        code: How the command ends.
    """

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


# The first that fits counts.
_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (OqtopusConfigError, ExitCode.USAGE),
    (AuthenticationError, ExitCode.AUTHENTICATION),
    (PermissionDeniedError, ExitCode.AUTHENTICATION),
    (NotFoundError, ExitCode.NOT_FOUND),
    (JobNotSubmittedError, ExitCode.NOT_FOUND),
    (JobFailedError, ExitCode.JOB),
    (OqtopusTimeoutError, ExitCode.TIMEOUT),
    (OqtopusError, ExitCode.SERVER),
    (ValueError, ExitCode.USAGE),
    (OSError, ExitCode.USAGE),
    (ImportError, ExitCode.USAGE),
)


def exit_code(error: Exception) -> ExitCode | None:
    """How a command ends that met this error; None for one that nobody foresaw, which is a mistake of ours.

    >>> exit_code(NotFoundError(404, "job not found"))
    <ExitCode.NOT_FOUND: 4>
    """
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, BrokenPipeError):
        return None  # whoever reads our output has had enough; the terminal library sees to it
    if isinstance(error, JobSubmissionError) and isinstance(error.__cause__, OqtopusError):
        return exit_code(error.__cause__)
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)
