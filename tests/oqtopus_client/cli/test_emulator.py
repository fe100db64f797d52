"""`--emulator` and the commands of `emulator`."""

from __future__ import annotations

from pathlib import Path

import pytest

from oqtopus_client.emulator import FaultKind
from tests.support.command_line import Typed, answer, complaint
from tests.support.server_process import running_server


def test_emulator_in_process(oqtopus: Typed, bell: str) -> None:
    """A job runs without account or network, and later commands find it."""
    job_id = oqtopus("--emulator", "run", bell, "--device", "qulacs", "--no-wait").stdout.strip()
    result = answer(oqtopus("--emulator", "result", job_id, "--json"))

    assert sum(result["counts"].values()) == 1000
    assert job_id in oqtopus("--emulator", "jobs").stdout
    assert oqtopus("--emulator", "doctor").exit_code == 0


def test_hint_of_the_emulator(oqtopus: Typed, bell: str) -> None:
    """With --no-wait, the hint says when the job runs, and the command that waits for it."""
    result = oqtopus("--emulator", "run", bell, "--device", "qulacs", "--no-wait")

    assert "runs while an emulator is running" in result.stderr
    assert f"oqtopus-client --emulator result {result.stdout.strip()}" in result.stderr


def test_status_and_devices(cli: Typed, server: dict[str, str]) -> None:
    """Status and devices are those of the configured server."""
    status = answer(cli("emulator", "status", "--json"))

    assert status["url"] == server["OQTOPUS_URL"]
    assert status["devices"] == ["qulacs", "lattice64", "lattice64c", "lattice144"]
    assert status["faults"] == []
    assert server["OQTOPUS_URL"] in cli("emulator", "status").stdout
    assert "lattice144" in cli("emulator", "devices").stdout


def test_one_waiting_job(cli: Typed, bell: str) -> None:
    """One waiting job is shown as "1 job"."""
    empty = cli("device", "qulacs").stdout
    cli("emulator", "faults", "inject", "hold_job", "--status", "ready", "--seconds", "3600")
    job_id = cli("run", bell, "--device", "qulacs", "--no-wait").stdout.strip()
    shown = [cli("device", "qulacs").stdout, cli("emulator", "status").stdout]
    cli("cancel", job_id)
    cli("emulator", "faults", "clear")

    assert "0 jobs" in " ".join(empty.split())
    assert all("Queue 1 job " in " ".join(text.split()) for text in shown)


def test_faults(cli: Typed) -> None:
    """An injected fault is listed, takes effect, and can be cleared."""
    words = ("emulator", "faults")
    added = cli(*words, "inject", "server_error", "--path", "/devices", "--times", "0", "--json")
    listed = answer(cli(*words, "list", "--json"))
    broken = cli("devices")
    shown = cli(*words, "list").stdout
    cleared = cli(*words, "clear")

    assert listed == [answer(added)]
    assert (listed[0]["kind"], listed[0]["times"]) == ("server_error", None)
    assert broken.exit_code == 5
    assert "until cleared" in shown
    assert cleared.exit_code == 0
    assert answer(cli(*words, "list", "--json")) == []
    assert cli("devices").exit_code == 0


def test_kinds_of_faults(oqtopus: Typed) -> None:
    """Each kind has a description; listing them needs no server."""
    assert list(answer(oqtopus("emulator", "faults", "kinds", "--json"))) == [kind.value for kind in FaultKind]
    assert "lost_answer" in oqtopus("emulator", "faults", "kinds").stdout


def test_unknown_fault(cli: Typed) -> None:
    """The error lists the kinds."""
    result = cli("emulator", "faults", "inject", "earthquake")

    assert result.exit_code == 2
    assert "Unknown kind 'earthquake'. Known: 'delay'" in complaint(result)


def test_token_of_the_data_folder(
    oqtopus: Typed, tmp_path: Path, server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --url, the token from the data folder is sent, never the one configured for another server."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    with running_server(tmp_path / "other") as other:
        words = ("emulator", "status", "--url", other["OQTOPUS_URL"], "--json")
        status = answer(oqtopus(*words, "--data", str(tmp_path / "other"), secrets=(other["OQTOPUS_API_TOKEN"],)))
        refused = oqtopus(*words)

    assert status["url"] == other["OQTOPUS_URL"]
    assert refused.exit_code == 3
    assert "the emulator's data folder" in refused.stderr


def test_served_emulator_is_meant(oqtopus: Typed) -> None:
    """The commands of `emulator` need a served emulator."""
    assert oqtopus("--emulator", "emulator", "status").exit_code == 2
    assert oqtopus("emulator", "start", "--port", "nonsense").exit_code == 2
