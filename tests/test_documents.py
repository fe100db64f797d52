"""Tests of the documentation: its code runs, and its claims match the code."""

from __future__ import annotations

import functools
import math
import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import oqtopus_client.emulator
import qiskit_oqtopus.errors
from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.rest.endpoints import OPERATIONS
from qiskit_oqtopus import OqtopusProvider
from tests.foreign.run import LIBRARIES, PUBLISHED, QURI_PARTS
from tests.support.circuits import BELL
from tests.support.programs import required
from tests.support.statistics import is_bell

ROOT = Path(__file__).parent.parent
PACKAGES = "oqtopus_client", "qiskit_oqtopus"
FROM_ELSEWHERE = {"HTTP 403: Cannot access device_id="}
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *ROOT.glob("docs/*.md"))}


def code_blocks(page: str, language: str = "python") -> list[str]:
    """Return the code blocks of a page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], re.DOTALL)


def block_with(page: str, text: str) -> str:
    """Return the page's only Python block that contains a text."""
    (block,) = (block for block in code_blocks(page) if text in block)
    return block


def test_readme_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The README prints devices, values with and without noise, counts of parallel circuits, and a program's result."""
    monkeypatch.chdir(tmp_path)
    tour, mitigated, parallel, program = code_blocks("README")
    # Programs are sent as source, so their functions must be in a file.
    (tmp_path / "example.py").write_text(tour + mitigated + parallel + program, encoding="utf-8")
    runpy.run_path(str(tmp_path / "example.py"))["provider"].close()
    *devices, counts, value, times, plan, better, packed, found = capsys.readouterr().out.splitlines()

    assert len(tour.splitlines()) <= 22
    assert len(mitigated.splitlines()) <= 5
    assert "4 jobs, of which suppression adds 2;" in plan
    assert abs(float(better.split()[0]) - 2) < abs(float(value) - 2)
    names_of_devices = ["qulacs", "lattice64", "lattice64c", "lattice144"]
    assert [line.split()[0] for line in devices] == ["Name", "----------", *names_of_devices]
    assert sum(eval(counts).values()) == 1000  # noqa: S307 - a dictionary that we printed
    assert 1.5 < float(value) < 2
    assert "running" in times
    assert packed.startswith("1 {")
    assert sum(eval(packed.removeprefix("1 ")).values()) == 1000  # noqa: S307
    assert (tmp_path / "placements.png").stat().st_size > 10_000
    angle, minimum = eval(found)  # noqa: S307
    assert abs(angle - math.pi) < 0.3
    assert abs(minimum + 1) < 0.05


