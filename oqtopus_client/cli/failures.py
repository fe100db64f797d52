"""Conversion of errors to messages on stderr and exit codes."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

import typer

from oqtopus_client.cli.exit_codes import ExitCode, exit_code
from oqtopus_client.cli.output import say
from oqtopus_client.cli.usage import UsageError, explain
from oqtopus_client.errors import (
    NotFoundError,
    OqtopusError,
    PermissionDeniedError,
    ResponseValidationError,
    UserApiError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Report errors in one line each, and convert them to exit codes.

    Raises:
        Exit: An error has been reported.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        _complain(getattr(interrupt, "__notes__", None) or ["Interrupted."])
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except typer.Abort:  # the user answered a question with no, or not at all
        _complain(["Aborted; nothing was changed."])
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise  # its message is the help page
        _complain([explain(error)])
        raise typer.Exit(ExitCode.USAGE) from None
    except Exception as error:
        code = exit_code(error)
        if code is None:
            raise
        _complain([_text(error)])
        raise typer.Exit(code) from None


_REMEDIES: dict[type[Exception], str] = {
    NotFoundError: "The URL may not be that of an OQTOPUS User API; `oqtopus-client doctor` shows where it is from.",
    ResponseValidationError: (
        "The URL may not be that of an OQTOPUS User API, or the server may be newer than this package; "
        "`oqtopus-client doctor` shows where the URL is from."
    ),
    PermissionDeniedError: "Your account may not be approved, or may not do this; ask the server's operator.",
}
"""Remedies for errors that commands do not explain themselves."""


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, OqtopusError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    remedy = next((remedy for kind, remedy in _REMEDIES.items() if isinstance(error, kind)), "")
    if isinstance(error, UserApiError) and error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        remedy = "This is a fault of the server: try again later, and report it to its operator."
    if isinstance(error, UserApiError) and error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        remedy = "The server limits how often you may send requests: try again later."
    reason = str(error) or type(error).__name__
    return f"{reason.rstrip('.')}. {remedy}" if remedy else reason


def _complain(messages: Iterable[str]) -> None:
    for message in messages:
        say(f"oqtopus-client: {' '.join(message.split())}")
