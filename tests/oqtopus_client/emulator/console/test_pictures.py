"""The console's pictures in the documentation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.programs import required
from tests.support.source_tree import ROOT


def test_pictures_are_drawn_by_their_script(tmp_path: Path) -> None:
    """The script works, the repository has exactly its pictures, and the documentation shows each of them."""
    required("chromium", "google-chrome")
    script = ROOT / "docs" / "console.py"
    subprocess.run([sys.executable, "-W", "error", script, tmp_path / "drawn"], check=True, timeout=250)
    pictures = ROOT / "docs" / "pictures" / "console"
    page = (ROOT / "docs" / "console.md").read_text(encoding="utf-8")

    assert {file.name for file in pictures.iterdir()} == {file.name for file in (tmp_path / "drawn").iterdir()}
    assert all(file.stat().st_size < 120_000 for file in pictures.iterdir())
    assert all(page.count(f"pictures/console/{file.name}\n") == 1 for file in pictures.iterdir())
