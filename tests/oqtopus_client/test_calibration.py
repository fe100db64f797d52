"""A calibration holds what is published, and nothing made up."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from oqtopus_client import Calibration, CouplingCalibration, OqtopusClient, OqtopusDevice, QubitCalibration
from oqtopus_client.rest import DevicesDeviceInfo

NOTHING = QubitCalibration()


def test_published() -> None:
    """Fidelities become errors; couplings keep their direction; the rest is as it stands."""
    info = {
        "qubits": [
            {"id": 1, "position": {"x": 0.5, "y": -1}, "fidelity": 0.75, "qubit_lifetime": {"t1": 26.5, "t2": 60}},
            {
                "id": 0,
                "meas_error": {
                    "readout_assignment_error": 0.026,
                    "prob_meas1_prep0": 0.02,
                    "prob_meas0_prep1": 0.03,
                },
                "gate_duration": {"sx": 16, "x": 24},
            },
        ],
        "couplings": [
            {"control": 1, "target": 0, "fidelity": 0.5, "gate_duration": {"rzx90": 272}},
            {"control": 0, "target": 1},
        ],
    }
    first = QubitCalibration(
        readout_error=0.026, prob_meas1_prep0=0.02, prob_meas0_prep1=0.03, durations_ns={"sx": 16.0, "x": 24.0}
    )
    second = QubitCalibration(position=(0.5, -1.0), gate_error=0.25, t1_us=26.5, t2_us=60.0)

    assert Calibration.of(info) == Calibration(
        (first, second), (CouplingCalibration(1, 0, 0.5, {"rzx90": 272.0}), CouplingCalibration(0, 1))
    )


def test_of_a_device(client: OqtopusClient) -> None:
    """An emulated device publishes all of it."""
    calibration = client.get_device("lattice64").calibration
    qubit = calibration.qubits[0]

    assert (len(calibration.qubits), len(calibration.couplings)) == (64, 112)
    assert (qubit.readout_error, qubit.t1_us, qubit.t2_us) == (0.0198, 39.05, 48.04)
    assert qubit.gate_error == pytest.approx(0.00067)


@pytest.mark.parametrize(
    ("published", "qubit"),
    [
        ({"fidelity": 1}, QubitCalibration(gate_error=0.0)),
        ({"fidelity": 1.1}, NOTHING),
        ({"fidelity": 0.0, "qubit_lifetime": {"t1": 0.0, "t2": 0.0}}, NOTHING),
        ({"qubit_lifetime": {"t1": 5e-324, "t2": 1e300}}, NOTHING),
        ({"fidelity": -0.1}, NOTHING),
        ({"fidelity": "0.99"}, NOTHING),
        ({"fidelity": True}, NOTHING),
        ({"fidelity": float("nan")}, NOTHING),
        (
            {"meas_error": {"prob_meas1_prep0": 0.25, "prob_meas0_prep1": 0.75}},
            QubitCalibration(readout_error=0.5, prob_meas1_prep0=0.25, prob_meas0_prep1=0.75),
        ),
        ({"meas_error": {"prob_meas1_prep0": 0.25}}, QubitCalibration(prob_meas1_prep0=0.25)),
        ({"meas_error": {"readout_assignment_error": 2}}, NOTHING),
        ({"meas_error": 0.03, "position": None, "qubit_lifetime": [], "gate_duration": "long"}, NOTHING),
        ({"position": {"x": 1, "y": float("inf")}}, NOTHING),
        ({"qubit_lifetime": {"t1": 0, "t2": -1}}, NOTHING),
        ({"qubit_lifetime": {"t1": float("inf"), "t2": 10**400}}, NOTHING),
        ({"gate_duration": {"x": None, "sx": 0, "rz": -5}}, QubitCalibration(durations_ns={"sx": 0.0})),
    ],
)
def test_values(published: dict[str, Any], qubit: QubitCalibration) -> None:
    """What cannot be right is unknown, and so is what is missing."""
    assert Calibration.of({"qubits": [{"id": 0, **published}]}).qubits == (qubit,)


@pytest.mark.parametrize(
    "coupling",
    [
        {"control": 0, "target": 3},
        {"control": -1, "target": 0},
        {"control": 1, "target": 1},
        {"control": "zero", "target": 1},
        {"control": "-1", "target": 1},
        {"control": [0], "target": 1},
        {"target": 1},
        {},
        None,
    ],
)
def test_couplings_of_nothing(coupling: object) -> None:
    """A coupling that does not join two of the qubits is left out; one that is not described is a qubit, too."""
    info = {"qubits": [{"id": 0}, {"id": 1}], "couplings": [coupling, {"control": 0, "target": 2}]}

    assert Calibration.of(info, n_qubits=3) == Calibration((NOTHING,) * 3, (CouplingCalibration(0, 2),))


def test_numbers_as_text() -> None:
    """Of qubits, also where a coupling names them."""
    info = {"qubits": [{"id": "1", "fidelity": 0.5}, {"id": "0"}], "couplings": [{"control": "0", "target": "1"}]}

    assert Calibration.of(info) == Calibration(
        (NOTHING, QubitCalibration(gate_error=0.5)), (CouplingCalibration(0, 1),)
    )


@pytest.mark.parametrize(
    ("info", "problems"),
    [
        ({"qubits": [{"id": 0, "fidelity": None, "qubit_lifetime": {"t1": 0}}, None], "couplings": None}, []),
        ({"qubits": [{"id": 0, "position": "left", "gate_duration": {"unit": "ns", "x": math.nan}}]}, []),
        ({}, []),
        ({"qubits": {"0": {}}}, ["qubits is {'0': {}}; it should be a list."]),
        ({"qubits": [{"id": 0}, 7]}, ["qubits.1 is 7; it should be an object."]),
        ({"qubits": [{"id": 0}, {}]}, ["qubits.1.id is missing."]),
        ({"qubits": [{"id": 2}, {"id": 1}]}, ["qubits.0.id is 2; ids count 0, 1, 2 and so on."]),
        ({"qubits": [{"id": 0, "fidelity": 99.4}]}, ["qubits.0.fidelity is 99.4; it should be a number from 0 to 1."]),
        (
            {"qubits": [{"id": 0, "gate_duration": {"x": -(10**5000)}}]},
            ["qubits.0.gate_duration.x is an integer of thousands of digits; it should be a number not below 0."],
        ),
        (
            {"qubits": [{"id": 0}], "couplings": [{"control": 0, "target": 0}, {"control": 0, "target": 1}]},
            ["couplings.0 joins qubit 0 to itself.", "couplings.1.target is 1; qubits are 0 to 0."],
        ),
    ],
)
def test_what_cannot_be_right_is_listed(info: dict[str, Any], problems: list[str]) -> None:
    """With field and value; what is merely unknown, or means nothing, is no problem."""
    assert Calibration.read(info)[1] == problems


def test_listed_twice() -> None:
    """The later entry counts."""
    info = {
        "qubits": [{"id": 0, "fidelity": 0.5}, {"id": 1}, {"id": 0, "fidelity": 0.75}],
        "couplings": [{"control": 0, "target": 1, "fidelity": 0.5}, {"control": 0, "target": 1, "fidelity": 0.75}],
    }

    assert Calibration.of(info) == Calibration(
        (QubitCalibration(gate_error=0.25), NOTHING), (CouplingCalibration(0, 1, 0.25),)
    )


@pytest.mark.parametrize(
    "info",
    [
        None,
        "no JSON",
        [],
        {},
        {"qubits": None},
        {"n_nodes": 2, "calibration_data": {"t1": {"0": 5.0}}},
        {"qubits": [7]},
        {"qubits": [{"id": 1, "fidelity": 0.9}, {"id": 2}], "couplings": [{"control": 1, "target": 2}]},
    ],
)
def test_no_calibration(info: object) -> None:
    """What cannot be read, or does not number its qubits from 0 without gaps, is none."""
    raw = DevicesDeviceInfo(
        device_id="odd", device_type="QPU", status="available", n_qubits=3, device_info=json.dumps(info)
    )

    assert OqtopusDevice(raw).calibration == Calibration()
