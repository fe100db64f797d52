"""A backend follows its device: calibration, status, queue."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from qiskit import transpile

from oqtopus_client import ResponseValidationError
from oqtopus_client.emulator import Emulator
from qiskit_oqtopus import OqtopusBackend, OqtopusProvider
from tests.support.backends import as_backend
from tests.support.chips import CHIP, device
from tests.support.circuits import bell, used_qubits
from tests.support.recorded_cloud import RecordedCloud

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One of our own: it is recalibrated."""
    with Emulator(":memory:") as emulator:
        yield emulator


def recalibrate(emulator: Emulator, **changes: Any) -> None:
    """Give the small device another calibration."""
    emulator.calibrate("qulacs", {**json.loads(emulator.devices["qulacs"].device_info), **changes})


def test_nothing_new(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Asking costs one request, and the Target stays."""
    target, coupling_map = backend.target, backend.coupling_map

    assert backend.refresh() is False
    assert cloud.routes == ["GET /devices/qulacs"]
    assert backend.target is target
    assert backend.coupling_map is coupling_map


def test_recalibration(backend: OqtopusBackend, emulator: Emulator, cloud: RecordedCloud) -> None:
    """There is a new Target, and all that Qiskit reads comes from it; the old one is as it was."""
    before = backend.target
    assert len(backend.coupling_map.get_edges()) == 22
    couplings = [{"control": 7, "target": 9, "fidelity": 0.9, "gate_duration": {"cx": 60}}]
    recalibrate(emulator, couplings=couplings, calibrated_at="2030-01-02T03:04:05Z")

    assert backend.refresh() is True
    assert backend.refresh() is False
    assert cloud.routes == ["GET /devices/qulacs"] * 2
    assert list(backend.coupling_map.get_edges()) == list(backend.target["cx"]) == [(7, 9)]
    assert backend.target["cx"][7, 9].error == pytest.approx(0.1)
    assert backend.target["cx"][7, 9].duration == pytest.approx(60e-9)
    assert len(before["cx"]) == 22
    assert backend.calibrated_at is not None
    assert backend.calibrated_at.isoformat() == "2030-01-02T03:04:05+00:00"
    assert used_qubits(transpile(bell(), backend)) == {7, 9}


def test_before_the_target_is_used(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A change counts from what was known of the device, whether anybody looked at it or not."""
    recalibrate(emulator, couplings=[{"control": 0, "target": 1}], calibrated_at="2030-01-02T03:04:05Z")

    assert backend.refresh() is True
    assert list(backend.coupling_map.get_edges()) == [(0, 1)]


def test_same_numbers_measured_again(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A calibration is another one when its time is."""
    recalibrate(emulator, calibrated_at="2030-01-02T03:04:05Z")

    assert backend.refresh() is True


def test_calibration_behind_a_url(emulator: Emulator) -> None:
    """The URL is another one each time; what it leads to counts."""
    published = dataclasses.replace(emulator.devices["lattice64"], publish="zip")
    with Emulator(":memory:", devices=[published]) as cloud, OqtopusProvider(cloud.config) as provider:
        backend = provider.get_backend("lattice64")

        assert backend.num_qubits == 64
        assert backend.refresh() is False
        cloud.calibrate("lattice64", {**json.loads(published.device_info), "calibrated_at": "2030-01-02T03:04:05Z"})
        assert backend.refresh() is True


def test_status(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A device that stops taking jobs is calibrated as before."""
    assert backend.status == "available"
    emulator.set_status("qulacs", "unavailable")

    assert backend.status == "available"
    assert backend.refresh() is False
    assert backend.status == "unavailable"


def test_pending_jobs(held_emulator: Emulator) -> None:
    """As many as wait."""
    with OqtopusProvider(held_emulator.config) as provider:
        backend = provider.get_backend("qulacs")
        backend.run([bell()] * 3)

        assert backend.pending_jobs == 0
        assert backend.refresh() is False
        assert backend.pending_jobs == 3


def test_server_that_fails(backend: OqtopusBackend, emulator: Emulator) -> None:
    """The error is the user's to see, and all stays as it was."""
    target, known = backend.target, backend.device
    recalibrate(emulator, calibrated_at="2030-01-02T03:04:05Z")
    emulator.inject("truncate", path="/devices/qulacs")
    with pytest.raises(ResponseValidationError):
        backend.refresh()

    assert backend.target is target
    assert backend.device is known


def test_no_time_of_calibration() -> None:
    """Servers need not say when."""
    assert as_backend(device(CHIP)).calibrated_at is None


@pytest.mark.parametrize(
    ("said", "shots"), [(5000, 5000), (None, 10**7), ("many", 10**7), (0, 10**7), (True, 10**7), (10**8, 10**7)]
)
def test_max_shots(said: object, shots: int) -> None:
    """The API's limit, or the device's where it is lower."""
    assert as_backend(device(CHIP)).max_shots == 10**7
    assert as_backend(device(CHIP, max_shots=said)).max_shots == shots
