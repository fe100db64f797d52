"""`jobs --watch`."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from oqtopus_client.cli.watch import Screen, Snapshot, watch
from oqtopus_client.errors import OqtopusConnectionError
from oqtopus_client.rest import JobsJob
from tests.support.command_line import Typed, answer

URL = "https://api.example.org"
START = datetime(2026, 8, 20, 6, 0, tzinfo=UTC)


def job(number: int, status: str, **fields: object) -> JobsJob:
    """Return a job as a list shows it; jobs with higher numbers were submitted later."""
    shown = {"name": f"job-{number}", "job_type": "sampling", "device_id": "lattice144", "shots": 1000, **fields}
    job_id = f"0691f3a2-7c1e-7d58-8000-{number:012}"
    return JobsJob(job_id=job_id, status=status, submitted_at=START + timedelta(seconds=number), **shown)


JOBS = [
    job(7, "submitted"),
    job(6, "registered"),
    job(5, "submitted"),
    job(4, "succeeded"),
    job(3, "running"),
    job(2, "failed"),
    job(1, "ready"),
]


def drawn(screen: Screen, width: int, height: int) -> list[str]:
    """Return the lines of a screen."""
    console = Console(width=width, height=height, file=io.StringIO(), markup=False, emoji=False, highlight=False)
    with console.capture() as capture:
        console.print(screen, end="")
    return capture.get().split("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (109, 10), (120, 7)])
@pytest.mark.parametrize("number", [0, 7, 300])
def test_screen_is_filled(width: int, height: int, number: int) -> None:
    """The screen has exactly the terminal's size, with as many jobs as fit, and the number of the others."""
    jobs = [job(i, "submitted", name="a name that is long" * 9) for i in range(number)]
    lines = drawn(Screen(URL, Snapshot(jobs, complete=True), 2), width, height)
    rows = [line for line in lines if line.startswith("0691f3a2-")]

    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert len(rows) == min(number, height - 6)
    assert all("submitted" in row and "lattice144" in row for row in rows)
    assert lines[0].startswith(f"Jobs on {URL}")
    assert lines[0].endswith(" UTC")
    assert lines[-1].startswith(f"and {number - height + 6} more, updated" if number > height - 6 else "updated ")
    assert lines[-1].endswith("every 2 s. Ctrl-C ends.")


@pytest.mark.parametrize("width", [30, 40, 69])
def test_narrow_screen(width: int) -> None:
    """A narrow terminal shows statuses and how to end, if not whole ids."""
    jobs = [job(i, "succeeded", device_id="qulacs") for i in range(300)]
    lines = drawn(Screen(URL, Snapshot(jobs, complete=True), 2), width, 10)

    assert len(lines) == 10
    assert max(map(len, lines)) <= width
    assert all(line.startswith("succeeded  qulacs  0691f3a2-") for line in lines[5:9])
    assert lines[-1].startswith("and 296 more")
    assert lines[-1].endswith("Ctrl-C ends.")


def test_active_jobs_come_first() -> None:
    """The running job is first, then those that wait in the order of the queue, then the others, newest first."""
    lines = drawn(Screen(URL, Snapshot(JOBS, complete=True), 2), 120, 24)

    assert [line.split()[1] for line in lines if line.startswith("0691")] == [f"job-{i}" for i in (3, 1, 5, 7, 6, 4, 2)]
    assert lines[1] == "7 jobs: 1 running, 1 ready, 2 submitted, 1 registered, 1 succeeded, 1 failed"


def test_totals_of_some_jobs() -> None:
    """If there are older jobs, the totals say so."""
    assert drawn(Screen(URL, Snapshot(JOBS, complete=False), 2), 120, 24)[1].endswith(
        "(older ended ones are not counted)"
    )


def test_failure_is_shown() -> None:
    """A failed read is shown in one line, with the age of what the screen shows; the jobs stay."""
    old = Snapshot(JOBS, complete=True, at=datetime.now(UTC) - timedelta(seconds=30))
    lines = drawn(Screen(URL, old, 2, error="no response\n\x1b[31m within 30 s."), 80, 24)

    assert lines[2].startswith("Not updated for 30 s: no response")
    assert "\x1b" not in lines[2]
    assert len(lines) == 24
    assert any("job-3" in line for line in lines)


def reader(*outcomes: Snapshot | Exception) -> Callable[[], Snapshot]:
    """Return a function that reads these, then is interrupted."""
    left = iter(outcomes)

    def read() -> Snapshot:
        outcome = next(left, KeyboardInterrupt())
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return read


def test_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets the totals and the jobs, then a line for each change; failures are reported once."""
    first = Snapshot(JOBS[-2:], complete=True)
    later = dataclasses.replace(first, jobs=[JOBS[-2], job(1, "running")])
    outage = OqtopusConnectionError("no connection")
    watch(URL, reader(first, first, outage, outage, later, outage), 0)
    printed = capsys.readouterr()

    assert [line.split("UTC: ")[-1] for line in printed.out.splitlines()] == [
        "2 jobs: 1 ready, 1 failed",
        f"{JOBS[-1].job_id}  ready  lattice144  job-1",
        f"{JOBS[-2].job_id}  failed  lattice144  job-2",
        "2 jobs: 1 running, 1 failed",
        f"{JOBS[-1].job_id}  running  lattice144  job-1",
    ]
    assert [line.split("UTC: ")[-1] for line in printed.err.splitlines()] == ["no connection"] * 2


def test_first_failure_ends_the_watch() -> None:
    """A wrong token or URL is reported at once."""
    with pytest.raises(OqtopusConnectionError):
        watch(URL, reader(OqtopusConnectionError("no connection")), 0)


def test_what_is_read(cli: Typed, bell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All jobs that wait are read, however old; filters apply."""
    cli("emulator", "faults", "inject", "hold_job", "--status", "ready", "--seconds", "3600")
    waiting = cli("run", bell, "--device", "lattice64", "--no-wait").stdout.strip()
    newer = answer(cli("run", bell, "--device", "qulacs", "--json"))["job_id"]
    seen: list[Snapshot] = []
    monkeypatch.setattr("oqtopus_client.cli.jobs.follow", lambda _server, read, _interval: seen.append(read()))
    cli("jobs", "--watch", "--limit", "1")
    cli("jobs", "--watch", "--device", "lattice64", "--limit", "1")
    cli("jobs", "--watch", "--status", "succeeded", "--limit", "1")
    cli("emulator", "faults", "clear")

    assert [[each.job_id for each in snapshot.rows] for snapshot in seen] == [[waiting, newer], [waiting], [newer]]
    assert not any(snapshot.complete for snapshot in seen)


def test_ids_for_other_commands(cli: Typed, bell: str) -> None:
    """--ids prints ids and nothing else, so that other commands can take them."""
    job_id = answer(cli("run", bell, "--device", "qulacs", "--name", "for-ids", "--json"))["job_id"]

    assert cli("jobs", "--text", "for-ids", "--ids").stdout == f"{job_id}\n"
    assert cli("jobs", "--text", "no such text", "--ids").stdout == ""
    assert cli("jobs", "--ids", "--json").exit_code == 2
