"""The emulator's memory: jobs, their files and its secrets, in one SQLite database.

Every change is one transaction, so whatever kills the process leaves a state the next one can go on from. Several
processes may open the same file.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Row = sqlite3.Row

LEASE_SECONDS = 10.0
"""A job whose worker has not shown up for so long, killed perhaps, is given to another."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    job_type TEXT,
    device_id TEXT,
    shots INTEGER,
    transpiler_info TEXT NOT NULL DEFAULT '{}',
    simulator_info TEXT NOT NULL DEFAULT '{}',
    mitigation_info TEXT NOT NULL DEFAULT '{}',
    message TEXT,
    execution_time REAL,
    submitted_at TEXT,
    ready_at TEXT,
    running_at TEXT,
    ended_at TEXT,
    origin TEXT,          -- which worker's users submitted the job
    worker TEXT,          -- who works on it
    lease REAL            -- until when, in seconds since the epoch
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, job_id);
CREATE TABLE IF NOT EXISTS files (key TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Store:
    """One database, used by any number of threads.

    Args:
        path: The file, or `:memory:` for a database that is gone with the object.
    """

    def __init__(self, path: str | Path) -> None:
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            # It holds the token and what users computed: nobody else's business.
            Path(path).touch(mode=0o600)
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30.0)
        self._database.row_factory = sqlite3.Row
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise OSError(f"{path} cannot be used as the emulator's database: {error}") from error
        self._last_id_ns = 0

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                # A full disk, for one, has made SQLite roll back already.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def _one(self, query: str, *values: Any) -> Row | None:
        with self._lock:
            row: Row | None = self._database.execute(query, values).fetchone()
            return row

    def _all(self, query: str, values: list[Any]) -> list[Row]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    def secret(self, name: str, proposal: str) -> str:
        """The secret of that name; `proposal` becomes it, for good, where there is none yet."""
        with self._transaction() as database:
            database.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, proposal))
        return str(self._all("SELECT value FROM secrets WHERE name = ?", [name])[0]["value"])

    # --- files

    def put_file(self, key: str, content: bytes) -> None:
        """Keep a file, in place of what was there."""
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (key, content))

    def get_file(self, key: str) -> bytes | None:
        """A file's content, or None."""
        row = self._one("SELECT content FROM files WHERE key = ?", key)
        return None if row is None else bytes(row["content"])

    def file_names(self, job_id: str) -> set[str]:
        """Names of a job's files, such as `input.zip`."""
        rows = self._all("SELECT key FROM files WHERE key BETWEEN ? AND ?", [f"{job_id}/", f"{job_id}/\U0010ffff"])
        return {row["key"].partition("/")[2] for row in rows}

    # --- jobs, as users move them

    def register(self) -> str:
        """Make a new job and return its id; ids grow with time."""
        with self._transaction() as database:
            self._last_id_ns = max(time.time_ns(), self._last_id_ns + 1000)
            job_id = _uuid7(self._last_id_ns)
            database.execute("INSERT INTO jobs (job_id, status) VALUES (?, 'registered')", (job_id,))
        return job_id

    def get(self, job_id: str) -> Row | None:
        """A job, or None."""
        return self._one("SELECT * FROM jobs WHERE job_id = ?", job_id)

    def jobs(self, conditions: Mapping[str, Any], *, descending: bool, limit: int, offset: int) -> list[Row]:
        """Jobs by creation time.

        Args:
            conditions: SQL conditions with one `?` each, and the values for them.
            descending: Newest first.
            limit: Most jobs to return.
            offset: Jobs to skip.
        """
        where = " AND ".join(conditions) or "TRUE"
        order = "DESC" if descending else "ASC"
        query = f"SELECT * FROM jobs WHERE {where} ORDER BY job_id {order} LIMIT ? OFFSET ?"  # noqa: S608 - ours
        return self._all(query, [*conditions.values(), limit, offset])

    def submit(self, job_id: str, fields: Mapping[str, Any]) -> bool:
        """Queue a registered job; False if it is not (or no longer) registered.

        Args:
            job_id: The job.
            fields: Its settings, and `origin`, the worker that should run it first of all.
        """
        columns = ", ".join(f"{name} = ?" for name in fields)
        with self._transaction() as database:
            changed = database.execute(
                f"UPDATE jobs SET status = 'submitted', submitted_at = ?, {columns} "  # noqa: S608 - our own names
                "WHERE job_id = ? AND status = 'registered'",
                (_now(), *fields.values(), job_id),
            )
            return changed.rowcount == 1

    def cancel(self, job_id: str) -> bool:
        """Cancel a job that has not ended; False if it has. As on servers, `ended_at` stays unset."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE jobs SET status = 'cancelled' "
                "WHERE job_id = ? AND status IN ('registered', 'submitted', 'ready', 'running', 'cancelled')",
                (job_id,),
            )
            return changed.rowcount == 1

    def delete(self, job_id: str) -> bool:
        """Delete a job that has ended, and its files; False if it has not."""
        with self._transaction() as database:
            changed = database.execute(
                "DELETE FROM jobs WHERE job_id = ? AND status IN ('succeeded', 'failed', 'cancelled')", (job_id,)
            )
            if changed.rowcount == 1:
                keys = (f"{job_id}/", f"{job_id}/\U0010ffff")
                database.execute("DELETE FROM files WHERE key BETWEEN ? AND ?", keys)
            return changed.rowcount == 1

    def pending(self, device_id: str) -> int:
        """Jobs of a device that have not ended."""
        query = "SELECT count(*) AS n FROM jobs WHERE status IN ('submitted', 'ready', 'running') AND device_id = ?"
        return int(self._all(query, [device_id])[0]["n"])

    # --- jobs, as workers move them

    def claim(self, worker: str, *, own: bool = False) -> Row | None:
        """Make the oldest waiting job `ready` and `worker`'s, atomically; those of its own users come first.

        Waiting are submitted jobs, and those whose worker has disappeared.

        Args:
            worker: Who will work on it.
            own: Whether to take no other than its own users' jobs.
        """
        with self._transaction() as database:
            row: Row | None = database.execute(
                """
                UPDATE jobs SET status = 'ready', ready_at = ?, running_at = NULL, worker = ?, lease = ?
                WHERE job_id = (
                    SELECT job_id FROM jobs
                    WHERE (status = 'submitted' OR (status IN ('ready', 'running') AND lease < ?)) AND (origin = ? OR ?)
                    ORDER BY origin = ? DESC, submitted_at LIMIT 1
                )
                RETURNING *
                """,
                (_now(), worker, time.time() + LEASE_SECONDS, time.time(), worker, not own, worker),
            ).fetchone()
            return row

    def renew(self, worker: str) -> None:
        """Say that `worker` still works on its jobs."""
        with self._transaction() as database:
            database.execute(
                "UPDATE jobs SET lease = ? WHERE worker = ? AND status IN ('ready', 'running')",
                (time.time() + LEASE_SECONDS, worker),
            )

    def give_back(self, worker: str, job_id: str = "%") -> None:
        """Return one, or all, of `worker`'s unfinished jobs to the queue."""
        with self._transaction() as database:
            database.execute(
                "UPDATE jobs SET status = 'submitted', ready_at = NULL, running_at = NULL, worker = NULL "
                "WHERE worker = ? AND job_id LIKE ? AND status IN ('ready', 'running')",
                (worker, job_id),
            )

    def set_transpiler_info(self, job_id: str, transpiler_info: str) -> None:
        """Write back which transpiler is used."""
        with self._transaction() as database:
            database.execute("UPDATE jobs SET transpiler_info = ? WHERE job_id = ?", (transpiler_info, job_id))

    def start(self, job_id: str, worker: str, files: Mapping[str, bytes]) -> bool:
        """Make a claimed job `running` and keep `files`; False if it is no longer `worker`'s or was cancelled."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE jobs SET status = 'running', running_at = ? "
                "WHERE job_id = ? AND worker = ? AND status = 'ready'",
                (_now(), job_id, worker),
            )
            if changed.rowcount == 1:
                _put_files(database, job_id, files)
            return changed.rowcount == 1

    def finish(
        self,
        job_id: str,
        worker: str,
        status: str,
        *,
        message: str,
        execution_time: float | None = None,
        files: Mapping[str, bytes],
    ) -> bool:
        """End a job and keep `files`, both or neither; False if it is no longer `worker`'s or was cancelled."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE jobs SET status = ?, message = ?, execution_time = ?, ended_at = ?, worker = NULL "
                "WHERE job_id = ? AND worker = ? AND status IN ('ready', 'running')",
                (status, message, execution_time, _now(), job_id, worker),
            )
            if changed.rowcount == 1:
                _put_files(database, job_id, files)
            return changed.rowcount == 1


def _put_files(database: sqlite3.Connection, job_id: str, files: Mapping[str, bytes]) -> None:
    rows = [(f"{job_id}/{name}", content) for name, content in files.items()]
    database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?)", rows)


def format_time(time: datetime) -> str:
    """A time as the database keeps it: UTC, text that sorts."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _now() -> str:
    return format_time(datetime.now(UTC))


def new_token() -> str:
    """A random API token of the form that servers issue, `<id>.<secret>`."""
    return f"{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(16)}"


def _uuid7(time_ns: int) -> str:
    """A UUID of version 7 whose text sorts by time, to a microsecond (RFC 9562, section 6.2, method 3)."""
    milliseconds, rest_ns = divmod(time_ns, 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
