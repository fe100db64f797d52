"""The lines that connect programs to the emulator."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from oqtopus_client.emulator import Emulator
from tests.support.console import LOCAL, console_of, logged_in

STRANGE = "it's\"$HOME`id`\\n{x}%<&>"


def lines_of(page: str) -> dict[str, str]:
    """Return the lines of a page to copy, by their labels."""
    blocks = re.findall(r'<pre tabindex="0" aria-label="([^"]+)"><code>(.*?)</code>', page, re.DOTALL)
    return {label: html.unescape(text) for label, text in blocks}


def test_the_token_is_hidden_until_asked() -> None:
    """A look at the page does not reveal it, and no cache or address has it."""
    with Emulator(":memory:") as emulator:
        browser = console_of(emulator)
        page, revealed = browser.get("/console/connect"), browser.post("/console/connect")

        assert emulator.token not in page.text
        assert revealed.text.count(emulator.token) == 1 + 5
        assert revealed.headers["cache-control"] == "no-store"
        assert "location" not in revealed.headers


def test_other_users_tokens_are_not_known(emulator: Emulator) -> None:
    """Neither to the page, nor are they the operator's."""
    token = emulator.add_user("ada")
    page = logged_in(emulator, token).post("/console/connect").text

    assert token not in page
    assert emulator.token not in page
    assert "only a hash of your token" in page
    assert "export OQTOPUS_API_TOKEN=YOUR_API_TOKEN" in page


def test_a_replaced_token_is_not_shown() -> None:
    """The page has no token that the emulator would refuse."""
    with Emulator(":memory:") as emulator:
        emulator.cloud.users.renew_token("operator")
        page = console_of(emulator).post("/console/connect").text

        assert emulator.token not in page


@pytest.mark.parametrize("url", [LOCAL, "https://lab.example", "http://lab.example:8080"])
def test_plain_http_is_allowed_where_it_is_needed(emulator: Emulator, url: str) -> None:
    """Clients send tokens over plain http to this computer only, unless they may."""
    browser = console_of(emulator, url, public_url=None if url == LOCAL else url)
    browser.post("/console/login", data={"token": emulator.token})
    page = html.unescape(browser.get("/console/connect").text)

    allowed = ["OQTOPUS_ALLOW_HTTP=1", "OQTOPUS_ALLOW_HTTP '1'", "OQTOPUS_ALLOW_HTTP = '1'", "allow_http=True"]
    allowed += [f"login --url {url} --allow-http"]
    assert [line in page for line in allowed] == [url.startswith("http://lab")] * 5


def test_quoting() -> None:
    """Each language reads the token as it is."""
    with Emulator(":memory:", token=STRANGE) as emulator:
        lines = lines_of(console_of(emulator).post("/console/connect").text)
    shown = subprocess.run(
        ["/bin/bash", "-c", f'{lines["bash, zsh"]}\nprintf %s "$OQTOPUS_API_TOKEN"'],
        capture_output=True,
        text=True,
        check=True,
    )
    (token,) = re.findall(r"api_token=(.*),$", lines["Python"], re.MULTILINE)

    assert shown.stdout == STRANGE
    assert eval(token) == STRANGE  # noqa: S307 - as Python reads it
    assert lines["fish"].endswith("set -gx OQTOPUS_API_TOKEN 'it\\'s\"$HOME`id`\\\\n{x}%<&>'")
    assert lines["PowerShell"].endswith("$env:OQTOPUS_API_TOKEN = 'it''s\"$HOME`id`\\n{x}%<&>'")


@pytest.fixture(scope="module")
def lines(server: dict[str, str]) -> dict[str, str]:
    """Return the lines of a served emulator."""
    url = server["OQTOPUS_URL"]
    return lines_of(httpx.post(f"{url}/console/connect", headers={"Origin": url}).text)


def _run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=100, env=environment).stdout


@pytest.mark.parametrize("name", ["Python", "Qiskit"])
def test_programs(lines: dict[str, str], name: str, tmp_path: Path) -> None:
    """The lines run as they are."""
    assert "lattice144" in _run([sys.executable, "-c", lines[name]], tmp_path)


def test_environment(lines: dict[str, str], tmp_path: Path) -> None:
    """The command line finds the emulator."""
    assert "lattice144" in _run(["/bin/bash", "-c", f"{lines['bash, zsh']}\noqtopus-client devices"], tmp_path)


def test_profile(lines: dict[str, str], server: dict[str, str], tmp_path: Path) -> None:
    """The login asks for the token, and all later commands know it."""
    login, devices = lines["Profile"].splitlines()
    typed = f"printf %s {server['OQTOPUS_API_TOKEN']} | {login} --token-stdin && {devices}"

    assert "lattice144" in _run(["/bin/bash", "-c", typed], tmp_path)
