"""The application: what stands before the command, the commands, and how errors end."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from oqtopus_client.cli import cancel, device, devices, doctor, emulator, job, jobs, log, login, result, run
from oqtopus_client.cli.completion import profile_names
from oqtopus_client.cli.exit_codes import MEANINGS, ExitCode, exit_code
from oqtopus_client.cli.output import say
from oqtopus_client.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ABOUT = """The OQTOPUS quantum cloud from your terminal.

Save where the server is once with `login`, look at the `devices`, `run` a circuit and see its counts. Options of this
page stand before the command, those of a command behind it.

Try it without an account: oqtopus-client --emulator run bell.qasm --device qulacs --bars
"""
_EPILOG = "Exit codes: " + "; ".join(f"{code:d} {meaning}" for code, meaning in MEANINGS.items()) + "."


class Commands(TyperGroup):
    """The commands, with errors told in one line."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            with _standard_input():
                return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            _complain(getattr(interrupt, "__notes__", None) or ["Interrupted."])
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except typer.Abort:  # a question was answered with no, or not at all
            _complain(["Nothing was done."])
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except Exception as error:
            code = exit_code(error)
            if code is None:
                raise
            _complain([str(error) or type(error).__name__])
            raise typer.Exit(code) from None


@contextlib.contextmanager
def _standard_input() -> Iterator[None]:
    """Have an empty standard input where a shell has closed it, with `<&-`: Python has none then."""
    given = sys.stdin
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        sys.stdin = given or nothing
        try:
            yield
        finally:
            sys.stdin = given


def _unwrapped(text: str) -> str:
    """A docstring whose paragraphs are a line each, for a terminal of any width."""
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


def _version(wanted: bool) -> None:
    if wanted:
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
            help="Use this profile of the configuration file, whatever the environment says.",
            autocompletion=profile_names,
        ),
    ] = None,
    emulated: Annotated[
        bool, typer.Option("--emulator", help="Use an emulator on this computer: no account, no network.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell on stderr what requests are sent.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take what stands before the command."""
    if profile is not None and emulated:
        raise typer.BadParameter("--profile and --emulator name two servers; give one of them.")
    if verbose:
        logger = logging.getLogger("oqtopus_client")
        context.call_on_close(functools.partial(logger.setLevel, logger.level))
        logger.setLevel(logging.DEBUG)
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        context.call_on_close(lambda: logger.removeHandler(handler))
    context.obj = Session(profile, emulated=emulated)
    context.call_on_close(context.obj.close)


def _complain(messages: Iterable[str]) -> None:
    for message in messages:
        say(f"oqtopus-client: {' '.join(message.split())}")
