"""Emulated devices: their sources, and files that are refused."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.coherent import CoherentErrors
from oqtopus_client.emulator.device_files import EmulatedDevice, built_in_devices, load_devices
from oqtopus_client.emulator.lattice import square_lattice
from oqtopus_client.physics import relaxation_fidelity

QUBIT = {
    "id": 0,
    "physical_id": 8,
    "position": {"x": 0, "y": 0},
    "fidelity": 0.9994,
    "meas_error": {"prob_meas1_prep0": 0.02, "prob_meas0_prep1": 0.03, "readout_assignment_error": 0.025},
    "qubit_lifetime": {"t1": 26.46, "t2": 35.9},
    "gate_duration": {"rz": 0, "sx": 16, "x": 24},
}
COUPLING = {"control": 0, "target": 1, "fidelity": 0.982, "gate_duration": {"rzx90": 272}}
CHIP: dict[str, Any] = {
    "name": "anemone",
    "device_id": "anemone",
    "qubits": [QUBIT, {**QUBIT, "id": 1, "physical_id": 9}],
    "couplings": [COUPLING],
    "calibrated_at": "2026-08-19T21:14:03.120000Z",
}


def chip(**changes: Any) -> dict[str, Any]:
    """Return the chip with other fields in its first qubit."""
    return {**CHIP, "qubits": [{**QUBIT, **changes}, CHIP["qubits"][1]]}


@pytest.mark.parametrize("device_info", [CHIP, json.dumps(CHIP)], ids=["object", "text"])
def test_device_from_a_published_calibration(device_info: str | dict[str, Any]) -> None:
    """A device needs only a calibration, which is published unchanged."""
    device = EmulatedDevice.from_device_info(device_info)
    info = device.info(n_pending_jobs=3)

    assert (device.device_id, device.n_qubits, device.noisy, device.publish) == ("anemone", 2, True, "inline")
    assert (info.device_type, info.status, info.n_pending_jobs, info.available_at) == ("QPU", "available", 3, None)
    assert info.calibrated_at is not None
    assert info.calibrated_at.isoformat() == "2026-08-19T21:14:03.120000+00:00"
    assert json.loads(info.device_info or "") == CHIP
    assert device.calibration["couplings"][0]["gate_duration"] == {"rzx90": 272, "cx": 272 + 16}
    assert pickle.loads(pickle.dumps(device)) == device  # noqa: S301 - our own bytes


@pytest.mark.parametrize("gap", ["absent", "null"])
def test_what_is_published_of_no_qubit_is_ideal(gap: str) -> None:
    """A chip without qubit data is accepted as ideal, and its calibration is published unchanged."""
    fields = ["fidelity", "meas_error", "qubit_lifetime", "gate_duration"]
    bare: dict[str, Any] = {"qubits": [{"id": 0}]}
    if gap == "null":
        bare = {"qubits": [{"id": 0, **dict.fromkeys(fields)}], "couplings": None}
    device = EmulatedDevice.from_device_info(bare, device_id="bare")

    assert device.calibration == {
        "qubits": [
            {
                "id": 0,
                "fidelity": None,
                "meas_error": {"prob_meas1_prep0": 0.0, "prob_meas0_prep1": 0.0, "readout_assignment_error": 0.0},
                "qubit_lifetime": {"t1": math.inf, "t2": math.inf},
                "gate_duration": {"rz": 0.0, "sx": 0.0, "x": 0.0},
            }
        ],
        "couplings": [],
    }
    assert json.loads(device.device_info) == bare


UNCALIBRATED = {"fidelity": 0, "qubit_lifetime": {"t1": 0.0, "t2": 0.0}, "gate_duration": {"x": math.nan}}


def test_gaps_are_filled_with_the_worst_of_the_others() -> None:
    """Gaps of any form are filled with the worst value; qubit numbers may be strings, in any order."""
    good = {**QUBIT, "id": "2", "fidelity": 0.9999}
    chip_info = {"qubits": [{"id": "1", **UNCALIBRATED}, good, QUBIT], "couplings": [{"control": "1", "target": "0"}]}
    worst, gap, _ = EmulatedDevice.from_device_info({**CHIP, **chip_info}).calibration["qubits"]

    assert gap == {**worst, "id": 1}
    assert {name: gap[name] for name in ("fidelity", "meas_error", "qubit_lifetime")} == {
        name: QUBIT[name] for name in ("fidelity", "meas_error", "qubit_lifetime")
    }


def test_assignment_error_alone() -> None:
    """A lone assignment error applies to both outcomes."""
    device = EmulatedDevice.from_device_info(chip(meas_error={"readout_assignment_error": 0.1}))

    assert set(device.calibration["qubits"][0]["meas_error"].values()) == {0.1}


def test_impossible_coherence_is_cut() -> None:
    """A fitted t2 above 2 t1, which is impossible, is limited to that."""
    device = EmulatedDevice.from_device_info(chip(qubit_lifetime={"t1": 10, "t2": 30}))

    assert device.calibration["qubits"][0]["qubit_lifetime"] == {"t1": 10, "t2": 20}


@pytest.mark.parametrize(
    ("device_info", "message"),
    [
        ({"n_nodes": 512, "calibration_data": {}}, "device_info has no 'qubits'. This looks like the format before"),
        ({}, "device_info has no 'qubits'."),
        ({"qubits": []}, "device_info: qubits is []; there should be at least one."),
        ("{", "device_info is not valid JSON"),
        ("[]", "device_info is a JSON list, not an object."),
        (chip(id=5), "device_info: qubits.0.id is 5; ids count 0, 1, 2 and so on."),
        (chip(fidelity=1.2), "device_info: qubits.0.fidelity is 1.2; it should be a number from 0 to 1."),
        (chip(meas_error={"prob_meas0_prep1": -0.1}), "qubits.0.meas_error.prob_meas0_prep1 is -0.1"),
        (chip(qubit_lifetime={"t1": -1}), "qubits.0.qubit_lifetime.t1 is -1; it should be a number not below 0."),
        (chip(gate_duration={"sx": -1}), "qubits.0.gate_duration.sx is -1"),
        ({**CHIP, "qubits": [{"fidelity": 1}]}, "device_info: qubits.0.id is missing."),
        ({**CHIP, "couplings": [{**COUPLING, "target": 2}]}, "couplings.0.target is 2; qubits are 0 to 1."),
        ({**CHIP, "couplings": [{**COUPLING, "control": 1}]}, "couplings.0 joins qubit 1 to itself."),
        ({**CHIP, "calibrated_at": "yesterday"}, "calibrated_at must be a valid datetime"),
        ({**CHIP, "device_id": "", "name": None}, "device_id must be a valid string, not None"),
    ],
)
def test_refused_calibrations(device_info: str | dict[str, Any], message: str) -> None:
    """The message for a refused calibration names the field and its value."""
    with pytest.raises(ValueError, match=re.escape(message)):
        EmulatedDevice.from_device_info(device_info)


def test_recalibration() -> None:
    """A recalibrated chip keeps its id, size and kind of emulation."""
    device = EmulatedDevice.from_device_info(CHIP, publish="zip")
    device = dataclasses.replace(device, idle_noise=False, schedule="alap", quirks=True)
    drifted = device.with_calibration({**chip(fidelity=0.95), "calibrated_at": "2026-08-20T00:00:00Z"})

    assert (drifted.device_id, drifted.publish, drifted.noisy) == ("anemone", "zip", True)
    assert (drifted.idle_noise, drifted.schedule, drifted.quirks) == (False, "alap", True)
    assert drifted.description["calibrated_at"] == "2026-08-20T00:00:00Z"
    assert [d.calibration["qubits"][0]["fidelity"] for d in (device, drifted)] == [0.9994, 0.95]
    with pytest.raises(ValueError, match="n_qubits is 2, but device_info has 1 qubits"):
        device.with_calibration({"qubits": [QUBIT]})


def test_options_are_checked() -> None:
    """Options are checked, also when they are changed later."""
    device = EmulatedDevice.from_device_info(CHIP, noisy=False)

    assert dataclasses.replace(device, publish="none").publish == "none"
    assert not device.noisy
    with pytest.raises(ValueError, match="publish is 'pdf'; it is one of inline, zip, json, none"):
        dataclasses.replace(device, publish="pdf")
    with pytest.raises(TypeError, match=r"coherent must be CoherentErrors\(...\), not 50"):
        dataclasses.replace(device, coherent=50)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="idle_noise must be True or False, not 'no'"):
        dataclasses.replace(device, idle_noise="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="schedule is 'asap'; it is one of gateway, alap"):
        dataclasses.replace(device, schedule="asap")


def test_folder_of_devices(tmp_path: Path) -> None:
    """Files may contain a calibration, a description or a server's response; other files are ignored."""
    answered = EmulatedDevice.from_device_info(CHIP, device_id="answered").info(n_pending_jobs=4)
    described = {"device_id": "described", "device_info": CHIP, "device_type": "simulator", "publish": "json"}
    nameless = {"qubits": CHIP["qubits"]}
    (tmp_path / "a.json").write_text(json.dumps(answered.model_dump(mode="json")))
    (tmp_path / "b.json").write_text(json.dumps(described))
    (tmp_path / "c.json").write_text(json.dumps(CHIP))
    (tmp_path / "d.json").write_text(json.dumps(nameless))
    (tmp_path / "README").write_text("not one")
    devices = load_devices(tmp_path)

    assert [*devices] == ["answered", "described", "anemone", "d"]
    assert [device.noisy for device in devices.values()] == [True, False, True, True]
    assert devices["described"].publish == "json"
    assert {"noisy", "publish"}.isdisjoint(devices["described"].info(n_pending_jobs=0).model_dump())


