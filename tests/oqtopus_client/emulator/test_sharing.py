"""An emulator that other machines use: TLS, proxies, public URLs; real processes on both sides."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from oqtopus_client import OqtopusClient, OqtopusConfig
from oqtopus_client.emulator import Emulator
from oqtopus_client.errors import OqtopusConnectionError, PermissionDeniedError
from tests.support.callers import Caller
from tests.support.proxies import example, free_port, running_caddy, running_nginx
from tests.support.server_process import running_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have only one loopback address")

# What a colleague runs on the own machine: the SDK and the provider, each with a job. It notes each port to which it
# connects.
_SECOND_MACHINE = """
import json, sys

ports = set()

def note(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        ports.add(arguments[1][1])

sys.addaudithook(note)

from qiskit import QuantumCircuit
from oqtopus_client import OqtopusClient, OqtopusJobSpec
from qiskit_oqtopus import OqtopusProvider

BELL = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
with OqtopusClient() as client:
    job = client.run_job(OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100), interval=0.05)
    found = dict(job.raise_for_status().get_counts())
bell = QuantumCircuit(2, 2)
bell.h(0)
bell.cx(0, 1)
bell.measure([0, 1], [0, 1])
with OqtopusProvider() as provider:
    counts = provider.get_backend("qulacs").run(bell, shots=100).result().get_counts()
print(json.dumps({"sdk": found, "qiskit": counts, "ports": sorted(ports)}))
"""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A laboratory's own certificate authority."""
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the files of a certificate for localhost, whose authority is trusted."""
    files = {name: str(tmp_path / f"{name}.pem") for name in ("authority", "certificate", "key")}
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(files["authority"])
    certificate.private_key_pem.write_to_path(files["key"])
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(files["certificate"], append=True)
    monkeypatch.setenv("SSL_CERT_FILE", files["authority"])
    return files


def second_machine(url: str, token: str) -> dict[str, Any]:
    """Run the colleague's script with the two settings that the operator has handed over."""
    variables = {"OQTOPUS_URL": url, "OQTOPUS_API_TOKEN": token}
    command = [sys.executable, "-c", _SECOND_MACHINE]
    run = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    for counts in (found["sdk"], found["qiskit"]):
        assert set(counts) <= {"00", "11"}
        assert sum(counts.values()) == 100
    return found


