"""The emulator's jobs, their files, and the workers that run them."""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oqtopus_client.emulator.database import now

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Mapping, Sequence

    from oqtopus_client.emulator.database import Database, Row

LEASE_SECONDS = 10.0
"""A job whose worker has not renewed its claim for this long, as it was killed perhaps, goes to another worker."""

JOB_TYPES = ("sampling", "estimation", "multi_manual", "sse")

IN_WORK = "status IN ('ready', 'running', 'cancelling')"

_HEADS = """
WITH RECURSIVE heads(id) AS (
    SELECT * FROM (
        SELECT rowid FROM jobs WHERE status = 'submitted'
        ORDER BY device_id, owner, origin, job_type, submitted_at LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT rowid FROM jobs WHERE status = 'submitted'
        AND (device_id, owner, origin, job_type, submitted_at)
            > (+head.device_id, +head.owner, +head.origin, +head.job_type, '~')
        ORDER BY device_id, owner, origin, job_type, submitted_at LIMIT 1
    )
    FROM heads JOIN jobs AS head ON head.rowid = heads.id
)
"""
"""The oldest job of each queue. SQLite seeks each one in the index `jobs_waiting`, however many jobs are stored.

No time is after `~`. Without the `+`, SQLite would use the index for the first column only.
"""


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        status: `succeeded` or `failed`; `running` for a job that its server has lost track of.
        message: The server's message.
        seconds: Time on the device; None if it was never there.
        transpiler_info: The settings it was transpiled with, as JSON text, where they are known only at the end.
        files: Its files, by name.
    """

    status: str
    message: str | None
    seconds: float | None = None
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    transpiler_info: str | None = None


class Store:
    """Jobs and files in a database.

    Args:
        database: The database that holds them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- files

    def put_file(self, key: str, content: bytes) -> None:
        """Store a file, replacing any earlier one."""
        self._database.change("INSERT OR REPLACE INTO files VALUES (?, ?)", key, content)

    def get_file(self, key: str) -> bytes | None:
        """Return a file's content, or None if it does not exist."""
        row = self._database.one("SELECT content FROM files WHERE key = ?", key)
        return None if row is None else bytes(row["content"])

    def has_file(self, key: str) -> bool:
        """Return whether a file is there, without reading it."""
        return self._database.one("SELECT 1 FROM files WHERE key = ?", key) is not None

    def file_names(self, job_id: str) -> set[str]:
        """Return the names of a job's files, such as `input.zip`."""
        rows = self._database.all("SELECT key FROM files WHERE key BETWEEN ? AND ?", *_keys_of(job_id))
        return {row["key"].partition("/")[2] for row in rows}

    # --- jobs, as users move them

    def register(self, owner: str) -> str:
        """Create a job for a user and return its id; ids increase with time."""
        job_id = new_id()
        self._database.change("INSERT INTO jobs (job_id, owner, status) VALUES (?, ?, 'registered')", job_id, owner)
        return job_id

    def get(self, job_id: str, owner: str | None = None) -> Row | None:
        """Return a job, or None if it does not exist or does not belong to the owner, where one is given."""
        return self._database.one("SELECT * FROM jobs WHERE job_id = ? AND owner = ifnull(?, owner)", job_id, owner)

    def jobs(
        self, owner: str, conditions: Mapping[str, Any], *, descending: bool, limit: int, offset: int
    ) -> list[Row]:
        """Return a page of a user's jobs by creation time.

        Args:
            owner: The user.
            conditions: SQL conditions with one `?` each, and their values.
            descending: Whether the newest comes first.
            limit: Maximum number of jobs to return.
            offset: Number of jobs to skip.
        """
        where = " AND ".join(["owner = ?", *conditions])
        order = "DESC" if descending else "ASC"
        # The inner query skips rows in an index; only the jobs of the page are read.
        page = f"SELECT job_id FROM jobs WHERE {where} ORDER BY job_id {order} LIMIT ? OFFSET ?"  # noqa: S608 - ours
        query = f"SELECT * FROM jobs WHERE job_id IN ({page}) ORDER BY job_id {order}"  # noqa: S608
        return self._database.all(query, owner, *conditions.values(), limit, offset)

    def count(self, owner: str, conditions: Mapping[str, Any]) -> dict[str, int]:
        """Return the number of a user's jobs by status; the conditions are those of `jobs`."""
        where = " AND ".join(["owner = ?", *conditions])
        # With conditions, SQLite reads all jobs of the user, which is faster in the order in which they are stored.
        group = "+status" if conditions else "status"
        query = f"SELECT status, count(*) FROM jobs WHERE {where} GROUP BY {group}"  # noqa: S608 - ours
        return dict(map(tuple, self._database.all(query, owner, *conditions.values())))

    def submit(self, job_id: str, fields: Mapping[str, Any]) -> bool:
        """Put a registered job into the queue; False if it is not, or no longer, registered.

        Args:
            job_id: The job.
            fields: Its settings, and `origin`, the worker that prefers it to the jobs of others.
        """
        fields = {"origin": "", **fields}
        columns = ", ".join(f"{name} = ?" for name in fields)
        statement = (
            f"UPDATE jobs SET status = 'submitted', submitted_at = ?, {columns} "  # noqa: S608 - our own names
            "WHERE job_id = ? AND status = 'registered'"
        )
        return self._database.change(statement, now(), *fields.values(), job_id) == 1

    def cancel(self, job_id: str, *, gently: bool = False) -> bool:
        """Cancel a job; False if it has ended. As on servers, `ended_at` stays unset.

        Args:
            job_id: The job.
            gently: Whether a running job becomes `cancelling` until its worker has stopped it.
        """
        statement = (
            "UPDATE jobs SET status = CASE WHEN ? AND ifnull(worker, output_files) IS NOT NULL "
            "AND status IN ('running', 'cancelling') THEN 'cancelling' ELSE 'cancelled' END WHERE job_id = ? "
            "AND status IN ('registered', 'submitted', 'ready', 'running', 'cancelling', 'cancelled')"
        )
        return self._database.change(statement, gently, job_id) == 1

    def delete(self, job_id: str) -> bool:
        """Delete a job and its files; False if the job has not ended."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                "DELETE FROM jobs WHERE job_id = ? AND status IN ('succeeded', 'failed', 'cancelled')", (job_id,)
            )
            if changed.rowcount == 1:
                connection.execute("DELETE FROM files WHERE key BETWEEN ? AND ?", _keys_of(job_id))
            return changed.rowcount == 1

    def pending(self, device_id: str) -> int:
        """Return the number of a device's jobs that have not ended."""
        query = "SELECT count(*) FROM jobs WHERE status IN ('submitted', 'ready', 'running') AND device_id = ?"
        return int(self._database.all(query, device_id)[0][0])

    # --- jobs, as workers move them

    def claim(
        self,
        worker: str,
        choose: Callable[[Sequence[Row]], Row | None] | None = None,
        *,
        job_types: Sequence[str] = JOB_TYPES,
        in_work: Collection[str] = (),
    ) -> Row | None:
        """Make a job `ready` and `worker`'s, atomically.

        Args:
            worker: The worker that will run it.
            choose: Chooses among the oldest job of each queue and one whose worker has disappeared, if there is any;
                by default the one submitted first. A queue holds the jobs of one device, owner, origin and type.
            job_types: What the worker can run.
            in_work: Jobs that the worker is running, so that it takes none of them a second time after a pause in
                which its claims expired.
        """
        types = ", ".join("?" * len(job_types))
        left_behind = (
            f"SELECT rowid FROM jobs WHERE {IN_WORK} AND lease < ? AND job_type IN ({types}) "  # noqa: S608 - ours
            "AND job_id NOT IN (SELECT value FROM json_each(?)) LIMIT 1"
        )
        candidates = (
            f"{_HEADS} SELECT * FROM jobs WHERE rowid IN ({left_behind}) "  # noqa: S608 - ours
            f"OR rowid IN heads AND job_type IN ({types}) ORDER BY submitted_at"
        )
        mine = json.dumps(list(in_work))
        with self._database.transaction() as connection:
            connection.execute(
                f"UPDATE jobs SET status = 'cancelled' WHERE {IN_WORK} AND status = 'cancelling' AND lease < ?",  # noqa: S608
                (time.time(),),
            )
            jobs = connection.execute(candidates, (time.time(), *job_types, mine, *job_types)).fetchall()
            chosen = choose(jobs) if choose else next(iter(jobs), None)
            if chosen is None:
                return None
            row: Row = connection.execute(
                "UPDATE jobs SET status = 'ready', ready_at = ?, running_at = NULL, worker = ?, lease = ?, "
                "attempts = attempts + 1 WHERE job_id = ? RETURNING *",
                (now(), worker, time.time() + LEASE_SECONDS, chosen["job_id"]),
            ).fetchone()
            return row

    def renew(self, worker: str, job_ids: Collection[str]) -> set[str]:
        """Renew `worker`'s claims on these jobs and return the jobs that it should continue.

        The others were cancelled or claimed by another worker.
        """
        marks = ", ".join("?" * len(job_ids))
        statement = f"UPDATE jobs SET lease = ? WHERE worker = ? AND {IN_WORK} AND job_id IN ({marks}) "  # noqa: S608
        with self._database.transaction() as connection:
            rows = connection.execute(
                f"{statement} RETURNING job_id, status", (time.time() + LEASE_SECONDS, worker, *job_ids)
            ).fetchall()
        return {row["job_id"] for row in rows if row["status"] != "cancelling"}

    def give_back(self, worker: str, job_id: str = "%", *, tried: bool = False) -> None:
        """Return one or all of `worker`'s unfinished jobs to the queue.

        Args:
            worker: The worker that no longer runs them.
            job_id: The job; by default all.
            tried: Whether to count this as a failed attempt.
        """
        with self._database.transaction() as connection:
            mine = f"worker = ? AND job_id LIKE ? AND {IN_WORK}"
            connection.execute(
                f"UPDATE jobs SET status = 'cancelled', ended_at = ? WHERE {mine} AND status = 'cancelling'",  # noqa: S608
                (now(), worker, job_id),
            )
            connection.execute(
                "UPDATE jobs SET status = 'submitted', ready_at = NULL, running_at = NULL, worker = NULL, "  # noqa: S608
                f"attempts = attempts - ? WHERE {mine}",
                (not tried, worker, job_id),
            )

    def start(self, job_id: str, worker: str, files: Mapping[str, bytes], transpiler_info: str | None = None) -> bool:
        """Make a claimed job `running` and store `files`; False if it is no longer `worker`'s or was cancelled."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE jobs SET status = 'running', running_at = ?, transpiler_info = ifnull(?, transpiler_info) "
                "WHERE job_id = ? AND worker = ? AND status = 'ready'",
                (now(), transpiler_info, job_id, worker),
            )
            if changed.rowcount == 1:
                _put_files(connection, job_id, files)
            return changed.rowcount == 1

    def finish(self, job_id: str, worker: str, outcome: Outcome) -> bool:
        """End a job and store its files atomically; False if it is no longer `worker`'s or was cancelled."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'cancelled', ended_at = ?, worker = NULL "
                "WHERE job_id = ? AND worker = ? AND status = 'cancelling'",
                (now(), job_id, worker),
            )
            if outcome.status == "running":
                # No worker claims a job without a lease: it stays as it is until it is cancelled.
                lost = (
                    "UPDATE jobs SET worker = NULL, lease = NULL WHERE job_id = ? AND worker = ? AND status = 'running'"
                )
                return connection.execute(lost, (job_id, worker)).rowcount == 1
            ended = outcome.status, outcome.message, outcome.seconds, outcome.transpiler_info
            changed = connection.execute(
                "UPDATE jobs SET status = ?, message = ?, execution_time = ?, "
                "transpiler_info = ifnull(?, transpiler_info), ended_at = ?, worker = NULL "
                "WHERE job_id = ? AND worker = ? AND status IN ('ready', 'running')",
                (*ended, now(), job_id, worker),
            )
            if changed.rowcount == 1:
                _put_files(connection, job_id, outcome.files)
            return changed.rowcount == 1


def _keys_of(job_id: str) -> tuple[str, str]:
    """Return the lowest and the highest key that a job's files can have."""
    return f"{job_id}/", f"{job_id}/\U0010ffff"


def _put_files(connection: sqlite3.Connection, job_id: str, files: Mapping[str, bytes]) -> None:
    rows = [(f"{job_id}/{name}", content) for name, content in files.items()]
    connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?)", rows)


_last_id_ns = 0
_id_lock = threading.Lock()


def new_id() -> str:
    """Return a version 7 UUID whose text sorts by time, to the microsecond (RFC 9562, section 6.2, method 3)."""
    global _last_id_ns  # noqa: PLW0603 - ids increase within a process, however many stores it opens
    with _id_lock:
        _last_id_ns = time_ns = max(time.time_ns(), _last_id_ns + 1000)
    milliseconds, rest_ns = divmod(time_ns, 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
