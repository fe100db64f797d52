"""`devices` and `device`."""

from __future__ import annotations

from pathlib import Path

import pytest

from oqtopus_client import OqtopusDevice
from oqtopus_client.cli import calibration
from oqtopus_client.rest import DevicesDeviceInfo
from tests.oqtopus_client.cli.conftest import Typed, answer, complaint


def test_devices_as_a_table(cli: Typed) -> None:
    """A line for each device, with what it is typically like."""
    lines = cli("devices").stdout.splitlines()
    (row,) = (line for line in lines if "lattice64" in line)

    assert " ".join(row.split()) == "lattice64 QPU 64 available 0 2026-04-01 00:00 UTC 1.24 % 2.21 %"


def test_devices_as_json(cli: Typed) -> None:
    """The medians are those of the published calibration."""
    found = {device["device_id"]: device for device in answer(cli("devices", "--json"))}

    assert list(found) == ["qulacs", "lattice64", "lattice144"]
    assert found["lattice64"]["n_qubits"] == 64
    assert found["lattice64"]["median_two_qubit_error"] == pytest.approx(0.0124, abs=1e-4)


def test_device(cli: Typed) -> None:
    """Every qubit and coupling has its line."""
    shown = cli("device", "lattice64").stdout
    detailed = answer(cli("device", "lattice64", "--json"))

    assert "Median T1" in shown
    assert shown.count(" % ") > 64
    assert (len(detailed["qubits"]), len(detailed["couplings"])) == (64, 112)
    assert detailed["qubits"][0] == {
        "qubit": 0,
        "gate_error": pytest.approx(0.00067),
        "readout_error": 0.0198,
        "t1_us": 39.05,
        "t2_us": 48.04,
    }


def test_picture_of_a_device(cli: Typed, tmp_path: Path) -> None:
    """The picture is a PNG file."""
    file = tmp_path / "chip.png"
    result = cli("device", "lattice64", "--png", str(file))

    assert result.exit_code == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert str(file) in result.stderr


def test_unknown_device(cli: Typed) -> None:
    """The nearest name is offered."""
    result = cli("device", "latice64")

    assert result.exit_code == 4
    assert complaint(result) == "oqtopus-client: There is no device 'latice64'. Did you mean lattice64 or lattice144?"


def test_values_that_cannot_be_right_do_not_count() -> None:
    """A fidelity above one, a text and a missing number are no errors of zero."""
    info = (
        '{"qubits": [{"id": 0, "fidelity": 1.5}, {"id": 1, "fidelity": 0.75}, {"id": 2, "fidelity": "good"},'
        ' {"id": "x"}, 7, {"id": 3, "meas_error": {"prob_meas1_prep0": 0.25, "prob_meas0_prep1": 0.75}}],'
        ' "couplings": [{"control": 0, "target": 1, "gate_duration": {"rzx90": 80}}, {"control": 0}]}'
    )
    raw = DevicesDeviceInfo(device_id="odd", device_type="QPU", status="available", device_info=info)
    device = OqtopusDevice(raw)

    assert [qubit.gate_error for qubit in calibration.qubits(device)] == [None, 0.25, None, None]
    assert calibration.qubits(device)[3].readout_error == 0.5
    assert [coupling.duration_ns for coupling in calibration.couplings(device)] == [80.0]
    assert calibration.summary(device)["median_two_qubit_error"] is None
