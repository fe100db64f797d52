"""Devices change while the emulator runs: calibrations, availability, files; and how each is published."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import CoherentErrors, Emulator
from oqtopus_client.emulator.device_files import EmulatedDevice
from oqtopus_client.emulator.lattice import square_lattice
from oqtopus_client.errors import JobSubmissionError, OqtopusStorageError
from tests.support.callers import Caller
from tests.support.server_process import running_server

SHOTS = 20_000
NOTHING = OqtopusJobSpec.sampling(
    device_id="chip",
    program='OPENQASM 3; include "stdgates.inc"; qubit[1] q; bit[1] c; x q[0]; x q[0]; c = measure q;',
    shots=SHOTS,
    transpiler_info={"transpiler_lib": "qiskit", "transpiler_options": {"initial_layout": [0]}},
)


def chip_info(readout_error: float = 0.0, n_qubits: int = 3, **more: Any) -> dict[str, Any]:
    """Return the calibration of a chip with an error in the readout of zeros only."""
    qubits = [{"id": i, "meas_error": {"prob_meas1_prep0": readout_error}} for i in range(n_qubits)]
    couplings = [{"control": i, "target": i + 1} for i in range(n_qubits - 1)]
    return {"name": "chip", "qubits": qubits, "couplings": couplings, **more}


def chip(readout_error: float = 0.0, **settings: Any) -> EmulatedDevice:
    """A noisy chip."""
    return EmulatedDevice.from_device_info(chip_info(readout_error), device_id="chip", noisy=True, **settings)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator with a chip in addition to the built-in devices."""
    with Emulator(":memory:", devices=[chip()]) as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[OqtopusClient]:
    """The operator's client."""
    with OqtopusClient(emulator.config) as client:
        yield client


@pytest.fixture
def call(emulator: Emulator) -> Iterator[Caller]:
    """The operator's caller."""
    caller = Caller("http://emulator.localhost", emulator.token, emulator)
    yield caller
    caller.close()


def wrongly_read(client: OqtopusClient) -> int:
    """Return how many of a job's zeros were read as ones."""
    job = client.run_job(NOTHING, interval=0.01)
    assert job.status == "succeeded", job.message
    return int(job.sampling.counts.get("1", 0))  # type: ignore[union-attr]


def readout_errors(client: OqtopusClient) -> list[Any]:
    """Return the readout errors that `GET /devices` publishes."""
    (device,) = (device for device in client.list_devices() if device.device_id == "chip")
    info: Any = device.device_info
    return [qubit["meas_error"]["prob_meas1_prep0"] for qubit in info["qubits"]]


@pytest.mark.parametrize("over_http", [False, True])
def test_recalibration(emulator: Emulator, client: OqtopusClient, call: Caller, over_http: bool) -> None:
    """A new calibration is published, enters the history, and applies to the next job."""
    assert wrongly_read(client) == 0
    before = time.time()
    info = chip_info(0.3)
    if over_http:
        assert call("PATCH", "/emulator/devices/chip", json={"device_info": info}).status_code == 204
    else:
        emulator.calibrate("chip", info)
    device = client.get_device("chip")
    histories = client.list_device_histories(device_id="chip")

    assert readout_errors(client) == [0.3] * 3
    assert emulator.devices["chip"].calibration["qubits"][0]["meas_error"]["prob_meas1_prep0"] == 0.3
    assert device.calibrated_at is not None
    assert device.calibrated_at.timestamp() >= before - 1
    assert histories.total == 2
    assert histories.items[0].calibrated_at == device.calibrated_at
    # Bounds of a false alarm of 1e-6.
    assert stats.binomtest(wrongly_read(client), SHOTS, 0.3).pvalue > 1e-6


