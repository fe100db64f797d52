"""Transitions of the jobs that an external engine runs."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from oqtopus_client.emulator.database import Database, Row, now
from oqtopus_client.emulator.store import IN_WORK

_SUBMITTED_STATUSES = ("submitted", "ready", "running", "cancelling", "succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Report:
    """What an external engine reports about a job.

    Attributes:
        status: `running`, `succeeded`, `failed` or `cancelled`.
        message: The engine's message; empty or None to keep the present one.
        seconds: Time on the device; zero or None to keep the present one.
        output_files: Names of the files that users may see from now on; empty to keep the present ones.
    """

    status: str
    message: str | None = None
    seconds: float | None = None
    output_files: Sequence[str] = ()


class Handover:
    """Hands out jobs to external engines and applies their reports, each in one transaction.

    Args:
        database: The database of the jobs.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def hand_out(self, device_id: str, status: str | None, *, limit: int, after: str = "") -> list[Row]:
        """Return a device's jobs in order of submission, and atomically make `submitted` ones `ready`.

        Jobs whose worker in another process has disappeared first return to the queue, as `Store.claim` takes them too.

        Args:
            device_id: The device.
            status: The status of the jobs; None for any.
            limit: Maximum number of jobs.
            after: Only jobs whose id is greater.

        Returns:
            The jobs as they were before.
        """
        if status not in (None, *_SUBMITTED_STATUSES):
            return []
        # A literal, so that SQLite can use the index of the jobs that wait.
        condition = f"= '{status}'" if status else "!= 'registered'"
        query = (
            f"SELECT * FROM jobs WHERE device_id = ? AND status {condition} AND job_id > ? "  # noqa: S608 - ours
            "ORDER BY submitted_at, job_id LIMIT ?"
        )
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'submitted', ready_at = NULL, running_at = NULL, worker = NULL, "  # noqa: S608
                f"lease = NULL WHERE {IN_WORK} AND status != 'cancelling' AND lease < ?",
                (time.time(),),
            )
            rows = connection.execute(query, (device_id, after, limit)).fetchall()
            handed_out = json.dumps([row["job_id"] for row in rows])
            connection.execute(
                "UPDATE jobs SET status = 'ready', ready_at = ?, worker = NULL, lease = NULL, output_files = '[]' "
                "WHERE status = 'submitted' AND job_id IN (SELECT value FROM json_each(?))",
                (now(), handed_out),
            )
            return rows

    def set_transpiler_info(self, job_id: str, transpiler_info: str) -> None:
        """Replace a job's transpiler settings, as JSON text."""
        self._database.change("UPDATE jobs SET transpiler_info = ? WHERE job_id = ?", transpiler_info, job_id)

    def report(self, job_id: str, report: Report, allowed: Collection[str]) -> bool:
        """Apply an external engine's report; return False if the job's status is not one of `allowed`."""
        time_set = "running_at" if report.status == "running" else "ended_at"
        marks = ", ".join("?" * len(allowed))
        statement = (
            f"UPDATE jobs SET status = ?, {time_set} = ?, message = ifnull(?, message), "  # noqa: S608 - our own names
            "execution_time = ifnull(?, execution_time), output_files = ifnull(?, output_files) "
            f"WHERE job_id = ? AND worker IS NULL AND status IN ({marks})"
        )
        listed = json.dumps(report.output_files) if report.output_files else None
        values = report.status, now(), report.message or None, report.seconds or None, listed
        return self._database.change(statement, *values, job_id, *allowed) == 1


def id_after(time: datetime) -> str:
    """Return a lower bound for the ids of jobs created at least a millisecond after `time`."""
    digits = f"{int(time.timestamp() * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}~"


def _handover(request: Request) -> Handover:
    handover: Handover = request.app.state.handover
    return handover


HandoverParameter = Annotated[Handover, Depends(_handover)]
"""Type of the endpoint parameter that receives the handover."""
