"""Explanations of errors about a job's id: unknown, incomplete, never submitted."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from oqtopus_client.cli.exit_codes import CommandError, ExitCode
from oqtopus_client.errors import JobNotSubmittedError, NotFoundError, OqtopusError, UserApiError
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oqtopus_client.cli.session import Session

_SHORTEST = 4
"""Length of the shortest part of an id or name to search for."""

_SUGGESTED = 3


@contextlib.contextmanager
def explained(session: Session, job_id: str) -> Iterator[None]:
    """Explain errors about a job's id or status, and add the command to use instead.

    Raises:
        CommandError: The job is unknown, was never submitted, or has a status that does not allow the request.
    """
    if not job_id.strip():
        raise CommandError(
            f"The job id is empty; is a shell variable unset? List your jobs with: {session.command('jobs')}",
            ExitCode.USAGE,
        )
    try:
        yield
    except JobNotSubmittedError as error:
        remove = session.command("cancel", job_id)
        raise CommandError(f"{error} Remove the unused id with: {remove}", ExitCode.NOT_FOUND) from None
    except NotFoundError:
        raise CommandError(_unknown(session, job_id), ExitCode.NOT_FOUND) from None
    except UserApiError as error:
        if error.status_code not in {HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR}:
            raise
        explanation = _by_status(session, job_id, error)
        if explanation is None:
            raise
        raise explanation from None


def _unknown(session: Session, job_id: str) -> str:
    """Explain that the server does not know a job, and suggest those with this text in their id or name.

    A part of an id is never taken for the job: with other jobs, or after a deletion, it could be another one.

    Raises:
        NotFoundError: The server does not know the path of the list either, so it is not a User API.
    """
    similar = []
    if len(job_id) >= _SHORTEST:
        try:
            similar = session.client.list_jobs(fields="job_id,name,status", q=job_id, order="DESC", size=100)
        except NotFoundError:
            raise
        except OqtopusError:
            pass  # the suggestion is not important
    text = job_id.lower()
    # Servers take `%` and `_` as wildcards.
    found = [job for job in similar if text in f"{job.job_id} {job.name or ''}".lower()][:_SUGGESTED]
    if found:
        hint = f"Did you mean {' or '.join(f'{job.job_id} ({job.name or job.status})' for job in found)}?"
    else:
        hint = f"List yours with: {session.command('jobs')}"
    return f"Job {job_id} does not exist on this server, was deleted, or belongs to another user. {hint}"


def _by_status(session: Session, job_id: str, error: UserApiError) -> CommandError | None:
    """Explain a refusal by the job's status; None if that is not the reason."""
    try:
        status = session.client.status(job_id)
    except OqtopusError:
        return None
    if error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        if status != JobsJobStatus.CANCELLED:
            return None
        return CommandError(
            f"Job {job_id} was cancelled, and the server cannot show it ({error}). Servers cannot show jobs that were "
            f"cancelled before they were submitted. Remove it with: {session.command('delete', job_id)}",
            ExitCode.NOT_FOUND,
        )
    if "for deletion" in error.message and status not in FINAL_STATUSES:
        state = "was never submitted" if status == JobsJobStatus.REGISTERED else f"is {status}"
        first = "remove it" if status == JobsJobStatus.REGISTERED else "cancel it first"
        return CommandError(
            f"Job {job_id} {state}, so it cannot be deleted; {first} with: {session.command('cancel', job_id)}",
            ExitCode.SERVER,
        )
    if "for cancellation" in error.message and status in FINAL_STATUSES:
        remove = session.command("delete", job_id)
        return CommandError(
            f"Job {job_id} has already {'failed' if status == JobsJobStatus.FAILED else f'{status}'}, so it cannot be "
            f"cancelled; delete it with: {remove}",
            ExitCode.SERVER,
        )
    return None
