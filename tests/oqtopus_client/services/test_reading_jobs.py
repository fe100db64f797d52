"""Jobs of every type, read with as few requests as possible, even if their side files are damaged."""

from __future__ import annotations

import base64
import json
import pickle
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from oqtopus_client import (
    AsyncOqtopusClient,
    OqtopusClient,
    OqtopusConfig,
    OqtopusEstimationJobResult,
    OqtopusJobResult,
    OqtopusMultiManualJobResult,
    OqtopusSamplingJobResult,
    OqtopusSseJobResult,
    ResponseValidationError,
)
from oqtopus_client.errors import JobNotSubmittedError, JobTimeoutError, OqtopusStorageError
from oqtopus_client.rest.models import JobsS3TranspileResult
from oqtopus_client.rest.storage import pack
from tests.support.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "http://server.example"


def zipped(content: object, name: str = "result.json") -> bytes:
    """Return a job's file."""
    return pack(content.encode() if isinstance(content, str) else json.dumps(content).encode(), name)


def job(job_type: str, *files: str, status: str = "succeeded") -> dict[str, Any]:
    """Return a job with the URLs of these files."""
    info = {name: f"{HOST}/files/{name}" for name in files}
    return {
        "job_id": "1",
        "name": "",
        "job_type": job_type,
        "status": status,
        "device_id": "qulacs",
        "shots": 10,
        "job_info": info,
    }


SAMPLING = {"sampling": {"counts": {"0010": 7, "1010": 3}, "divided_counts": None}, "estimation": None}
ESTIMATION = {"sampling": None, "estimation": {"exp_value": 1.4925, "stds": 0.0612}}
DIVIDED = {"1": {"00": 7, "10": 3}, "0": {"10": 10}}
MULTI = {"sampling": {"counts": {"0010": 7, "1010": 3}, "divided_counts": DIVIDED}, "estimation": None}
TRANSPILED = {"transpiled_program": "OPENQASM 3;", "stats": {}, "virtual_physical_mapping": {"qubit_mapping": {"0": 3}}}


@pytest.fixture
def server() -> ScriptedServer:
    """A server without jobs."""
    return ScriptedServer()


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[OqtopusClient]:
    """A client of the server."""
    with OqtopusClient(OqtopusConfig(HOST, "id.secret", transport=server)) as client:
        yield client


def test_sampling(server: ScriptedServer, client: OqtopusClient) -> None:
    """A sampling job takes two requests: the job and its result."""
    server.answers |= {
        "GET /jobs/1": job("sampling", "input", "result", "transpile_result"),
        "GET /files/result": zipped(SAMPLING),
    }
    result = client.get_job("1")

    assert type(result) is OqtopusSamplingJobResult
    assert result.get_counts() == {"0010": 7, "1010": 3}
    assert result.counts_with_integer_keys() == {"counts": {2: 7, 10: 3}, "divided_counts": {}}
    assert [result.is_sampling(), result.is_estimation(), result.is_multi_manual(), result.is_sse()] == [
        True,
        False,
        False,
        False,
    ]
    assert server.asked == ["GET /jobs/1", "GET /files/result"]


def test_estimation(server: ScriptedServer, client: OqtopusClient) -> None:
    """An estimation job has a value and its standard error."""
    server.answers |= {"GET /jobs/1": job("estimation", "result"), "GET /files/result": zipped(ESTIMATION)}
    result = client.get_job("1")

    assert isinstance(result, OqtopusEstimationJobResult)
    assert (result.exp_value, result.stds) == (result.get_exp_value(), result.get_stds()) == (1.4925, 0.0612)
    assert result.is_estimation()
    assert result.sampling is None


def test_multi_manual(server: ScriptedServer, client: OqtopusClient) -> None:
    """A multi_manual job has each program's counts, with integer keys as in the reference, or bitstrings."""
    server.answers |= {"GET /jobs/1": job("multi_manual", "result"), "GET /files/result": zipped(MULTI)}
    result = client.get_job("1")

    assert isinstance(result, OqtopusMultiManualJobResult)
    assert result.get_divided_counts() == {"1": {0: 7, 2: 3}, "0": {2: 10}}
    assert result.divided_bitstring_counts() == DIVIDED
    assert result.is_multi_manual()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (SAMPLING, OqtopusSamplingJobResult),
        (MULTI, OqtopusMultiManualJobResult),
        (ESTIMATION, OqtopusEstimationJobResult),
        ({}, OqtopusJobResult),
    ],
)
def test_sse(server: ScriptedServer, client: OqtopusClient, content: object, kind: type) -> None:
    """An sse job's result is its last inner job's, in the class for its type."""
    server.answers |= {"GET /jobs/1": job("sse", "result"), "GET /files/result": zipped(content)}
    result = client.get_job("1")

    assert isinstance(result, OqtopusSseJobResult)
    assert type(result.get_job_result()) is kind
    assert result.get_job_result().job_id == "1"


