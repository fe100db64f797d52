"""`oqtopus-client jobs`: the list of jobs."""

from __future__ import annotations

import functools
import itertools
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from oqtopus_client.cli import completion
from oqtopus_client.cli.job_rows import cells, headings_for
from oqtopus_client.cli.job_view import FIELDS, TIMES, as_json
from oqtopus_client.cli.output import Json, console, say, show, show_json, table
from oqtopus_client.cli.session import Session
from oqtopus_client.cli.watch import Snapshot
from oqtopus_client.cli.watch import watch as follow
from oqtopus_client.display import printable, suggestion
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.table import Table

    from oqtopus_client.rest import JobsJob

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
_ACTIVE = (JobsJobStatus.SUBMITTED, JobsJobStatus.READY, JobsJobStatus.RUNNING)
_SHOWN = ",".join((*FIELDS, "submitted_at"))
_NEWEST = 20
_WATCHED = 200
"""Number of ended jobs that --watch reads, in addition to those that wait or run."""

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
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Maximum number of jobs, newest first; 20 by default. With --watch, of ended jobs; 200 by default.",
        ),
    ] = None,
    ids: Annotated[bool, typer.Option("--ids", help="Print only the ids, one in a line, for other commands.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the jobs on the screen until Ctrl-C.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.5, max=86_400, metavar="SECONDS", help="How often --watch updates.")
    ] = 2.0,
    json: Json = False,
) -> None:
    """List your jobs, newest first.

    Terminals narrower than 110 columns do not show types, shots and times. --watch shows the totals by status, and as
    many jobs as fit: those that wait or run first, then the newest others.

    Example: oqtopus-client jobs --status failed --since 2d

    To cancel many: oqtopus-client jobs --status submitted --limit 1000 --ids | oqtopus-client cancel -
    """
    if watch + json + ids > 1:
        raise typer.BadParameter("--watch, --json and --ids exclude each other; use only one of them.")
    client = Session.of(context).client
    start = None if since is None else since_when(since, datetime.now(UTC))
    listed = functools.partial(client.iter_jobs, order="DESC", q=text, start_time=start)
    if watch:
        server = str(client.config.base_url)
        follow(server, lambda: _snapshot(listed, status, device, limit or _WATCHED), interval)
        return
    matching = (job for job in listed(fields=_LISTED, status=status) if device in {None, job.device_id})
    found = list(itertools.islice(matching, min(limit or _NEWEST, sys.maxsize)))
    if ids:
        typer.echo("\n".join(printable(str(job.job_id)) for job in found), nl=bool(found))
    elif json:
        show_json([as_json(job) for job in found])
    elif found:
        show(_table(found))
    else:
        selected = any((status, device, text, since))
        say("No job matches these options." if selected else "You have no jobs. `oqtopus-client run` submits one.")


def _snapshot(
    listed: Callable[..., Iterator[JobsJob]], status: JobsJobStatus | None, device: str | None, limit: int
) -> Snapshot:
    """Read all jobs that wait or run, and the newest that have ended."""
    active: dict[str | None, JobsJob] = {}
    # In this order, a job that advances meanwhile is seen at least once.
    for each in _ACTIVE if status is None else ():
        active |= {job.job_id: job for job in listed(fields=_SHOWN, status=each)}
    newest: dict[str | None, JobsJob] = {}
    ended = 0
    for job in listed(fields=_SHOWN, status=status):
        newest[job.job_id] = job
        ended += job.status in FINAL_STATUSES
        if ended == limit:
            break
    jobs = [*newest.values(), *(job for job_id, job in active.items() if job_id not in newest)]
    return Snapshot([job for job in jobs if device in {None, job.device_id}], complete=ended < limit)


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
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"--since takes 30m, 2h, 3d, 1w, or a time such as 2026-08-20T09:00, not {text!r}.") from None


def _table(found: list[JobsJob]) -> Table:
    headings = headings_for(console().width)
    rows = [[row[heading] for heading in headings] for row in map(cells, found)]
    return table(headings, rows, numbers={"Shots"}, whole={"Job", "Type", "Status", "Device", "Shots"})
