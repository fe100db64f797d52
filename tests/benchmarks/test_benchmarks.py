"""The benchmarks run; what they measure is for people to read."""

from __future__ import annotations

import os
import sys

import pytest

from tests.benchmarks import (
    calibration,
    chaos,
    command_line,
    compare_published,
    console,
    emulator,
    estimator,
    import_time,
    leaks,
    mitigation,
    parallel,
    parallel_estimator,
    provider,
    sampler,
    simulation,
    soak,
)


@pytest.mark.campaign
def test_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours against ours: every workload gives its row."""
    compare_published.main([sys.executable, "--scale", "0.02"])
    rows = capsys.readouterr().out.splitlines()[1:]

    assert len(rows) == len(compare_published.WORKLOADS)
    assert all("x" in row for row in rows)


def test_import_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours against ours: a row for each way to import."""
    import_time.main([sys.executable, sys.executable, "--rounds", "1"])
    rows = capsys.readouterr().out.splitlines()

    assert len(rows) == len(import_time.STATEMENTS)
    assert all(" ms" in row for row in rows)


@pytest.mark.campaign
def test_emulator(capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure comes out."""
    emulator.main(["--jobs", "20", "--stored", "300"])

    assert capsys.readouterr().out.count(" ms") == 5


@pytest.mark.parametrize("only", ["Bell", pytest.param("GHZ-30, level 3", marks=pytest.mark.campaign)])
def test_simulation(capsys: pytest.CaptureFixture[str], only: str) -> None:
    """A row for each of the jobs."""
    simulation.main(["--rounds", "1", "--only", only])

    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == sum(only in job.name for job in simulation.JOBS) > 0


@pytest.mark.parametrize(("jobs", "kills"), [(60, 1), pytest.param(150, 2, marks=pytest.mark.campaign)])
def test_soak(jobs: int, kills: int) -> None:
    """Nothing is lost or doubled while the server is killed; at length this is run by hand."""
    assert soak.soak(jobs, clients=3, kills=kills)["succeeded"] == jobs


@pytest.mark.campaign
def test_parallel(capsys: pytest.CaptureFixture[str]) -> None:
    """Each circuit has its counts, with as many fewer jobs as fit side by side."""
    parallel.main(["--circuits", "40", "--shots", "10"])

    assert "1/13.3 jobs" in capsys.readouterr().out


@pytest.mark.campaign
def test_parallel_estimator(capsys: pytest.CaptureFixture[str]) -> None:
    """Values are exact within their errors, with a fifth of the jobs."""
    parallel_estimator.main(["--bindings", "4", "--shots", "100"])

    assert "1/5.0 jobs" in capsys.readouterr().out


@pytest.mark.campaign
def test_mitigation(capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure comes out, on both chips."""
    mitigation.main(["--shots", "500", "--cases", "ad", "--ways", "raw", "level 1"])

    assert capsys.readouterr().out.count("off by 0.") == 2 * 2 * 3


@pytest.mark.campaign
def test_provider(capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure comes out."""
    provider.main(["--bindings", "5", "--gates", "100", "--circuits", "10"])

    assert [line.count(" ms") for line in capsys.readouterr().out.splitlines()] == [2, 2, 1]


def test_calibration(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each size of chip."""
    calibration.main(["--sizes", "2x3", "3x3", "--repeat", "1"])

    assert [row.split(" ms")[0].split()[:3] for row in capsys.readouterr().out.splitlines()] == [
        ["6", "qubits", "Target"],
        ["9", "qubits", "Target"],
    ]


@pytest.mark.campaign
def test_estimator(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each way, and no more shots than Qiskit's own."""
    estimator.main(["--bindings", "2", "--qubits", "4"])
    rows = capsys.readouterr().out.splitlines()[1:]
    shots = [int(row.split(" jobs of ")[1].split()[0]) for row in rows]

    assert len(rows) == 3
    assert max(shots[1:]) <= shots[0]


@pytest.mark.parametrize(("jobs", "server_kills"), [(300, 1), pytest.param(1000, 3, marks=pytest.mark.campaign)])
def test_chaos(jobs: int, server_kills: int) -> None:
    """A campaign survives a bad network, a dead server and its own death; at length this is run by hand."""
    told = chaos.chaos(jobs, server_kills, client_kills=2)

    assert told["results"] == jobs
    assert told["requests a job"] < 8


@pytest.mark.campaign
def test_sampler(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each number of shots."""
    sampler.main(["--bindings", "2", "--shots", "5", "6"])

    assert [row.count(" ms") for row in capsys.readouterr().out.splitlines()] == [2, 2]


@pytest.mark.campaign
def test_leaks() -> None:
    """Nothing is left behind and memory stands still; at length this is run by hand."""
    assert set(leaks.leaks(clients=60, calls=600)) == {"clients", "calls"}


@pytest.mark.campaign
def test_leaks_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files left open fail the check, and so does memory that is kept."""
    monkeypatch.setattr(leaks, "_PATIENCE", 0.1)
    kept: list[object] = []
    files: list[int] = []
    with pytest.raises(AssertionError, match="left behind"):
        leaks.check(leaks.repeated(lambda: files.append(os.open(os.devnull, os.O_RDONLY)), 20), allowance=4096)
    for file in files:
        os.close(file)
    with pytest.raises(AssertionError, match="memory grows"):
        leaks.check(leaks.repeated(lambda: kept.append(b"x" * (1 << 20)), 20), allowance=4096)


@pytest.mark.campaign
def test_console(capsys: pytest.CaptureFixture[str]) -> None:
    """With 10,000 stored jobs, the server spends less than 100 ms on each page."""
    console.main(["--repeat", "10"])
    rows = capsys.readouterr().out.splitlines()[2:]
    processor = {row[:20].strip(): float(row[20:].split(" ms")[1]) for row in rows}

    assert set(processor) == set(console.pages(0, ""))
    assert max(processor.values()) < 100


@pytest.mark.campaign
def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for the bare interpreter, and one for each command."""
    command_line.main(["--rounds", "1"])
    rows = capsys.readouterr().out.splitlines()

    assert len(rows) == 1 + len(command_line.COMMANDS)
    assert rows[0].endswith(" 1.0 x")
