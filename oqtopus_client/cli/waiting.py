"""Waiting for a job in front of a terminal."""

from __future__ import annotations

import contextlib
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

import typer

from oqtopus_client.cli.exit_codes import CommandError, ExitCode
from oqtopus_client.cli.output import console
from oqtopus_client.display import printable
from oqtopus_client.errors import JobNotSubmittedError, JobTimeoutError, UserApiError
from oqtopus_client.rest.enums import JobsJobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oqtopus_client import OqtopusJobResult
    from oqtopus_client.cli.session import Session
    from oqtopus_client.rest import JobsGetJobStatusResponse

Timeout = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="SECONDS", help="Stop waiting after so long, time in the queue included; the job goes on."
    ),
]


@contextlib.contextmanager
def submitted_or_not(session: Session, job_id: str) -> Iterator[None]:
    """Say of a job that was never submitted that it was not, which servers do not, and what to do about it.

    Raises:
        CommandError: It was not submitted; servers have no result of it, and cannot show it once it is cancelled.
    """
    try:
        yield
    except JobNotSubmittedError:
        raise CommandError(
            f"Job {job_id} was never submitted, so it has no result, and will have none. Submit it again with "
            f"`{session.command('run')}`, and remove this id with: {session.command('cancel', job_id)}",
            ExitCode.NOT_FOUND,
        ) from None
    except UserApiError as error:
        if error.status_code != HTTPStatus.INTERNAL_SERVER_ERROR or session.client.status(job_id) != "cancelled":
            raise
        raise CommandError(
            f"Job {job_id} was cancelled, and the server cannot show it ({error}), as is so for a job that was "
            f"cancelled before it was submitted. Remove it with: {session.command('delete', job_id)}",
            ExitCode.NOT_FOUND,
        ) from None


def ended(session: Session, job_id: str, timeout: float | None, *, submitted: bool = False) -> OqtopusJobResult:
    """Wait until a job has ended, showing how far it is on a terminal's stderr.

    Args:
        session: Where the job is.
        job_id: The job.
        timeout: Seconds to wait at most.
        submitted: Whether it has been submitted for certain, whatever a server with copies of its data may say.

    Raises:
        CommandError: The time was up, or the user has had enough, and the job goes on; or it was never submitted.
    """
    start = time.monotonic()
    with submitted_or_not(session, job_id), console(stderr=True).status(f"Job {printable(job_id)} ...") as status:

        def show(answer: JobsGetJobStatusResponse) -> None:
            if answer.status == JobsJobStatus.REGISTERED and not submitted:
                raise JobNotSubmittedError(job_id)
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
