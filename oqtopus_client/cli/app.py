"""The application: global options, commands, and conversion of errors to exit codes."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oqtopus_client.cli import (
    cancel,
    device,
    devices,
    doctor,
    emulator,
    job,
    jobs,
    log,
    login,
    result,
    run,
    server_program,
)
from oqtopus_client.cli.completion import profile_names
from oqtopus_client.cli.exit_codes import MEANINGS
from oqtopus_client.cli.failures import reported
from oqtopus_client.cli.group import Group
from oqtopus_client.cli.output import say
from oqtopus_client.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABOUT = """The OQTOPUS quantum cloud from your terminal.

Save the server URL and your token once with `login`, list the `devices`, then `run` a circuit to get its counts. The
options on this page go before the command; a command's own options go after it.

To try it without an account: oqtopus-client --emulator run bell.qasm --device qulacs --bars
"""
_NOTE = "oqtopus-client: %(message)s"
"""Format of log messages on a terminal."""

_EPILOG = "Exit codes: " + "; ".join(f"{code:d} {meaning}" for code, meaning in MEANINGS.items()) + "."


class Commands(Group):
    """The command group, which reports errors in one line."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Parse the global options."""
        with reported():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _standard_streams(), reported():
            return super().invoke(ctx)


class _Stderr(logging.Handler):
    """Prints records on the present stderr, which a spinner replaces to keep its line whole."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        say(self.format(record))


@contextlib.contextmanager
def _standard_streams() -> Iterator[None]:
    """Replace characters that the output's encoding lacks, and provide an empty input if the shell has closed it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not a test's replacement; None if the shell has closed it
            stream.reconfigure(errors="replace")
    original = sys.stdin
    with Path(os.devnull).open(encoding="utf-8") as empty:
        sys.stdin = original or empty
        try:
            yield
        finally:
            sys.stdin = original


def _unwrapped(text: str) -> str:
    """Join each paragraph of a docstring into one line, for terminals of any width."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


app = typer.Typer(
    name="oqtopus-client",
    cls=Commands,
    no_args_is_help=True,
    epilog=_EPILOG,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    login.login,
    devices.devices,
    device.device,
    run.run,
    server_program.program,
    jobs.jobs,
    job.job,
    result.result,
    cancel.cancel,
    cancel.delete,
    log.log,
    doctor.doctor,
):
    app.command(help=_unwrapped(_command.__doc__ or ""))(_command)
app.add_typer(emulator.app, name="emulator")


def _version(requested: bool) -> None:
    if requested:
        import importlib.metadata

        typer.echo(f"oqtopus-client {importlib.metadata.version('oqtopus-client')}")
        raise typer.Exit


@app.callback(help=_unwrapped(_ABOUT))
def _options(
    context: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Use this profile of the configuration file instead of the environment.",
            autocompletion=profile_names,
        ),
    ] = None,
    emulated: Annotated[
        bool, typer.Option("--emulator", help="Use an emulator on this computer, without an account or a network.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log requests to stderr.")] = False,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Handle the global options."""
    if profile is not None and emulated:
        raise typer.BadParameter("--profile and --emulator select different servers; use only one of them.")
    if profile == "":
        raise typer.BadParameter("--profile is empty; is a shell variable unset?")
    logger = logging.getLogger("oqtopus_client")
    context.call_on_close(functools.partial(logger.setLevel, logger.level))
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
    handler = _Stderr()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s" if verbose else _NOTE))
    logger.addHandler(handler)
    context.call_on_close(lambda: logger.removeHandler(handler))
    context.obj = Session(profile, emulated=emulated)
    context.call_on_close(context.obj.close)
