"""Fixtures of server-side programs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.lifeline import Lifeline

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for the programs' folders, none of which may remain; its name is short, as names of sockets must be."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)
        deadline = time.monotonic() + 30  # another process removes that of a killed runner
        while list(Path(folder).iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def lifeline() -> Iterator[Lifeline]:
    """A port that shows whether a process is alive."""
    lifeline = Lifeline()
    yield lifeline
    lifeline.close()