def test_emulation_in_a_file(tmp_path: Path) -> None:
    """A file keeps how its device is emulated; fields that earlier releases do not know are left out by default."""
    device = EmulatedDevice.from_device_info(CHIP)
    changed = dataclasses.replace(device, noisy=False, publish="none", idle_noise=False, schedule="alap")
    (tmp_path / "chip.json").write_text(changed.to_file())

    assert load_devices(tmp_path) == {"anemone": changed}
    assert {"idle_noise", "schedule"}.isdisjoint(changed.info(n_pending_jobs=0).model_dump())
    assert {"idle_noise", "schedule"}.isdisjoint(json.loads(device.to_file()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "device_info is not valid JSON"),
        (json.dumps({"device_info": CHIP}), "device_id is missing."),
        (json.dumps({"device_id": "x", "device_info": chip(fidelity=7)}), "device_info: qubits.0.fidelity is 7"),
        (json.dumps({"device_id": "x", "device_info": CHIP, "noisey": True}), "noisey does not exist."),
        (json.dumps({"device_id": "x", "device_info": CHIP, "n_qubits": 3}), "n_qubits is 3, but device_info has 2"),
        (
            json.dumps({"device_id": "x", "device_info": CHIP, "publish": "pdf"}),
            "publish must be 'inline', 'zip', 'json' or 'none', not 'pdf'",
        ),
        (
            json.dumps({"device_id": "x", "device_info": CHIP, "schedule": "asap"}),
            "schedule must be 'gateway' or 'alap', not 'asap'",
        ),
        (json.dumps({"device_id": "x", "device_info": None}), "device_info must be a valid dictionary, not None"),
    ],
)
def test_refused_files(tmp_path: Path, content: str, message: str) -> None:
    """The message for a refused file names the file and the field."""
    file = tmp_path / "chip.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(file))}: .*{re.escape(message)}"):
        load_devices(tmp_path)


