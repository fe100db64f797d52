"""What a client meant to submit and what came of it, in a file that outlives the program: `Journal`."""

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

_PATIENCE = 2.0
"""Seconds to wait for another client to close the file."""

_REMEDIES = {
    sqlite3.SQLITE_BUSY: "It is the journal of another client, here or in another program; close that one first",
    sqlite3.SQLITE_NOTADB: "Name another file",
    sqlite3.SQLITE_ERROR: "Name another file",
}
"""What to do about SQLite's errors, by their numbers."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY,
    spec TEXT NOT NULL,
    job_id TEXT UNIQUE,
    state TEXT NOT NULL
);
"""


class JournalState(StrEnum):
    """What is known of a job."""

    INTENDED = "intended"
    """It has not been submitted."""
    UNCERTAIN = "uncertain"
    """It has an id; the server knows whether it has been submitted."""
    REMOVING = "removing"
    """It could not be submitted, and its id is being removed from the server."""
    SUBMITTED = "submitted"
    """It has been submitted."""
    REMOVED = "removed"
    """The server refused it, and whoever submitted it was told so; or somebody deleted it."""


@dataclass(frozen=True)
class JournalEntry:
    """One job of a journal.

    Attributes:
        number: Its number in the journal, from 1 in the order in which jobs were to be submitted.
        spec: The job.
        job_id: Its id on the server; None as long as it has none.
        state: What is known of it.
    """

    number: int
    spec: OqtopusJobSpec
    job_id: str | None
    state: JournalState


def journal_path(path: str | Path) -> Path:
    """The file of a journal.

    Raises:
        ValueError: SQLite has another meaning for the name; the journal would be gone with the program.
    """
    if str(path) in {"", ".", ":memory:"} or str(path).startswith("file:"):
        raise ValueError(f"journal must be the path of a file that outlives the program, not {str(path)!r}.")
    return Path(path)


class Journal:
    """A file that records each job before it is submitted, and again when it has been.

    Between the two the server alone knows; so whatever moment a program dies at, asking the server for the status of
    the jobs in between decides what became of each. One client at a time has the file, as two would both submit what is
    left. It is SQLite's, and its owner's only. It holds programs, but no token.

    Args:
        path: The file; made if there is none.

    Raises:
        OqtopusError: It is no journal, cannot be written, or another client has it.
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
        # SQLite makes its further files as readable as this one. One that is there is left to SQLite: to close it would
        # undo the locks of all this process's connections.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, 0o600))
        database = sqlite3.connect(self.path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
        try:
            # Until it is closed, or its process ends, nobody else can use the file.
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
            with self._lock:  # a thread has it, but while the interpreter ends
                return work(self._database)

        try:
            # An interrupt ends the wait, not the work: what is on its way to the server has to be in the journal.
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, alone))
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> OqtopusError:
        # The rest of the number is details.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        remedy = _REMEDIES.get(code, "See to the file and its disk, then resume")
        return OqtopusError(f"{self.path} cannot be used as a journal: {error}. {remedy}.")

    async def intend(self, specs: Iterable[OqtopusJobSpec]) -> list[int]:
        """Record jobs that are about to be submitted; returns their numbers."""
        texts = [_to_json(spec) for spec in specs]

        def write(database: sqlite3.Connection) -> list[int]:
            statement = "INSERT INTO jobs (spec, state) VALUES (?, ?)"
            with database:  # all or none
                database.execute("BEGIN IMMEDIATE")
                return [database.execute(statement, (text, JournalState.INTENDED)).lastrowid or 0 for text in texts]

        return await self._do(write)

    async def note(self, number: int, state: JournalState, job_id: str | None = None) -> None:
        """Record what became of a job; a state without an id keeps the id, unless it is `INTENDED` again."""
        keep = "NULL" if state is JournalState.INTENDED else "COALESCE(:job_id, job_id)"
        statement = f"UPDATE jobs SET state = :state, job_id = {keep} WHERE number = :number"  # noqa: S608 - of two constants
        values = {"job_id": job_id, "state": state, "number": number}
        await self._do(lambda database: database.execute(statement, values))

    async def entries(self, state: JournalState | None = None) -> list[JournalEntry]:
        """All jobs, or those of one state, in the order in which they were to be submitted."""
        statement = "SELECT number, spec, job_id, state FROM jobs WHERE state = ifnull(:state, state) ORDER BY number"
        rows = await self._do(lambda database: database.execute(statement, {"state": state}).fetchall())
        return [JournalEntry(n, _from_json(spec), job_id, JournalState(state)) for n, spec, job_id, state in rows]

    def close(self) -> None:
        """Close the file, once what is on its way there has been written."""
        if self._pid == os.getpid():  # else the file is the parent process's
            self._thread.shutdown()
            self._database.close()


_open_here: weakref.WeakSet[Journal] = weakref.WeakSet()


def _keep_for_the_parent() -> None:
    """Have a forked process keep inherited databases until it ends.

    SQLite would take a copy that is collected for the last user's, and remove what the parent has yet to move from its
    write-ahead log into the file.
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
