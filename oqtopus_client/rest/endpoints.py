"""Every request this SDK makes, and what repeating it would do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """One kind of request.

    Attributes:
        method: Its HTTP method.
        route: Its path, placeholders in braces; for storage, a word.
        repeatable: Whether it may be sent again when nobody knows what became of it.
        why: Why that is so.
        gone_is_done: Whether a 404 for the second try means that the first did it.
    """

    method: str
    route: str
    repeatable: bool
    why: str
    gone_is_done: bool = False

    def path(self, **ids: str) -> str:
        """The path for these ids, which are quoted already."""
        return self.route.format(**ids)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


_READS = "reads, and changes nothing"

LIST_DEVICES = Operation("GET", "/devices", repeatable=True, why=_READS)
GET_DEVICE = Operation("GET", "/devices/{device_id}", repeatable=True, why=_READS)
LIST_DEVICE_HISTORIES = Operation("GET", "/device_histories", repeatable=True, why=_READS)
GET_DEVICE_HISTORY = Operation("GET", "/device_histories/{history_uid}", repeatable=True, why=_READS)
REGISTER_JOB = Operation(
    "POST", "/jobs", repeatable=True, why="an id that is never submitted runs nothing; leftovers can be removed"
)
UPLOAD = Operation("POST", "storage", repeatable=True, why="the same bytes go to the same place")
SUBMIT_JOB = Operation(
    "POST",
    "/jobs/{job_id}/submit",
    repeatable=True,
    why="a server refuses to submit an id twice; the job's status then tells that it is submitted",
)
LIST_JOBS = Operation("GET", "/jobs", repeatable=True, why=_READS)
GET_JOB = Operation("GET", "/jobs/{job_id}", repeatable=True, why=_READS)
GET_JOB_STATUS = Operation("GET", "/jobs/{job_id}/status", repeatable=True, why=_READS)
CANCEL_JOB = Operation("POST", "/jobs/{job_id}/cancel", repeatable=True, why="a cancelled job may be cancelled again")
DELETE_JOB = Operation(
    "DELETE",
    "/jobs/{job_id}",
    repeatable=True,
    why="what is gone cannot be deleted; 404 for the second try is success",
    gone_is_done=True,
)
DOWNLOAD = Operation("GET", "storage", repeatable=True, why=_READS)
CREATE_API_TOKEN = Operation(
    "POST", "/api-token", repeatable=False, why="each one made replaces the last, whose secret may be on its way"
)
DELETE_API_TOKEN = Operation(
    "DELETE", "/api-token", repeatable=True, why="as for a job: 404 for the second try is success", gone_is_done=True
)
GET_API_TOKEN_STATUS = Operation("GET", "/api-token/status", repeatable=True, why=_READS)
LIST_ANNOUNCEMENTS = Operation("GET", "/announcements", repeatable=True, why=_READS)
GET_ANNOUNCEMENT = Operation("GET", "/announcements/{announcement_id}", repeatable=True, why=_READS)
GET_USER = Operation("GET", "/users/me", repeatable=True, why=_READS)
UPDATE_USER = Operation("PATCH", "/users/me", repeatable=True, why="the same values are set twice")
DELETE_USER = Operation("DELETE", "/users/me", repeatable=False, why="the token of the second try would be nobody's")
GET_SETTINGS = Operation("GET", "/system/settings", repeatable=True, why=_READS)

OPERATIONS = tuple(operation for operation in list(vars().values()) if isinstance(operation, Operation))
