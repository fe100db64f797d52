"""Display of a job: its state, its times, its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import oqtopus_client
from oqtopus_client.cli.exit_codes import CommandError, ExitCode
from oqtopus_client.cli.output import coloured, console, facts, show_json, table, utc
from oqtopus_client.rest.enums import FINAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from oqtopus_client import OqtopusJobResult
    from oqtopus_client.rest import JobsJob
    from oqtopus_client.services.queue_position import QueuePosition

FIELDS = ("job_id", "name", "job_type", "status", "device_id", "shots")
TIMES = ("submitted_at", "ready_at", "running_at", "ended_at")
_FILES = ("input", "result", "transpile_result", "combined_program", "sse_log")

_SHOWN = 20
"""Number of outcomes shown in a table, most frequent first."""

_BAR = 40


def as_json(job: OqtopusJobResult | JobsJob) -> dict[str, Any]:
    """Return a job's fields for JSON output, without its files, whose URLs are credentials."""
    return {name: getattr(job, name) for name in (*FIELDS, "description", *TIMES, "execution_time")}


def files(job: OqtopusJobResult) -> list[str]:
    """Return the names of a job's files."""
    return [name for name in _FILES if getattr(job.job_info, name, None) is not None]


def outcome(job: OqtopusJobResult) -> dict[str, Any]:
    """Return a job's result for JSON output."""
    if isinstance(job, oqtopus_client.OqtopusSseJobResult):
        job = job.get_job_result()
    if isinstance(job, oqtopus_client.OqtopusEstimationJobResult):
        return {"exp_value": job.exp_value, "standard_error": job.stds}
    if isinstance(job, oqtopus_client.OqtopusMultiManualJobResult):
        return {"counts": _counts(job), "divided_counts": dict((job.sampling and job.sampling.divided_counts) or {})}
    return {"counts": _counts(job)} if isinstance(job, oqtopus_client.OqtopusSamplingJobResult) else {}


def _counts(job: OqtopusJobResult) -> dict[str, int]:
    """Return a job's counts; empty unless it succeeded."""
    return dict((job.sampling and job.sampling.counts) or {})


def show_outcome(job: OqtopusJobResult, *, bars: bool, json: bool) -> None:
    """Print a job's result.

    Raises:
        CommandError: The job failed, was cancelled, or has not finished. With JSON, its fields are printed first.
    """
    succeeded = job.status == "succeeded"
    if json:
        show_json({**as_json(job), "message": job.message, **(outcome(job) if succeeded else {})})
    if job.status not in FINAL_STATUSES:
        raise CommandError(f"Job {job.job_id} is {job.status}, so it has no result yet; omit --no-wait.", ExitCode.JOB)
    if not succeeded:
        message = f"Job {job.job_id} has the status {str(job.status)!r}: {job.reason.rstrip('.')}."
        raise CommandError(message, ExitCode.JOB)
    if not json:
        _show(outcome(job), console(), bars=bars)


def show_job(job: OqtopusJobResult, queue: QueuePosition | None = None) -> None:
    """Print a job's settings, status, place in the queue, messages and times."""
    terminal = console()
    terminal.print(
        facts(
            [
                ("Job", job.job_id),
                ("Name", job.name or None),
                ("Description", job.description or None),
                ("Type", job.job_type),
                ("Device", job.device_id),
                ("Shots", f"{job.shots:,}"),
                ("Status", coloured(job.status)),
                ("Queue", queue),
                ("Message", job.reason if job.status == "failed" else job.message),
                ("Time on device", None if job.execution_time is None else f"{job.execution_time:.3f} s"),
                ("Files", ", ".join(files(job)) or None),
            ]
        )
    )
    terminal.print()
    terminal.print(_timeline(job))


def _timeline(job: OqtopusJobResult) -> Table:
    rows: list[tuple[object, ...]] = []
    before: datetime | None = None
    for name in TIMES:
        if (time := getattr(job, name)) is not None:
            passed = None if before is None else f"+{(time - before).total_seconds():.3f} s"
            rows.append((name.removesuffix("_at"), utc(time), passed))
            before = time
    return table(("Step", "At", "After"), rows, numbers={"After"})


def _show(found: Mapping[str, Any], terminal: Console, *, bars: bool) -> None:
    if found.get("exp_value") is not None:
        error = found["standard_error"]
        terminal.print(f"{found['exp_value']:.6g}" + ("" if error is None else f" ± {error:.2g}"))
        return
    for index, counts in sorted(found.get("divided_counts", {}).items(), key=lambda item: (len(item[0]), item[0])):
        _show_counts(counts, terminal, title=f"Program {index}", bars=bars)
    if "counts" in found and not found.get("divided_counts"):
        _show_counts(found["counts"], terminal, title=None, bars=bars)


def _show_counts(counts: Mapping[str, float], terminal: Console, *, title: str | None, bars: bool) -> None:
    total = sum(counts.values())
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
    highest = frequent[0][1] if frequent else 0
    rows = [
        (
            bits,
            f"{count:,}",
            f"{count / total:.1%}" if total else None,
            *([_bar(count / highest, terminal)] if bars else []),
        )
        for bits, count in frequent
    ]
    headings = ("Outcome", "Counts", "Share", *([""] if bars else []))
    terminal.print(table(headings, rows, title=title, numbers={"Counts", "Share"}, whole=()))
    if len(counts) > len(frequent):
        terminal.print(f"and {len(counts) - len(frequent):,} rarer outcomes; --json shows all")


def _bar(share: float, terminal: Console) -> Text:
    from rich.text import Text

    full = "█" if terminal.encoding.startswith("utf") else "#"
    return Text(full * max(round(share * _BAR), 1 if share > 0 else 0), style="cyan")
