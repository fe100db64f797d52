"""Draw the pictures of the command line, `docs/terminal/*.svg`, from real commands run on an emulator.

    python docs/terminal.py [FOLDER]

Ids, times and counts differ between runs; everything else stays the same.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

BELL = Path(__file__).parent.parent / "tutorials" / "bell.qasm"
PICTURES = {
    "devices": "devices",
    "device": "device lattice64 | head -31",
    "run": "run bell.qasm --device lattice64 --mitigate --bars",
    "jobs": "jobs",
    "job": "job ID",
    "doctor": "doctor",
}
FOLDER = Path(__file__).parent / "terminal"
COLUMNS = 92  # as wide as the text of a page, so that letters have its size
# Without the address of a font that browsers do not load into pictures.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def typed(words: list[str], folder: Path) -> str:
    """Return what a command prints on a terminal, with `folder` as its home directory."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OQTOPUS_", "NO_COLOR"))}
    home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "oqtopus_client.cli", *words]
    search = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**environment, **home, **terminal, "PYTHONPATH": search},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    return ran.stdout


def draw(name: str, command: str, output: str, folder: Path) -> None:
    """Draw a command and its output as a terminal shows them."""
    recorder = Console(record=True, file=io.StringIO(), width=COLUMNS, force_terminal=True, color_system="truecolor")
    recorder.print(Text(f"$ {command}", style="bold"))
    recorder.print(Text.from_ansi(output.rstrip()), soft_wrap=True)
    recorder.save_svg(str(folder / f"{name}.svg"), title="oqtopus-client", unique_id=name, code_format=FORMAT)


def main(folder: Path = FOLDER) -> None:
    """Run the commands and draw each of them."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        shutil.copy(BELL, home)
        for name, typed_in in PICTURES.items():
            command, _, lines = typed_in.partition(" | head -")
            words = ["--emulator", *command.split()]
            if "ID" in words:
                (job,) = json.loads(typed(["--emulator", "jobs", "--limit", "1", "--json"], Path(home)))
                words[words.index("ID")] = job["job_id"]
            output = typed(words, Path(home)).splitlines()[: int(lines) if lines else None]
            shown = " ".join(["oqtopus-client", *words]) + typed_in.removeprefix(command)
            draw(name, shown, "\n".join(output), folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
