"""The gallery of tutorials: a card for each, with a picture that the tutorial has drawn."""

from __future__ import annotations

import base64
import html
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import nbformat
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbformat import NotebookNode
    from sphinx.application import Sphinx

TUTORIALS = Path(__file__).parent.parent / "tutorials"
FOLDER = "_static/gallery"
SIZE = 600, 400
LETTERS = 42  # that a card has room for
TAG = "thumbnail"  # of the cell whose picture is shown; without it, the first picture is


def cards() -> str:
    """Return the cards as Markdown: pictures, titles, and what one learns, from the README of the tutorials."""
    lines = ["```{raw} html", '<div class="cards">']
    for name, learns in re.findall(r"^\| \[\w+\]\((\w+)\.py\) \| (.*?) \|", _readme(), re.MULTILINE):
        title = re.search(r"^# # (.*)", (TUTORIALS / f"{name}.py").read_text(encoding="utf-8"), re.MULTILINE)
        heading, about = html.escape(title[1] if title else name), html.escape(learns)
        lines += [
            f'<a href="generated/{name}.html"><img src="{FOLDER}/{name}.png" alt="">',
            f"<strong>{heading}</strong><span>{about[0].upper()}{about[1:]}.</span></a>",
        ]
    return "\n".join([*lines, "</div>", "```", ""])


def draw(app: Sphinx, exception: Exception | None) -> None:
    """Draw the pictures of the cards from the notebooks that Sphinx has executed."""
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir, FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    for path in Path(app.outdir).parent.glob("jupyter_execute/generated/*.ipynb"):
        thumbnail(nbformat.read(path, as_version=4)).save(folder / f"{path.stem}.png")


def thumbnail(notebook: NotebookNode) -> Image.Image:
    """Return the picture of a notebook, or its last printed lines if it draws none."""
    pictures = list(_pictures(notebook))
    if not pictures:
        return _printed(notebook)
    chosen = next((picture for tagged, picture in pictures if tagged), pictures[0][1])
    picture = Image.open(io.BytesIO(base64.b64decode(chosen))).convert("RGB")
    picture.thumbnail(SIZE, Image.Resampling.LANCZOS)
    card = Image.new("RGB", SIZE, "white")
    card.paste(picture, ((SIZE[0] - picture.width) // 2, (SIZE[1] - picture.height) // 2))
    return card


def _pictures(notebook: NotebookNode) -> Iterator[tuple[bool, str]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                yield TAG in cell.metadata.get("tags", ()), output.data["image/png"]


def _printed(notebook: NotebookNode) -> Image.Image:
    """Return a drawing of the short lines that a notebook prints."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "text" in output]
    lines = [line for output in outputs for line in output.text.splitlines() if len(line) <= LETTERS]
    card = Image.new("RGB", SIZE, "#1b1f27")
    font = ImageFont.truetype(str(Path(mpl.get_data_path(), "fonts/ttf/DejaVuSansMono.ttf")), 22)
    for row, line in enumerate(lines[:9]):
        ImageDraw.Draw(card).text((24, 24 + 40 * row), line, font=font, fill="#d7dce5")
    return card


def _readme() -> str:
    return (TUTORIALS / "README.md").read_text(encoding="utf-8")
