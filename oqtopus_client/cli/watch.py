"""`jobs --watch`: the jobs on a full screen that follows them, or line by line where there is no terminal."""

from __future__ import annotations

import collections
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from oqtopus_client.cli.job_rows import HEADINGS, cells, headings_for
from oqtopus_client.cli.output import animated, coloured, console, counted, cut, table
from oqtopus_client.display import one_line, printable
from oqtopus_client.errors import OqtopusError
from oqtopus_client.rest.enums import FINAL_STATUSES, JobsJobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    from oqtopus_client.rest import JobsJob

_ORDER = (
    JobsJobStatus.RUNNING,
    JobsJobStatus.CANCELLING,
    JobsJobStatus.READY,
    JobsJobStatus.SUBMITTED,
    JobsJobStatus.REGISTERED,
    JobsJobStatus.SUCCEEDED,
    JobsJobStatus.FAILED,
    JobsJobStatus.CANCELLED,
)
_AROUND = 6
"""Number of lines of a screen that are not rows: title, totals, error, headings, rule, footer."""

_REDRAWS = 2
"""How often the screen is redrawn in a second, for its clock and after a change of size."""


@dataclass
class Snapshot:
    """The jobs at a time.

    Attributes:
        jobs: The jobs, newest first.
        complete: Whether there are no other ended jobs.
        at: The time.
    """

    jobs: list[JobsJob]
    complete: bool
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def totals(self) -> Mapping[str, int]:
        """Number of jobs by status, active ones first."""
        counts = collections.Counter(str(job.status) for job in self.jobs)
        return {status: counts[status] for status in sorted(counts, key=_rank)}

    @property
    def rows(self) -> list[JobsJob]:
        """The jobs as they are shown: the active ones in the order of the queue, then the others, newest first."""
        active = [job for job in self.jobs if _is_active(job)]
        active.sort(key=lambda job: (_rank(str(job.status)), str(job.submitted_at), str(job.job_id)))
        return [*active, *(job for job in self.jobs if not _is_active(job))]


def watch(server: str, fetch: Callable[[], Snapshot], interval: float) -> None:
    """Show jobs until Ctrl-C.

    Args:
        server: The server's URL.
        fetch: Reads the jobs.
        interval: Seconds between two reads.

    Raises:
        OqtopusError: The first read failed; later failures are shown.
    """
    try:
        snapshot = fetch()
        if animated(console()):
            _on_screen(Screen(server, snapshot, interval), fetch)
        else:
            _in_lines(snapshot, fetch, interval)
    except KeyboardInterrupt:
        return  # the regular end


def _on_screen(screen: Screen, fetch: Callable[[], Snapshot]) -> None:
    from rich.live import Live

    logger = logging.getLogger("oqtopus_client")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # the screen shows failures
    try:
        with Live(screen, console=console(), screen=True, refresh_per_second=_REDRAWS):
            while True:
                time.sleep(screen.interval)
                try:
                    screen.snapshot, screen.error = fetch(), ""
                except OqtopusError as error:
                    screen.error = str(error)
    finally:
        logger.setLevel(level)


def _in_lines(snapshot: Snapshot, fetch: Callable[[], Snapshot], interval: float) -> None:
    """Print the totals and the jobs, then a line for each change."""
    known: dict[str | None, str] = {}
    totals, failing = "", False
    while True:
        if (now := _phrase(snapshot)) != totals:
            typer.echo(f"{_clock(snapshot.at)}: {now}")
            totals = now
        for job in snapshot.rows:
            if known.get(job.job_id) != job.status:
                words = (job.job_id, job.status, job.device_id, job.name)
                typer.echo("  ".join(printable(str(word)) for word in words if word))
        known = {job.job_id: str(job.status) for job in snapshot.jobs}
        while True:
            time.sleep(interval)
            try:
                snapshot, failing = fetch(), False
                break
            except OqtopusError as error:
                if not failing:
                    typer.echo(f"{_clock(datetime.now(UTC))}: {error}", err=True)
                failing = True


@dataclass
class Screen:
    """What the terminal shows, drawn for its present size.

    Attributes:
        server: The server's URL.
        snapshot: The last jobs that were read.
        interval: Seconds between two reads.
        error: Why the jobs could not be read since; empty if they could.
    """

    server: str
    snapshot: Snapshot
    interval: float
    error: str = ""

    def __rich_console__(self, terminal: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the screen: title and clock, totals, as many jobs as fit, and a footer."""
        from rich.text import Text

        width, height = options.size
        now, rows = datetime.now(UTC), self.snapshot.rows
        clock = _clock(now)
        title = Text(f"Jobs on {printable(self.server)}", style="bold", no_wrap=True)
        title.truncate(width - len(clock) - 1, overflow="ellipsis", pad=True)
        yield title.append(f" {clock}")
        yield cut(_coloured_totals(self.snapshot))
        age = (now - self.snapshot.at).total_seconds()
        yield cut(Text(f"Not updated for {age:.0f} s: {one_line(self.error)}" if self.error else "", style="red"))
        shown = rows[: max(height - _AROUND, 1)]
        columns = headings_for(width)
        yield table(
            columns,
            [[cells(job)[heading] for heading in columns] for job in shown],
            numbers={"Shots"},
            whole=set(HEADINGS) - {"Name" if "Name" in columns else "Job"},
            folded=False,
        )
        yield Text("\n" * (height - _AROUND - len(shown)), end="")
        more = [f"and {len(rows) - len(shown):,} more"] if len(rows) > len(shown) else []
        footer = ", ".join([*more, f"updated {_clock(self.snapshot.at)}, every {self.interval:g} s. Ctrl-C ends."])
        if len(footer) > width:
            footer = ". ".join([*more, "Ctrl-C ends."])
        yield cut(Text(footer, style="dim", end=""))


def _coloured_totals(snapshot: Snapshot) -> Text:
    from rich.text import Text

    text = Text(f"{counted(len(snapshot.jobs), 'job')}: " if snapshot.jobs else "No jobs.")
    parts = (Text.assemble(f"{n:,} ", coloured(status)) for status, n in snapshot.totals.items())
    return text.append_text(Text(", ").join(parts)).append(
        "" if snapshot.complete else " (older ended ones are not counted)"
    )


def _phrase(snapshot: Snapshot) -> str:
    return _coloured_totals(snapshot).plain


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%H:%M:%S} UTC"


def _rank(status: str) -> int:
    """Return the place of a status in the list; the first if this version does not know it."""
    return next((place for place, known in enumerate(_ORDER) if known == status), 0)


def _is_active(job: JobsJob) -> bool:
    return job.status not in FINAL_STATUSES and job.status != JobsJobStatus.REGISTERED
