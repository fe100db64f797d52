"""What we tell users to run, runs."""

from __future__ import annotations

import functools
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from tests.conftest import BELL

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def code_blocks(language: str) -> list[str]:
    """The README's code in one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def block_with(text: str) -> str:
    """The README's Python code that has this text in it."""
    (block,) = (block for block in code_blocks("python") if text in block)
    return block


def is_bell(counts: dict[str, int]) -> bool:
    """Whether 1000 shots look like a Bell state; a right one fails this once in 10^9 times."""
    return set(counts) == {"00", "11"} and sum(counts.values()) == 1000 and 400 < counts["00"] < 600


def test_quickstart() -> None:
    """The quickstart prints Bell counts twice: with Qiskit, and with the SDK alone."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "tutorials/quickstart.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    printed = re.findall(r"Counts \{'(\d+)': (\d+), '(\d+)': (\d+)\}", run.stdout)

    assert run.stderr == ""
    assert len(printed) == 2
    assert all(is_bell({a: int(n), b: int(m)}) for a, n, b, m in printed)


def run_tutorial(name: str, folder: Path) -> str:
    """Run a tutorial in a folder, its pictures into files; returns what it printed."""
    command = [sys.executable, "-W", "error", ROOT / "tutorials" / f"{name}.py"]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=True)

    assert run.stderr == ""
    assert (folder / f"{name}.png").stat().st_size > 10_000
    return run.stdout


def test_vqe(tmp_path: Path) -> None:
    """The energy of the hydrogen molecule is right within 5 millihartree."""
    printed = run_tutorial("vqe", tmp_path)

    assert "exactly -1.1373" in printed
    assert float(re.findall(r"Off by (\d+\.\d) millihartree", printed)[0]) < 5


def test_qaoa(tmp_path: Path) -> None:
    """The best cut is found, and the average cut grows."""
    printed = run_tutorial("qaoa", tmp_path)
    first, last, chance = map(float, re.findall(r"(\d+\.\d+) at first, (\d+\.\d+) after \d+ steps; (\d+)", printed)[0])

    assert "Best cut found: 10 of 12 edges" in printed
    assert "no cut has more than 10" in printed
    assert last > max(first, chance + 2)


def test_readme_qiskit_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The README's lines for Qiskit users print Bell counts."""
    (tmp_path / "example.py").write_text(block_with("bell = "), encoding="utf-8")
    names = runpy.run_path(str(tmp_path / "example.py"))
    names["backend"].provider.close()

    assert is_bell(eval(capsys.readouterr().out))  # noqa: S307 - a dictionary that we printed


def test_readme_qiskit_examples_follow_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parameters, jobs, devices and primitives, in a session that began with the Bell state."""
    monkeypatch.chdir(tmp_path)
    marks = ["bell = ", "rabi = ", "job.save", "least_busy", "OqtopusEstimator"]
    names: dict[str, Any] = {}
    printed = {}
    for mark in marks:
        exec(block_with(mark), names)  # noqa: S102 - our own
        printed[mark] = capsys.readouterr().out
    names["provider"].close()

    ones = eval(printed["rabi = "])  # noqa: S307 - a list that we printed
    assert (ones[0], ones[4]) == (0, 1000)
    assert ones == sorted(ones)
    assert printed["job.save"].count(names["sweep"].job_id()) == 1
    assert "lattice144" in printed["least_busy"]
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"rabi.json", "chip.png"}
    assert names["estimated"].data.stds < 0.05
    assert sum(names["sampled"].data.meas.get_counts().values()) == 1000


def test_readme_sdk_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: dict[str, str]
) -> None:
    """The README's lines for SDK users print Bell counts from the server that the environment names."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "example.py").write_text(block_with("with OqtopusClient() as client"), encoding="utf-8")
    runpy.run_path(str(tmp_path / "example.py"))

    assert is_bell(eval(capsys.readouterr().out))  # noqa: S307 - a dictionary that we printed


def test_readme_batch_example(client: OqtopusClient) -> None:
    """The README's lines for many jobs run, with the client and program of the lines before."""
    names: dict[str, Any] = {"client": client, "program": BELL, "OqtopusJobSpec": OqtopusJobSpec}
    exec(block_with("run_jobs_batch"), names)  # noqa: S102 - our own

    assert [result.shots for result in names["results"]] == [10, 100, 1000]
    assert names["result"].status == "succeeded"


def test_readme_journal_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: OqtopusConfig, client: OqtopusClient
) -> None:
    """The README's campaign submits its jobs once, however often it is begun."""
    monkeypatch.chdir(tmp_path)
    jobs = [OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=7, name="campaign") for _ in range(3)]
    for _ in range(2):
        make = functools.partial(OqtopusClient, config)
        names: dict[str, Any] = {"OqtopusClient": make, "jobs": jobs}
        exec(block_with("campaign.sqlite3"), names)  # noqa: S102 - our own
        assert names["result"].status == "succeeded"

    assert len(list(client.iter_jobs(q="campaign"))) == 3


def test_ci_runs_the_readmes_test_command() -> None:
    """One door for people and CI."""
    commands = [block for block in code_blocks("bash") if "-m pytest" in block]

    assert len(commands) == 1
    assert commands[0].count("\n") == 1
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_readme_emulator_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The README's chip misreads a one of qubit 0 as often as its calibration says."""
    (tmp_path / "example.py").write_text(block_with("from_device_info"), encoding="utf-8")
    runpy.run_path(str(tmp_path / "example.py"))
    counts = eval(capsys.readouterr().out)  # noqa: S307 - a dictionary that we printed

    assert sum(counts.values()) == 1000
    assert 880 < counts["01"] < 990


def test_pictures_of_the_command_line(tmp_path: Path) -> None:
    """They are of commands that work, and those in the repository are all there."""
    subprocess.run([sys.executable, "-W", "error", ROOT / "docs" / "terminal.py", tmp_path], check=True)
    drawn = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.glob("*.svg")}

    assert {file.name for file in (ROOT / "docs" / "terminal").iterdir()} == set(drawn)
    assert "lattice144" in drawn["devices.svg"]
    assert "succeeded" in drawn["job.svg"]
    assert "████" in drawn["run.svg"]
