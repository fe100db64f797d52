"""Look at the built documentation in Chromium: report what is broken, and photograph each page.

    python docs/look.py docs/_build/html PICTURES [PAGE ...]

Each page is shown 1280 and 500 pixels wide, and dark. It must not scroll sideways, its pictures must load, and its
links within the documentation must lead somewhere.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from playwright.sync_api import Page

VIEWS = {"wide": (1280, "light"), "narrow": (500, "light"), "dark": (1280, "dark")}
TALLEST = 8000  # pixels of a photograph

# What is wrong with the page that is shown. A table or a program may scroll in a box of its own.
PROBLEMS = """() => [
    ...document.documentElement.scrollWidth > innerWidth ? [`is ${document.documentElement.scrollWidth} px wide`] : [],
    ...[...document.images].filter(each => !each.naturalWidth).map(each => `has no picture ${each.src}`),
    ...[...document.images].filter(each => !each.hasAttribute("alt")).map(each => `has no text for ${each.src}`),
]"""
LINKS = """() => [...document.links].map(each => each.href).filter(each => each.startsWith("file:"))"""
IDS = """() => [...document.querySelectorAll("[id]")].map(each => each.id)"""


def visit(folder: Path, chromium: str, names: Iterable[str] = ()) -> Iterator[tuple[str, str, Page]]:
    """Yield the name of each page, that of the view, and the page shown in Chromium."""
    pages = [path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts]
    chosen = [path for path in pages if not names or path.stem in set(names)]
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium) as browser:
        for view, (width, scheme) in VIEWS.items():
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            # Only what the documentation itself contains counts.
            page.route("http*://**", lambda route: route.abort())
            for path in chosen:
                page.goto(path.resolve().as_uri())
                yield path.relative_to(folder).as_posix(), view, page


def problems(folder: Path, chromium: str, pictures: Path | None = None, names: Iterable[str] = ()) -> list[str]:
    """Return what is broken on the pages of a folder, and photograph each view of them into another folder."""
    found: list[str] = []
    links: dict[str, set[str]] = {}
    targets: set[str] = set()
    for name, view, page in visit(folder, chromium, names):
        found += [f"{name}, {view}: {problem}" for problem in page.evaluate(PROBLEMS)]
        links[name] = set(page.evaluate(LINKS))
        here = page.url.partition("#")[0]
        targets |= {here, f"{here}#", *(f"{here}#{each}" for each in page.evaluate(IDS))}
        if pictures is not None:
            height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
            clip = {"x": 0, "y": 0, "width": VIEWS[view][0], "height": height}
            file = pictures / view / f"{name.removesuffix('.html').replace('/', '-')}.png"
            page.screenshot(path=file, full_page=True, clip=clip)
    for name, each in links.items() if not names else ():
        broken = {link for link in each - targets if not _exists(link)}
        found += [f"{name}: links to {link.removeprefix(folder.resolve().as_uri())}" for link in sorted(broken)]
    return found


def _exists(link: str) -> bool:
    return "#" not in link and Path(link.removeprefix("file://")).exists()


if __name__ == "__main__":
    html, photographs, *chosen = sys.argv[1:]
    sys.exit("\n".join(problems(Path(html), shutil.which("chromium") or "", Path(photographs), chosen)))
