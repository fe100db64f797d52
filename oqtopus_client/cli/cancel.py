"""`oqtopus-client cancel` and `delete`."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from oqtopus_client.cli import completion
from oqtopus_client.cli.exit_codes import CommandError, exit_code
from oqtopus_client.cli.job_ids import explained
from oqtopus_client.cli.output import Json, counted, say, show_json
from oqtopus_client.cli.session import Session
from oqtopus_client.errors import OqtopusError

if TYPE_CHECKING:
    from collections.abc import Callable

_STDIN = "-"

JobIds = Annotated[
    list[str],
    typer.Argument(
        metavar="ID...",
        help="Job ids, as listed by `jobs`; - reads them from standard input.",
        autocompletion=completion.job_ids,
    ),
]


def cancel(context: typer.Context, job_ids: JobIds, *, as_json: Json = False) -> None:
    """Cancel waiting or running jobs. Jobs that were registered but never submitted are deleted.

    If some jobs cannot be cancelled, the others still are, and the exit code is that of the first failure.

    Example: oqtopus-client cancel 0691f3a2-7c1e-7d58-8000-3b5a6c1d2e4f
    """
    session = Session.of(context)
    _each(session, _read(job_ids), session.client.cancel_job, "cancelled", as_json=as_json)


def delete(
    context: typer.Context,
    job_ids: JobIds,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: Json = False,
) -> None:
    """Delete finished jobs and their results permanently.

    If some jobs cannot be deleted, the others still are, and the exit code is that of the first failure.

    Example: oqtopus-client delete 0691f3a2-7c1e-7d58-8000-3b5a6c1d2e4f
    """
    if not yes and _STDIN in job_ids:
        raise typer.BadParameter(
            "Ids from standard input need --yes, as there is nothing left to answer a question with."
        )
    job_ids = _read(job_ids)
    if not yes:
        typer.confirm(f"Permanently delete {counted(len(job_ids), 'job')} and all results?", abort=True, err=True)
    session = Session.of(context)
    _each(session, job_ids, session.client.delete_job, "deleted", as_json=as_json)


def _read(job_ids: list[str]) -> list[str]:
    """Replace `-` with the ids in standard input, and omit repetitions."""
    read = [sys.stdin.read().split() if job_id == _STDIN else [job_id] for job_id in dict.fromkeys(job_ids)]
    return list(dict.fromkeys(itertools.chain.from_iterable(read)))


def _each(session: Session, job_ids: list[str], action: Callable[[str], object], done: str, *, as_json: bool) -> None:
    """Apply an action to each job, and continue with the others if one fails."""
    errors: dict[str, Exception] = {}
    for job_id in job_ids:
        try:
            with explained(session, job_id):
                action(job_id)
        except (CommandError, OqtopusError, ValueError) as error:  # ValueError: not a valid id
            errors[job_id] = error
            about = "" if isinstance(error, CommandError) else f"Job {job_id}: "
            say(f"oqtopus-client: {about}{error}")
        else:
            if not as_json:
                typer.echo(f"{job_id} {done}")
    if as_json:
        show_json({job_id: str(errors[job_id]) if job_id in errors else done for job_id in job_ids})
    elif len(job_ids) != 1:
        say(f"oqtopus-client: {counted(len(job_ids) - len(errors), 'job')} {done}, {len(errors)} not.")
    if errors:
        raise typer.Exit(exit_code(next(iter(errors.values()))) or 1)
