"""Every error the SDK raises, as one tree.

::

    OqtopusError
    ├── OqtopusConfigError (ValueError)      no usable URL, profile or setting
    ├── UserApiError                         the server answered, and refused
    │   ├── AuthenticationError              401: token missing, wrong or expired
    │   ├── PermissionDeniedError            403: the user may not do this
    │   └── NotFoundError                    404: no such job, device ...
    ├── ResponseValidationError              the server answered something unreadable
    ├── OqtopusConnectionError (ConnectionError)   no answer arrived
    ├── OqtopusTimeoutError (TimeoutError)         no answer arrived in time
    │   └── WaitTimeoutError                       jobs did not end in time; they go on
    ├── OqtopusStorageError                  a job's file could not be stored or read
    ├── BatchResultError                     not all results of a batch could be read; `outcomes` has the others
    ├── BatchSubmissionError                 not all jobs of a batch were submitted; `job_ids` were
    └── JobError                             one job, named by its `job_id`
        ├── JobSubmissionError               register, upload or submit went wrong
        ├── JobNotSubmittedError (ValueError)    the job was registered only, so it has nothing to show
        ├── JobFailedError                   the job ended `failed` or `cancelled`
        └── JobTimeoutError (WaitTimeoutError)     the job did not end in time; it goes on

No message ever carries an API token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.display import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_SHOWN = 5
"""How many of a batch's errors its message has; there may be thousands."""


class OqtopusError(Exception):
    """Base of everything this SDK raises on purpose. Its text is one line, whatever a server has said."""

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
        message: What the server said.
        payload: The body of the answer: decoded JSON, or text where it was none.
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
    """The server knows nothing under this id (HTTP 404)."""


class ResponseValidationError(OqtopusError):
    """A successful answer did not have the shape the User API promises.

    Attributes:
        message: What was wrong with it.
        payload: The answer itself.
    """

    def __init__(self, message: str, payload: object | None = None) -> None:
        super().__init__(message)  # `repr` shows what is passed here, and the answer may hold presigned URLs
        self.message = message
        self.payload = payload


class OqtopusConnectionError(OqtopusError, ConnectionError):
    """The connection failed before an answer arrived."""


class OqtopusTimeoutError(OqtopusError, TimeoutError):
    """The answer did not arrive in time."""


class WaitTimeoutError(OqtopusTimeoutError):
    """Jobs had not ended when the time was up. They go on; ask for them again by their ids.

    Attributes:
        outcomes: What is known of each job, by its id: its result, the error that kept the result away, or None if it
            had not ended.
        statuses: The last known status of each job that had not ended, by its id.
    """

    outcomes: Mapping[str, object] = {}
    statuses: Mapping[str, str] = {}


class OqtopusStorageError(OqtopusError):
    """A job's file could not be uploaded, downloaded or unpacked.

    Attributes:
        status_code: The storage's HTTP status if it refused; None for anything else.
    """

    status_code: int | None = None


class BatchResultError(OqtopusError):
    """All jobs of a batch have ended, but the results of some could not be read.

    Attributes:
        outcomes: By each job's id, its result or the error that kept it away; of jobs yielded before, nothing.
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
        job_ids: The jobs that were submitted, or may have been, and go on.
        errors: Why the others were not.
    """

    def __init__(self, job_ids: Sequence[str], errors: Sequence[Exception]) -> None:
        super().__init__(job_ids, errors)
        self.job_ids = list(job_ids)
        self.errors = list(errors)

    def _text(self) -> str:
        return f"{self.errors[0]} Submitted with it: {', '.join(self.job_ids) or 'none'}."


class JobError(OqtopusError):
    """Something about one job.

    Attributes:
        job_id: The job it is about.
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
        uncertain: Whether it may have been submitted all the same, as the server does not answer. If not, it has been
            removed.
    """

    def __init__(self, job_id: str, message: str, *, uncertain: bool = False) -> None:
        super().__init__(job_id, message)
        self.uncertain = uncertain


class JobNotSubmittedError(JobError, ValueError):
    """The job was registered and not submitted, so it has neither settings nor a result, and nothing runs."""

    def __init__(
        self, job_id: str, message: str = "is registered, but was not submitted, so it has no result; submit it again."
    ) -> None:
        super().__init__(job_id, message)


class JobFailedError(JobError):
    """The job has no result, and will have none if it has ended."""


class JobTimeoutError(JobError, WaitTimeoutError):
    """The job had not ended when the time was up. It goes on; ask for it again by its id."""
