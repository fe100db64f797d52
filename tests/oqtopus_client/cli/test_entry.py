"""The command as the shell starts it, and how it is interrupted."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oqtopus_client import OqtopusClient
from tests.support.command_line import Typed

COMMAND = [sys.executable, "-W", "error", "-m", "oqtopus_client.cli"]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command prints in a process of its own."""
    variables = {**os.environ, **environment}
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, env=variables, check=False)


def test_version() -> None:
    """It is that of the distribution."""
    assert run("--version").stdout == f"oqtopus-client {importlib.metadata.version('oqtopus-client')}\n"


@pytest.mark.parametrize("command", ["login", "devices", "device", "run", "jobs", "job", "result", "cancel", "doctor"])
def test_help_has_an_example(oqtopus: Typed, command: str) -> None:
    """Whoever sees a command for the first time sees how it is typed."""
    assert f"Example: oqtopus-client {command}" in oqtopus(command, "--help").stdout


def test_exit_codes_are_documented(oqtopus: Typed) -> None:
    """Scripts go by them."""
    assert "130 interrupted with Ctrl-C" in " ".join(oqtopus("--help").stdout.split())


def test_colours(server: dict[str, str]) -> None:
    """A pipe gets none, a terminal does, and NO_COLOR is respected."""
    assert "\x1b" not in run("devices", **server).stdout
    assert "\x1b[32m" in run("devices", **server, FORCE_COLOR="1").stdout
    assert "\x1b[32m" not in run("devices", **server, FORCE_COLOR="1", NO_COLOR="1").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "-", "--device", "qulacs"], 2, "Standard input is empty"),
        (["login", "--url", "https://api.example.org", "--token-stdin"], 2, "The token is empty"),
        (["delete", "0691f3a2"], 130, "Nothing was done."),
    ],
)
def test_closed_standard_input(words: list[str], code: int, said: str) -> None:
    """It is an empty one, where Python has none at all."""
    shell = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, *words]
    ended = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (code, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_output_that_nobody_reads_to_the_end(server: dict[str, str]) -> None:
    """`oqtopus-client device lattice144 | head -1` is no error worth a traceback."""
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


def interrupted(*words: str, once: str, environment: dict[str, str]) -> tuple[int, str, str]:
    """Exit code and output of a command that gets Ctrl-C once a request like this has been answered."""
    with subprocess.Popen(
        [*COMMAND, "--verbose", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        assert process.stderr is not None
        told = ""
        while once not in told:
            line = process.stderr.readline()
            assert line, told
            told += line
        time.sleep(0.2)  # it may print a list, or show how far a job is: both are sides of what follows
        process.send_signal(signal.SIGINT)
        output, rest = process.communicate(timeout=30)
    return process.returncode, output, rest


def test_interrupted_wait(cli: Typed, bell: str, server: dict[str, str]) -> None:
    """The job goes on, and its id is in the message."""
    cli("emulator", "faults", "inject", "hold_job", "--status", "running", "--seconds", "3600")
    code, output, told = interrupted(
        "run", bell, "--device", "qulacs", once="GET /jobs/{job_id}/status: 200", environment=server
    )
    job_id = told.split("oqtopus-client result ")[1].split()[0]

    assert (code, output) == (130, "")
    assert f"Interrupted while job {job_id} was waited for. It goes on." in told
    assert "Traceback" not in told
    cli("emulator", "faults", "clear")
    with OqtopusClient() as client:
        assert client.wait_for_job(job_id).status == "succeeded"


def test_watching_ends_with_an_interrupt(server: dict[str, str], cli: Typed, bell: str) -> None:
    """That is how it is meant to end."""
    cli("run", bell, "--device", "qulacs", "--name", "watched")
    code, output, told = interrupted("jobs", "--watch", once="GET /jobs: 200", environment=server)

    assert code == 0
    assert "Traceback" not in told
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
