"""The command line as somebody types it, talking to a served emulator."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from oqtopus_client.cli.app import app
from tests.support.circuits import BELL
from tests.support.command_line import Typed


@pytest.fixture
def oqtopus(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Types a command; nothing it prints may hold one of the tokens."""
    monkeypatch.delenv("COLUMNS", raising=False)  # test runners set it for output of their own

    def typed(*words: str, text: str | None = None, secrets: tuple[str, ...] = ()) -> Result:
        result = CliRunner().invoke(app, list(words), input=text, prog_name="oqtopus-client")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert not any(secret in result.output for secret in secrets)
        return result

    return typed


@pytest.fixture
def cli(server: dict[str, str], monkeypatch: pytest.MonkeyPatch, oqtopus: Typed) -> Typed:
    """The same, with the served emulator as the server; its token must never be printed."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    return lambda *words, text=None: oqtopus(*words, text=text, secrets=(server["OQTOPUS_API_TOKEN"],))


@pytest.fixture
def bell(tmp_path: Path) -> str:
    """The file of a Bell circuit."""
    file = tmp_path / "bell.qasm"
    file.write_text(BELL, encoding="utf-8")
    return str(file)
