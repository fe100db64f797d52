"""Waiting for a job, with its status on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oqtopus_client.cli.exit_codes import CommandError, ExitCode, exit_code
from oqtopus_client.cli.job_ids import explained
from oqtopus_client.cli.output import say, show_json
from oqtopus_client.cli.wait_report import WaitReport
from oqtopus_client.display import printable
from oqtopus_client.errors import JobNotSubmittedError, JobTimeoutError, OqtopusError
from oqtopus_client.rest.enums import JobsJobStatus

if TYPE_CHECKING:
    from oqtopus_client import OqtopusJobResult
    from oqtopus_client.cli.session import Session
    from oqtopus_client.rest import JobsGetJobStatusResponse

Timeout = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="Stop waiting after this time, queue included; the job continues.",
    ),
]


def finished(session: Session, job_id: str, timeout: float | None, *, submitted: bool = False) -> OqtopusJobResult:
    """Wait until a job has finished, and show its status on stderr.

    Args:
        session: The session.
        job_id: The job.
        timeout: Maximum time to wait, in seconds.
        submitted: Whether the job is known to be submitted, even if a server replica still reports it as registered.

    Raises:
        CommandError: The timeout passed or the user interrupted the wait, and the job continues; or the job was never
            submitted.
    """
    with explained(session, job_id), WaitReport(session.client, job_id) as report:

        def show(answer: JobsGetJobStatusResponse) -> None:
            if answer.status == JobsJobStatus.REGISTERED and not submitted:
                raise JobNotSubmittedError(job_id)
            report.update(str(answer.status))

        try:
            return session.client.wait_for_job(
                job_id, interval=0.25, interval_backoff=1.5, max_interval=3.0, timeout=timeout, on_status=show
            )
        except JobTimeoutError:
            message = f"Job {job_id} did not finish within {timeout:g} s. {session.how_to_wait(job_id)}"
            raise CommandError(message, ExitCode.TIMEOUT) from None
        except KeyboardInterrupt:
            message = f"Interrupted while waiting for job {job_id}. {session.how_to_wait(job_id)}"
            raise CommandError(message, ExitCode.INTERRUPTED) from None


def finished_after_submission(session: Session, job_id: str, timeout: float | None) -> OqtopusJobResult:
    """Wait for a job that this command has submitted and return it.

    Raises:
        CommandError: The job cannot be read now. The message contains its id, which has not been printed yet.
    """
    try:
        return finished(session, job_id, timeout, submitted=True)
    except (OqtopusError, ValueError) as error:
        again = f"Get its result with: {session.command('result', job_id)}"
        message = f"Job {job_id} was submitted, but: {str(error).rstrip('.')}. {again}"
        raise CommandError(message, exit_code(error) or ExitCode.SERVER) from None


def show_submitted(session: Session, job_id: str, *, json: bool) -> None:
    """Print the id of a job that this command has submitted, and how to wait for it."""
    if json:
        show_json({"job_id": job_id})
    else:
        typer.echo(printable(job_id))
    say(f"Submitted. {session.how_to_wait(job_id)}")
