"""A file that records submissions and outlives the program: `Journal`."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import sqlite3
import threading
import weakref
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from oqtopus_client.errors import OqtopusError
from oqtopus_client.services.concurrency import Threads
from oqtopus_client.services.job_spec import OqtopusJobSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_T = TypeVar("_T")

_BUSY_SECONDS = 2.0
"""Seconds to wait for another client to close the file."""

_REMEDIES = {
    sqlite3.SQLITE_BUSY: "Another client, here or in another program, has this journal open; close it first",
    sqlite3.SQLITE_NOTADB: "Choose another file",
    sqlite3.SQLITE_ERROR: "Choose another file",
}
"""Remedies for SQLite errors, by error code."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY,
    spec TEXT NOT NULL,
    job_id TEXT UNIQUE,
    state TEXT NOT NULL
);
"""


class JournalState(StrEnum):
    """The state of a job in a journal."""

    INTENDED = "intended"
    """It has not been submitted."""
    UNCERTAIN = "uncertain"
    """It has an id; only the server knows whether it was submitted."""
    REMOVING = "removing"
    """It could not be submitted, and its id is being removed from the server."""
    SUBMITTED = "submitted"
    """It has been submitted."""
    REMOVED = "removed"
    """The server refused it, which was reported to the caller; or it was deleted."""


@dataclass(frozen=True)
class JournalEntry:
    """One job of a journal.

    Attributes:
        number: Its number in the journal, from 1 in submission order.
        spec: The job.
        job_id: Its id on the server, or None.
        state: Its state.
    """

    number: int
    spec: OqtopusJobSpec
    job_id: str | None
    state: JournalState


def journal_path(path: str | Path) -> Path:
    """Return the path of a journal.

    Raises:
        TypeError: It is not a path.
        ValueError: SQLite interprets the name differently, so the journal would not outlive the program.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"journal must be the path of a file that outlives the program, not {path!r}.")
    if str(path) in {"", ".", ":memory:"} or str(path).startswith("file:"):
        raise ValueError(f"journal must be the path of a file that outlives the program, not {str(path)!r}.")
    return Path(path)


class Journal:
    """A file that records each job before it is submitted, and again when it has been.

    If a program ends between the two, only the server knows whether the job was submitted, so its status decides. Only
    one client at a time can open the file, as two would both submit the remaining jobs. It is a SQLite database that
    only its owner can read. It contains programs, but no token.

    Args:
        path: The file; created if missing.

    Raises:
        OqtopusError: It is not a journal, cannot be written, or is open in another client.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = journal_path(path)
        # The event loop does not wait for the disk.
        self._thread = Threads(1, thread_name_prefix="oqtopus-journal")
        self._lock = threading.Lock()
        try:
            self._database = self._open()
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error
        self._pid = os.getpid()
        _open_here.add(self)

    def _open(self) -> sqlite3.Connection:
        # SQLite gives its auxiliary files the permissions of this one. An existing file is not opened, as closing it
        # would release the locks of all connections of this process.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, 0o600))
        database = sqlite3.connect(self.path, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            # No one else can use the file until it is closed or its process ends.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            # Each write is on the disk when it returns.
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.executescript(_SCHEMA)
        except sqlite3.Error:
            database.close()
            raise
        return database

    async def _do(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        def alone() -> _T:
            with self._lock:  # contended only during interpreter shutdown
                return work(self._database)

        try:
            # An interrupt ends the wait, not the write: jobs being sent to the server must be in the journal.
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, alone))
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> OqtopusError:
        # The higher bits are an extended code.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        remedy = _REMEDIES.get(code, "Check the file and its disk, then resume")
        return OqtopusError(f"{self.path} cannot be used as a journal: {error}. {remedy}.")

    async def intend(self, specs: Iterable[OqtopusJobSpec]) -> list[int]:
        """Record jobs that are about to be submitted; return their numbers."""
        texts = [_to_json(spec) for spec in specs]

        def write(database: sqlite3.Connection) -> list[int]:
            statement = "INSERT INTO jobs (spec, state) VALUES (?, ?)"
            with database:  # all or none
                database.execute("BEGIN IMMEDIATE")
                return [database.execute(statement, (text, JournalState.INTENDED)).lastrowid or 0 for text in texts]

        return await self._do(write)

    async def note(self, number: int, state: JournalState, job_id: str | None = None) -> None:
        """Record the state of a job; without an id, keep the recorded one unless the state is `INTENDED`."""
        keep = "NULL" if state is JournalState.INTENDED else "COALESCE(:job_id, job_id)"
        statement = f"UPDATE jobs SET state = :state, job_id = {keep} WHERE number = :number"  # noqa: S608 - of two constants
        values = {"job_id": job_id, "state": state, "number": number}
        await self._do(lambda database: database.execute(statement, values))

    async def entries(self, state: JournalState | None = None) -> list[JournalEntry]:
        """Return all jobs, or those in one state, in submission order."""
        statement = "SELECT number, spec, job_id, state FROM jobs WHERE state = ifnull(:state, state) ORDER BY number"
        rows = await self._do(lambda database: database.execute(statement, {"state": state}).fetchall())
        return [JournalEntry(n, _from_json(spec), job_id, JournalState(state)) for n, spec, job_id, state in rows]

    def close(self) -> None:
        """Close the file once pending writes have finished."""
        if self._pid == os.getpid():  # else the file is the parent process's
            self._thread.shutdown()
            self._database.close()


_open_here: weakref.WeakSet[Journal] = weakref.WeakSet()


def _keep_for_the_parent() -> None:
    """Have a forked process keep inherited databases until it ends.

    When an inherited connection is garbage-collected, SQLite would delete the write-ahead log, losing what the parent
    has not yet moved into the file.
    """
    for journal in list(_open_here):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(journal._database))  # noqa: SLF001
    _open_here.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_for_the_parent)


def _to_json(spec: OqtopusJobSpec) -> str:
    content: dict[str, Any] = {field.name: getattr(spec, field.name) for field in fields(spec)}
    terms = spec.to_s3_submit_job_info().operator
    content["operator"] = None if terms is None else [term.to_dict() for term in terms]
    return json.dumps(content, default=_plain)


def _plain(value: Any) -> Any:
    return dict(value) if hasattr(value, "keys") else list(value)


def _from_json(text: str) -> OqtopusJobSpec:
    return OqtopusJobSpec(**json.loads(text))
