"""An emulator whose jobs an external engine runs, its user and its engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oqtopus_client.emulator import Emulator
from tests.support.callers import Caller
from tests.support.provider import ProviderCaller


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator that runs no jobs itself."""
    with Emulator(":memory:", executor="external") as emulator:
        yield emulator


@pytest.fixture
def user(emulator: Emulator) -> Iterator[Caller]:
    """The user."""
    caller = Caller("http://emulator.localhost", emulator.token, emulator)
    yield caller
    caller.close()


@pytest.fixture
def engine(emulator: Emulator) -> Iterator[ProviderCaller]:
    """The engine."""
    caller = ProviderCaller("http://provider.localhost", "", emulator.provider_api)
    yield caller
    caller.close()