def typed(*words: str) -> str:
    """Run a command of `oqtopus-client` in another process, and return what it prints."""
    command = [sys.executable, "-m", "oqtopus_client", *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_tls(tls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator serves https itself; clients that trust the authority need the two printed lines only."""
    options = ("--tls-cert", tls["certificate"], "--tls-key", tls["key"])
    with running_server(tmp_path / "data", *options) as server:
        url, token = server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"]
        found = second_machine(url, token)
        for name, value in server.items():
            monkeypatch.setenv(name, value)
        checks = {check["name"]: check for check in json.loads(typed("doctor", "--json"))}
        monkeypatch.delenv("SSL_CERT_FILE")
        with OqtopusClient(OqtopusConfig(url, token)) as client, pytest.raises(OqtopusConnectionError):
            client.get_user()

    assert url.startswith("https://127.0.0.1:")
    assert found["ports"] == [urlsplit(url).port]
    assert checks["tls"]["state"] == "ok"
    assert "certificate verified" in checks["tls"]["found"]


def test_tls_of_the_provider_api(tls: dict[str, str], tmp_path: Path) -> None:
    """An external engine uses https as well, and its upload URLs lead to its own port."""
    options = ("--tls-cert", tls["certificate"], "--tls-key", tls["key"], "--executor", "external")
    public = ("--provider-port", "0", "--public-url", "https://emulator.example.org")
    with running_server(tmp_path / "data", *options, *public, exports=4) as server:
        context = ssl.create_default_context(cafile=tls["authority"])
        with httpx.Client(verify=context) as http:
            url = server["JOB_REPOSITORY_URL"]
            hello = http.get(f"{url}/hello").json()
            form = http.get(f"{url}/devices/qulacs/device_info/upload").json()

    assert url.startswith("https://127.0.0.1:")
    assert hello == {"message": "Hello World!!"}
    assert json.dumps(form).count(f'"url": "{url}/storage"') == 1


def test_behind_nginx(tls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the proxy, a user whom the operator has added runs jobs; nothing goes to the emulator directly."""
    port, inner = free_port(), free_port()
    url = f"https://localhost:{port}"
    changes = {
        "listen 443": f"listen 127.0.0.1:{port}",
        "emulator.example.org;": "localhost;",
        "/etc/ssl/emulator.pem": tls["certificate"],
        "/etc/ssl/emulator.key": tls["key"],
        "127.0.0.1:8080": f"127.0.0.2:{inner}",
    }
    listening = ("--host", "127.0.0.2", "--port", str(inner))
    public = ("--public-url", f"{url}/", "--trusted-proxy", "127.0.0.1")
    with (
        running_server(tmp_path / "data", *listening, *public) as server,
        running_nginx(example("nginx.conf", changes), port, tmp_path) as log,
    ):
        for name, value in server.items():
            monkeypatch.setenv(name, value)
        token = typed("emulator", "users", "add", "alice").strip()
        found = second_machine(server["OQTOPUS_URL"], token)
        typed("emulator", "users", "suspend", "alice")
        with OqtopusClient(OqtopusConfig(url, token)) as client, pytest.raises(PermissionDeniedError):
            client.get_user()
        with httpx.Client(verify=ssl.create_default_context(cafile=tls["authority"])) as http:
            console = http.get(f"{url}/", follow_redirects=True)
            misnamed = http.get(f"{url}/console/login", headers={"Host": "evil.example"})
        requests = log.read_text(encoding="utf-8")

    assert server["OQTOPUS_URL"] == url
    assert found["ports"] == [port]
    assert requests.count('"POST /storage HTTP/1.1" 204') == 2
    assert requests.count('"GET /storage/') >= 2
    assert (console.status_code, console.url.path) == (200, "/console/login")
    assert misnamed.status_code == 403


def test_behind_caddy(tls: dict[str, str], tmp_path: Path) -> None:
    """The example for Caddy does the same."""
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("Caddy is not installed")
    port, inner = free_port(), free_port()
    url = f"https://localhost:{port}"
    changes = {
        "\nemulator.example.org": f"\n{url}",
        "/etc/ssl/emulator.pem": tls["certificate"],
        "/etc/ssl/emulator.key": tls["key"],
        "127.0.0.1:8080": f"127.0.0.2:{inner}",
    }
    options = ("--host", "127.0.0.2", "--port", str(inner), "--public-url", url, "--trusted-proxy", "127.0.0.0/8")
    with (
        running_server(tmp_path / "data", *options) as server,
        running_caddy(program, example("Caddyfile", changes), port, tmp_path),
    ):
        found = second_machine(url, server["OQTOPUS_API_TOKEN"])

    assert found["ports"] == [port]


@pytest.mark.parametrize(
    ("options", "scheme"),
    [
        ((), "http"),
        (("--trusted-proxy", "192.0.2.7"), "http"),
        (("--trusted-proxy", "127.0.0.1"), "https"),
        (("--trusted-proxy", "192.0.2.7", "--trusted-proxy", "127.0.0.0/24"), "https"),
    ],
)
def test_forwarded_headers(options: tuple[str, ...], scheme: str, tmp_path: Path) -> None:
    """`X-Forwarded-Proto` counts from a named proxy only, and `X-Forwarded-Host` never."""
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    with running_server(tmp_path, *options) as server:
        url = server["OQTOPUS_URL"]
        headers = {"q-api-token": server["OQTOPUS_API_TOKEN"], **forwarded}
        upload = httpx.post(f"{url}/jobs", headers=headers, json={}).json()["presigned_url"]["url"]

    assert upload == f"{scheme}{url.removeprefix('http')}/storage"


def test_public_url_of_files(emulator: Emulator) -> None:
    """Upload and download URLs have the public URL, whatever the request says about itself."""
    public = "https://emulator.example.org:8443"
    with Emulator(":memory:", public_url=f"{public}/") as shared:
        caller = Caller("http://evil.example", shared.token, shared)
        upload = caller("POST", "/jobs", json={}).json()["presigned_url"]["url"]
        uid = caller("GET", "/device_histories").json()["items"][0]["history_uid"]
        download = caller("GET", f"/device_histories/{uid}").json()["device_info"]
        moved = caller("GET", "/jobs/", follow_redirects=False).headers["Location"]
        caller.close()

    assert upload == f"{public}/storage"
    assert download.startswith(f"{public}/storage/device_histories/")
    assert moved == f"{public}/jobs"
    assert emulator.public_url is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("emulator.example.org", "must be an http or https URL, such as 'https://emulator.example.org', not"),
        ("ftp://emulator.example.org", "must be an http or https URL"),
        ("https://user:word@emulator.example.org", "must not contain a user name or a password."),
        (
            "https://例え.example",
            "must have a host name of ASCII letters, digits, dots and hyphens, not '例え.example'",
        ),
        ("https://a.example:", "must have a host name of ASCII letters"),
        ("https://*.example", "must have a host name of ASCII letters"),
        ("https://example.org/emulator", "must not have a path or a query, as 'https://example.org/emulator' has"),
        ("https://example.org/?a=b", "must not have a path"),
    ],
)
def test_bad_public_url(url: str, message: str) -> None:
    """A URL under which the emulator could not work is refused with the reason."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Emulator(":memory:", public_url=url)


def test_unencrypted(tmp_path: Path) -> None:
    """Without TLS on all addresses, the URL is one that others can use, and a warning says what that means."""
    command = [sys.executable, "-m", "oqtopus_client.emulator", "--host", "0.0.0.0", "--port", "0"]  # noqa: S104
    with subprocess.Popen(
        [*command, "--data", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip().split("=", 1)[1] for _ in range(2))
        with OqtopusClient(OqtopusConfig(url, token, allow_http=True)) as client:
            name = client.get_user().name
        process.terminate()
        errors = process.communicate(timeout=60)[1]

    assert name == "operator"
    assert urlsplit(url).hostname != "0.0.0.0"  # noqa: S104
    assert "Warning: tokens travel unencrypted" in errors
    assert "OQTOPUS_ALLOW_HTTP=1" in errors


def test_proxy_without_a_public_url(tmp_path: Path) -> None:
    """A proxy that shows only by its HTTP/1.0 that it is one does not open the console to everyone."""
    port = free_port()
    with running_server(tmp_path / "data") as server:
        inner = server["OQTOPUS_URL"]
        block = f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_http_version 1.0; proxy_pass {inner}; }} }}"
        with running_nginx(block, port, tmp_path):
            outside, inside = httpx.get(f"http://127.0.0.1:{port}/"), httpx.get(f"{inner}/")

    assert (outside.status_code, inside.status_code) == (403, 200)