def test_side_files_are_read_once_when_asked_for(server: ScriptedServer, client: OqtopusClient) -> None:
    """Each side file takes one request, and none on later access."""
    server.answers |= {
        "GET /jobs/1": job("multi_manual", "input", "result", "transpile_result", "combined_program"),
        "GET /files/result": zipped(MULTI),
        "GET /files/input": zipped({"program": ["OPENQASM 3; x q[0];"]}),
        "GET /files/transpile_result": zipped(TRANSPILED),
        "GET /files/combined_program": zipped("OPENQASM 3.0; h q[3];", "combined_program"),
    }
    result = client.get_job("1")
    for _ in range(2):
        assert result.input is not None
        assert result.input.program == ["OPENQASM 3; x q[0];"]
        assert isinstance(result.transpile_result, JobsS3TranspileResult)
        assert result.transpile_result.virtual_physical_mapping == {"qubit_mapping": {"0": 3}}
        assert result.combined_program == "OPENQASM 3.0; h q[3];"

    assert server.asked[2:] == ["GET /files/input", "GET /files/transpile_result", "GET /files/combined_program"]


def test_expired_url(server: ScriptedServer, client: OqtopusClient) -> None:
    """A fresh URL replaces an expired one."""
    server.answers |= {"GET /jobs/1": job("sampling", "transpile_result"), "GET /files/transpile_result": 403}
    result = client.get_job("1")
    server.answers["GET /jobs/1"]["job_info"]["transpile_result"] = f"{HOST}/files/fresh"
    server.answers["GET /files/fresh"] = zipped(TRANSPILED)

    assert isinstance(result.transpile_result, JobsS3TranspileResult)
    assert server.asked[1:] == ["GET /files/transpile_result", "GET /jobs/1", "GET /files/fresh"]


@pytest.mark.parametrize("broken", [403, b"no zip"])
def test_broken_side_file_hides_no_result(server: ScriptedServer, client: OqtopusClient, broken: object) -> None:
    """A damaged side file raises an error on access only; the counts can be read."""
    server.answers |= {
        "GET /jobs/1": job("sampling", "result", "transpile_result"),
        "GET /files/result": zipped(SAMPLING),
        "GET /files/transpile_result": broken,
    }
    result = client.get_job("1")

    assert isinstance(result, OqtopusSamplingJobResult)
    assert result.get_counts()
    with pytest.raises(OqtopusStorageError):
        _ = result.transpile_result


def test_no_side_file(server: ScriptedServer, client: OqtopusClient) -> None:
    """A missing side file is None."""
    server.answers |= {"GET /jobs/1": job("sampling", "input", status="failed")}
    result = client.get_job("1")

    assert result.transpile_result is None
    assert result.combined_program is None
    assert len(server.asked) == 1


@pytest.mark.anyio
async def test_side_files_of_asynchronous_clients(server: ScriptedServer) -> None:
    """The client reads them, as a property cannot."""
    server.answers |= {
        "GET /jobs/1": job("sampling", "transpile_result"),
        "GET /files/transpile_result": zipped(TRANSPILED),
    }
    async with AsyncOqtopusClient(OqtopusConfig(HOST, transport=server)) as client:
        result = await client.get_job("1")
        transpiled = await client.read_job_file(result.job_id, "transpile_result")
        missing = await client.read_job_file(result.job_id, "combined_program")

    assert transpiled == JobsS3TranspileResult.from_dict(TRANSPILED)
    assert missing is None
    with pytest.raises(TypeError, match="read_job_file"):
        _ = result.transpile_result


def test_job_that_is_only_registered(server: ScriptedServer, client: OqtopusClient) -> None:
    """Reading a registered job, or a timeout, reports that it was not submitted."""
    server.answers["GET /jobs/1"] = server.answers["GET /jobs/1/status"] = {"job_id": "1", "status": "registered"}
    said = "Job 1: is registered, but was not submitted, so it has no result; submit it again."
    with pytest.raises(JobNotSubmittedError) as caught:
        client.get_job("1")
    with pytest.raises(JobTimeoutError, match="was not submitted within 0 s; submit it again"):
        client.wait_for_job("1", timeout=0)

    assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value))) == said  # noqa: S301 - our own
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(("status", "hint"), [("running", True), ("ready", False)])
def test_job_that_never_ends(server: ScriptedServer, client: OqtopusClient, status: str, *, hint: bool) -> None:
    """The timeout error names the possible cause that servers leave a failed estimation running."""
    server.answers["GET /jobs/1/status"] = {"job_id": "1", "status": status}
    with pytest.raises(JobTimeoutError, match="did not finish within 0 s") as caught:
        client.wait_for_job("1", timeout=0)

    assert ("An estimation that stays 'running' may have failed" in str(caught.value)) is hint


