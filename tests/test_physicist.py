"""A physicist's first hour: the README's quick tour as a script and as a notebook, with nothing but what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.statistics import is_bell
from tests.support.strict_python import WARNINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

README = Path(__file__).parent.parent / "README.md"
TOUR = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
"""The code of the quick tour, section by section."""

LONG = """
import os, signal, threading
from qiskit.circuit.random import random_circuit
long = transpile(random_circuit(14, 40, max_operands=2, seed=1, measure=True), chip, seed_transpiler=1)
waiting = chip.run(long, shots=1_000_000)
threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
waiting.result(progress=True)
"""
"""A run of minutes, and what the kernel does when its user presses the button that interrupts it."""


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, in which the user works."""
    for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


def executed(*cells: str, folder: Path) -> list[Any]:
    """Execute the cells of a notebook headless, errors included, and return their outputs."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        notebook, timeout=120, allow_errors=True, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return [cell["outputs"] for cell in notebook.cells]


def texts(outputs: Sequence[Any]) -> str:
    """Return all text that a cell has printed or displayed."""
    return "\n".join(each.get("text", each.get("data", {}).get("text/plain", "")) for each in outputs)


def kinds(outputs: Sequence[Any]) -> set[str]:
    """Return the kinds of content that a cell has displayed."""
    return {kind for each in outputs for kind in each.get("data", {})}


def test_the_quick_tour_as_a_script(fresh: Path) -> None:
    """The blocks of the README run one after the other, without a warning, and print what their comments say."""
    environment = {**os.environ, "HOME": str(fresh), "MPLBACKEND": "Agg"}
    script = fresh / "tour.py"
    script.write_text("\n".join(TOUR), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, *WARNINGS, script.name],
        cwd=fresh,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "lattice64c" in ended.stdout
    counts = re.findall(r"'([01]{2})': (\d+)", ended.stdout.partition("{")[2].partition("}")[0])
    assert sum(int(number) for key, number in counts if key in {"00", "11"}) > 800
    angle, minimum = map(float, re.search(r"\((\d\.\d+), (-\d\.\d+)\)\s*$", ended.stdout).groups())  # type: ignore[union-attr]
    assert angle == pytest.approx(3.14, abs=0.5)
    assert minimum == pytest.approx(-1, abs=0.1)
    assert (fresh / "placements.png").stat().st_size > 10_000


def test_the_quick_tour_as_a_notebook(fresh: Path) -> None:
    """Tables, pictures and progress bars appear below the cells, and an interrupt returns at once to the user."""
    tour, table, picture, bar, interrupted, state, after = executed(
        TOUR[0],
        "provider.backends()",
        "chip.plot()",
        "job = chip.run(transpile(bell.measure_all(inplace=False), chip), shots=1000)\n"
        "job.result(progress=True).get_counts()",
        LONG,
        "print(waiting.status().name)\nwaiting.cancel()",
        "print(provider.get_backend('qulacs').run(bell.measure_all(inplace=False)).result().get_counts())",
        folder=fresh,
    )

    assert not [each for each in tour if each["output_type"] == "error"], tour
    assert "text/html" in kinds(table)
    assert "<table" in "".join(each["data"].get("text/html", "") for each in table)
    assert "image/png" in kinds(picture)
    assert kinds(bar) & {"application/vnd.jupyter.widget-view+json", "text/html"} or "1/1" in texts(bar)
    assert sum(int(number) for number in re.findall(r": (\d+)", texts(bar).rpartition("{")[2])) == 1000
    (error,) = (each for each in interrupted if each["output_type"] == "error")
    assert error["ename"] == "KeyboardInterrupt"
    assert "RUNNING" in texts(state)
    assert "True" in texts(state)
    found = dict(re.findall(r"'(\d+)': (\d+)", texts(after)))
    assert is_bell({key: int(number) for key, number in found.items()})
