"""Shell completion, over the protocol that shells speak."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oqtopus_client import OqtopusConfig
from oqtopus_client.cli.app import app
from oqtopus_client.cli.session import Session
from tests.support.command_line import Typed
from tests.support.programs import required
from tests.support.scripted_server import ScriptedServer
from tests.support.servers import raw_server

Offered = Callable[[str], dict[str, str]]


def asked(shell: str, line: str) -> str:
    """Return what the command prints to a shell at the end of a line."""
    words = line.split(" ")
    variables = {
        "_OQTOPUS_CLIENT_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    result = CliRunner().invoke(app, [], env=variables, prog_name="oqtopus-client")
    assert result.stderr == ""
    return result.stdout


@pytest.fixture
def offered() -> Offered:
    """Return a function that returns the completions of a line, with their descriptions."""

    def completions(line: str) -> dict[str, str]:
        pairs = (each.partition("\t") for each in asked("fish", line).splitlines())
        return {word: description for word, _, description in pairs if word}

    return completions


@pytest.fixture
def jobs(cli: Typed, bell: str) -> Iterator[dict[str, str]]:
    """Submit a job that fails and one that waits, and yield their ids by name."""
    cli("emulator", "faults", "inject", "fail_job")
    failed = cli("run", bell, "--device", "qulacs", "--no-wait", "--name", "broken").stdout.strip()
    cli("result", failed)
    cli("emulator", "faults", "inject", "hold_job", "--status", "ready", "--seconds", "3600")
    waiting = cli("run", bell, "--device", "qulacs", "--no-wait", "--name", "waiting").stdout.strip()
    yield {"broken": failed, "waiting": waiting}
    cli("emulator", "faults", "clear")


@pytest.mark.parametrize(
    "line",
    [
        "run x.qasm --device ",
        "device ",
        "emulator device ",
        "program x.py --device ",
        "jobs --device ",
        "--emulator run x --device ",
    ],
)
@pytest.mark.usefixtures("cli")
def test_devices(offered: Offered, line: str) -> None:
    """Device names are offered with their status."""
    assert "lattice144" in offered(f"oqtopus-client {line}")
    assert list(offered(f"oqtopus-client {line}lattice14")) == ["lattice144"]


def test_job_ids(offered: Offered, jobs: dict[str, str]) -> None:
    """Each command offers the jobs to which it applies, newest first, with status and name."""
    results = offered("oqtopus-client result ")

    assert list(results)[:2] == [jobs["waiting"], jobs["broken"]]
    assert results[jobs["broken"]] == "failed broken"
    assert jobs["broken"] in offered("oqtopus-client delete ")
    assert jobs["waiting"] not in offered("oqtopus-client delete ")
    assert jobs["waiting"] in offered("oqtopus-client cancel ")
    assert jobs["broken"] not in offered("oqtopus-client cancel ")
    assert jobs["waiting"] not in offered(f"oqtopus-client cancel {jobs['waiting']} ")
    assert jobs["broken"] not in offered("oqtopus-client log ")


def test_users_of_an_emulator(cli: Typed, offered: Offered) -> None:
    """The names of users are offered with their status."""
    cli("emulator", "users", "add", "heidi")
    names = offered("oqtopus-client emulator users suspend he")
    cli("emulator", "users", "remove", "heidi")

    assert names == {"heidi": "approved"}


@pytest.mark.usefixtures("jobs")
def test_other_words(offered: Offered) -> None:
    """Names of jobs, statuses and faults are offered; a description is one line."""
    assert {"broken", "waiting"} <= set(offered("oqtopus-client jobs --text "))
    assert list(offered("oqtopus-client jobs --status su")) == ["submitted", "succeeded"]
    faults = offered("oqtopus-client emulator faults inject ")
    assert {"delay", "hold_job"} <= set(faults)
    assert all(faults.values())


@pytest.mark.parametrize(
    ("shell", "printed"),
    [
        ("bash", "lattice144"),
        ("zsh", """_arguments '*: :(("lattice144":"available, 0 waiting"))'"""),
        ("fish", "lattice144\tavailable, 0 waiting"),
        ("powershell", "lattice144:::available, 0 waiting"),
    ],
)
@pytest.mark.usefixtures("cli")
def test_shells(shell: str, printed: str) -> None:
    """Each shell gets its own format."""
    line = "oqtopus-client device lattice14"
    environment = {"_TYPER_COMPLETE_WORD_TO_COMPLETE": "lattice14"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        assert asked(shell, line).strip() == printed


def test_answers_are_cached(cli: Typed, offered: Offered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Tab sends no request; the cache is private, and neither its keys nor its values contain the token."""
    cli("devices")
    first = offered("oqtopus-client device ")
    file = tmp_path / "cache" / "oqtopus" / "completion.json"
    token = os.environ["OQTOPUS_API_TOKEN"]
    monkeypatch.setattr("oqtopus_client.OqtopusClient", None)

    assert offered("oqtopus-client device ") == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["[]", "{", '{"devices": 1}', "null", '{"devices": {"until": "x"}}'])