def test_unknown_status_and_type(server: ScriptedServer, client: OqtopusClient) -> None:
    """A job with an unknown status or type can be read."""
    server.answers |= {"GET /jobs/1": job("annealing", status="hibernating")}
    result = client.get_job("1")

    assert (result.status, result.job_type) == ("hibernating", "annealing")
    server.answers["GET /jobs/1/status"] = {"job_id": "1", "status": "hibernating"}
    assert not client.is_finished("1")


# --- logs

LOG = pack(b"hello\n", "sse_runtime.log")


@pytest.fixture
def logged(server: ScriptedServer, client: OqtopusClient) -> OqtopusSseJobResult:
    """Return a job with a log."""
    server.answers |= {
        "GET /jobs/1": job("sse", "result", "sse_log"),
        "GET /files/result": zipped(SAMPLING),
        "GET /files/sse_log": LOG,
    }
    result = client.get_job("1")
    assert isinstance(result, OqtopusSseJobResult)
    return result


def test_log(logged: OqtopusSseJobResult, client: OqtopusClient) -> None:
    """A log can be read as an archive or text, and printed."""
    printed: list[str] = []

    assert logged.download_log() == LOG
    assert logged.read_log_text() == "===== sse_runtime.log =====\nhello"
    assert logged.show_log(print_fn=printed.append) == printed[0] == logged.read_log_text()
    assert base64.b64decode(client.get_sselog("1").file or "") == LOG


def test_saving_the_log(logged: OqtopusSseJobResult, tmp_path: Path) -> None:
    """A log is saved to a folder, under a safe name, without overwriting."""
    saved = logged.download_log(persist=True, save_dir=tmp_path)
    tricked = logged.download_log(persist=True, save_dir=tmp_path, file_name="../../evil/log.zip")

    assert saved == str(tmp_path / "sselog_1.zip")
    assert tricked == str(tmp_path / "log.zip")
    assert (tmp_path / "log.zip").read_bytes() == LOG
    with pytest.raises(ValueError, match="exists already; pass overwrite=True"):
        logged.download_log(persist=True, save_dir=tmp_path)
    assert logged.download_log(persist=True, save_dir=tmp_path, overwrite=True) == saved
    with pytest.raises(ValueError, match="is not a folder"):
        logged.download_log(persist=True, save_dir=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="require persist=True"):
        logged.download_log(save_dir=tmp_path)


def test_no_log(server: ScriptedServer, client: OqtopusClient) -> None:
    """A failed job has no log."""
    server.answers |= {"GET /jobs/1": job("sse", status="failed")}
    with pytest.raises(ResponseValidationError, match=r"Job 1 \(sse, failed\) has no log"):
        client.get_sselog("1")
    result = client.get_job("1")
    assert isinstance(result, OqtopusSseJobResult)
    for read in (result.download_log, result.read_log_text, result.show_log):
        with pytest.raises(ValueError, match=r"Job 1 \(sse, failed\) has no log"):
            read()


@pytest.mark.anyio
async def test_log_of_asynchronous_clients(server: ScriptedServer) -> None:
    """The client reads it, as a blocking method cannot."""
    server.answers |= {
        "GET /jobs/1": job("sse", "result", "sse_log"),
        "GET /files/result": zipped(SAMPLING),
        "GET /files/sse_log": LOG,
    }
    async with AsyncOqtopusClient(OqtopusConfig(HOST, transport=server)) as client:
        result = await client.get_job("1")
        assert isinstance(result, OqtopusSseJobResult)
        with pytest.raises(TypeError, match=r"use `await client\.get_sselog\('1'\)`"):
            result.show_log()
        assert base64.b64decode((await client.get_sselog(result.job_id)).file or "") == LOG


