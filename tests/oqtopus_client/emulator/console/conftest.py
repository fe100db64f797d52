"""An emulator and its console."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from oqtopus_client.emulator import Emulator
from tests.support.console import console_of


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Return an emulator of the test's own."""
    with Emulator(":memory:") as emulator:
        yield emulator


@pytest.fixture
def browser(emulator: Emulator) -> httpx.Client:
    """Return the operator's browser."""
    return console_of(emulator)