@pytest.mark.usefixtures("cli")
def test_broken_cache(offered: Offered, tmp_path: Path, text: str) -> None:
    """An unreadable cache is replaced."""
    file = tmp_path / "cache" / "oqtopus" / "completion.json"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")

    assert "qulacs" in offered("oqtopus-client device ")


def test_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a server, or one that fails, nothing is offered or printed."""
    assert asked("bash", "oqtopus-client device ").strip() == ""
    with raw_server(lambda _path: b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") as server:
        monkeypatch.setenv("OQTOPUS_URL", server.url)
        assert asked("bash", "oqtopus-client device ").strip() == ""
        assert asked("bash", "oqtopus-client result ").strip() == ""
        assert len(server.heads) == 2  # no retries


def test_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends an answer in small pieces is not waited for either."""
    monkeypatch.setattr("oqtopus_client.cli.completion._TIMEOUT", 0.3)
    read = threading.Event()

    def pieces(_path: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        for _ in range(100):
            if not read.wait(0.05):
                yield b" "

    with raw_server(pieces) as server:
        monkeypatch.setenv("OQTOPUS_URL", server.url)
        assert asked("bash", "oqtopus-client device ").strip() == ""
        assert any(thread.name == "completion" for thread in threading.enumerate())
        read.set()
        for thread in threading.enumerate():
            if thread.name == "completion":
                thread.join()


@pytest.mark.parametrize(
    "name", ["$(touch x)", "`touch x`", "a'; touch x; '", 'a"b', "a b", "a\nb", "\x1b[31m", "a;b", "a:::b", "[red]x"]
)
def test_texts_of_servers_are_harmless(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Shells evaluate completions, so words with special characters are left out, as are those of descriptions."""
    job = {"job_id": "1", "status": "failed", "job_type": "sampling", "name": name}
    server = ScriptedServer(**{"GET /jobs": [job, {**job, "job_id": name}]})
    config = OqtopusConfig("http://emulator.localhost", api_token="token", transport=server)
    monkeypatch.setattr(Session, "config", lambda _: config)
    printed = asked("zsh", "oqtopus-client result ")

    assert printed.startswith("""_arguments '*: :(("1":"failed """)
    assert not set(printed.split('"')[3]) & set("$`';\"[]\n\x1b")
    assert printed.count("\n") == (name == "a:::b") + 1


@pytest.mark.usefixtures("cli")
def test_in_a_real_bash(tmp_path: Path) -> None:
    """Bash completes a device after it has read the script that --show-completion prints."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "oqtopus-client").write_text(f'#!/bin/sh\nexec {sys.executable} -m oqtopus_client.cli "$@"\n')
    (folder / "oqtopus-client").chmod(0o755)
    script = """
        eval "$(_OQTOPUS_CLIENT_COMPLETE=source_bash oqtopus-client)"
        COMP_WORDS=(oqtopus-client run x.qasm --device lattice14)
        COMP_CWORD=4
        _oqtopus_client_completion oqtopus-client
        printf '%s' "${COMPREPLY[*]}"
    """
    variables = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    ended = subprocess.run(
        [required("bash"), "--norc", "-c", script], env=variables, capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.stderr) == ("lattice144", "")
