"""A model of the User API as data: which status each part of a request leads to.

A request is made of parts: a token, a path with a job or a device, query values, and a body. Each value of a part is
listed with the status that it leads to by itself; 200 means that it is accepted. `expected` combines them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

OK = 200
SUBMIT = '{"device_id": "qulacs", "job_type": "sampling", "shots": 10%s}'
"""A submission, to which fields can be added."""

TOKENS = {"valid": OK, "absent": 401, "empty": 401, "wrong": 401, "bearer": 401, "deleted": 401, "suspended": 403}

JOBS = ("registered", "uploaded", "submitted", "cancelled", "poison", "foreign", "unknown", "\u00e4 '; --", "%00")
"""States of the job in the path, or ids of jobs that do not exist."""

UNKNOWN = {"foreign": 404, "unknown": 404, "\u00e4 '; --": 404, "%00": 404}
LONG = "9" * 30

PAGES = {
    "1": OK, "+1": OK, " 1 ": OK, "1_0": OK, "\u0661": OK, "0": 500, "-1": 500, "x": 500, "": 500, "1.0": 500,
    LONG: 500,
}  # fmt: skip
TIMES = {
    "2020-01-01T00:00:00Z": OK, "2030-01-01": OK, "2020-01-01T00:00:00+09:00": OK, "yesterday": 500, "": 500,
    "0001-01-01T00:00:00+14:00": 500,
}  # fmt: skip
TEXTS = dict.fromkeys(("", "zz", "%", "_", "\\", "\\\\", "\0", "a\0b", "'; DROP TABLE jobs", "x" * 5000), OK)
COUNTS = {"0": OK, "5": OK, "-1": 500, LONG: 500, "x": 422, "1.5": 422, "": 422}
WITHIN_100 = {"1": OK, "100": OK, "0": 422, "101": 422, "x": 422, "": 422}
ORDERS = dict.fromkeys(("ASC", "DESC", "sideways", ""), OK)

SAFE_FIELDS = ("job_id", "job_id,status,device_id", "name,submitted_at", "job_id,job_id")
JOB_QUERY = {
    "page": PAGES,
    "size": {**PAGES, "100": OK, "101": 500, "+2": OK},
    "fields": {
        **dict.fromkeys((*SAFE_FIELDS, "job_type", "shots,name", "job_info"), OK),
        "": 400,
        "XXX": 400,
        "job_id, name": 400,
    },
    "status": {"registered": OK, "submitted": OK, "cancelled": OK, "cancelling": 422, "nonsense": 422, "": 422},
    "start_time": TIMES,
    "end_time": TIMES,
    "q": TEXTS,
    "order": ORDERS,
    "unknown": TEXTS,
}
ANNOUNCEMENT_QUERY = {"limit": COUNTS, "offset": COUNTS, "order": ORDERS, "current_time": TIMES}
HISTORY_QUERY = {
    "device_id": {"qulacs": OK, "nowhere": 404, "": 404},
    "limit": WITHIN_100,
    "offset": {"0": OK, "3": OK, "-1": 422, "x": 422, LONG: 422},
    "from": {time: OK if status == OK else 422 for time, status in TIMES.items()},
    "to": {time: OK if status == OK else 422 for time, status in TIMES.items()},
}

SUBMISSIONS = {
    SUBMIT % "": OK,
    SUBMIT % ', "name": null, "description": "x", "transpiler_info": null, "extra": [1]': OK,
    SUBMIT % ', "simulator_info": {"seed": 1}': OK,
    SUBMIT.replace("10%s", "0"): 422,
    SUBMIT.replace("10%s", "10000001"): 422,
    SUBMIT.replace("10%s", '"many"'): 422,
    SUBMIT.replace("sampling", "none") % "": 422,
    '{"shots": 1}': 422,
    "{": 422,
    "[]": 422,
    "null": 422,
    "": 422,
    SUBMIT % ', "name": "\\ud800"': 422,
    SUBMIT.replace("10%s", "NaN"): 500,  # the answer would repeat it
    SUBMIT.replace("qulacs", "nowhere") % "": 400,
    SUBMIT % (', "name": "' + "n" * 257 + '"'): 500,
    SUBMIT % ', "mitigation_info": {"x": NaN}': 500,
}
INVALID_FIRST = {body for body, status in SUBMISSIONS.items() if status == 422} | {SUBMIT.replace("10%s", "NaN")}
"""Bodies that are refused before the job is looked up."""

PROFILES = {
    '{"name": "n"}': OK,
    '{"name": ""}': OK,
    '{"name": null, "organization": "o"}': OK,
    "{}": OK,
    '{"name": "' + "n" * 256 + '"}': 400,
    '{"organization": "' + "n" * 256 + '"}': 400,
    '{"name": 3}': 422,
    "[]": 422,
    "{": 422,
    "": 422,
}


@dataclass(frozen=True)
class Operation:
    """One operation of the API.

    Attributes:
        method: The HTTP method.
        path: The path; `{job}` stands for a job, and `{id}` for one of `ids`.
        success: The status of a success.
        keys: Keys that a success has; None if it has no body, an empty tuple if it is a list.
        jobs: The statuses that states of the job lead to.
        ids: The statuses that ids lead to.
        query: The statuses that the values of each query parameter lead to.
        bodies: The statuses that bodies lead to.
    """

    method: str
    path: str
    success: int = OK
    keys: tuple[str, ...] | None = ()
    jobs: dict[str, int] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    query: dict[str, dict[str, int]] = field(default_factory=dict)
    bodies: dict[str, int] = field(default_factory=dict)


OPERATIONS = (
    Operation("GET", "/devices"),
    Operation(
        "GET",
        "/devices/{id}",
        keys=("device_id", "n_qubits", "available_at"),
        ids={"qulacs": OK, "nowhere": 404, "%00": 404},
    ),
    Operation("GET", "/device_histories", keys=("items", "total", "limit", "offset"), query=HISTORY_QUERY),
    Operation("GET", "/device_histories/{id}", ids={"nothing": 404, "%00": 404}),
    Operation("POST", "/jobs", keys=("job_id", "presigned_url"), bodies=dict.fromkeys(("", "{}", "[", "null"), OK)),
    Operation("GET", "/jobs", query=JOB_QUERY),
    Operation("GET", "/jobs/{job}", keys=("job_id", "status"), jobs={**UNKNOWN, "poison": 500}),
    Operation("GET", "/jobs/{job}/status", keys=("job_id", "status"), jobs=UNKNOWN),
    Operation("POST", "/jobs/{job}/cancel", keys=("message",), jobs=UNKNOWN),
    Operation(
        "DELETE",
        "/jobs/{job}",
        keys=("message",),
        jobs={**UNKNOWN, "registered": 400, "uploaded": 400, "submitted": 400},
    ),
    Operation(
        "POST",
        "/jobs/{job}/submit",
        keys=("message",),
        bodies=SUBMISSIONS,
        jobs={**UNKNOWN, "registered": 400, "submitted": 400, "cancelled": 400, "poison": 400},
    ),
    Operation("GET", "/users/me", keys=("id", "email", "name", "organization", "created_at", "login_events")),
    Operation("PATCH", "/users/me", keys=("id", "name", "organization"), bodies=PROFILES),
    Operation("DELETE", "/users/me", success=403, keys=("message",)),
    Operation(
        "GET", "/system/settings", keys=("editable_fields", "allow_deletion", "visible_fields", "login_history_enabled")
    ),
    Operation("POST", "/api-token", keys=("api_token_id", "api_token_secret", "api_token_expiration")),
    Operation("DELETE", "/api-token", keys=None),
    Operation("GET", "/api-token/status", keys=("api_token_expiration",)),
    Operation("GET", "/announcements", keys=("announcements",), query=ANNOUNCEMENT_QUERY),
    Operation("GET", "/announcements/{id}", ids={"1": 404, LONG: 404, "x": 422, "%00": 422}),
)
UNKNOWN_PATHS = ("/", "/nowhere", "/jobs/x/y/z", "/users", "/users/you", "/docsx", "/device")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def expected(operation: Operation, token: str, job: str, id_: str, query: dict[str, str], body: str) -> int:
    """Return the status that a request leads to: checks come in this order."""
    if TOKENS[token] != OK:
        return TOKENS[token]
    values = {name: operation.query[name][value] for name, value in query.items()}
    parts = [
        *(status for status in values.values() if status == 422),
        operation.bodies.get(body, OK) if body in INVALID_FIRST or operation.path == "/users/me" else OK,
        operation.ids.get(id_, OK),
        operation.jobs.get(job, OK) if "{job}" in operation.path else OK,
        operation.bodies.get(body, OK),
        *(status for status in values.values() if status in {400, 404}),
        *(status for status in values.values() if status >= 500),
        500 if operation.query is JOB_QUERY and job == "poison" and _shows_poison(query) else OK,
    ]
    return next((status for status in parts if status != OK), operation.success)


def _shows_poison(query: dict[str, str]) -> bool:
    """Return whether a page has the cancelled job that was never submitted, with its type or shots."""
    matches = query.get("q") in {None, "", "%", "_"}
    first = query.get("page") != "1_0"
    untimed = not {"start_time", "end_time"} & set(query)
    unsafe = query.get("fields") in {None, "job_type", "shots,name"}
    return matches and first and untimed and unsafe and query.get("status") in {None, "cancelled"}
