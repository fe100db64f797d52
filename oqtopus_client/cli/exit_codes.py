"""Exit codes of the commands, and the errors that lead to them."""

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
    """The exit code of a command."""

    OK = 0
    JOB = 1
    USAGE = 2
    AUTHENTICATION = 3
    NOT_FOUND = 4
    SERVER = 5
    TIMEOUT = 6
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "success",
    ExitCode.JOB: "the job failed or was cancelled",
    ExitCode.USAGE: "invalid command, file or configuration",
    ExitCode.AUTHENTICATION: "the server rejected the token or denied permission",
    ExitCode.NOT_FOUND: "the job, device or log does not exist, or the job was never submitted",
    ExitCode.SERVER: "the server refused the request or is unreachable",
    ExitCode.TIMEOUT: "timed out; a submitted job keeps running",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C or SIGTERM, or aborted at a prompt; a submitted job keeps running",
}


class CommandError(Exception):
    """A command cannot be carried out.

    Attributes:
        code: The exit code of the command.
    """

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


# The first match applies.
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
    """Return the exit code for an error; None for an unexpected error, which is a bug in this package.

    >>> exit_code(NotFoundError(404, "job not found"))
    <ExitCode.NOT_FOUND: 4>
    """
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, BrokenPipeError):
        return None  # the reader closed the pipe, which the terminal library handles
    if isinstance(error, JobSubmissionError) and isinstance(error.__cause__, OqtopusError):
        return exit_code(error.__cause__)
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)
