"""Every error the SDK raises, as one tree.

::

    OqtopusError
    ├── OqtopusConfigError (ValueError)      no usable URL, profile or setting
    ├── UserApiError                         the server refused the request
    │   ├── AuthenticationError              401: token missing, wrong or expired
    │   ├── PermissionDeniedError            403: the user may not do this
    │   └── NotFoundError                    404: no such job, device ...
    ├── ResponseValidationError              the response could not be read
    ├── OqtopusConnectionError (ConnectionError)   no response arrived
    ├── OqtopusTimeoutError (TimeoutError)         no response arrived in time
    │   └── WaitTimeoutError                       jobs did not finish in time and are still running
    ├── OqtopusStorageError                  a job's file could not be uploaded or read
    ├── BatchResultError                     not all results of a batch could be read; `outcomes` has the others
    ├── BatchSubmissionError                 not all jobs of a batch were submitted; `job_ids` were
    └── JobError                             one job, named by its `job_id`
        ├── JobSubmissionError               registration, upload or submission failed
        ├── JobNotSubmittedError (ValueError)    the job was registered but never submitted
        ├── JobFailedError                   the job ended `failed` or `cancelled`
        │   └── ProgramError                 a program next to the device raised an error, or was ended
        └── JobTimeoutError (WaitTimeoutError)     the job did not finish in time and is still running

No message contains an API token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.display import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_SHOWN = 5
"""Number of a batch's errors shown in its message; there may be thousands."""


class OqtopusError(Exception):
    """Base of all errors this SDK raises. Its text is a single line, whatever the server sent."""

    def __str__(self) -> str:
        return one_line(self._text())

    def _text(self) -> str:
        return super().__str__()

    def add_note(self, note: str) -> None:
        """Add a line to what is shown with a traceback."""
        super().add_note(one_line(note))


class OqtopusConfigError(OqtopusError, ValueError):
    """The configuration is missing or cannot be used."""


class UserApiError(OqtopusError):
    """The User API answered with an error status.

    Attributes:
        status_code: The HTTP status; 0 in a server-side program, whose jobs do not go over HTTP.
        message: The server's error message.
        payload: The body of the response: decoded JSON, or text if it was not JSON.
    """

    def __init__(self, status_code: int, message: str, payload: object | None = None) -> None:
        super().__init__(status_code, message, payload)
        self.status_code = status_code
        self.message = message
        self.payload = payload

    def _text(self) -> str:
        return f"HTTP {self.status_code}: {self.message}" if self.status_code else self.message


class AuthenticationError(UserApiError):
    """The server did not accept the API token (HTTP 401)."""


class PermissionDeniedError(UserApiError):
    """The user is known but may not do this (HTTP 403)."""


class NotFoundError(UserApiError):
    """The server does not know this id (HTTP 404)."""


class ResponseValidationError(OqtopusError):
    """A successful response did not match the User API's schema.

    Attributes:
        message: What was wrong with it.
        payload: The response itself.
    """

    def __init__(self, message: str, payload: object | None = None) -> None:
        super().__init__(message)  # `repr` shows what is passed here, and the payload may contain presigned URLs
        self.message = message
        self.payload = payload


class OqtopusConnectionError(OqtopusError, ConnectionError):
    """The connection failed before a response arrived."""


class OqtopusTimeoutError(OqtopusError, TimeoutError):
    """The response did not arrive in time."""


class WaitTimeoutError(OqtopusTimeoutError):
    """Jobs did not finish within the timeout and are still running; wait for them again by their ids.

    Attributes:
        outcomes: Each job's result, the error raised on reading it, or None if the job had not finished, by job id.
        statuses: The last known status of each unfinished job, by job id.
    """

    outcomes: Mapping[str, object] = {}
    statuses: Mapping[str, str] = {}


class OqtopusStorageError(OqtopusError):
    """A job's file could not be uploaded, downloaded or unpacked.

    Attributes:
        status_code: The storage's HTTP status if it refused the request, else None.
    """

    status_code: int | None = None


class BatchResultError(OqtopusError):
    """All jobs of a batch have finished, but some results could not be read.

    Attributes:
        outcomes: Each job's result, or the error raised on reading it, by job id; jobs already yielded are left out.
    """

    def __init__(self, outcomes: Mapping[str, object]) -> None:
        super().__init__(outcomes)
        self.outcomes = outcomes

    def _text(self) -> str:
        errors = {job_id: outcome for job_id, outcome in self.outcomes.items() if isinstance(outcome, Exception)}
        reasons = "; ".join(f"{job_id}: {error}" for job_id, error in list(errors.items())[:_SHOWN])
        if len(errors) > _SHOWN:
            reasons += f"; and {len(errors) - _SHOWN} more"
        others = ", the others are in `outcomes`" if len(errors) < len(self.outcomes) else ""
        return f"{len(errors)} of {len(self.outcomes)} results could not be read{others}. {reasons}"


class BatchSubmissionError(OqtopusError):
    """Not every job of a batch could be submitted.

    Attributes:
        job_ids: The jobs that were submitted, or may have been; they were not cancelled.
        errors: The errors of the others.
    """

    def __init__(self, job_ids: Sequence[str], errors: Sequence[Exception]) -> None:
        super().__init__(job_ids, errors)
        self.job_ids = list(job_ids)
        self.errors = list(errors)

    def _text(self) -> str:
        return f"{self.errors[0]} Submitted with it: {', '.join(self.job_ids) or 'none'}."


class JobError(OqtopusError):
    """An error of one job.

    Attributes:
        job_id: The job.
        message: What happened.
    """

    def __init__(self, job_id: str, message: str) -> None:
        super().__init__(job_id, message)
        self.job_id = job_id
        self.message = message

    def _text(self) -> str:
        return f"Job {self.job_id}: {self.message}"


class JobSubmissionError(JobError):
    """The job was registered but could not be submitted.

    Attributes:
        uncertain: Whether the job may have been submitted anyway, as the server stopped responding. Otherwise it has
            been removed.
    """

    def __init__(self, job_id: str, message: str, *, uncertain: bool = False) -> None:
        super().__init__(job_id, message)
        self.uncertain = uncertain


class JobNotSubmittedError(JobError, ValueError):
    """The job was registered but never submitted, so it has no settings and no result, and does not run."""

    def __init__(
        self, job_id: str, message: str = "is registered, but was not submitted, so it has no result; submit it again."
    ) -> None:
        super().__init__(job_id, message)


class JobFailedError(JobError):
    """The job has no result: it failed, was cancelled or has not finished."""


class ProgramError(JobFailedError):
    """A program that ran next to the device raised an error, or ended without a result.

    Attributes:
        type_name: The name of the error's class, such as `ValueError`; None if the program ended without reporting an
            error.
        error_message: The error's own message; None likewise.
        traceback: The error's traceback as text, which is shown below this error's own; None likewise.
    """

    def __init__(
        self,
        job_id: str,
        message: str,
        *,
        type_name: str | None = None,
        error_message: str | None = None,
        traceback: str | None = None,
    ) -> None:
        super().__init__(job_id, message)
        self.type_name = type_name
        self.error_message = error_message
        self.traceback = traceback
        if traceback:
            # Unlike other notes, it has several lines; none may control the terminal.
            lines = (printable(line.replace("\t", "    ")) for line in traceback.splitlines())
            Exception.add_note(self, "\n".join(["", "The program reported:", *lines]))


class JobTimeoutError(JobError, WaitTimeoutError):
    """The job did not finish within the timeout and is still running; wait for it again by its id."""