@pytest.mark.parametrize("page", ["index", "qiskit"])
def test_bell_example(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first Qiskit example prints Bell counts."""
    (tmp_path / "example.py").write_text(block_with(page, "bell = "), encoding="utf-8")
    names = runpy.run_path(str(tmp_path / "example.py"))
    names["backend"].provider.close()

    assert is_bell(eval(capsys.readouterr().out))  # noqa: S307 - a dictionary that we printed


def test_mitigation_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The stabilizers of a GHZ state are nearer to 1 with each level, and the numbers of jobs are those of the page."""
    (tmp_path / "example.py").write_text(block_with("mitigation", "ghz = "), encoding="utf-8")
    names = runpy.run_path(str(tmp_path / "example.py"))
    names["backend"].provider.close()
    rows = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    off = [max(abs(1 - float(value)) for value in row[2].strip("[]").split()) for row in rows]

    # Two measurements: of Z, and of X.
    assert [(int(level), int(jobs)) for level, jobs, _ in rows] == [(0, 2), (1, 2 + 2), (2, 16 * 3 * 2 + 8)]
    assert off[0] > off[1] + 0.02
    assert max(off) < 0.2


def test_parallel_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nine circuits take one job, copies add their shots, and four PUBs take three jobs with their calibration."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in code_blocks("parallel"):
        exec(block, names)  # noqa: S102 - our own
    names["chip"].provider.close()
    printed = capsys.readouterr().out
    places = re.findall(r"GHZ of (\d) \((.*)\) (0\.\d+), (0\.\d+) on the best qubits\n", printed)

    assert printed.startswith(f"1 job: {[1000] * 9} shots\n")
    assert [int(size) for size, *_ in places] == [6, 5, 4, 4, 3, 3, 2, 2, 2]
    assert len({qubit for _, qubits, *_ in places for qubit in qubits.split(", ")}) == 31
    assert all(0.9 * float(best) - 0.001 <= float(fidelity) <= float(best) for *_, fidelity, best in places)
    assert "16000 shots, 16 copies\n" in printed
    assert "3 jobs\n" in printed
    assert all(abs(float(value) - 1) < 0.15 for value in printed.splitlines()[-1].strip("[]").split())
    assert (tmp_path / "parallel.png").stat().st_size > 10_000


def test_spacing_protects_from_crosstalk() -> None:
    """With ZZ between neighbours, pairs with a spacing of 1 are as good as alone, and those that touch are not.

    The tolerance of five standard errors of a mean of six pairs allows for less than a false alarm in a million runs.
    """
    experiment = runpy.run_path(str(ROOT / "docs" / "draw_parallel.py"))
    with OqtopusProvider.emulator(":memory:") as provider:
        chip = provider.get_backend("lattice64c")
        for spacing in (0, 1):
            places, together, alone = experiment["compare"](chip, spacing)
            error = math.sqrt(sum(p * (1 - p) for p in (*together, *alone)) / experiment["SHOTS"]) / 6
            lost = float(alone.mean() - together.mean())
            touching = [
                any(chip.chip.near[a, b] for other in places if other != one for a in one.qubits for b in other.qubits)
                for one in places
            ]
            assert {place.program for place in places} == {0}
            assert abs(lost) < 5 * error if spacing else lost > 10 * error
            for touches, difference in zip(touching, alone - together, strict=True):
                assert difference > 0.03 if touches else abs(difference) < 0.03
            assert sum(touching) == (0 if spacing else 4)


def test_qiskit_examples_follow_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other Qiskit examples run one after the other, following the Bell example."""
    monkeypatch.chdir(tmp_path)
    marks = ["bell = ", "rabi = ", "job.save", "week 48", "least_busy", "scheduling_method", "ansatz = ", "packed = "]
    names: dict[str, Any] = {}
    printed = {}
    for mark in marks:
        exec(block_with("qiskit", mark), names)  # noqa: S102 - our own
        printed[mark] = capsys.readouterr().out
    names["provider"].close()

    ones = eval(printed["rabi = "])  # noqa: S307 - a list that we printed
    assert (ones[0], ones[4]) == (0, 1000)
    assert ones == sorted(ones)
    assert printed["job.save"].count(names["sweep"].job_id()) == 1
    assert "True False False False True" in printed["job.save"]
    assert printed["week 48"].startswith("['calibration', 'week 48'] <OqtopusJob ")
    assert "lattice144" in printed["least_busy"]
    assert 1 < float(printed["scheduling_method"].removesuffix("µs\n")) < 2  # the measurement takes one
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"rabi.json", "chip.png"}
    assert names["estimated"].data.stds < 0.05
    assert sum(names["sampled"].data.meas.get_counts().values()) == 1000
    assert printed["packed = "].startswith("20 3\n")


def test_programs_examples_follow_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The function finds the angle, its job is found again and saved, and its error comes back."""
    monkeypatch.chdir(tmp_path)
    # Programs are sent as source, so their functions must be in a file.
    (tmp_path / "example.py").write_text("".join(code_blocks("programs")), encoding="utf-8")
    names = runpy.run_path(str(tmp_path / "example.py"))
    names["provider"].close()
    *rows, blank, angle, state, error = capsys.readouterr().out.splitlines()

    assert blank == ""
    assert [float(row.split(": ")[1]) for row in rows] == pytest.approx(names["job"].result()["values"], abs=6e-4)
    assert abs(float(angle) - 3.14) < 0.01
    assert re.fullmatch(r"succeeded \S+ \S+ 9", state)
    assert error == "ValueError - no convergence within 50 steps"
    assert (tmp_path / "lowest.json").exists()


def test_sdk_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: dict[str, str]
) -> None:
    """The first SDK example prints Bell counts from the configured server."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "example.py").write_text(block_with("sdk", "with OqtopusClient() as client"), encoding="utf-8")
    runpy.run_path(str(tmp_path / "example.py"))

    assert is_bell(eval(capsys.readouterr().out))  # noqa: S307 - a dictionary that we printed


def test_calibration_example(client: OqtopusClient, capsys: pytest.CaptureFixture[str]) -> None:
    """The calibration example prints published values."""
    exec(block_with("sdk", "get_device"), {"client": client})  # noqa: S102 - our own
    t1_us, readout_error, control, target, gate_error = map(float, capsys.readouterr().out.split())

    assert 1 < t1_us < 1000
    assert 0 < gate_error < readout_error < 0.1
    assert control != target


def test_batch_example(client: OqtopusClient) -> None:
    """The batch example runs with the client and program of the previous example."""
    names: dict[str, Any] = {"client": client, "program": BELL, "OqtopusJobSpec": OqtopusJobSpec}
    exec(block_with("sdk", "run_jobs_batch"), names)  # noqa: S102 - our own

    assert [result.shots for result in names["results"]] == [10, 100, 1000]
    assert names["result"].status == "succeeded"


def test_journal_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: OqtopusConfig, client: OqtopusClient
) -> None:
    """The campaign submits its jobs once, even if it is started again."""
    monkeypatch.chdir(tmp_path)
    jobs = [OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=7, name="campaign") for _ in range(3)]
    for _ in range(2):
        make = functools.partial(OqtopusClient, config)
        names: dict[str, Any] = {"OqtopusClient": make, "jobs": jobs}
        exec(block_with("sdk", "campaign.sqlite3"), names)  # noqa: S102 - our own
        assert names["result"].status == "succeeded"

    assert len(list(client.iter_jobs(q="campaign"))) == 3


def test_ci_runs_the_readmes_test_command() -> None:
    """CI runs the same test command as people."""
    commands = [block for block in code_blocks("README", "bash") if "-m pytest" in block]

    assert len(commands) == 1
    assert commands[0].count("\n") == 1
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_emulator_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The example's chip misreads qubit 0 as often as its calibration says."""
    (tmp_path / "example.py").write_text(block_with("emulator", "from_device_info"), encoding="utf-8")
    runpy.run_path(str(tmp_path / "example.py"))
    counts = eval(capsys.readouterr().out)  # noqa: S307 - a dictionary that we printed

    assert sum(counts.values()) == 1000
    assert 880 < counts["01"] < 990


