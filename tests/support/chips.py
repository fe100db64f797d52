"""Devices and calibrations, as servers publish them."""

from __future__ import annotations

import json
from typing import Any

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.rest.models import DevicesDeviceInfo
from qiskit_oqtopus.target import target_from_device

QUBIT = {
    "id": 0,
    "fidelity": 0.9994,
    "meas_error": {"prob_meas1_prep0": 0.02, "prob_meas0_prep1": 0.03, "readout_assignment_error": 0.026},
    "qubit_lifetime": {"t1": 26.46, "t2": 35.9},
    "gate_duration": {"rz": 0, "sx": 16, "x": 24, "measure": 384},
}

WORSE = {
    "id": 1,
    "fidelity": 0.9986,
    "meas_error": {"prob_meas1_prep0": 0.01, "prob_meas0_prep1": 0.07, "readout_assignment_error": 0.041},
    "qubit_lifetime": {"t1": 22.1, "t2": 19.3},
    "gate_duration": {"rz": 0, "sx": 20, "x": 28, "measure": 400},
}

CHIP = {
    "qubits": [QUBIT, WORSE],
    "couplings": [{"control": 1, "target": 0, "fidelity": 0.982, "gate_duration": {"rzx90": 272}}],
}


def device(info: object, **fields: Any) -> OqtopusDevice:
    """A device with that calibration."""
    text = info if isinstance(info, str | None) else json.dumps(info)
    described = {"device_id": "chip", "device_type": "QPU", "status": "available", "n_qubits": 2, "device_info": text}
    return OqtopusDevice(DevicesDeviceInfo.from_dict(described | fields))


def chip(*qubits: dict[str, Any], couplings: list[Any] | None = None) -> OqtopusDevice:
    """A device of those qubits, numbered in their order, and couplings."""
    info = {"qubits": [{**qubit, "id": i} for i, qubit in enumerate(qubits)], "couplings": couplings or []}
    return device(info, n_qubits=len(qubits))


def pair(control: int | str, target: int | str, fidelity: float | None = None, **durations: float) -> dict[str, Any]:
    """A coupling."""
    coupling = {"control": control, "target": target, "fidelity": fidelity, "gate_duration": durations}
    return {key: value for key, value in coupling.items() if value not in (None, {})}


NOT_CALIBRATED = [
    None,
    "",
    "not json",
    "https://storage.example/device_info.zip",
    [],
    {},
    {"n_nodes": 512, "calibration_data": {"qubit_connectivity": ["(1,4)"], "t1": {"0": 55.51}}},
    {"qubits": None, "couplings": None},
    {"qubits": "two", "couplings": 3},
    {"qubits": [{"fidelity": 0.9}]},
    {"qubits": [{"id": "zero"}, {"id": True}, {"id": 0.5}, {"id": None}, {"id": [0]}]},
    {"qubits": [{"id": 1}, {"id": 3}], "couplings": [pair(1, 3)]},
    {"qubits": [{"id": 0}, {"id": 10**9}]},
    {"qubits": [{"id": -1}, {"id": 0}]},
]

DEVICE = OqtopusDevice(built_in_devices()["qulacs"].info(n_pending_jobs=0))

TARGET = target_from_device(DEVICE)


def listed_device(device_id: str, n_qubits: int | None, **fields: Any) -> dict[str, Any]:
    """What a server says of a device."""
    described = {"device_type": "QPU", "status": "available", "n_pending_jobs": 0}
    return {"device_id": device_id, "n_qubits": n_qubits, **described, **fields}