def test_calibrated_as_read(emulator: Emulator) -> None:
    """A device's calibration can be read, changed and set again."""
    info = emulator.devices["lattice64"].calibration
    info["qubits"][5]["fidelity"] = 0.5
    emulator.calibrate("lattice64", info)

    assert emulator.devices["lattice64"].calibration["qubits"][5]["fidelity"] == 0.5


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (chip_info(1.5), "meas_error"),
        (chip_info(n_qubits=4), "n_qubits is 3, but device_info has 4 qubits"),
        ({}, "no 'qubits'"),
        (chip_info(calibrated_at="yesterday"), "yesterday"),
    ],
)
def test_nonsense_is_refused(
    emulator: Emulator, client: OqtopusClient, call: Caller, info: dict[str, Any], message: str
) -> None:
    """An invalid calibration is refused (ValueError, or 422 with the same message) and changes nothing."""
    with pytest.raises(ValueError, match=message):
        emulator.calibrate("chip", info)
    answer = call("PATCH", "/emulator/devices/chip", json={"device_info": info, "status": "unavailable"})

    assert answer.status_code == 422
    assert message in answer.json()["detail"]
    assert readout_errors(client) == [0.0] * 3
    assert client.get_device("chip").status == "available"
    assert client.list_device_histories(device_id="chip").total == 1


def test_unknown_device(emulator: Emulator, call: Caller) -> None:
    """An unknown device raises KeyError, or 404 over HTTP."""
    for act in (
        lambda: emulator.calibrate("nowhere", chip_info()),
        lambda: emulator.set_status("nowhere", "available"),
    ):
        with pytest.raises(KeyError):
            act()

    assert call("PATCH", "/emulator/devices/nowhere", json={}).status_code == 404


@pytest.mark.parametrize("over_http", [False, True])
def test_unavailable(emulator: Emulator, client: OqtopusClient, call: Caller, over_http: bool) -> None:
    """An unavailable device accepts no jobs until it is available again."""

    def change(status: str) -> None:
        if over_http:
            assert call("PATCH", "/emulator/devices/chip", json={"status": status}).status_code == 204
        else:
            emulator.set_status("chip", status)

    change("unavailable")
    assert client.get_device("chip").status == "unavailable"
    job_id = call.register()
    answer = call("POST", f"/jobs/{job_id}/submit", json={"device_id": "chip", "job_type": "sampling", "shots": 1})
    assert (answer.status_code, answer.json()) == (400, {"message": "device chip is not available"})
    with pytest.raises(JobSubmissionError, match="device chip is not available"):
        client.submit_job(NOTHING)
    change("available")

    assert wrongly_read(client) == 0


def test_unknown_availability(emulator: Emulator, client: OqtopusClient, call: Caller) -> None:
    """Only two statuses of a device are accepted."""
    with pytest.raises(ValueError, match="broken"):
        emulator.set_status("chip", "broken")

    assert call("PATCH", "/emulator/devices/chip", json={"status": "broken"}).status_code == 422
    assert client.get_device("chip").status == "available"


def test_emulation_of_all_devices() -> None:
    """The emulator's options replace those of the devices, also of recalibrated ones; without, each keeps its own."""
    own = dataclasses.replace(chip(), idle_noise=False)
    with Emulator(":memory:", devices=[own]) as emulator:
        found = {(device_id, device.idle_noise, device.schedule) for device_id, device in emulator.devices.items()}
    assert found >= {("chip", False, "gateway"), ("lattice64", True, "gateway")}
    errors = CoherentErrors(sx=0.01, zz_khz={(0, 1): 50.0})
    with Emulator(":memory:", devices=[own], idle_noise=True, schedule="alap", coherent=errors) as emulator:
        emulator.calibrate("chip", chip_info(0.1))
        for device in emulator.devices.values():
            assert (device.idle_noise, device.schedule, device.coherent) == (True, "alap", errors)


