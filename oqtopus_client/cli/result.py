"""`oqtopus-client result ID`: the result of a job."""

from __future__ import annotations

from typing import Annotated

import typer

from oqtopus_client.cli.completion import job_ids
from oqtopus_client.cli.job_ids import explained
from oqtopus_client.cli.job_view import show_outcome
from oqtopus_client.cli.output import Json
from oqtopus_client.cli.program_view import show_program
from oqtopus_client.cli.session import Session
from oqtopus_client.cli.waiting import Timeout, finished
from oqtopus_client.rest.enums import FINAL_STATUSES

JobId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The job id, as printed by `run` or `jobs`.",
        autocompletion=job_ids,
    ),
]


def result(
    context: typer.Context,
    job_id: JobId,
    *,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the job if it has not finished.")] = True,
    timeout: Timeout = None,
    bars: Annotated[bool, typer.Option("--bars", help="Draw a bar for each outcome.")] = False,
    as_json: Json = False,
) -> None:
    """Print a job's result once it has finished: counts, an expectation value, or what a program returned.

    Example: oqtopus-client result 0691f3a2-7c1e-7d58-8000-3b5a6c1d2e4f --bars
    """
    session = Session.of(context)
    if wait:
        job = finished(session, job_id, timeout)
    else:
        with explained(session, job_id):
            job = session.client.get_job(job_id)
    if job.is_sse() and job.status in FINAL_STATUSES:
        show_program(session, job_id, bars=bars, json=as_json)
    else:
        show_outcome(job, bars=bars, json=as_json)
