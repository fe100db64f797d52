"""Conversion of tutorials to notebooks, which Sphinx executes and shows as pages.

A tutorial that needs libraries which the documentation's environment does not have is shown as it was recorded:

    python docs/tutorial_pages.py 07_mitigation

executes it and writes the notebook to `docs/recorded`.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).parent
TUTORIALS = HERE.parent / "tutorials"
RECORDED = HERE / "recorded"

# Figures are sharp, and a page shows neither the user's jobs nor those on a server.
SETUP = """
import os
for name in [name for name in os.environ if name.startswith("OQTOPUS_")]:
    del os.environ[name]
os.environ |= dict.fromkeys(["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"], os.getcwd())
%config InlineBackend.figure_formats = ["retina"]
"""


def notebook(script: Path) -> NotebookNode:
    """Return a tutorial as a notebook: its links to download it, a hidden cell that prepares the kernel, its cells."""
    pages = jupytext.read(script)
    title = next(cell for cell in pages.cells if cell.cell_type == "markdown")
    title.source += f"\n\n{{download}}`Script <../../tutorials/{script.name}>`"
    title.source += f" · {{nb-download}}`Notebook <{script.stem}.ipynb>`"
    setup = nbformat.v4.new_code_cell(SETUP.strip(), metadata={"tags": ["remove-cell"]})
    pages.cells = [title, setup, *(cell for cell in pages.cells[pages.cells.index(title) + 1 :] if cell.source)]
    section = ""
    for index, cell in enumerate(pages.cells):
        cell.id = f"cell-{index}"
        if cell.cell_type == "markdown":
            section = re.findall(r"^#+ (.*)", f"# {section}\n{cell.source}", re.MULTILINE)[-1]
        else:
            cell.metadata["mystnb"] = {"image": {"alt": f"Figure of “{section}”"}}
    pages.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return pages


def recorded(script: Path) -> NotebookNode:
    """Return a recorded notebook, which must be of the tutorial as it is now."""
    pages = nbformat.read(RECORDED / f"{script.stem}.ipynb", as_version=4)
    if [cell.source for cell in pages.cells] != [cell.source for cell in notebook(script).cells]:
        message = f"{script.name} has changed since it was recorded; run {Path(__file__).name} {script.stem}."
        raise ValueError(message)
    pages.cells[0].source += " · The output was recorded earlier, in an environment with these libraries."
    return pages


def record(name: str) -> None:
    """Execute a tutorial and keep it with its outputs."""
    pages = notebook(TUTORIALS / f"{name}.py")
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(pages, timeout=600, resources={"metadata": {"path": folder}}).execute()
    for cell in pages.cells:
        cell.metadata.pop("execution", None)  # when it ran
    nbformat.write(pages, RECORDED / f"{name}.ipynb")


def write(folder: Path) -> None:
    """Write one notebook for each tutorial; Sphinx reads those again that have changed."""
    for script in TUTORIALS.glob("[0-9]*.py"):
        is_recorded = (RECORDED / f"{script.stem}.ipynb").exists()
        text = nbformat.writes(recorded(script) if is_recorded else notebook(script))
        page = folder / f"{script.stem}.ipynb"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    RECORDED.mkdir(exist_ok=True)
    for name in sys.argv[1:]:
        record(name)
