"""Display of a program that ran next to the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from oqtopus_client.cli.job_view import as_json, outcome, show_outcome
from oqtopus_client.cli.output import show_json
from oqtopus_client.display import printable
from oqtopus_client.errors import ProgramError

if TYPE_CHECKING:
    from oqtopus_client.cli.session import Session


def show_program(session: Session, job_id: str, *, log: bool = False, bars: bool = False, json: bool) -> None:
    """Print an ended program's return value; for a script, the result of its last job.

    Args:
        session: The session.
        job_id: The program's job, which has ended.
        log: Whether to print its output, too.
        bars: Whether to draw a bar for each outcome.
        json: Whether to print JSON.

    Raises:
        ProgramError: It raised an error or ended without a result. With JSON, its fields are printed first, and without
            JSON its traceback.
    """
    program = session.client.wait_for_program(job_id)
    job = session.client.get_job(job_id)
    shown: dict[str, Any] = {**as_json(job), "message": job.message}
    value, failure = None, None
    try:
        if log:
            shown["log"] = program.logs()
        value = program.result()
        shown |= {"value": value} if program.is_function else outcome(job)
    except ProgramError as error:
        failure = error
    if json:
        show_json(shown)
    else:
        show_text(shown.get("log", ""))
    if failure is not None:
        if not json:
            show_text(failure.traceback or "", to_stderr=True)
        raise failure
    if json:
        return
    if program.is_function:
        show_text(repr(value))
    else:
        show_outcome(job, bars=bars, json=False)


def show_text(text: str, *, to_stderr: bool = False) -> None:
    """Print a program's text without characters that control a terminal."""
    for line in text.splitlines():
        typer.echo(printable(line.replace("\t", "    ")), err=to_stderr)
