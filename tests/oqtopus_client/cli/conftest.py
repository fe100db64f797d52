"""Fixtures that run the command line against a served emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from oqtopus_client.cli.app import app
from tests.support.circuits import BELL
from tests.support.command_line import Typed
from tests.support.server_process import running_server


@pytest.fixture
def oqtopus(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Return a function that runs a command, and checks that it prints none of the given secrets."""
    monkeypatch.delenv("COLUMNS", raising=False)  # test runners set it for their own output

    def typed(*words: str, text: str | None = None, secrets: tuple[str, ...] = ()) -> Result:
        result = CliRunner().invoke(app, list(words), input=text, prog_name="oqtopus-client")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert not any(secret in result.output for secret in secrets)
        return result

    return typed


@pytest.fixture
def cli(server: dict[str, str], monkeypatch: pytest.MonkeyPatch, oqtopus: Typed) -> Typed:
    """Return the same function, with the served emulator as the server, whose token must never be printed."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    return lambda *words, text=None: oqtopus(*words, text=text, secrets=(server["OQTOPUS_API_TOKEN"],))


@pytest.fixture
def sse_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, oqtopus: Typed) -> Iterator[Typed]:
    """Yield the command line, with a server that runs server-side programs."""
    with running_server(tmp_path / "sse", "--allow-sse") as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield oqtopus


@pytest.fixture
def bell(tmp_path: Path) -> str:
    """Return the file of a Bell circuit."""
    file = tmp_path / "bell.qasm"
    file.write_text(BELL, encoding="utf-8")
    return str(file)
