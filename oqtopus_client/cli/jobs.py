"""`oqtopus-client jobs`: the list of jobs."""

from __future__ import annotations

import itertools
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from oqtopus_client.cli import completion
from oqtopus_client.cli.job_view import FIELDS, TIMES, as_json
from oqtopus_client.cli.output import Json, coloured, console, say, show, show_json, table, utc
from oqtopus_client.cli.session import Session
from oqtopus_client.display import suggestion
from oqtopus_client.rest.enums import JobsJobStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from oqtopus_client.rest import JobsJob

_HEADINGS = ("Job", "Name", "Type", "Status", "Device", "Shots", "Submitted")
_NARROW_HEADINGS = ("Job", "Name", "Status", "Device")
_WIDE = 110
"""Terminals with fewer columns show `_NARROW_HEADINGS`; other columns would be too narrow to read."""

_NAMES_ELSEWHERE = {
    "active": "running",
    "completed": "succeeded",
    "done": "succeeded",
    "error": "failed",
    "finished": "succeeded",
    "pending": "submitted",
    "queued": "submitted",
    "success": "succeeded",
    "waiting": "submitted",
}
"""Names of statuses in other software, and the closest status of OQTOPUS."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LISTED = ",".join((*FIELDS, "description", *TIMES, "execution_time"))


def _status(text: str) -> JobsJobStatus:
    try:
        return JobsJobStatus(text)
    except ValueError:
        hint = suggestion(_NAMES_ELSEWHERE.get(text.lower(), text.lower()), map(str, JobsJobStatus))
        raise typer.BadParameter(f"{text!r} is not a status of OQTOPUS. {hint}") from None


def jobs(
    context: typer.Context,
    *,
    status: Annotated[
        JobsJobStatus | None,
        typer.Option(
            help="Only jobs with this status.",
            parser=_status,
            metavar=f"[{'|'.join(JobsJobStatus)}]",
            autocompletion=completion.statuses,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only jobs on this device.", autocompletion=completion.devices),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            help="Only jobs with this text in their id, name or description.", autocompletion=completion.job_names
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Only jobs submitted since: 30m, 2h, 3d, 1w, or a time like 2026-08-20."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of jobs, newest first.")] = 20,
    watch: Annotated[bool, typer.Option("--watch", help="Keep updating the list until you press Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.5, metavar="SECONDS", help="How often --watch updates.")] = 2.0,
    json: Json = False,
) -> None:
    """List your jobs, newest first.

    Terminals narrower than 110 columns do not show types, shots and times.

    Example: oqtopus-client jobs --status failed --since 2d
    """
    if watch and json:
        raise typer.BadParameter("--watch does not support --json; use only one of them.")
    client = Session.of(context).client
    start = None if since is None else since_when(since, datetime.now(UTC))

    def fetch() -> list[JobsJob]:
        found = client.iter_jobs(fields=_LISTED, order="DESC", status=status, q=text, start_time=start)
        return list(itertools.islice((job for job in found if device in {None, job.device_id}), limit))

    if watch:
        _watch(lambda: _table(fetch()), interval)
    elif json:
        show_json([as_json(job) for job in fetch()])
    elif found := fetch():
        show(_table(found))
    else:
        selected = any((status, device, text, since))
        say("No job matches these options." if selected else "You have no jobs. `oqtopus-client run` submits one.")


def since_when(text: str, now: datetime) -> datetime:
    """Parse a time; a time without an offset is in UTC.

    Args:
        text: A duration before now, such as `2h`, or an ISO 8601 time.
        now: The current time.

    Raises:
        ValueError: The text is neither.

    >>> since_when("2h", datetime(2026, 8, 20, 6, 0, tzinfo=UTC))
    datetime.datetime(2026, 8, 20, 4, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        if ago := re.fullmatch(r"(\d+)([mhdw])", text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        when = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"--since takes 30m, 2h, 3d, 1w, or a time such as 2026-08-20T09:00, not {text!r}.") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _table(found: list[JobsJob]) -> Table:
    headings = _HEADINGS if console().width >= _WIDE else _NARROW_HEADINGS
    rows = [[cells[heading] for heading in headings] for cells in map(_cells, found)]
    return table(headings, rows, numbers={"Shots"}, whole={"Job", "Type", "Status", "Device", "Shots"})


def _cells(job: JobsJob) -> dict[str, object]:
    return {
        "Job": job.job_id,
        "Name": job.name,
        "Type": job.job_type,
        "Status": coloured(job.status or ""),
        "Device": job.device_id,
        "Shots": None if job.shots is None else f"{job.shots:,}",
        "Submitted": utc(job.submitted_at),
    }


def _watch(fetch: Callable[[], Table], interval: float) -> None:
    from rich.live import Live

    try:
        with Live(fetch(), console=console(), auto_refresh=False) as live:
            while True:
                time.sleep(interval)
                live.update(fetch(), refresh=True)
    except KeyboardInterrupt:
        return  # Ctrl-C is the regular end of --watch