@pytest.mark.parametrize("device_id", ["chip", "my chip #1 (ü, 100%)"])
@pytest.mark.parametrize("publish", ["inline", "zip", "json"])
def test_publishing(device_id: str, publish: Any) -> None:
    """The client reads a calibration in every form of publication, and the next one as well."""
    device = EmulatedDevice.from_device_info(chip_info(), device_id=device_id, publish=publish)
    with Emulator(":memory:", devices=[device]) as emulator, OqtopusClient(emulator.config) as client:
        found = client.get_device(device_id)
        assert found.device_info == json.loads(emulator.devices[device_id].device_info) == chip_info()
        emulator.calibrate(device_id, chip_info(0.25))
        info: Any = next(each for each in client.list_devices() if each.device_id == device_id).device_info
        assert info["qubits"] == chip_info(0.25)["qubits"]


def test_publishing_nothing() -> None:
    """A device may publish no calibration, and still be noisy."""
    with Emulator(":memory:", devices=[chip(0.3, publish="none")]) as emulator:
        caller = Caller("http://emulator.localhost", emulator.token, emulator)
        assert caller("GET", "/devices/chip").json()["device_info"] is None
        caller.close()
        with OqtopusClient(emulator.config) as client:
            assert client.get_device("chip").device_info is None
            assert stats.binomtest(wrongly_read(client), SHOTS, 0.3).pvalue > 1e-6


def test_urls_are_urls() -> None:
    """URLs lead to a zip archive or to JSON, need no token, and cannot be forged."""
    devices = [dataclasses.replace(chip(), publish=publish) for publish in ("zip", "json")]
    for device, start, kind in zip(devices, (b"PK", b"{"), ("application/zip", "application/json"), strict=True):
        with Emulator(":memory:", devices=[device]) as emulator:
            caller = Caller("http://emulator.localhost", emulator.token, emulator)
            url = caller("GET", "/devices/chip").json()["device_info"]
            answer = caller("GET", url, headers={"q-api-token": ""})
            assert answer.content.startswith(start)
            assert answer.headers["content-type"] == kind
            assert caller("GET", url.partition("?")[0]).status_code == 403
            assert caller("GET", url.replace("/chip/", "/qulacs/")).status_code == 403
            caller.close()


def test_expiring_urls() -> None:
    """The client reports an expired URL."""
    with Emulator(":memory:", devices=[chip(publish="zip")], url_seconds=0) as emulator:
        caller = Caller("http://emulator.localhost", emulator.token, emulator)
        answer = caller("GET", caller("GET", "/devices/chip").json()["device_info"])
        assert answer.status_code == 403
        assert "Request has expired" in answer.text
        caller.close()
        with OqtopusClient(emulator.config) as client:
            with pytest.raises(OqtopusStorageError, match="download: HTTP 403"):
                client.get_device("chip")
            assert client.get_device("qulacs").device_info
            with pytest.raises(JobSubmissionError, match="upload: HTTP 403"):
                client.submit_job(NOTHING)
            assert list(client.iter_jobs()) == []


def test_fresh_urls(tmp_path: Path) -> None:
    """A file whose URL has expired since the job was read is fetched from a fresh one."""
    with Emulator(tmp_path, devices=[chip()]) as emulator, OqtopusClient(emulator.config) as client:
        job = client.run_job(NOTHING, interval=0.01)
        signer = emulator.cloud.signer
        old, signer._valid_seconds = signer._valid_seconds, -1
        expired = client.get_job_status(job.job_id)
        assert expired.status == "succeeded"
        with pytest.raises(OqtopusStorageError):
            client.get_job(job.job_id)
        signer._valid_seconds = old
        assert client.get_job(job.job_id).input == job.input


def write(folder: Path, readout_error: float, **settings: Any) -> Path:
    """Write the chip's device file."""
    folder.mkdir(exist_ok=True)
    (folder / "chip.json").write_text(chip(readout_error, **settings).to_file())
    return folder


