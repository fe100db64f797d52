"""Conversion of tutorials to pages: Markdown cells become text, and code cells become code blocks."""

import re
from pathlib import Path

CELL = re.compile(r"^# %%(?P<markdown> \[markdown\])?\n(?P<content>.*?)(?=^# %%|\Z)", re.MULTILINE | re.DOTALL)


def page(script: str) -> str:
    """Return one tutorial script as Markdown."""
    return "\n".join(map(_cell, CELL.finditer(script)))


def _cell(cell: re.Match[str]) -> str:
    content = cell["content"].strip()
    if not content:
        return ""
    if cell["markdown"]:
        return re.sub(r"^# ?", "", content, flags=re.MULTILINE) + "\n"
    return f"```python\n{content}\n```\n"


def write(tutorials: Path, folder: Path) -> None:
    """Write one page for each tutorial."""
    for script in tutorials.glob("[0-9]*.py"):
        (folder / f"{script.stem}.md").write_text(page(script.read_text(encoding="utf-8")), encoding="utf-8")
