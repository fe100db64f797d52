"""A served emulator with jobs in all states, for tests of its console."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from tests.support.circuits import BELL
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Served:
    """An emulator in a process of its own.

    Attributes:
        url: The URL of the API and of the console.
        token: The operator's token.
        client: A client of the operator.
    """

    def __init__(self, config: OqtopusConfig, client: OqtopusClient) -> None:
        self.url = config.base_url
        self.token = config.api_token
        self.client = client

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the operator's part of the API."""
        headers = {"q-api-token": self.token}
        response = httpx.request(method, f"{self.url}/emulator/{path}", headers=headers, json=body)
        response.raise_for_status()
        return response.json() if response.content else None

    def submit(self, name: str, *, device: str = "qulacs", program: str = BELL, shots: int = 100) -> str:
        """Submit a job and return its id."""
        spec = OqtopusJobSpec(device, "sampling", program, shots, name)
        return self.client.submit_job(spec).job_id

    def succeeded(self, name: str, *, device: str = "qulacs") -> str:
        """Return the id of a job that has succeeded."""
        job_id = self.submit(name, device=device)
        assert self.client.wait_for_job(job_id).status.value == "succeeded"
        return job_id

    def failed(self, name: str) -> str:
        """Return the id of a job that has failed."""
        self.control("POST", "faults", {"kind": "fail_job", "message": "the qubits are asleep"})
        job_id = self.submit(name)
        assert self.client.wait_for_job(job_id).status.value == "failed"
        return job_id

    def held(self, name: str) -> str:
        """Return the id of a job that runs until the faults are cleared."""
        self.control("POST", "faults", {"kind": "hold_job", "status": "running", "seconds": 3600})
        return self.submit(name)

    def cancelled(self, name: str) -> str:
        """Return the id of a job that was cancelled."""
        job_id = self.held(name)
        self.client.cancel_job(job_id)
        return job_id


@contextmanager
def served(data: Path, *options: str, url: str | None = None) -> Iterator[Served]:
    """Serve an emulator.

    Args:
        data: Its data folder.
        *options: Options of the command.
        url: Its URL as clients in this process reach it, with `{port}` for the port; by default as it says.
    """
    with running_server(data, *options) as exports:
        shown = exports["OQTOPUS_URL"]
        base_url = shown if url is None else url.format(port=shown.rpartition(":")[2])
        config = OqtopusConfig(base_url, api_token=exports["OQTOPUS_API_TOKEN"])
        with OqtopusClient(config) as client:
            yield Served(config, client)
