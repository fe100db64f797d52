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
from qiskit_oqtopus.parallel.chip import Chip
from tests.support.backends import as_backend
from tests.support.chips import CHIP, device
from tests.support.circuits import bell, used_qubits
from tests.support.recorded_cloud import RecordedCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit.transpiler import Target

    from oqtopus_client import OqtopusDevice


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator for one test, which recalibrates its device."""
    with Emulator(":memory:") as emulator:
        yield emulator


def recalibrate(emulator: Emulator, **changes: Any) -> None:
    """Recalibrate the small device."""
    emulator.calibrate("qulacs", {**json.loads(emulator.devices["qulacs"].device_info), **changes})


def test_nothing_new(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Without a change, `refresh` sends one request and keeps the Target."""
    target, coupling_map = backend.target, backend.coupling_map

    assert backend.refresh() is False
    assert cloud.routes == ["GET /devices/qulacs"]
    assert backend.target is target
    assert backend.coupling_map is coupling_map


def test_recalibration(backend: OqtopusBackend, emulator: Emulator, cloud: RecordedCloud) -> None:
    """After a change, there is a new Target, which all of Qiskit's attributes reflect; the old one is unchanged."""
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
    """A change is detected even if the Target was never read."""
    recalibrate(emulator, couplings=[{"control": 0, "target": 1}], calibrated_at="2030-01-02T03:04:05Z")

    assert backend.refresh() is True
    assert list(backend.coupling_map.get_edges()) == [(0, 1)]


def test_same_numbers_measured_again(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A new time of calibration counts as a change."""
    recalibrate(emulator, calibrated_at="2030-01-02T03:04:05Z")

    assert backend.refresh() is True


def test_calibration_behind_a_url(emulator: Emulator) -> None:
    """The content of a calibration counts, not its URL."""
    published = dataclasses.replace(emulator.devices["lattice64"], publish="zip")
    with Emulator(":memory:", devices=[published]) as cloud, OqtopusProvider(cloud.config) as provider:
        backend = provider.get_backend("lattice64")

        assert backend.num_qubits == 64
        assert backend.refresh() is False
        cloud.calibrate("lattice64", {**json.loads(published.device_info), "calibrated_at": "2030-01-02T03:04:05Z"})
        assert backend.refresh() is True


def test_status(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A change of the status does not count as a change of the calibration."""
    assert backend.status == "available"
    emulator.set_status("qulacs", "unavailable")

    assert backend.status == "available"
    assert backend.refresh() is False
    assert backend.status == "unavailable"


def test_pending_jobs(held_emulator: Emulator) -> None:
    """`pending_jobs` is the number of waiting jobs."""
    with OqtopusProvider(held_emulator.config) as provider:
        backend = provider.get_backend("qulacs")
        backend.run([bell()] * 3)

        assert backend.pending_jobs == 0
        assert backend.refresh() is False
        assert backend.pending_jobs == 3


def test_server_that_fails(backend: OqtopusBackend, emulator: Emulator) -> None:
    """A failed request raises an error and changes nothing."""
    target, known = backend.target, backend.device
    recalibrate(emulator, calibrated_at="2030-01-02T03:04:05Z")
    emulator.inject("truncate", path="/devices/qulacs")
    with pytest.raises(ResponseValidationError):
        backend.refresh()

    assert backend.target is target
    assert backend.device is known


def test_no_time_of_calibration() -> None:
    """`calibrated_at` is None if the server does not publish it."""
    assert as_backend(device(CHIP)).calibrated_at is None


@pytest.mark.parametrize(
    ("said", "shots"), [(5000, 5000), (None, 10**7), ("many", 10**7), (0, 10**7), (True, 10**7), (10**8, 10**7)]
)
def test_max_shots(said: object, shots: int) -> None:
    """`max_shots` is the API's limit, or the device's lower one."""
    assert as_backend(device(CHIP)).max_shots == 10**7
    assert as_backend(device(CHIP, max_shots=said)).max_shots == shots


def test_refresh_while_another_thread_reads_the_errors(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of the previous calibration that a slower thread has read are not kept after a refresh."""
    with OqtopusProvider(emulator.config) as provider:
        backend = provider.get_backend("qulacs")
        read = Chip.of

        def slow(device: OqtopusDevice, target: Target) -> Chip:
            chip = read(device, target)
            if backend.calibrated_at == before:
                assert backend.refresh()
            return chip

        before = backend.calibrated_at
        monkeypatch.setattr(Chip, "of", slow)
        recalibrate(emulator, calibrated_at="2030-01-01T00:00:00Z")
        first = backend.chip

        assert backend.chip is not first
        assert backend.chip is backend.chip
