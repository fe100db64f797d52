"""Calibrations as Qiskit sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from qiskit import transpile

from oqtopus_client import OqtopusDevice
from oqtopus_client.rest.models import DevicesDeviceInfo
from qiskit_oqtopus.target import target_from_device
from tests.qiskit_oqtopus.test_backend import bell

if TYPE_CHECKING:
    from qiskit_oqtopus import OqtopusBackend

CHIP = {
    "qubits": [
        {
            "id": 0,
            "fidelity": 0.9994,
            "meas_error": {"prob_meas1_prep0": 0.02, "prob_meas0_prep1": 0.03, "readout_assignment_error": 0.026},
            "qubit_lifetime": {"t1": 26.46, "t2": 35.9},
            "gate_duration": {"rz": 0, "sx": 16, "x": 24},
        },
        {"id": 1},
    ],
    "couplings": [{"control": 1, "target": 0, "fidelity": 0.982, "gate_duration": {"rzx90": 272}}],
}


def device(info: object, **fields: Any) -> OqtopusDevice:
    """A device with that calibration."""
    text = info if isinstance(info, str | None) else json.dumps(info)
    described = {"device_id": "chip", "device_type": "QPU", "status": "available", "n_qubits": 2, "device_info": text}
    return OqtopusDevice(DevicesDeviceInfo.from_dict(described | fields))


def test_calibration() -> None:
    """Microseconds and nanoseconds become seconds, fidelities errors; couplings keep their direction."""
    target = target_from_device(device(CHIP))

    assert (target.num_qubits, target.description) == (2, "chip")
    assert target.qubit_properties[0].t1 == pytest.approx(26.46e-6)
    assert target.qubit_properties[0].t2 == pytest.approx(35.9e-6)
    assert target["sx"][0,].duration == pytest.approx(16e-9)
    assert target["x"][0,].duration == pytest.approx(24e-9)
    assert target["sx"][0,].error == pytest.approx(0.0006)
    assert target["measure"][0,].error == 0.026
    assert (target["rz"][1,].duration, target["rz"][1,].error) == (0, 0)  # a change of frame
    assert target.dt == 1e-9
    assert set(target["cx"]) == {(1, 0)}
    assert target["cx"][1, 0].duration == pytest.approx(272e-9)
    assert target["cx"][1, 0].error == pytest.approx(0.018)


def test_missing_calibration_is_unknown_not_perfect() -> None:
    """What is not published is None."""
    target = target_from_device(device(CHIP))

    assert target["sx"][1,].error is None
    assert target["measure"][1,].error is None
    assert target.qubit_properties[1].t1 is None


@pytest.mark.parametrize(
    "info",
    [
        None,
        "",
        "not json",
        "https://storage.example/device_info.zip",
        [],
        {},
        {"n_nodes": 512, "calibration_data": {}},
        {"qubits": [{"fidelity": 0.9}]},
        {"qubits": [{"id": 1}, {"id": 3}]},
    ],
)
def test_without_calibration(info: object) -> None:
    """Unknown, old or unreadable shapes leave a device that takes the usual gates anywhere."""
    target = target_from_device(device(info))
    isa = transpile(bell(), target=target)

    assert target.num_qubits == 2
    assert set(isa.count_ops()) <= {"rz", "sx", "x", "cx", "measure", "barrier"}


def test_unreadable_coupling() -> None:
    """One bad entry does not spoil the rest."""
    target = target_from_device(device({**CHIP, "couplings": [{"control": 0}, {"control": 0, "target": 1}]}))

    assert set(target["cx"]) == {(0, 1)}


def test_without_couplings() -> None:
    """Single qubits are a device, too."""
    target = target_from_device(device({"qubits": CHIP["qubits"]}))

    assert "cx" not in target.operation_names


def test_emulated_device(backend: OqtopusBackend) -> None:
    """The noiseless device publishes what the contract says of it."""
    target = backend.target

    assert sorted(target.operation_names) == ["cx", "delay", "measure", "rz", "sx", "x"]
    assert len(target["cx"]) == 22
    assert target["cx"][0, 2].error == pytest.approx(0.01)
    assert backend.target is target
