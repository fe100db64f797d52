"""`emulator users`, `emulator device` and `emulator announce`, against a served emulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.emulator.users import kept_token
from oqtopus_client.errors import AuthenticationError, JobSubmissionError, PermissionDeniedError
from tests.support.circuits import BELL
from tests.support.command_line import Typed, answer, complaint
from tests.support.server_process import running_server

USERS = ("emulator", "users")


def config(server: dict[str, str], token: str) -> OqtopusConfig:
    """Return the configuration of another user of the server."""
    return OqtopusConfig(server["OQTOPUS_URL"], token)


def test_life_of_a_user(cli: Typed, server: dict[str, str]) -> None:
    """A user is added, restricted, suspended, approved, given a new token, and removed."""
    added = cli(*USERS, "add", "alice", "--devices", "qulacs, lattice64")
    token = added.stdout.strip()
    with OqtopusClient(config(server, token)) as client:
        assert [device.device_id for device in client.list_devices()] == ["qulacs", "lattice64"]
        assert cli(*USERS, "allow", "alice", "--devices", "qulacs").stdout == "alice is approved and may use qulacs.\n"
        assert [device.device_id for device in client.list_devices()] == ["qulacs"]
        assert cli(*USERS, "allow", "alice").stdout == "alice is approved and may use all devices.\n"
        assert len(client.list_devices()) == 4
        assert cli(*USERS, "suspend", "alice").stdout == "alice is suspended.\n"
        with pytest.raises(PermissionDeniedError):
            client.list_devices()
        cli(*USERS, "approve", "alice")
        assert len(client.list_devices()) == 4
        renewed = answer(cli(*USERS, "renew-token", "alice", "--json"))
        with pytest.raises(AuthenticationError):
            client.list_devices()
    with OqtopusClient(config(server, renewed["api_token"])) as client:
        assert client.get_user().name == "alice"
        listed = {user["name"]: user for user in answer(cli(*USERS, "list", "--json"))}
        assert cli(*USERS, "remove", listed["alice"]["id"]).stdout == "Removed alice.\n"
        with pytest.raises(AuthenticationError):
            client.get_user()

    assert f"oqtopus-client login --url {server['OQTOPUS_URL']}" in added.stderr
    assert token not in added.stderr
    assert (listed["alice"]["status"], listed["alice"]["devices"]) == ("approved", None)
    assert "alice" not in cli(*USERS, "list").stdout


def test_listed_users(cli: Typed) -> None:
    """The list shows names, devices and validity, and never a token."""
    cli(*USERS, "add", "carol", "--devices", "qulacs")
    lines = [line.split() for line in cli(*USERS, "list").stdout.splitlines()]
    (carol,) = (line for line in lines if line[:1] == ["carol"])
    cli(*USERS, "remove", "carol")

    assert carol[:3] == ["carol", "approved", "qulacs"]
    assert ["operator", "approved", "all"] in [line[:3] for line in lines]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("add", "operator"), 2, "operator exists already; `oqtopus-client emulator users renew-token` makes"),
        (("add", "bob", "--devices", "qulac"), 5, "device_id=qulac is not found; the devices are qulacs, lattice64"),
        (("suspend", "oprator"), 4, "Unknown user 'oprator'. Did you mean 'operator'?"),
        (("suspend", "operator"), 5, "The operator cannot be changed."),
        (("remove", "operator"), 5, "The operator cannot be deleted."),
    ],
)
def test_refused(cli: Typed, words: tuple[str, ...], code: int, message: str) -> None:
    """Errors say what was wrong, and nothing is changed."""
    before = answer(cli(*USERS, "list", "--json"))
    result = cli(*USERS, *words)

    assert result.exit_code == code
    assert message in complaint(result)
    assert answer(cli(*USERS, "list", "--json")) == before


def test_two_users_with_one_name(cli: Typed, server: dict[str, str]) -> None:
    """A user who takes another one's name does not get the commands that are meant for that one."""
    tokens = [cli(*USERS, "add", name).stdout.strip() for name in ("dan", "eve")]
    with OqtopusClient(config(server, tokens[1])) as client:
        client.update_user(name="dan")
    result = cli(*USERS, "suspend", "dan")
    ids = [user["id"] for user in answer(cli(*USERS, "list", "--json")) if user["name"] == "dan"]
    for user_id in ids:
        cli(*USERS, "remove", user_id)

    assert result.exit_code == 2
    assert all(user_id in complaint(result) for user_id in ids)
    assert len(ids) == 2


