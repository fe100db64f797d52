"""The command as started by a shell, and its interruption."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oqtopus_client import OqtopusClient
from oqtopus_client.cli.output import show_json
from tests.support.command_line import Typed

COMMAND = [sys.executable, "-W", "error", "-m", "oqtopus_client.cli"]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in its own process."""
    variables = {**os.environ, **environment}
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, env=variables, check=False)


def test_version() -> None:
    """--version prints the version of the distribution."""
    assert run("--version").stdout == f"oqtopus-client {importlib.metadata.version('oqtopus-client')}\n"


def test_package_as_a_command() -> None:
    """The package itself runs as the command."""
    command = [sys.executable, "-m", "oqtopus_client", "--version"]

    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == run("--version").stdout


@pytest.mark.parametrize("command", ["login", "devices", "device", "run", "jobs", "job", "result", "cancel", "doctor"])
def test_help_has_an_example(oqtopus: Typed, command: str) -> None:
    """The help of every command has an example."""
    assert f"Example: oqtopus-client {command}" in oqtopus(command, "--help").stdout


def test_exit_codes_are_documented(oqtopus: Typed) -> None:
    """The help lists the exit codes, for scripts."""
    assert "130 interrupted with Ctrl-C" in " ".join(oqtopus("--help").stdout.split())


def test_colours(server: dict[str, str]) -> None:
    """Colours go to terminals but not to pipes, and NO_COLOR is respected."""
    assert "\x1b" not in run("devices", **server).stdout
    assert "\x1b[32m" in run("devices", **server, FORCE_COLOR="1").stdout
    assert "\x1b[32m" not in run("devices", **server, FORCE_COLOR="1", NO_COLOR="1").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "-", "--device", "qulacs"], 2, "Standard input is empty"),
        (["login", "--url", "https://api.example.org", "--token-stdin"], 2, "The token is empty"),
        (["login", "--url", "https://api.example.org"], 2, "There is no terminal to type the token at"),
        (["delete", "0691f3a2"], 130, "Aborted; nothing was changed."),
    ],
)
def test_closed_standard_input(words: list[str], code: int, said: str) -> None:
    """A closed standard input is treated as an empty one."""
    shell = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, *words]
    ended = subprocess.run(shell, capture_output=True, text=True, check=False, start_new_session=True)
    assert (ended.returncode, ended.stdout.strip()) == (code, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Warning" not in ended.stderr


def test_encoding_without_the_characters(cli: Typed, bell: str, server: dict[str, str]) -> None:
    """Other characters are replaced."""
    job_id = cli("run", bell, "--device", "qulacs", "--no-wait", "--name", "\u91cf\u5b50").stdout.strip()
    shown = run("job", job_id, **server, PYTHONIOENCODING="latin-1")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "??" in shown.stdout


def test_json_in_an_encoding_without_the_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other characters are escaped."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    show_json({"name": "\u91cf\u5b50"})
    stream.seek(0)

    assert json.loads(stream.read()) == {"name": "\u91cf\u5b50"}


def test_output_is_not_read_to_the_end(server: dict[str, str]) -> None:
    """`oqtopus-client device lattice144 | head -1` prints no traceback."""
    with subprocess.Popen(
        [*COMMAND, "device", "lattice144"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **server},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()

    assert "Traceback" not in complaint


def interrupted(
    *words: str, once: str, environment: dict[str, str], by: signal.Signals = signal.SIGINT
) -> tuple[int, str, str]:
    """Interrupt a command after the response to a request; return its exit code, stdout and stderr."""
    with subprocess.Popen(
        [*COMMAND, "--verbose", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        assert process.stderr is not None
        printed = ""
        while once not in printed:
            line = process.stderr.readline()
            assert line, printed
            printed += line
        time.sleep(0.2)  # the command may print a list or a status first; both are fine
        process.send_signal(by)
        output, rest = process.communicate(timeout=30)
    return process.returncode, output, rest


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_wait(cli: Typed, bell: str, server: dict[str, str], by: signal.Signals) -> None:
    """The job continues, and the message contains its id."""
    cli("emulator", "faults", "inject", "hold_job", "--status", "running", "--seconds", "3600")
    code, output, printed = interrupted(
        "run", bell, "--device", "qulacs", once="GET /jobs/{job_id}/status: 200", environment=server, by=by
    )
    job_id = printed.split("oqtopus-client result ")[1].split()[0]

    assert (code, output) == (130, "")
    assert f"Interrupted while waiting for job {job_id}. The job continues on the server" in printed
    assert "Traceback" not in printed
    cli("emulator", "faults", "clear")
    with OqtopusClient() as client:
        assert client.wait_for_job(job_id).status == "succeeded"


def test_watching_ends_with_an_interrupt(server: dict[str, str], cli: Typed, bell: str) -> None:
    """An interrupt is the regular end of --watch."""
    cli("run", bell, "--device", "qulacs", "--name", "watched")
    code, output, printed = interrupted("jobs", "--watch", once="GET /jobs: 200", environment=server)

    assert code == 0
    assert "Traceback" not in printed
    assert "watched" in output


def test_served_by_the_command(tmp_path: Path) -> None:
    """`emulator start` serves until it is stopped, and `emulator status` finds it."""
    data = str(tmp_path / "served")
    with subprocess.Popen(
        [*COMMAND, "emulator", "start", "--port", "0", "--data", data], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("export OQTOPUS_URL=")
        status = run("emulator", "status", "--url", url, "--data", data)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    assert status.returncode == 0, status.stderr
    assert url in status.stdout
