"""Random PUBs with random combinations of suppression and mitigation: without noise, all have the exact value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit_aer import AerSimulator

from oqtopus_client.emulator import EmulatedDevice, Emulator
from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider
from tests.support.lines import line_of
from tests.support.random_pubs import WIDTH, exact, random_options, random_pub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit.providers import BackendV2

pytestmark = pytest.mark.filterwarnings("ignore:Error suppression and mitigation add:UserWarning")

many = pytest.mark.parametrize("number", [6, pytest.param(300, marks=pytest.mark.campaign)])


@pytest.fixture(scope="module")
def line() -> Iterator[BackendV2]:
    """A line of qubits without errors."""
    device = EmulatedDevice.from_device_info(line_of([(0.0, 0.0)] * WIDTH), device_id="perfect")
    with Emulator(":memory:", devices=[device]) as emulator, OqtopusProvider(emulator.config) as provider:
        yield provider.get_backend("perfect")


def deviations(backend: BackendV2, number: int, seed: int, **fixed: Any) -> np.ndarray:
    """Return the deviations of random PUBs from the exact values, in standard errors."""
    rng = np.random.default_rng(seed)
    shots, found = 400, []
    for _ in range(number):
        (circuit, observables, values), options = random_pub(rng), random_options(rng) | fixed
        pub = (circuit, [[each] for each in observables], values)
        data = OqtopusEstimator(backend, options, transpile="none").run([pub], shots=shots).result()[0].data
        errors = getattr(data, "ensemble_standard_error", data.stds)
        for i, observable in enumerate(observables):
            for j, row in enumerate(values):
                off = abs(data.evs[i, j] - exact(circuit.assign_parameters(row), observable))
                least = sum(map(abs, observable.values())) / shots
                found.append(off / max(errors[i, j], least))
    return np.array(found)


@many
def test_on_a_device(line: BackendV2, number: int) -> None:
    """All combinations, decoupling included, give the exact value within five standard errors."""
    off = deviations(line, number, seed=number)

    assert off.max() < 5
    assert math.sqrt(np.mean(off**2)) < 1.3


@many
def test_on_another_simulator(number: int) -> None:
    """So do all combinations without decoupling, as the simulator has no clock."""
    off = deviations(AerSimulator(), number, seed=number + 1, dynamical_decoupling={})

    assert off.max() < 5
    assert math.sqrt(np.mean(off**2)) < 1.3
