"""Conversion of errors to messages on stderr and exit codes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import typer

from oqtopus_client.cli.exit_codes import ExitCode, exit_code
from oqtopus_client.cli.output import say
from oqtopus_client.cli.usage import UsageError, explain
from oqtopus_client.errors import OqtopusError

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


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, OqtopusError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return str(error) or type(error).__name__


def _complain(messages: Iterable[str]) -> None:
    for message in messages:
        say(f"oqtopus-client: {' '.join(message.split())}")
