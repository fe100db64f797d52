"""The structure of the packages: who may import whom, and what an import costs."""

from __future__ import annotations

import graphlib
import re
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest

import oqtopus_client
from tests.support.source_tree import MODULES, NAMES, ROOT, imports, module_name

# From the top down; a room may import itself and what stands below it here.
MAY_IMPORT = {
    "qiskit_oqtopus": ("oqtopus_client",),
    "oqtopus_client.cli": (
        "oqtopus_client.services",
        "oqtopus_client.rest",
        "oqtopus_client.config",
        "oqtopus_client.urls",
        "oqtopus_client.display",
        "oqtopus_client.errors",
        "oqtopus_client.files",
        "oqtopus_client.physics",
        "oqtopus_client.profiles",
    ),
    "oqtopus_client.emulator.console": (
        "oqtopus_client.emulator",
        "oqtopus_client.services.device",
        "oqtopus_client.services.estimation_operator",
        "oqtopus_client.services.job_spec",
        "oqtopus_client.services.openqasm",
        "oqtopus_client.services.remedies",
        "oqtopus_client.services.sse_log",
        "oqtopus_client.rest",
        "oqtopus_client.config",
        "oqtopus_client.urls",
        "oqtopus_client.display",
        "oqtopus_client.errors",
        "oqtopus_client.physics",
        "oqtopus_client.calibration",
        "oqtopus_client.chip_layout",
        "oqtopus_client.checks",
    ),
    "oqtopus_client.emulator": (
        "oqtopus_client.rest",
        "oqtopus_client.config",
        "oqtopus_client.urls",
        "oqtopus_client.display",
        "oqtopus_client.errors",
        "oqtopus_client.physics",
        "oqtopus_client.calibration",
        "oqtopus_client.checks",
        "oqtopus_client.angles",
    ),
    "oqtopus_client.services": (
        "oqtopus_client.rest",
        "oqtopus_client.calibration",
        "oqtopus_client.checks",
        "oqtopus_client.config",
        "oqtopus_client.urls",
        "oqtopus_client.display",
        "oqtopus_client.errors",
        "oqtopus_client.files",
        "oqtopus_client.shipping",
        "oqtopus_client.user_warnings",
    ),
    "oqtopus_client.shipping": (),
    "oqtopus_client.rest": (
        "oqtopus_client.checks",
        "oqtopus_client.config",
        "oqtopus_client.errors",
        "oqtopus_client.urls",
    ),
    "oqtopus_client.config": (
        "oqtopus_client.checks",
        "oqtopus_client.display",
        "oqtopus_client.environment",
        "oqtopus_client.urls",
        "oqtopus_client.profiles",
        "oqtopus_client.errors",
    ),
    "oqtopus_client.urls": (),
    "oqtopus_client.environment": ("oqtopus_client.errors",),
    "oqtopus_client.profiles": ("oqtopus_client.files", "oqtopus_client.errors", "oqtopus_client.display"),
    "oqtopus_client.physics": ("oqtopus_client.calibration",),
    "oqtopus_client.chip_layout": ("oqtopus_client.calibration",),
    "oqtopus_client.calibration": (),
    "oqtopus_client.angles": (),
    "oqtopus_client.checks": (),
    "oqtopus_client.display": (),
    "oqtopus_client.user_warnings": (),
    "oqtopus_client.files": ("oqtopus_client.checks",),
    "oqtopus_client.errors": ("oqtopus_client.display",),
}
# Provider, SDK and command line make an emulator when asked to, from inside a function; so is a picture drawn.
LAZY = {
    ("oqtopus_client.cli.completion", "oqtopus_client.emulator"),
    ("oqtopus_client.cli.completion", "oqtopus_client.emulator.device_files"),
    ("oqtopus_client.cli.emulator_admin", "oqtopus_client.emulator.database"),
    ("oqtopus_client.cli.emulator_admin", "oqtopus_client.emulator.users"),
    ("oqtopus_client.cli.doctor", "oqtopus_client.emulator"),
    ("oqtopus_client.cli.device", "qiskit_oqtopus.visualization.chip"),
    ("oqtopus_client.cli.emulator", "oqtopus_client.emulator.__main__"),
    ("oqtopus_client.cli.faults", "oqtopus_client.emulator"),
    ("oqtopus_client.cli.session", "oqtopus_client.emulator"),
    ("qiskit_oqtopus.provider", "oqtopus_client.emulator"),
    ("oqtopus_client.pytest_plugin", "oqtopus_client.emulator"),
}
# Users come in by the first two, pytest by the last; both show every room but the emulator, which is a heavy one.
DOORS = {"oqtopus_client", "oqtopus_client.__main__", "oqtopus_client.pytest_plugin"}
# What the first of them shows stands for the rooms below; the command line comes in there like any user.
SHOWN = {"oqtopus_client", *(f"oqtopus_client.{name}" for name in oqtopus_client.__all__)}


