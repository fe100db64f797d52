"""Fixtures for tests of the primitives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qiskit.providers import BackendV2
from qiskit.providers.basic_provider import BasicSimulator
from qiskit_aer import AerSimulator

from qiskit_oqtopus import OqtopusBackend, OqtopusProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oqtopus_client.emulator import Emulator


@pytest.fixture(params=["oqtopus", "aer", "basic"])
def anywhere(request: pytest.FixtureRequest) -> BackendV2:
    """A noiseless backend: OQTOPUS's, Aer's, or Qiskit's own."""
    if request.param == "oqtopus":
        return request.getfixturevalue("backend")
    return AerSimulator() if request.param == "aer" else BasicSimulator()


@pytest.fixture
def held_backend(held_emulator: Emulator) -> Iterator[OqtopusBackend]:
    """A backend whose jobs do not advance."""
    with OqtopusProvider(held_emulator.config) as provider:
        yield provider.get_backend("qulacs")
