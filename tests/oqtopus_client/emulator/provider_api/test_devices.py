"""What an engine reports about its device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client.emulator import Emulator
from oqtopus_client.rest.storage import pack
from tests.support.callers import SUBMIT, Caller, form_of
from tests.support.provider import ProviderCaller

TIME = "2026-08-19T21:14:03.120000+00:00"
CHIP: dict[str, Any] = {
    "name": "chip",
    "qubits": [{"id": i, "fidelity": 0.99} for i in range(3)],
    "couplings": [{"control": 0, "target": 1, "fidelity": 0.9}],
}
UPDATED = {"message": "Device's data updated"}


def device(user: Caller) -> dict[str, Any]:
    """Return the device as users see it."""
    return dict(user("GET", "/devices/qulacs").json())


def test_size(user: Caller, engine: ProviderCaller) -> None:
    """A report may change the number of qubits; null or a missing field keeps it."""
    for body, shown in (({"n_qubits": 5}, 5), ({"n_qubits": None}, 5), ({}, 5), ({"n_qubits": 64}, 64)):
        answer = engine("PATCH", "/devices/qulacs", json=body)
        assert (answer.status_code, answer.json()) == (200, {"message": "Device is successfully updated."})
        assert device(user)["n_qubits"] == shown
    assert engine("PATCH", "/devices/qulacs", json={"n_qubits": "many"}).status_code == 422


def test_status(user: Caller, engine: ProviderCaller) -> None:
    """Users cannot submit to a device that its engine reported as unavailable."""
    job_id = user.register()
    answer = engine("PATCH", "/devices/qulacs/status", json={"status": "unavailable"})

    assert (answer.status_code, answer.json()) == (200, UPDATED)
    assert device(user)["status"] == "unavailable"
    answer = user("POST", f"/jobs/{job_id}/submit", json=SUBMIT)
    assert (answer.status_code, answer.json()) == (400, {"message": "device qulacs is not available"})
    assert engine("PATCH", "/devices/qulacs/status", json={"status": "maintenance"}).status_code == 422
    assert engine("PATCH", "/devices/qulacs/status", json={"status": "available"}).status_code == 200
    assert user("POST", f"/jobs/{job_id}/submit", json=SUBMIT).status_code == 200


@pytest.mark.parametrize("uploaded", [False, True])
def test_calibration(user: Caller, engine: ProviderCaller, uploaded: bool) -> None:
    """A calibration may be text or an upload; users see it, its time, and an entry of the history."""
    body = {"device_info": json.dumps(CHIP), "calibrated_at": TIME}
    if uploaded:
        del body["device_info"]
        target = engine("GET", "/devices/qulacs/device_info/upload").json()["presigned_url"]
        assert target["fields"]["key"] == "devices/qulacs/device_info.zip"
        archive = pack(json.dumps(CHIP).encode(), "device_info.json")
        files = {"file": ("device_info.zip", archive, "application/zip")}
        assert engine("POST", target["url"], data=form_of(target), files=files).status_code == 204

    answer = engine("PATCH", "/devices/qulacs/device_info", json=body)

    assert (answer.status_code, answer.json()) == (200, UPDATED)
    shown = device(user)
    assert shown["calibrated_at"] == "2026-08-19T21:14:03Z"
    assert shown["n_qubits"] == 3
    assert json.loads(shown["device_info"])["qubits"] == CHIP["qubits"]
    newest = user("GET", "/device_histories", params={"device_id": "qulacs"}).json()["items"][0]
    assert (newest["n_qubits"], newest["n_couplings"]) == (3, 1)
    assert newest["calibrated_at"] == "2026-08-19T21:14:03Z"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"device_info": json.dumps(CHIP)}, 400, "calibrated_at is required"),
        ({}, 400, "calibrated_at is required"),
        ({"calibrated_at": TIME}, 400, "device_info upload not found"),
        ({"calibrated_at": TIME, "device_info": "no JSON"}, 400, "device_info is invalid"),
        ({"calibrated_at": TIME, "device_info": '{"qubits": [{"id": 7}]}'}, 400, "device_info is invalid"),
        ({"calibrated_at": "yesterday", "device_info": json.dumps(CHIP)}, 422, None),
    ],
)
def test_refused_calibrations(
    user: Caller, engine: ProviderCaller, body: dict[str, Any], status: int, message: str | None
) -> None:
    """A refused calibration leaves the present one in place."""
    before = device(user)
    answer = engine("PATCH", "/devices/qulacs/device_info", json=body)

    assert answer.status_code == status
    assert message is None or answer.json() == {"message": message}
    assert device(user) == before


def test_a_damaged_upload(engine: ProviderCaller) -> None:
    """An upload that is not a zip file with text is refused."""
    target = engine("GET", "/devices/qulacs/device_info/upload").json()["presigned_url"]
    for archive in (b"no zip", pack(b"\xff", "device_info.json")):
        engine("POST", target["url"], data=form_of(target), files={"file": ("device_info.zip", archive)})
        answer = engine("PATCH", "/devices/qulacs/device_info", json={"calibrated_at": TIME})
        assert (answer.status_code, answer.json()) == (400, {"message": "device_info.zip is invalid"})


def test_a_strict_server_wants_calibrations_of_chips_only() -> None:
    """With `strict_provider`, calibrations of simulators and uploads are refused, as by the first router."""
    with Emulator(":memory:", executor="external", strict_provider=True) as emulator:
        engine = ProviderCaller("http://provider.localhost", "", emulator.provider_api)
        answers = [
            engine("PATCH", f"/devices/{name}/device_info", json=body).json()["message"]
            for name, body in (
                ("qulacs", {"device_info": json.dumps(CHIP), "calibrated_at": TIME}),
                ("lattice64", {"calibrated_at": TIME}),
                ("lattice64", {"device_info": json.dumps(CHIP)}),
                ("lattice64", {"device_info": json.dumps(CHIP), "calibrated_at": TIME}),
            )
        ]
        engine.close()

    assert answers == [
        "Calibration is only supported for QPU devices",
        "device_info is required",
        "calibrated_at is required",
        "Device's data updated",
    ]


def test_unknown_devices(engine: ProviderCaller) -> None:
    """An engine cannot add a device."""
    for method, path, body in (
        ("PATCH", "", {"n_qubits": 5}),
        ("PATCH", "/status", {"status": "available"}),
        ("PATCH", "/device_info", {}),
        ("GET", "/device_info/upload", None),
    ):
        answer = engine(method, f"/devices/chip{path}", json=body)
        assert (answer.status_code, answer.json()) == (404, {"message": "device_id=chip is not found."})


def test_reports_are_kept(tmp_path: Path) -> None:
    """The next emulator of the folder keeps the engine's description of the device, even if it runs jobs itself."""
    with Emulator(tmp_path, executor="external") as emulator:
        engine = ProviderCaller("http://provider.localhost", "", emulator.provider_api)
        engine("PATCH", "/devices/qulacs", json={"n_qubits": 5})
        engine("PATCH", "/devices/qulacs/device_info", json={"device_info": json.dumps(CHIP), "calibrated_at": TIME})
        engine.close()
    with Emulator(tmp_path) as emulator:
        user = Caller("http://emulator.localhost", emulator.token, emulator)
        shown = device(user)
        user.close()

    assert shown["n_qubits"] == 5
    assert shown["calibrated_at"] == "2026-08-19T21:14:03Z"
