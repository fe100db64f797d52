"""The emulator's database, and its clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from oqtopus_client.emulator.database import Database, format_time
from oqtopus_client.emulator.store import Store

REAL_TIME = time.time


def open_store(folder: Path) -> Store:
    """The store of an emulator's data folder."""
    return Store(Database(folder / "emulator.sqlite3"))


def shift_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Make it later than it is."""
    monkeypatch.setattr("oqtopus_client.emulator.store.time.time", lambda: REAL_TIME() + seconds)


def tick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each time that the store notes be a second later than the one before, beginning an hour ago."""
    seconds = count(REAL_TIME() - 3600)
    monkeypatch.setattr(
        "oqtopus_client.emulator.store.now", lambda: format_time(datetime.fromtimestamp(next(seconds), UTC))
    )
