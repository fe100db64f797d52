"""`oqtopus-client cancel` and `delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oqtopus_client.cli.exit_codes import exit_code
from oqtopus_client.cli.output import Json, counted, say, show_json
from oqtopus_client.cli.session import Session
from oqtopus_client.errors import OqtopusError

if TYPE_CHECKING:
    from collections.abc import Callable

JobIds = Annotated[list[str], typer.Argument(metavar="ID...", help="Job ids, as listed by `jobs`.")]


def cancel(context: typer.Context, job_ids: JobIds, *, as_json: Json = False) -> None:
    """Cancel waiting or running jobs. Jobs that were registered but never submitted are deleted.

    Example: oqtopus-client cancel 0691f3a2-7c1e-7d58-8000-3b5a6c1d2e4f
    """
    _each(job_ids, Session.of(context).client.cancel_job, "cancelled", as_json=as_json)


def delete(
    context: typer.Context,
    job_ids: JobIds,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: Json = False,
) -> None:
    """Delete finished jobs and their results permanently.

    Example: oqtopus-client delete 0691f3a2-7c1e-7d58-8000-3b5a6c1d2e4f
    """
    if not yes:
        typer.confirm(f"Permanently delete {counted(len(job_ids), 'job')} and all results?", abort=True, err=True)
    _each(job_ids, Session.of(context).client.delete_job, "deleted", as_json=as_json)


def _each(job_ids: list[str], action: Callable[[str], object], done: str, *, as_json: bool) -> None:
    """Apply an action to each job, and continue with the others if one fails."""
    errors: dict[str, OqtopusError] = {}
    for job_id in dict.fromkeys(job_ids):
        try:
            action(job_id)
        except OqtopusError as error:
            errors[job_id] = error
            say(f"oqtopus-client: Job {job_id}: {error}")
        else:
            if not as_json:
                typer.echo(f"{job_id} {done}")
    if as_json:
        show_json({job_id: str(errors[job_id]) if job_id in errors else done for job_id in dict.fromkeys(job_ids)})
    if errors:
        raise typer.Exit(exit_code(next(iter(errors.values()))) or 1)
