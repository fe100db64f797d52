"""`oqtopus-client job ID`: one job."""

from __future__ import annotations

import typer

from oqtopus_client.cli.job_ids import explained
from oqtopus_client.cli.job_view import as_json, files, outcome, show_job
from oqtopus_client.cli.output import Json, show_json
from oqtopus_client.cli.result import JobId
from oqtopus_client.cli.session import Session
from oqtopus_client.cli.wait_report import queue_position


def job(context: typer.Context, job_id: JobId, *, json: Json = False) -> None:
    """Show a job: its settings, status, place in the queue, messages, times and files.

    Example: oqtopus-client job 0691f3a2-7c1e-7d58-8000-3b5a6c1d2e4f
    """
    session = Session.of(context)
    with explained(session, job_id):
        found = session.client.get_job(job_id)
    queue = queue_position(session.client, job_id, found.status)
    if json:
        measured = outcome(found) if found.status == "succeeded" else {}
        ahead = None if queue is None else queue.jobs_ahead
        show_json({**as_json(found), "message": found.message, "jobs_ahead": ahead, "files": files(found), **measured})
    else:
        show_job(found, queue)
