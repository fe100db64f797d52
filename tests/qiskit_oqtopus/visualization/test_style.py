"""Pictures do not change the state of matplotlib."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# As a notebook's does: figures are shown as long as matplotlib is interactive.
NOTEBOOK_BACKEND = """
import matplotlib
from matplotlib.backends.backend_agg import *
matplotlib.interactive(True)
"""

PROGRAM = """
import matplotlib
from qiskit_oqtopus.visualization.style import canvas
with canvas(1, 1):
    pass
print(matplotlib.is_interactive())
"""


def test_what_a_backend_sets_as_it_loads(tmp_path: Path) -> None:
    """The style of the first figure does not undo settings of matplotlib's backend."""
    (tmp_path / "notebook_backend.py").write_text(NOTEBOOK_BACKEND, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "MPLBACKEND": "module://notebook_backend", "PYTHONPATH": path}
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    assert run.stdout == "True\n"
