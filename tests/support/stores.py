"""The emulator's database, and its clock."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from oqtopus_client.emulator.database import Database
from oqtopus_client.emulator.store import Store

REAL_TIME = time.time


def open_store(folder: Path) -> Store:
    """The store of an emulator's data folder."""
    return Store(Database(folder / "emulator.sqlite3"))


def shift_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Make it later than it is."""
    monkeypatch.setattr("oqtopus_client.emulator.store.time.time", lambda: REAL_TIME() + seconds)