def test_twin_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: dict[str, str]
) -> None:
    """The example emulates a chip from its server's calibration."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    code = block_with("self_hosting", "from_device_info").replace("qulacs", "lattice64")
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    runpy.run_path(str(tmp_path / "example.py"))

    assert capsys.readouterr().out.startswith("http")


def test_guarantees_name_existing_tests() -> None:
    """Every test that the reliability page names exists."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGES["reliability"])

    assert len(named) > 20
    for file, test in named:
        assert f"def {test or ''}" in (ROOT / file).read_text(encoding="utf-8")


def test_walks_in_contributing_name_existing_code() -> None:
    """Every module, class and function that a walk in CONTRIBUTING names exists."""
    walks = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("### How a circuit travels")[2]
    named = set(re.findall(r"`([\w./]+)`", walks.partition("## Versions")[0])) - {"submitted", "running", "Result"}
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    modules = " ".join(f"/{file.relative_to(ROOT).with_suffix('')}".removesuffix("/__init__") for file in files)
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    defined = set(re.findall(r"^\s*(?:async )?(?:def|class) (\w+)", code, re.MULTILINE))

    assert len(named) > 50
    modules_named = {name for name in named if "/" in name}
    assert {name for name in modules_named if not re.search(rf"/{name}(?= |$)", modules)} == set()
    parts = {part for name in named - modules_named for part in name.split(".")}
    assert {part for part in parts - defined if not re.search(rf"/{part}(?= |$)", modules)} == set()