def test_two_files_of_one_device(tmp_path: Path) -> None:
    """Two files of one device are refused."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(CHIP))
    with pytest.raises(ValueError, match=r"b\.json: device_id is 'anemone', as in another file\."):
        load_devices(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    """A path that is not a folder is refused."""
    with pytest.raises(FileNotFoundError):
        load_devices(tmp_path / "nowhere")


def test_built_in_devices() -> None:
    """The built-in devices are the exact simulator, then the invented chips."""
    devices = built_in_devices()

    assert [(d.device_id, d.n_qubits, d.noisy) for d in devices.values()] == [
        ("qulacs", 16, False),
        ("lattice64", 64, True),
        ("lattice64c", 64, True),
        ("lattice144", 144, True),
    ]


@pytest.mark.parametrize(("device_id", "side"), [("lattice64", 8), ("lattice64c", 8), ("lattice144", 12)])
def test_lattice_files(device_id: str, side: int) -> None:
    """The lattice files contain the generated text; to update one, write the expected text to it."""
    file = resources.files("oqtopus_client.emulator") / "devices" / f"{device_id}.json"
    expected = square_lattice(device_id, side, side, seed=side * side, coherent=device_id.endswith("c")).to_file()

    assert file.read_text(encoding="utf-8") == expected


def test_lattice() -> None:
    """A lattice has every edge once, in one direction, and values typical of superconducting qubits."""
    rows, columns = 12, 20
    lattice = square_lattice("lattice", rows, columns, seed=5)
    qubits, couplings = lattice.description["device_info"]["qubits"], lattice.description["device_info"]["couplings"]
    pairs = [(coupling["control"], coupling["target"]) for coupling in couplings]
    place = [(qubit["position"]["x"], qubit["position"]["y"]) for qubit in qubits]
    errors = [qubit["meas_error"] for qubit in qubits]
    ratios = [qubit["qubit_lifetime"]["t2"] / qubit["qubit_lifetime"]["t1"] for qubit in qubits]

    assert lattice == square_lattice("lattice", rows, columns, seed=5) != square_lattice("lattice", 12, 20, seed=6)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs) == rows * (columns - 1) + columns * (rows - 1)
    assert all(math.dist(place[control], place[target]) == 1 for control, target in pairs)
    assert all(0.005 <= p <= 0.05 for e in errors for p in (e["prob_meas1_prep0"], e["prob_meas0_prep1"]))
    assert all(e["prob_meas1_prep0"] != e["prob_meas0_prep1"] for e in errors)
    assert min(ratios) < 0.8
    assert 1.2 < max(ratios) < 2
    assert all(0.9985 < qubit["fidelity"] < 0.9998 for qubit in qubits)
    assert all(0.97 < coupling["fidelity"] < 0.995 for coupling in couplings)
    for coupling in couplings:
        ends = [qubits[coupling[end]]["qubit_lifetime"] for end in ("control", "target")]
        best = relaxation_fidelity(coupling["gate_duration"]["rzx90"], [(end["t1"], end["t2"]) for end in ends])
        assert coupling["fidelity"] < best


def test_coherent_errors_of_a_lattice() -> None:
    """A lattice has the same calibration with and without coherent errors, whose sizes are plausible."""
    errors = square_lattice("lattice", 8, 8, seed=64, coherent=True).coherent
    plain = square_lattice("lattice", 8, 8, seed=64)

    assert errors is not None
    assert built_in_devices()["lattice64c"].calibration == plain.calibration
    for name, n_values, size in (("x", 64, 0.005), ("sx", 64, 0.005), ("cx", 112, 0.01), ("detuning_khz", 64, 3)):
        values = list(getattr(errors, name).values())
        assert len(values) == n_values
        assert abs(sum(values)) < 5 * size * n_values**0.5
        assert (sum(value**2 for value in values) / n_values) ** 0.5 == pytest.approx(size, rel=0.3)
    assert isinstance(errors.zz_khz, dict)
    assert len(errors.zz_khz) == 112
    assert all(20 <= shift <= 100 for shift in errors.zz_khz.values())


def test_coherent_errors_stay_with_the_emulator() -> None:
    """A device file keeps coherent errors, also after a recalibration, and clients never see them."""
    errors = CoherentErrors(x={0: 0.01}, cx=-0.02, zz_khz={(1, 0): 50.5}, detuning_khz=3.0)
    device = dataclasses.replace(EmulatedDevice.from_device_info(CHIP), coherent=errors)
    content = json.loads(device.to_file())

    assert content["coherent"] == {"x": {"0": 0.01}, "cx": -0.02, "zz_khz": {"1,0": 50.5}, "detuning_khz": 3.0}
    assert EmulatedDevice.from_description(content) == device
    assert device.with_calibration(chip(fidelity=0.5)).coherent == errors
    assert device.info(n_pending_jobs=0) == EmulatedDevice.from_device_info(CHIP).info(n_pending_jobs=0)


@pytest.mark.parametrize(
    ("coherent", "message"),
    [
        ({"x": "0.1"}, "coherent.x must be a valid number, not '0.1'."),
        ({"sx": math.nan}, "coherent.sx must be"),
        ({"zz": 50}, "coherent.zz does not exist"),
        ({"zz_khz": {"0-1": 50}}, "coherent.zz_khz.0-1"),
        ({"zz_khz": {"0,1,2": 50}}, "coherent.zz_khz.0,1,2"),
        ({"detuning_khz": {"1": None}}, "coherent.detuning_khz.1 must be a valid number, not None"),
        ({"detuning_khz": {"2": 1.0}}, "coherent.detuning_khz has 2, which the device does not have."),
        ({"cx": {"1,0": 0.1}}, "coherent.cx has (1, 0), which the device does not have."),
    ],
)
def test_refused_coherent_errors(coherent: dict[str, Any], message: str) -> None:
    """Misspelt fields, impossible values, and qubits and couplings that do not exist are refused."""
    device = EmulatedDevice.from_device_info(CHIP)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        EmulatedDevice.from_description({**device.description, "coherent": coherent})


def test_coherent_errors_of_several_devices() -> None:
    """A coupling with a coherent error must exist on one of the noisy devices, not on all."""
    Emulator(":memory:", coherent=CoherentErrors(zz_khz={(0, 12): 50.0, (0, 8): 50.0})).close()
    with pytest.raises(ValueError, match=r"coherent.zz_khz has \(0, 9\), which no noisy device has"):
        Emulator(":memory:", coherent=CoherentErrors(zz_khz={(0, 9): 50.0}))
