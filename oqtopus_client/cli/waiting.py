"""Waiting for a job in front of a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from oqtopus_client.cli.failures import CommandError, ExitCode
from oqtopus_client.cli.output import console
from oqtopus_client.display import printable
from oqtopus_client.errors import JobTimeoutError

if TYPE_CHECKING:
    from oqtopus_client import OqtopusJobResult
    from oqtopus_client.cli.session import Session
    from oqtopus_client.rest import JobsGetJobStatusResponse

Timeout = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="SECONDS", help="Stop waiting after so long, time in the queue included; the job goes on."
    ),
]


def ended(session: Session, job_id: str, timeout: float | None) -> OqtopusJobResult:
    """Wait until a job has ended, showing how far it is on a terminal's stderr.

    Raises:
        CommandError: The time was up, or the user has had enough. The job goes on.
    """
    start = time.monotonic()
    with console(stderr=True).status(f"Job {printable(job_id)} ...") as status:

        def show(answer: JobsGetJobStatusResponse) -> None:
            seconds = time.monotonic() - start
            status.update(f"Job {printable(job_id)}: {printable(str(answer.status))}, waited {seconds:.0f} s")

        try:
            return session.client.wait_for_job(
                job_id, interval=0.25, interval_backoff=1.5, max_interval=3.0, timeout=timeout, on_status=show
            )
        except JobTimeoutError:
            message = f"Job {job_id} had not ended after {timeout:g} s. {session.how_to_go_on(job_id)}"
            raise CommandError(message, ExitCode.TIMEOUT) from None
        except KeyboardInterrupt:
            message = f"Interrupted while job {job_id} was waited for. {session.how_to_go_on(job_id)}"
            raise CommandError(message, ExitCode.INTERRUPTED) from None
