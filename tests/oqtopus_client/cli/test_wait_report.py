"""Reports on a wait."""

from __future__ import annotations

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.cli.wait_report import WaitReport
from tests.support.circuits import BELL
from tests.support.command_line import Typed, answer
from tests.support.held_executor import HeldExecutor

SPEC = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL)


class Clock:
    """A clock that tests set."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def reported(capsys: pytest.CaptureFixture[str], client: OqtopusClient, job_id: str, times: list[float]) -> list[str]:
    """Return the lines of a wait whose status is read at these times."""
    clock = Clock()
    with WaitReport(client, job_id, clock=clock) as report:
        for clock.now in times:
            report.update(client.status(job_id))
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()


def test_lines_for_a_pipe(held_client: OqtopusClient, held: HeldExecutor, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal, the first line comes after two seconds; later ones are further and further apart."""
    held_client.submit_job(SPEC)
    job_id = held_client.submit_job(SPEC).job_id
    held.await_work()
    lines = reported(capsys, held_client, job_id, [0, 1, 2, 4, 11, 12, 13, 35, 36, 37, 107, 109, *range(300, 2000, 10)])

    assert lines[0].startswith(f"Waiting for job {job_id} on qulacs: ")
    assert lines[0].endswith(", 1 job ahead, 1 of them yours, waited 2 s.")
    assert [int(line.split()[-2]) for line in lines] == [2, 12, 36, 109, 330, 930, 1530]


def test_a_short_wait_is_silent(
    held_client: OqtopusClient, held: HeldExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that ends within two seconds needs no report."""
    job_id = held_client.submit_job(SPEC).job_id
    held.await_work()

    assert reported(capsys, held_client, job_id, [0, 0.5, 1.9]) == []


def test_a_change_of_status_is_reported(
    held_client: OqtopusClient, held: HeldExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new status is reported at once, except the last one, as the wait is then over."""
    job_id = held_client.submit_job(SPEC).job_id
    held.await_work()
    clock = Clock()
    with WaitReport(held_client, job_id, clock=clock) as report:
        for clock.now, status in ((3, "submitted"), (4, "submitted"), (5, "running"), (6, "running"), (7, "succeeded")):
            report.update(status)

    assert [line.split(": ")[1].split(",")[0] for line in capsys.readouterr().err.splitlines()] == [
        "submitted",
        "running",
    ]


def test_place_in_the_queue_of_a_job(cli: Typed, bell: str) -> None:
    """`job` shows how many jobs are ahead of a waiting job."""
    cli("emulator", "faults", "inject", "hold_job", "--status", "ready", "--seconds", "3600", "--times", "0")
    cli("run", bell, "--device", "qulacs", "--no-wait")
    job_id = cli("run", bell, "--device", "qulacs", "--no-wait").stdout.strip()
    shown, detailed = cli("job", job_id).stdout, answer(cli("job", job_id, "--json"))
    cli("emulator", "faults", "clear")
    cli("result", job_id)

    assert "1 job ahead, 1 of them yours" in shown
    assert detailed["jobs_ahead"] == 1
    assert answer(cli("job", job_id, "--json"))["jobs_ahead"] is None
