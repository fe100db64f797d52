"""The fuzzers' corpus, once more, and the fuzzers for a moment where atheris is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import run
from tests.fuzz.targets import TARGETS

INPUTS = sorted(path for path in run.CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("file", INPUTS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_corpus(file: Path) -> None:
    """Nothing is let out but what is documented."""
    TARGETS[file.parent.name](file.read_bytes())


def test_every_target_has_a_corpus() -> None:
    """The fuzzers start from files of the right kind, a few kilobytes in all."""
    assert {file.parent.name for file in INPUTS} == set(TARGETS) == set(run.NAMES)
    assert sum(file.stat().st_size for file in INPUTS) < 20_000


@pytest.mark.campaign
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs atheris")
def test_fuzzers_run(tmp_path: Path) -> None:
    """For a few seconds; at length this is run by hand."""
    command = [sys.executable, run.__file__, "--seconds", "6"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("stat::number_of_executed_units") == len(run.NAMES)