def test_a_folder_of_devices(tmp_path: Path) -> None:
    """Devices from a folder are added to the built-in ones, which a file may replace."""
    folder = write(tmp_path / "devices", 0.1)
    lattice = square_lattice("lattice64", 2, 2, seed=1)
    (folder / "other.json").write_text(lattice.to_file())
    with Emulator(tmp_path / "data", devices=folder) as emulator, OqtopusClient(emulator.config) as client:
        found = {device.device_id: device.n_qubits for device in client.list_devices()}
        errors = readout_errors(client)

    assert found == {"qulacs": 16, "lattice64": 4, "lattice64c": 64, "lattice144": 144, "chip": 3}
    assert errors == [0.1] * 3


def test_a_folder_of_devices_on_the_command_line(tmp_path: Path) -> None:
    """`--devices` does the same, and so does the control path there."""
    folder = write(tmp_path / "devices", 0.1)
    with running_server(tmp_path / "data", "--devices", str(folder)) as environment:
        config = OqtopusConfig(environment["OQTOPUS_URL"], environment["OQTOPUS_API_TOKEN"])
        caller = Caller(config.base_url, config.api_token or "")
        with OqtopusClient(config) as client:
            assert readout_errors(client) == [0.1] * 3
            assert caller("PATCH", "/emulator/devices/chip", json={"device_info": chip_info(1.0)}).status_code == 204
            assert wrongly_read(client) == SHOTS
        caller.close()


def test_a_wrong_folder(tmp_path: Path) -> None:
    """The message names the wrong folder."""
    with pytest.raises(OSError, match="nowhere"):
        Emulator(":memory:", devices=tmp_path / "nowhere")
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(ValueError, match=r"broken\.json"):
        Emulator(":memory:", devices=tmp_path)


def test_sharing_a_folder(tmp_path: Path) -> None:
    """A change in one emulator of a folder applies to the other at once."""
    with (
        Emulator(tmp_path, devices=[chip()]) as one,
        Emulator(tmp_path, devices=[chip()]) as other,
        OqtopusClient(other.config) as client,
    ):
        assert readout_errors(client) == [0.0] * 3
        one.calibrate("chip", chip_info(1.0))
        assert readout_errors(client) == [1.0] * 3
        assert client.list_device_histories(device_id="chip").total == 2
        assert wrongly_read(client) == SHOTS
        other.calibrate("chip", chip_info(0.0))
        assert one.devices["chip"].calibration["qubits"][0]["meas_error"]["prob_meas1_prep0"] == 0.0
        one.set_status("chip", "unavailable")
        assert client.get_device("chip").status == "unavailable"


def test_an_edited_file_wins(tmp_path: Path) -> None:
    """An edited file overrides its earlier content and later calibrations; an unchanged one does not."""
    data = tmp_path / "data"
    folder = write(tmp_path / "devices", 0.1)
    for edit, given, expected, entries in [
        (None, None, 0.1, 1),
        (None, 0.2, 0.1, 1),  # calibrated at the end of this round
        (None, None, 0.2, 2),
        (0.3, None, 0.3, 3),
        (None, None, 0.3, 3),
        (0.1, None, 0.1, 4),
    ]:
        if edit is not None:
            write(folder, edit)
        with Emulator(data, devices=folder) as emulator, OqtopusClient(emulator.config) as client:
            assert readout_errors(client) == [expected] * 3
            assert client.list_device_histories(device_id="chip").total == entries
            if given is not None:
                emulator.calibrate("chip", chip_info(given))


def test_a_chip_that_has_grown(tmp_path: Path) -> None:
    """A device file may come back with another number of qubits."""
    grown = EmulatedDevice.from_device_info(chip_info(n_qubits=5), device_id="chip")
    for device in (chip(), grown, chip()):
        with Emulator(tmp_path, devices=[device]) as emulator, OqtopusClient(emulator.config) as client:
            assert client.get_device("chip").n_qubits == device.n_qubits
            assert len(readout_errors(client)) == device.n_qubits
    with Emulator(tmp_path, devices=[grown]) as emulator, OqtopusClient(emulator.config) as client:
        histories = client.list_device_histories(device_id="chip")
        assert [(item.n_qubits, item.n_couplings) for item in histories.items] == [(5, 4), (3, 2), (5, 4), (3, 2)]