def within(name: str, room: str) -> bool:
    """Whether a module is in a room."""
    return name == room or name.startswith(room + ".")


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_arrows_point_down(file: Path) -> None:
    """No module imports from a room above its own."""
    name = module_name(file)
    room = next((room for room in MAY_IMPORT if within(name, room)), None)
    if room is None:
        assert name in DOORS
        wrong = {target for target in imports(file) if within(target, "oqtopus_client.emulator")}
        assert {target for target in wrong if (name, target) not in LAZY} == set()
        return
    allowed = (room, *MAY_IMPORT[room])
    wrong = {target for target in imports(file) if not any(within(target, below) for below in allowed)}
    wrong -= SHOWN if room == "oqtopus_client.cli" else set()
    assert {target for target in wrong if (name, target) not in LAZY} == set()


def test_no_modules_import_each_other() -> None:
    """Neither directly nor by way of others, be it at run time, inside a function or for types only."""
    graph = {
        module_name(file): {name if name in NAMES else name.rpartition(".")[0] for name in imports(file)}
        for file in MODULES
    }

    assert {name for names in graph.values() for name in names} <= NAMES
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"These modules import each other: {' <- '.join(error.args[1])}.")


def test_tests_share_only_what_support_holds() -> None:
    """No test imports from another test or a conftest, neither in its own code nor in scripts that it runs."""
    wrong = re.compile(r"\bfrom tests\S*(\.| import )(test_|conftest)")

    assert wrong.search("from tests.qiskit_oqtopus.test_backend import bell")
    assert [f for f in ROOT.glob("tests/**/*.py") if wrong.search(f.read_text("utf-8")) and f != Path(__file__)] == []


@pytest.mark.parametrize("library", ["httpx", "aiohttp", "httpx_aiohttp"])
def test_only_one_room_knows_the_http_library(library: str) -> None:
    """HTTP stays in one room."""
    users = [
        module_name(f) for f in MODULES if f"import {library}\n" in f.read_text() or f"from {library} " in f.read_text()
    ]

    assert users
    assert all(within(user, "oqtopus_client.rest.http") for user in users)


def test_importing_the_sdk_is_light() -> None:
    """Neither qiskit nor the emulator's packages nor pydantic nor the HTTP stack come with `import oqtopus_client`."""
    heavy = ["qiskit", "qiskit_aer", "starlette", "fastapi", "uvicorn", "httpx", "aiohttp", "numpy", "pydantic"]
    script = f"import sys, oqtopus_client; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert output.stdout.strip() == "[]"


def test_importing_the_provider_needs_no_emulator() -> None:
    """A user of the cloud installs no simulator, and pays for pydantic and HTTP with the first request only."""
    heavy = ["qiskit_aer", "starlette", "fastapi", "uvicorn", "pydantic", "httpx", "matplotlib"]
    script = f"import sys, qiskit_oqtopus; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert output.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["emulator", "--help"]])
def test_help_of_the_command_line_is_light(arguments: list[str]) -> None:
    """Help pages load no simulator and no HTTP stack, and the main page no pydantic."""
    heavy = ["qiskit", "qiskit_aer", "fastapi", "uvicorn", "httpx", "aiohttp", "numpy", "matplotlib"]
    heavy += ["pydantic"] if len(arguments) == 1 else ["oqtopus_client.rest.models"]
    script = f"""
import sys
from oqtopus_client.cli.app import app
try:
    app({arguments}, prog_name="oqtopus-client")
finally:
    print([name for name in {heavy} if name in sys.modules])
"""
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert output.stdout.splitlines()[-1] == "[]"


def test_dependencies_leave_room_for_others() -> None:
    """None has an upper bound, which would keep other packages' fixes out, and there is one HTTP stack."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = dict(requirement.split(">=") for requirement in project["dependencies"])

    assert all(re.fullmatch(r"[\d.]+", lowest) for lowest in required.values())
    assert required.keys().isdisjoint({"urllib3", "requests", "aiohttp-retry", "pyyaml", "python-dateutil"})


@pytest.mark.parametrize("package", ["oqtopus_client", "qiskit_oqtopus"])
def test_packages_are_typed(package: str) -> None:
    """Type checkers of our users read our annotations."""
    assert (resources.files(package) / "py.typed").is_file()
