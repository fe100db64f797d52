"""An operator's journey, in a real terminal: many jobs are submitted, watched, filtered and cancelled."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.circuits import BELL
from tests.support.server_process import running_server
from tests.support.terminal import Terminal, terminal

SUBMIT = f"""
from oqtopus_client import OqtopusClient, OqtopusJobSpec
with OqtopusClient() as client:
    names = [f"sweep-{{i}}" for i in range(200)]
    client.submit_jobs([OqtopusJobSpec.sampling(device_id="lattice64", program={BELL!r}, name=n) for n in names])
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Serve an emulator, whose address and token the operator knows."""
    with running_server(tmp_path / "server") as environment:
        yield environment


def whole(lines: list[str], width: int, *words: str) -> None:
    """Check that the words are in one line, and that no line is broken by the end of the terminal."""
    assert any(all(word in line for word in words) for line in lines), "\n".join(lines)
    assert all(len(line) <= width for line in lines)


def logged_in(shell: Terminal, served: dict[str, str]) -> None:
    """Log in as a person does, with the token typed at a prompt that does not show it."""
    shell.press("clear; oqtopus-client login", "Enter")
    shell.wait_for("URL of the server")
    shell.press(served["OQTOPUS_URL"], "Enter")
    shell.wait_for("API token:")
    while shell.cursor() <= len("API token:"):  # the terminal still echoes what is typed
        pass
    shell.press(served["OQTOPUS_API_TOKEN"], "Enter")
    lines = shell.wait_for("The server accepts the token")

    assert served["OQTOPUS_API_TOKEN"] not in "".join(lines)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_journey(tmp_path: Path, served: dict[str, str], width: int, height: int) -> None:
    """Each screen is whole at this size, and the terminal is as before at the end of --watch."""
    (tmp_path / "bell.qasm").write_text(BELL, encoding="utf-8")
    (tmp_path / "submit.py").write_text(SUBMIT, encoding="utf-8")
    wide = width >= 110
    with terminal(tmp_path, width, height) as shell:
        logged_in(shell, served)
        whole(shell.type("oqtopus-client devices"), width, "lattice144", "QPU", "available", "0", "%")
        shell.type("oqtopus-client device lattice64")
        whole(shell.type("oqtopus-client run bell.qasm --device qulacs --bars"), width, "00", "%", "█")
        shell.type("oqtopus-client emulator faults inject hold_job --status running --seconds 3600 --times 0")
        shell.press(f"clear; {sys.executable} submit.py &", "Enter")
        shell.press("clear; echo before the watch; oqtopus-client jobs --watch", "Enter")
        shell.wait_for("201 jobs: ")
        lines = shell.wait_for(f"and {201 - (height - 6)} more, updated ")  # the last line is drawn last

        assert len(lines) == height
        assert lines[0].startswith(f"Jobs on {served['OQTOPUS_URL']}")
        assert "succeeded" in lines[1]
        assert lines[3].split() == ["Job", "Name", *(["Type"] if wide else []), "Status", "Device"] + (
            ["Shots", "Submitted"] if wide else []
        )
        assert lines[-1].endswith("Ctrl-C ends.")
        whole(lines, width, "running", "lattice64", "sweep-")
        whole(lines, width, "submitted", "lattice64", "sweep-")

        shell.resize(100, 12)
        shell.wait_for("and 195 more, updated ")
        shell.resize(width, height)
        shell.press("", "C-c")
        lines = shell.wait_for("before the watch")
        assert not any("Ctrl-C ends" in line for line in lines)

        lines = shell.type("oqtopus-client jobs --status succeeded --device qulacs")
        whole(lines, width, "bell.qasm", "succeeded", "qulacs")
        job_id = next(line.split()[0] for line in lines if "bell.qasm" in line)
        cancel = "oqtopus-client cancel $(oqtopus-client jobs --status submitted --limit 1000 --ids) | tail -n 1"
        whole(shell.type(cancel), width, "cancelled")
        whole(shell.type("oqtopus-client jobs --status submitted"), width, "No job matches these options.")
        whole(shell.type(f"oqtopus-client result {job_id}"), width, "00", "%")
        assert "has no log" in "".join(shell.type(f"oqtopus-client log {job_id}"))
        lines = shell.type("oqtopus-client doctor")
        whole(lines, width, "ok", "token")
        assert any(line.startswith("end-of-command") and line.endswith(": 0") for line in lines)


def test_waiting_and_interrupting(tmp_path: Path, served: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The spinner shows the device and the queue; Ctrl-C leaves the job running, and the cursor visible."""
    (tmp_path / "bell.qasm").write_text(BELL, encoding="utf-8")
    for name, value in served.items():
        monkeypatch.setenv(name, value)
    with terminal(tmp_path, 80, 24) as shell:
        shell.type("oqtopus-client emulator faults inject hold_job --status ready --seconds 3600 --times 0")
        shell.type("oqtopus-client run bell.qasm --device qulacs --no-wait")
        shell.press("clear; oqtopus-client run bell.qasm --device qulacs", "Enter")
        shell.wait_for("on qulacs: ")
        assert any("1 job ahead" in line for line in shell.lines())
        shell.press("", "C-c")
        shell.wait_for("Interrupted while waiting for job")
        assert any(line.endswith(": 0") for line in shell.type("true"))


def test_watching_on_a_dumb_terminal(tmp_path: Path, served: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that cannot move its cursor gets a line for each change."""
    (tmp_path / "bell.qasm").write_text(BELL, encoding="utf-8")
    for name, value in served.items():
        monkeypatch.setenv(name, value)
    with terminal(tmp_path, 80, 24, kind="dumb") as shell:
        shell.type("oqtopus-client run bell.qasm --device qulacs --no-wait")
        shell.press("oqtopus-client jobs --watch", "Enter")
        lines = shell.wait_for("UTC: 1 job: ")
        shell.press("", "C-c")
        assert any(line.endswith(": 0") for line in shell.type("true"))

    assert not any("\x1b" in line or "Ctrl-C ends" in line for line in lines)


def test_tab_completes(tmp_path: Path, served: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tab completes devices and files in an interactive shell."""
    (tmp_path / "interesting.qasm").write_text(BELL, encoding="utf-8")
    for name, value in served.items():
        monkeypatch.setenv(name, value)
    with terminal(tmp_path, 80, 24) as shell:
        shell.type('eval "$(_OQTOPUS_CLIENT_COMPLETE=source_bash oqtopus-client)"')
        shell.press("clear", "Enter")
        shell.press("oqtopus-client run inter")
        shell.wait_for("run interesting.qasm", press="Tab")
        shell.press("--device lattice14")
        shell.wait_for("run interesting.qasm --device lattice144", press="Tab")  # again, if the machine is busy
