"""Fixtures: the emulator is the cloud of every test."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from oqtopus_client import OqtopusClient, OqtopusConfig
from oqtopus_client.emulator import Emulator
from qiskit_oqtopus import OqtopusBackend, OqtopusProvider
from tests.support.held_executor import HeldExecutor
from tests.support.recorded_cloud import RecordedCloud
from tests.support.secret_scanner import (  # noqa: F401 - for pytest
    _no_leak,
    _no_leak_in_memory,
    pytest_configure,
    pytest_runtest_makereport,
)
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What shells start in the background ignores Ctrl-C, and so would the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test, or one worker would be busy with it long after the others have ended."""
    items.sort(key=lambda item: item.name != "test_documentation_builds")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's settings, tokens or jobs."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in list(os.environ):
        if name.startswith("OQTOPUS_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """One emulator, with the faults of real servers, for all tests that leave nothing behind that matters."""
    with Emulator(":memory:", quirks=True) as emulator:
        yield emulator


@pytest.fixture
def cloud(emulator: Emulator) -> RecordedCloud:
    """The emulator behind a tap."""
    return RecordedCloud(emulator)


@pytest.fixture
def config(emulator: Emulator, cloud: RecordedCloud) -> OqtopusConfig:
    """What clients take to reach the emulator through the tap."""
    return dataclasses.replace(emulator.config, transport=cloud)


@pytest.fixture
def client(config: OqtopusConfig) -> Iterator[OqtopusClient]:
    """A client of the emulator."""
    with OqtopusClient(config) as client:
        yield client


@pytest.fixture
def provider(config: OqtopusConfig) -> Iterator[OqtopusProvider]:
    """A provider of the emulator's devices."""
    with OqtopusProvider(config) as provider:
        yield provider


@pytest.fixture
def backend(provider: OqtopusProvider, cloud: RecordedCloud) -> OqtopusBackend:
    """The emulator's noiseless device; the request that found it is forgotten."""
    backend = provider.get_backend("qulacs")
    cloud.requests.clear()
    return backend


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An emulator behind a port, in a process of its own: the environment that points a client there."""
    data = tmp_path_factory.mktemp("server")
    with running_server(data) as environment:
        yield environment


@pytest.fixture
def _in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is nine hours ahead of UTC."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio."""
    return "asyncio"


@pytest.fixture
def held() -> HeldExecutor:
    """The executor of `held_emulator`, which works when told."""
    return HeldExecutor()


@pytest.fixture
def held_emulator(held: HeldExecutor) -> Iterator[Emulator]:
    """An emulator with the faults of real servers whose jobs stand still until `held.step()`."""
    with Emulator(":memory:", executor=held, quirks=True) as emulator:
        yield emulator


@pytest.fixture
def held_client(held_emulator: Emulator) -> Iterator[OqtopusClient]:
    """A client of that emulator."""
    with OqtopusClient(held_emulator.config) as client:
        yield client