# --- times


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("2026-01-01T12:00:00", "2026-01-01T03:00:00+00:00"),
        ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00+00:00"),
        ("2026-01-01T12:00:00-05:00", "2026-01-01T12:00:00-05:00"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
@pytest.mark.usefixtures("_in_tokyo")
def test_times_say_their_zone(server: ScriptedServer, client: OqtopusClient, given: str, sent: str) -> None:
    """Times without a zone are local, as everywhere in Python."""
    server.answers |= {
        "GET /jobs": [],
        "GET /announcements": {"announcements": []},
        "GET /device_histories": {},
    }
    time = datetime.fromisoformat(given)
    client.list_jobs(start_time=time, end_time=time)
    list(client.iter_jobs(start_time=time, end_time=time))
    client.get_announcements_list(current_time=time)
    client.list_device_histories(start_time=time, end_time=time)
    times = [value for url in server.asked for name, value in parse_qsl(urlsplit(url).query) if "T" in value]

    assert times == [sent] * 7


# --- device_info by URL


@pytest.mark.parametrize("content", [zipped({"qubits": []}, "device_info.json"), b'{"qubits": []}'])
def test_calibration_behind_a_url(server: ScriptedServer, client: OqtopusClient, content: bytes) -> None:
    """A calibration behind a URL is read, zipped or not, without sending the token."""
    device = {"device_id": "chip", "device_type": "QPU", "status": "available", "device_info": f"{HOST}/files/info"}
    server.answers |= {"GET /devices": [device], "GET /devices/chip": device, "GET /files/info": content}

    assert client.get_device("chip").device_info == {"qubits": []}
    assert client.list_devices()[0].device_info == {"qubits": []}


def test_calibration_out_of_reach(
    server: ScriptedServer, client: OqtopusClient, caplog: pytest.LogCaptureFixture
) -> None:
    """If a calibration cannot be downloaded, other devices are listed, and get_device() raises the error."""
    devices = [
        {"device_id": name, "device_type": "QPU", "status": "available", "device_info": info}
        for name, info in (("chip", f"{HOST}/files/info?Signature=hidden"), ("other", '{"qubits": []}'))
    ]
    server.answers |= {"GET /devices": devices, "GET /devices/chip": devices[0], "GET /files/info": 403}

    assert [device.device_info_str for device in client.list_devices()] == [None, '{"qubits": []}']
    assert "Device chip is listed without its calibration: The storage refused the download: HTTP 403" in caplog.text
    with pytest.raises(OqtopusStorageError, match="HTTP 403"):
        client.get_device("chip")


@pytest.mark.parametrize("info", [None, "", "not json", "[1]", "file:///etc/hostname"])
def test_unknown_kind_of_device(server: ScriptedServer, client: OqtopusClient, info: str | None) -> None:
    """Devices of unknown types or with unreadable calibrations are listed."""
    server.answers["GET /devices"] = [
        {"device_id": "chip", "device_type": "annealer", "status": "dreaming", "device_info": info}
    ]
    (device,) = client.list_devices()

    assert (device.device_type, device.status, device.device_info) == ("annealer", "dreaming", None)
    assert device.device_info_str == info
    assert server.asked == ["GET /devices"]


# --- account and server


def test_account(server: ScriptedServer, client: OqtopusClient) -> None:
    """Tokens, user, settings, announcements and histories take one request each."""
    announcement = {
        "id": 7,
        "title": "t",
        "content": "c",
        "start_time": "2026-01-01T00:00:00Z",
        "end_time": "2026-02-01T00:00:00Z",
        "publishable": True,
    }
    history = {"history_uid": "h", "device_id": "chip", "calibrated_at": "2026-01-01T00:00:00Z", "n_qubits": 64}
    server.answers |= {
        "POST /api-token": {"api_token_id": "a", "api_token_secret": "hidden"},
        "GET /api-token/status": {"api_token_expiration": "2026-12-01T09:30:00Z"},
        "DELETE /api-token": b"",
        "GET /announcements": {"announcements": [announcement]},
        "GET /announcements/7": announcement,
        "GET /users/me": {"id": "u", "name": "n"},
        "PATCH /users/me": {"id": "u", "name": "new"},
        "DELETE /users/me": b"",
        "GET /system/settings": {"editable_fields": ["name"], "allow_deletion": False},
        "GET /device_histories": {"items": [history], "total": 1, "limit": 100, "offset": 0},
        "GET /device_histories/h": {**history, "device_info": '{"qubits": []}'},
    }
    token = client.create_api_token()

    assert token.api_token_secret == "hidden"
    assert "hidden" not in repr(token)
    assert client.get_api_token() == client.get_api_token_status()
    client.delete_api_token()
    assert client.get_announcements_list(limit=5, order="DESC").announcements == [client.get_announcement(7)]
    assert client.get_user().name == "n"
    assert client.update_user(name="new").name == "new"
    client.delete_user()
    assert client.get_settings().editable_fields == ["name"]
    assert client.list_device_histories(device_id="chip").items[0].n_qubits == 64
    assert client.get_device_history("h").device_info == '{"qubits": []}'
    assert "GET /announcements?limit=5&order=DESC" in server.asked
    assert "GET /device_histories?device_id=chip" in server.asked
    assert server.bodies[server.asked.index("PATCH /users/me")] == {"name": "new"}
