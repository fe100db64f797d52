"""Operations of the User API and its storage, and whether each is idempotent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """One kind of request.

    Attributes:
        method: HTTP method.
        route: Path with placeholders in braces; `storage` for presigned URLs.
        idempotent: Whether it can be sent again if the outcome of the first attempt is unknown.
        why: Reason for that.
        missing_is_success: Whether a 404 on a retry means that an earlier attempt succeeded.
    """

    method: str
    route: str
    idempotent: bool
    why: str
    missing_is_success: bool = False

    def path(self, **ids: str) -> str:
        """Return the path for these ids, which must already be quoted."""
        return self.route.format(**ids)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


_READS = "only reads"

LIST_DEVICES = Operation("GET", "/devices", idempotent=True, why=_READS)
GET_DEVICE = Operation("GET", "/devices/{device_id}", idempotent=True, why=_READS)
LIST_DEVICE_HISTORIES = Operation("GET", "/device_histories", idempotent=True, why=_READS)
GET_DEVICE_HISTORY = Operation("GET", "/device_histories/{history_uid}", idempotent=True, why=_READS)
REGISTER_JOB = Operation(
    "POST", "/jobs", idempotent=True, why="an id that is never submitted runs nothing; leftovers can be removed"
)
UPLOAD = Operation("POST", "storage", idempotent=True, why="the same bytes are stored under the same name")
SUBMIT_JOB = Operation(
    "POST",
    "/jobs/{job_id}/submit",
    idempotent=True,
    why="a server refuses to submit an id twice; the job's status then shows that it was submitted",
)
LIST_JOBS = Operation("GET", "/jobs", idempotent=True, why=_READS)
GET_JOB = Operation("GET", "/jobs/{job_id}", idempotent=True, why=_READS)
GET_JOB_STATUS = Operation("GET", "/jobs/{job_id}/status", idempotent=True, why=_READS)
CANCEL_JOB = Operation("POST", "/jobs/{job_id}/cancel", idempotent=True, why="a cancelled job may be cancelled again")
DELETE_JOB = Operation(
    "DELETE",
    "/jobs/{job_id}",
    idempotent=True,
    why="a deleted job stays deleted; 404 on a retry is success",
    missing_is_success=True,
)
DOWNLOAD = Operation("GET", "storage", idempotent=True, why=_READS)
CREATE_API_TOKEN = Operation(
    "POST",
    "/api-token",
    idempotent=False,
    why="each new token replaces the last, whose secret may be lost",
)
DELETE_API_TOKEN = Operation(
    "DELETE",
    "/api-token",
    idempotent=True,
    why="a deleted token stays deleted; 404 on a retry is success",
    missing_is_success=True,
)
GET_API_TOKEN_STATUS = Operation("GET", "/api-token/status", idempotent=True, why=_READS)
LIST_ANNOUNCEMENTS = Operation("GET", "/announcements", idempotent=True, why=_READS)
GET_ANNOUNCEMENT = Operation("GET", "/announcements/{announcement_id}", idempotent=True, why=_READS)
GET_USER = Operation("GET", "/users/me", idempotent=True, why=_READS)
UPDATE_USER = Operation("PATCH", "/users/me", idempotent=True, why="setting the same values again changes nothing")
DELETE_USER = Operation("DELETE", "/users/me", idempotent=False, why="the token of a retry would be invalid")
GET_SETTINGS = Operation("GET", "/system/settings", idempotent=True, why=_READS)

OPERATIONS = tuple(operation for operation in list(vars().values()) if isinstance(operation, Operation))
