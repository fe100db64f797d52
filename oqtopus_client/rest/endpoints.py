"""Every request this SDK makes, and what repeating it would do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """One kind of request.

    Attributes:
        method: Its HTTP method.
        route: Its path, placeholders in braces; for storage, a word.
        idempotent: Whether it may be sent again when nobody knows what became of it.
        why: Why that is so.
        missing_is_success: Whether a 404 for the second try means that the first did it.
    """

    method: str
    route: str
    idempotent: bool
    why: str
    missing_is_success: bool = False

    def path(self, **ids: str) -> str:
        """The path for these ids, which are quoted already."""
        return self.route.format(**ids)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


_READS = "reads, and changes nothing"

LIST_DEVICES = Operation("GET", "/devices", idempotent=True, why=_READS)
GET_DEVICE = Operation("GET", "/devices/{device_id}", idempotent=True, why=_READS)
LIST_DEVICE_HISTORIES = Operation("GET", "/device_histories", idempotent=True, why=_READS)
GET_DEVICE_HISTORY = Operation("GET", "/device_histories/{history_uid}", idempotent=True, why=_READS)
REGISTER_JOB = Operation(
    "POST", "/jobs", idempotent=True, why="an id that is never submitted runs nothing; leftovers can be removed"
)
UPLOAD = Operation("POST", "storage", idempotent=True, why="the same bytes go to the same place")
SUBMIT_JOB = Operation(
    "POST",
    "/jobs/{job_id}/submit",
    idempotent=True,
    why="a server refuses to submit an id twice; the job's status then tells that it is submitted",
)
LIST_JOBS = Operation("GET", "/jobs", idempotent=True, why=_READS)
GET_JOB = Operation("GET", "/jobs/{job_id}", idempotent=True, why=_READS)
GET_JOB_STATUS = Operation("GET", "/jobs/{job_id}/status", idempotent=True, why=_READS)
CANCEL_JOB = Operation("POST", "/jobs/{job_id}/cancel", idempotent=True, why="a cancelled job may be cancelled again")
DELETE_JOB = Operation(
    "DELETE",
    "/jobs/{job_id}",
    idempotent=True,
    why="what is gone cannot be deleted; 404 for the second try is success",
    missing_is_success=True,
)
DOWNLOAD = Operation("GET", "storage", idempotent=True, why=_READS)
CREATE_API_TOKEN = Operation(
    "POST", "/api-token", idempotent=False, why="each one made replaces the last, whose secret may be on its way"
)
DELETE_API_TOKEN = Operation(
    "DELETE",
    "/api-token",
    idempotent=True,
    why="as for a job: 404 for the second try is success",
    missing_is_success=True,
)
GET_API_TOKEN_STATUS = Operation("GET", "/api-token/status", idempotent=True, why=_READS)
LIST_ANNOUNCEMENTS = Operation("GET", "/announcements", idempotent=True, why=_READS)
GET_ANNOUNCEMENT = Operation("GET", "/announcements/{announcement_id}", idempotent=True, why=_READS)
GET_USER = Operation("GET", "/users/me", idempotent=True, why=_READS)
UPDATE_USER = Operation("PATCH", "/users/me", idempotent=True, why="the same values are set twice")
DELETE_USER = Operation("DELETE", "/users/me", idempotent=False, why="the token of the second try would be nobody's")
GET_SETTINGS = Operation("GET", "/system/settings", idempotent=True, why=_READS)

OPERATIONS = tuple(operation for operation in list(vars().values()) if isinstance(operation, Operation))
