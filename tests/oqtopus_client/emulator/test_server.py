"""The emulator behind a port, in a process of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.serving import listen
from qiskit_oqtopus import OqtopusProvider
from tests.support.circuits import BELL, bell
from tests.support.held_executor import HeldExecutor
from tests.support.jobs import HOURS_LONG, await_status
from tests.support.recorded_cloud import RecordedCloud


def test_bell_over_a_socket(server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A Qiskit user needs only the two printed lines."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    with OqtopusProvider() as provider:
        counts = provider.get_backend("qulacs").run(bell(), shots=1000).result().get_counts()

    assert set(counts) == {"00", "11"}
    assert sum(counts.values()) == 1000


def test_a_batch_shares_pooled_connections(emulator: Emulator) -> None:
    """Twenty jobs at once open a few connections and keep them."""
    cloud = RecordedCloud(emulator)
    server = uvicorn.Server(uvicorn.Config(cloud, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        pass
    port = server.servers[0].sockets[0].getsockname()[1]
    jobs = [OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)] * 20
    with OqtopusClient(OqtopusConfig(f"http://127.0.0.1:{port}", emulator.token)) as client:
        answers = client.submit_jobs(jobs, max_workers=8)
        client.wait_for_jobs([answer.job_id for answer in answers], interval=0.02, max_workers=8)
    server.should_exit = True
    thread.join()

    assert len(cloud.requests) >= 5 * 20
    assert len({request.connection for request in cloud.requests}) <= 9  # eight workers, and one that polls
    assert cloud.most_at_once > 1


def test_help() -> None:
    """`--help` lists the options."""
    command = [sys.executable, "-m", "oqtopus_client.emulator", "--help"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert all(option in output for option in ("--host", "--port", "--data", "--token"))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopping(tmp_path: Path, stop: signal.Signals) -> None:
    """A signal ends server and simulations without errors, and the jobs return to the queue unless it is killed."""
    command = [sys.executable, "-m", "oqtopus_client.emulator", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip().split("=", 1)[1] for _ in range(2))
        with OqtopusClient(OqtopusConfig(url, token)) as client:
            running = client.submit_job(HOURS_LONG).job_id
            await_status(client, running, "running")
            client.submit_job(HOURS_LONG)
        process.send_signal(stop)
        # The simulations hold these open.
        output, errors = process.communicate(timeout=60)
    with Emulator(tmp_path, executor=HeldExecutor()) as emulator:
        left = emulator._store.jobs("operator", {}, descending=False, limit=10, offset=0)

    if stop == signal.SIGKILL:
        assert process.returncode == -stop
        assert [row["status"] for row in left if row["job_id"] == running] == ["running"]
    else:
        assert (output, process.returncode) == ("", 0)
        assert errors.splitlines() == [
            f"Console:     {url}/",
            f"API:         {url}/docs",
            f"Data folder: {tmp_path}",
            "Ctrl-C stops the emulator.",
        ]
        assert {row["status"] for row in left} <= {"submitted", "ready"}
        assert sum(row["lease"] is not None and row["worker"] is not None for row in left) <= 2


def test_what_is_printed_for_people() -> None:
    """Programs read the lines to export on one stream; people find the public console, and that a login is needed."""
    options = ["--port", "0", "--data", ":memory:", "--token", "abc", "--public-url", "https://lab.example/"]
    command = [sys.executable, "-m", "oqtopus_client.emulator", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(4)]
        process.terminate()
        output, errors = process.communicate(timeout=60)

    assert output == "export OQTOPUS_URL=https://lab.example\nexport OQTOPUS_API_TOKEN=abc\n"
    assert "".join(lines) == (
        "Console:     https://lab.example/ (log in with the token)\n"
        "API:         https://lab.example/docs\n"
        "Data folder: none, jobs are kept in memory\n"
        "Ctrl-C stops the emulator.\n"
    )
    assert "Traceback" not in errors  # Python may warn if the signal arrives before the server runs


def test_stopping_in_the_middle_of_a_request(tmp_path: Path) -> None:
    """An incomplete request does not keep the server alive."""
    command = [sys.executable, "-m", "oqtopus_client.emulator", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip().split("=", 1)[1] for _ in range(2))
        address = urlsplit(url)
        with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
            request = f"POST /jobs HTTP/1.1\r\nHost: x\r\nq-api-token: {token}\r\nExpect: 100-continue\r\n"
            connection.sendall(f"{request}Content-Length: 10\r\n\r\n".encode())
            assert connection.recv(12) == b"HTTP/1.1 100"  # it waits for the body
            process.terminate()
            assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "99999"], "cannot listen on 127.0.0.1 port 99999: ports are numbers from 0 to 65535."),
        (["--port", "many"], "--port must be an integer of at least 0, not 'many'. See: python -m"),
        (["--prot", "0"], "No such option: --prot. Did you mean --port or --host? See: python -m"),
        (["--host", "192.0.2.1", "--port", "0"], "port 0: this machine does not have that address."),
        (["--host", "no.invalid", "--port", "0"], "cannot listen on no.invalid port 0: the host is unknown; name"),
        (["--port", "0", "--data", "/dev/null"], "/dev/null cannot be the emulator's data folder: it is not a folder."),
        (["--port", "0", "--data", "lattice64"], "data is the folder for jobs and results, not a device, such as"),
        (["--port", "0", "--tls-key", "x"], "--tls-cert and --tls-key are used together. See: "),
        (["--port", "0", "--data", ":memory:", "--token", "a b"], "token must consist of visible ASCII characters"),
    ],
)
def test_cannot_start(arguments: list[str], message: str) -> None:
    """A server that cannot start gives the reason in one line."""
    command = [sys.executable, "-m", "oqtopus_client.emulator", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert run.returncode == 2
    assert message in run.stderr
    assert run.stderr.count("\n") == 1


def test_port_in_use() -> None:
    """The message says that another program has the port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port}: another program listens there, perhaps another emulator; "):
            listen("127.0.0.1", port)


def test_damaged_database(tmp_path: Path) -> None:
    """The message names the damaged database."""
    (tmp_path / "emulator.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(OSError, match=r"emulator\.sqlite3 cannot be used as the emulator's database"):
        Emulator(tmp_path)
