"""`oqtopus-client log ID`: the log of a server-side program."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated

import typer

from oqtopus_client.cli.exit_codes import CommandError, ExitCode
from oqtopus_client.cli.job_ids import explained
from oqtopus_client.cli.output import Json, say, show_json
from oqtopus_client.cli.program_view import show_text
from oqtopus_client.cli.result import JobId
from oqtopus_client.cli.session import Session
from oqtopus_client.errors import ResponseValidationError


def log(
    context: typer.Context,
    job_id: JobId,
    *,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the log to this new file.")] = None,
    as_json: Json = False,
) -> None:
    """Print the log of a succeeded server-side (sse) job.

    Example: oqtopus-client log 0691f3a2-7c1e-7d58-8000-3b5a6c1d2e4f --save run.log
    """
    text = _text(Session.of(context), job_id)
    if save is not None:
        # The user chooses the file, so names in the server's archive cannot choose where to write.
        with save.open("x", encoding="utf-8") as file:
            file.write(text)
        say(f"Saved to {save}.")
    elif as_json:
        show_json({"job_id": job_id, "log": text})
    else:
        show_text(text)


def _text(session: Session, job_id: str) -> str:
    from oqtopus_client.services.sse_log import log_text

    try:
        with explained(session, job_id):
            archive = session.client.get_sselog(job_id)
    except ResponseValidationError as error:
        raise CommandError(str(error), ExitCode.NOT_FOUND) from None
    return log_text(base64.b64decode(archive.file or ""), encoding="utf-8", errors="replace")
