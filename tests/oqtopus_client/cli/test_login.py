"""`login` and the configuration of the server."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from oqtopus_client import OqtopusConfig
from oqtopus_client.cli.completion import profile_names
from tests.support.command_line import Typed, answer, complaint

WRONG = "not-the-servers-token-0123456789"


def profile_file(tmp_path: Path) -> Path:
    """Return the profile file in the test's home folder."""
    return tmp_path / "config" / "oqtopus" / "config.ini"


def test_login(oqtopus: Typed, server: dict[str, str], tmp_path: Path) -> None:
    """The token is verified, then saved readable by its owner only; every command finds it."""
    token = server["OQTOPUS_API_TOKEN"]
    result = oqtopus("login", "--url", server["OQTOPUS_URL"], text=f"{token}\n", secrets=(token,))
    file = profile_file(tmp_path)

    assert result.exit_code == 0
    assert f"Saved as profile [default] in {file}." in result.stdout
    assert "The server accepts the token until " in result.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert OqtopusConfig.from_default().api_token == token
    assert "lattice64" in oqtopus("devices", secrets=(token,)).stdout


def test_named_profile(oqtopus: Typed, server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A selected profile overrides the environment, and the shell completes its name."""
    token = server["OQTOPUS_API_TOKEN"]
    words = ("login", "--profile", "lab", "--url", server["OQTOPUS_URL"], "--token-stdin", "--json")
    saved = answer(oqtopus(*words, text=f"{token}\n", secrets=(token,)))
    monkeypatch.setenv("OQTOPUS_URL", "http://127.0.0.1:9")

    assert (saved["profile"], saved["verified"]) == ("lab", True)
    assert oqtopus("--profile", "lab", "devices").exit_code == 0
    assert profile_names("la") == ["lab"]
    assert profile_names("x") == []


def test_wrong_token_is_not_saved(oqtopus: Typed, server: dict[str, str], tmp_path: Path) -> None:
    """A token that the server rejects is not saved."""
    result = oqtopus("login", "--url", server["OQTOPUS_URL"], text=f"{WRONG}\n", secrets=(WRONG,))

    assert result.exit_code == 3
    assert "The server did not accept the API token from the prompt" in result.stderr
    assert not profile_file(tmp_path).exists()


def test_saving_unverified(oqtopus: Typed, tmp_path: Path) -> None:
    """--no-verify saves without a connection."""
    words = ("login", "--no-verify", "--url", "https://api.example.org", "--token-stdin")

    assert oqtopus(*words, text=WRONG, secrets=(WRONG,)).exit_code == 0
    assert profile_file(tmp_path).exists()


def test_broken_profile_file(oqtopus: Typed, tmp_path: Path) -> None:
    """The error is a single line without the token in the file."""
    file = profile_file(tmp_path)
    file.parent.mkdir(parents=True)
    file.write_text("api_token = the-old-token-0123456789\n", encoding="utf-8")
    words = ("login", "--no-verify", "--url", "https://api.example.org", "--token-stdin")
    result = oqtopus(*words, text=WRONG, secrets=(WRONG, "the-old-token-0123456789"))

    assert result.exit_code == 2
    assert complaint(result) == (
        f"oqtopus-client: {file} is not an INI file (line 1); correct it, or remove it and run `oqtopus-client login`."
    )


def test_token_in_the_clear(oqtopus: Typed, tmp_path: Path) -> None:
    """An unencrypted URL and an empty token are refused."""
    result = oqtopus("login", "--url", "http://api.example.org", "--token-stdin", text=WRONG, secrets=(WRONG,))

    assert result.exit_code == 2
    assert "would send the API token unencrypted" in complaint(result)
    assert not profile_file(tmp_path).exists()
    assert oqtopus("login", "--url", "https://api.example.org", "--token-stdin", text="").exit_code == 2


def test_token_in_the_clear_by_choice(oqtopus: Typed) -> None:
    """`--allow-http` is saved with the profile; without it, the profile does not allow plain http."""
    words = ("login", "--no-verify", "--token-stdin", "--url")
    oqtopus(*words, "http://api.example.org", "--allow-http", text=WRONG, secrets=(WRONG,))
    allowed = OqtopusConfig.from_default()
    oqtopus(*words, "https://api.example.org", text=WRONG, secrets=(WRONG,))

    assert allowed.allow_http
    assert not OqtopusConfig.from_default().allow_http


def test_no_server(oqtopus: Typed) -> None:
    """Without configuration, the error says what to do."""
    result = oqtopus("devices")

    assert result.exit_code == 2
    assert "No OQTOPUS server is configured" in complaint(result)


def test_wrong_token(cli: Typed, oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the source of the token, not the token."""
    assert cli("devices").exit_code == 0
    monkeypatch.setenv("OQTOPUS_API_TOKEN", WRONG)
    result = oqtopus("devices", secrets=(WRONG,))

    assert result.exit_code == 3
    assert "environment variable OQTOPUS_API_TOKEN" in complaint(result)


def test_no_answer(cli: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names an unreachable server."""
    monkeypatch.setenv("OQTOPUS_URL", "http://127.0.0.1:9")
    result = cli("devices")

    assert result.exit_code == 5
    assert "127.0.0.1:9" in complaint(result)


def test_missing_profile(oqtopus: Typed) -> None:
    """A missing profile is a usage error."""
    assert oqtopus("--profile", "missing", "devices").exit_code == 2


def test_two_servers_at_once(oqtopus: Typed) -> None:
    """--profile and --emulator exclude each other."""
    assert oqtopus("--profile", "lab", "--emulator", "devices").exit_code == 2


def test_log_of_requests(cli: Typed) -> None:
    """With --verbose, stderr logs each request, and stdout stays JSON."""
    result = cli("--verbose", "devices", "--json")

    assert "DEBUG GET /devices: 200 in " in result.stderr
    assert len(answer(result)) == 4
    assert cli("devices").stderr == ""


def test_token_from_a_pipe_needs_a_url(oqtopus: Typed, tmp_path: Path) -> None:
    """Without --url, the token is not read as the URL."""
    result = oqtopus("login", "--token-stdin", text=WRONG, secrets=(WRONG,))

    assert result.exit_code == 2
    assert "--token-stdin needs --url" in result.stderr
    assert not profile_file(tmp_path).exists()


def test_profile_that_the_environment_overrides(oqtopus: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with another server is named, as commands will use that server."""
    monkeypatch.setenv("OQTOPUS_BASE_URL", "https://other.example")
    words = ("login", "--no-verify", "--url", "https://api.example.org", "--token-stdin")

    assert "OQTOPUS_BASE_URL is set" in oqtopus(*words, text=WRONG, secrets=(WRONG,)).stderr