def test_errors_are_those_of_the_code() -> None:
    """Every message in the error index occurs in the code, apart from its variable parts."""
    code = "".join(file.read_text(encoding="utf-8") for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    spoken = re.sub(r"\"\n\s*f?\"", "", code)
    spoken = re.sub(r"\{[^{}\"]*\}", "…", spoken)
    messages = re.findall(r"^\| `(.*?)` \|", PAGES["errors"], re.MULTILINE)

    assert len(messages) > 25
    parts = [part for message in messages for part in message.split("…") if part.strip(" .:;,'")]
    assert [part for part in parts if part not in spoken and part not in FROM_ELSEWHERE] == []


def test_libraries_are_run_at_the_versions_that_are_named() -> None:
    """The table lists exactly the libraries that are tested, with their versions and Qiskit's."""
    rows = re.findall(r"^\| \[([\w-]+)\].*? \| ([\d.]+) \| ([\d.]+|-) \|", PAGES["libraries"], re.MULTILINE)
    run = {(*requirement.split("=="), "-") for requirement in (PUBLISHED, QURI_PARTS)}
    for requirements, _ in LIBRARIES.values():
        pins = dict(requirement.split("==") for requirement in requirements)
        qiskit = pins.pop("qiskit")
        run |= {(name.partition("[")[0], version, qiskit) for name, version in pins.items()}

    assert set(rows) == {row for row in run if row[0] not in {"pyscf", "pennylane"}}  # what others are installed with


def test_no_line_is_a_comment() -> None:
    """No line of a page begins with a percent sign, which MyST takes for a comment."""
    assert [name for name, page in PAGES.items() if re.search(r"^\s*%", page, re.MULTILINE)] == []


def test_every_public_name_is_in_the_reference() -> None:
    """The reference documents every public name."""
    reference = "".join(page.read_text(encoding="utf-8") for page in ROOT.glob("docs/api/*.md"))
    elsewhere = {"CircuitError", "errors", "rest", *dir(oqtopus_client.errors), *dir(qiskit_oqtopus.errors)}
    public = {*oqtopus_client.__all__, *qiskit_oqtopus.__all__, *oqtopus_client.emulator.__all__}

    assert {name for name in public - elsewhere if not re.search(rf"\b{name}$", reference, re.MULTILINE)} == set()


@pytest.mark.timeout(900)
def test_documentation_builds(tmp_path: Path) -> None:
    """The documentation builds without a warning, with the tutorials' output, and Chromium finds nothing broken.

    No page scrolls sideways, at 500 pixels either, and no picture or link of a page is missing.
    """
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", tmp_path / "html"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    page = (tmp_path / "html" / "reliability.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]*>", "", page)
    assert all(str(operation) in text for operation in OPERATIONS)
    for script in ROOT.glob("tutorials/*.py"):
        page = (tmp_path / "html" / "generated" / f"{script.stem}.html").read_text(encoding="utf-8")
        assert 'class="output' in page
        assert page.count('<img alt="Figure of ') == script.read_text(encoding="utf-8").count("savefig("), script.name
    problems = runpy.run_path(str(ROOT / "docs" / "look.py"))["problems"]
    assert problems(tmp_path / "html", required("chromium")) == []


def test_install_lists_every_extra() -> None:
    """The table of extras on the page about installing has those of the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert set(re.findall(r"^\| `(\w+)` \|", PAGES["install"], re.MULTILINE)) == set(project["optional-dependencies"])


def test_figures_name_existing_commands() -> None:
    """Every command that repeats a figure names a file of this repository."""
    commands = re.findall(r"`(python\s.*?)`", PAGES["why"], re.DOTALL)
    files = [part for command in commands for part in command.split() if part.endswith(".py")]

    assert len(files) > 8
    assert all((ROOT / file).exists() for file in files)


def test_pictures_are_drawn_by_their_scripts() -> None:
    """The drawing in the repository is the output of its script."""
    drawn = runpy.run_path(str(ROOT / "docs" / "draw_job.py"))["picture"]()

    assert (ROOT / "docs" / "pictures" / "job.svg").read_text(encoding="utf-8") == drawn


def test_pictures_of_the_command_line(tmp_path: Path) -> None:
    """The commands in the pictures work, and the repository has exactly these pictures."""
    subprocess.run([sys.executable, "-W", "error", ROOT / "docs" / "terminal.py", tmp_path], check=True)
    drawn = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.glob("*.svg")}

    assert {file.name for file in (ROOT / "docs" / "terminal").iterdir()} == set(drawn)
    assert "lattice144" in drawn["devices.svg"]
    assert "succeeded" in drawn["job.svg"]
    assert "████" in drawn["run.svg"]
