"""One SQLite database, used by any number of threads and processes."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = sqlite3.Row

IN_MEMORY = ":memory:"
_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
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
    origin TEXT,          -- the worker through which the job was submitted
    worker TEXT,          -- the worker that runs it
    lease REAL,           -- when its claim expires, in seconds since the epoch
    attempts INTEGER NOT NULL DEFAULT 0,
    output_files TEXT,    -- what an external engine has listed, as JSON; null for other jobs
    seed INTEGER          -- of the emulator's random numbers for the job; null for random ones
);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, job_id);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (owner, status, job_id);
DROP INDEX IF EXISTS jobs_in_queue;            -- of version 2.0.0
DROP INDEX IF EXISTS jobs_in_queue_by_origin;  -- of version 2.0.0
CREATE INDEX IF NOT EXISTS jobs_waiting ON jobs (device_id, owner, origin, job_type, submitted_at)
    WHERE status = 'submitted';
CREATE INDEX IF NOT EXISTS jobs_in_work ON jobs (lease) WHERE status IN ('ready', 'running', 'cancelling');
CREATE INDEX IF NOT EXISTS jobs_pending ON jobs (device_id) WHERE status IN ('submitted', 'ready', 'running');
CREATE TABLE IF NOT EXISTS files (key TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    organization TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    token_hash TEXT UNIQUE,
    token_expiration TEXT
);
CREATE TABLE IF NOT EXISTS user_devices (user_id TEXT PRIMARY KEY, device_ids TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS announcements (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    start_time TEXT NOT NULL,
    end_time TEXT NOT NULL,
    publishable INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS calibrations (
    history_uid TEXT PRIMARY KEY,
    device_id TEXT NOT NULL,
    calibrated_at TEXT NOT NULL,
    device_info TEXT NOT NULL,
    from_file INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS calibrations_by_device ON calibrations (device_id, history_uid);
CREATE TABLE IF NOT EXISTS device_statuses (device_id TEXT PRIMARY KEY, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS device_sizes (device_id TEXT PRIMARY KEY, n_qubits INTEGER NOT NULL);
"""


class DiskFullError(OSError):
    """A change was not stored, because the disk is full; all earlier ones are."""


def database_file(data: str | Path | None) -> str | Path:
    """Return the path of the database in a data folder, by default the one in the user's data directory.

    Raises:
        TypeError: The folder is not a path.
        ValueError: It is empty, or a misspelt `:memory:`.
    """
    if data == IN_MEMORY:
        return IN_MEMORY
    if not isinstance(data, str | os.PathLike | None):
        raise TypeError(f"data must be the path of a folder, {IN_MEMORY!r} or None, not {data!r}.")
    if data is not None and ((name := str(data).strip()) == "" or ":" in {name[0], name[-1]}):
        raise ValueError(f"data must be the path of a folder or {IN_MEMORY!r}, not {data!r}.")
    folder = platformdirs.user_data_path("oqtopus-emulator") if data is None else Path(data)
    return folder / "emulator.sqlite3"


class Database:
    """One database. Every change is a transaction, so the state stays consistent if the process is killed.

    Args:
        path: The file, or `:memory:` for a database that ends with the object.

    Raises:
        OSError: The file cannot be used.
    """

    def __init__(self, path: str | Path) -> None:
        if str(path) != ":memory:":
            try:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                # It holds the token and users' results.
                Path(path).touch(mode=0o600)
            except OSError as error:
                reason = "it is not a folder" if isinstance(error, FileExistsError) else error.strerror
                raise OSError(f"{Path(path).parent} cannot be the emulator's data folder: {reason}.") from error
        self._path = str(path)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30.0)
        self._connection.row_factory = sqlite3.Row
        try:
            self._prepare()
        except (sqlite3.DatabaseError, DiskFullError) as error:
            self._connection.close()
            raise OSError(f"{path} cannot be used as the emulator's database: {error}") from error

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version not in {0, _VERSION}:
            raise sqlite3.DatabaseError(f"it is of version {version}, not {_VERSION}")
        self._connection.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
        with self.transaction() as connection:
            columns = {row["name"] for row in connection.execute("PRAGMA table_info(jobs)")}
            for name, kind in (("output_files", "TEXT"), ("seed", "INTEGER")):
                if name not in columns:  # a database of an earlier version
                    connection.execute(f"ALTER TABLE jobs ADD COLUMN {name} {kind}")

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Apply all changes in the block, or none of them.

        Raises:
            DiskFullError: There is no space for them.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                # A full disk, for one, has made SQLite roll back already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error) and error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                    raise DiskFullError(errno.ENOSPC, "The disk is full", self._path) from error
                raise

    def change(self, statement: str, *values: Any) -> int:
        """Execute one statement and return the number of rows it changed."""
        with self.transaction() as connection:
            return connection.execute(statement, values).rowcount

    def one(self, query: str, *values: Any) -> Row | None:
        """Return the first row, or None."""
        with self._lock:
            row: Row | None = self._connection.execute(query, values).fetchone()
            return row

    def all(self, query: str, *values: Any) -> list[Row]:
        """Return all rows."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def secret(self, name: str, proposal: str) -> str:
        """Return the secret with this name; if it does not exist yet, store `proposal` as the secret permanently."""
        with self.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, proposal))
            return str(connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()["value"])


def format_time(time: datetime) -> str:
    """Return a time in the database's format: sortable text in UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def now() -> str:
    """Return the present time in the database's format."""
    return format_time(datetime.now(UTC))