def test_only_the_operator(cli: Typed, oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other users can neither list nor add users."""
    token = cli(*USERS, "add", "frank").stdout.strip()
    monkeypatch.setenv("OQTOPUS_API_TOKEN", token)
    results = [oqtopus(*USERS, *words, secrets=(token,)) for words in (("list",), ("add", "grace"))]

    assert {result.exit_code for result in results} == {4}
    assert all("the token is not its operator's" in complaint(result) for result in results)


def test_new_token_of_the_operator(oqtopus: Typed, tmp_path: Path) -> None:
    """The operator's new token replaces the one in the data folder, so a restart does not bring the old one back."""
    options = ("--data", str(tmp_path))
    with running_server(tmp_path) as server:
        old = server["OQTOPUS_API_TOKEN"]
        words = (*USERS, "renew-token", "operator", "--url", server["OQTOPUS_URL"], *options)
        new = oqtopus(*words, secrets=(old,)).stdout.strip()
        assert oqtopus(*USERS, "list", "--url", server["OQTOPUS_URL"], *options, secrets=(old, new)).exit_code == 0
    with running_server(tmp_path) as server:
        restarted = server["OQTOPUS_API_TOKEN"]
        with OqtopusClient(config(server, old)) as client, pytest.raises(AuthenticationError):
            client.get_user()

    assert old != new == restarted == kept_token(tmp_path)


def test_device_on_and_off(cli: Typed, server: dict[str, str]) -> None:
    """Jobs for an unavailable device are refused."""
    off = cli("emulator", "device", "lattice144", "--off")
    try:
        with (
            OqtopusClient(config(server, server["OQTOPUS_API_TOKEN"])) as client,
            pytest.raises(JobSubmissionError, match="device lattice144 is not available"),
        ):
            client.submit_job(OqtopusJobSpec.sampling(device_id="lattice144", program=BELL, shots=1))
    finally:
        on = cli("emulator", "device", "lattice144", "--on", "--json")

    assert off.stdout == "lattice144 is unavailable.\n"
    assert answer(on) == {"device_id": "lattice144", "status": "available"}
    assert answer(cli("device", "lattice144", "--json"))["status"] == "available"


def test_unknown_device(cli: Typed) -> None:
    """An unknown device is reported with a suggestion; without a status, nothing is sent."""
    result = cli("emulator", "device", "qulac", "--off")

    assert result.exit_code == 4
    assert complaint(result) == "oqtopus-client: Unknown device 'qulac'. Did you mean 'qulacs'?"
    assert cli("emulator", "device", "qulacs").exit_code == 2


def test_announcement(cli: Typed, server: dict[str, str]) -> None:
    """Users can read an announcement from its start until its end."""
    words = ("emulator", "announce", "Maintenance", "No jobs on *Friday*.", "--days", "3")
    made = answer(cli(*words, "--start", "2026-05-01T12:00:00", "--json"))
    with OqtopusClient(config(server, server["OQTOPUS_API_TOKEN"])) as client:
        read = client.get_announcement(made["id"])

    assert (read.title, read.content) == ("Maintenance", "No jobs on *Friday*.")
    assert (read.end_time - read.start_time).days == 3
    assert cli(*words).stdout.startswith("Announced until ")
    assert cli("emulator", "announce", "x", "--days", "1e9").exit_code == 2
