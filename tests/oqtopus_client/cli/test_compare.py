"""`doctor --compare`: differences between a server's responses and the emulator's."""

from __future__ import annotations

import json

import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.cli.compare import answers, compare, describe, requests
from oqtopus_client.emulator import Emulator
from tests.support.circuits import BELL
from tests.support.command_line import Typed

SECRET_NAME = "my secret experiment"


@pytest.mark.parametrize("with_jobs", [False, True])
def test_the_emulator_does_not_differ_from_itself(emulator: Emulator, with_jobs: bool) -> None:
    """An emulator shows no differences from another one, even with its own jobs and users."""
    with Emulator(":memory:") as other:
        assert compare(emulator.config, other.config, with_jobs=with_jobs) == []


def test_the_expected_responses() -> None:
    """The emulator answers each request with the status and the text that the list gives for servers."""
    with Emulator(":memory:") as emulator:
        found = answers(emulator.config, requests())

    for request, answer in zip(requests(), found, strict=True):
        assert int(answer["status"]) == request["status"], describe(request)
        assert "text" not in request or answer["error"] == request["text"], describe(request)


def test_the_requests_are_harmless() -> None:
    """The requests read or name things that do not exist; only those with their own jobs change anything."""
    for request in requests():
        method, path = request["request"].split(" ")
        assert not path.startswith("/api-token")
        assert method == "GET" or "oqtopus-client-compare" in path or request.get("jobs"), request


def test_differences_are_shown_without_secrets(server: dict[str, str]) -> None:
    """Statuses, headers and fields; no token, no name or id of the user's jobs, no URL."""
    config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
    with OqtopusClient(config) as client:
        job = client.run_job(OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10, name=SECRET_NAME))
    with Emulator(":memory:", device_histories=False, cancelling=True) as other:
        other.inject("server_error", path="/users/me")
        found = compare(config, other.config, with_jobs=True)
    shown = json.dumps([vars(difference) for difference in found])

    assert {(d.request, d.aspect, d.server, d.emulator) for d in found} >= {
        ("GET /jobs?status=cancelling", "status", "422", "200"),
        ("GET /device_histories?limit=1", "status", "200", "404"),
        ("GET /users/me", "status", "200", "500"),
    }
    for secret in (config.api_token, SECRET_NAME, job.job_id, "http://", "Signature"):
        assert str(secret) not in shown


def test_the_command(cli: Typed) -> None:
    """Without differences, the command prints one line, or an empty list as JSON."""
    assert "as the emulator does." in cli("doctor", "--compare").output
    assert json.loads(cli("doctor", "--compare", "--with-jobs", "--json").output) == []
    refused = cli("doctor", "--with-jobs")
    assert refused.exit_code == 2
    assert "--with-jobs needs --compare" in refused.output
