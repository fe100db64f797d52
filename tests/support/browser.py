"""A real browser at the console: Chromium, driven by Playwright."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from tests.support.programs import required

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Route

_CONTRASTS = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paint = (element) => {
    const style = getComputedStyle(element);
    if (element instanceof SVGElement && !(element instanceof SVGSVGElement)) return style.fill === "none" ? null : style.fill;
    return style.backgroundColor;
  };
  // The elements behind a text, from the top: for HTML its ancestors, in pictures what is painted at its middle.
  const behind = (element, box) => {
    if (element.closest("svg") && !(element instanceof SVGSVGElement)) {
      const hit = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      return hit.includes(element.closest("svg")) ? hit.filter((other) => !(other instanceof SVGTextContentElement)) : null;
    }
    const found = [];
    for (let at = element; at; at = at.parentElement) found.push(at);
    return found;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || ["SCRIPT", "STYLE", "NOSCRIPT", "TITLE", "title", "OPTION"].includes(element.tagName)) continue;
    if (!element.checkVisibility({ visibilityProperty: true }) || element.closest(":disabled")) continue;
    const range = document.createRange();
    range.selectNode(walker.currentNode);
    const box = range.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const layers = behind(element, box);
    if (!layers) continue;
    let background = rgba(getComputedStyle(document.body).backgroundColor);
    for (const layer of layers.reverse()) {
      const painted = paint(layer);
      if (painted) background = over(rgba(painted), background);
    }
    const style = getComputedStyle(element);
    const ink = over(rgba(element instanceof SVGElement ? style.fill : style.color), background);
    const [low, high] = [luminance(ink), luminance(background)].sort((a, b) => a - b);
    found.push([text.slice(0, 60), element.tagName.toLowerCase() + "." + element.getAttribute("class"), (high + 0.05) / (low + 0.05)]);
  }
  return found;
}
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser; where there is none, the test is skipped, or fails in CI."""
    executable = required("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, url: str, *, refusals: Collection[int] = (), **options: Any) -> Iterator[Page]:
    """Open a page without cookies of others.

    At the end, nothing on its pages may have gone wrong: no error in the browser's console, as of a script or of the
    content security policy, and no request to another host, which is refused.

    Args:
        browser: The browser.
        url: The site; pages are opened with paths.
        refusals: HTTP statuses that pages are expected to have, which the browser logs as errors.
        **options: Of the browser's context, such as `color_scheme` or `viewport`.
    """
    with browser.new_context(base_url=url, **options) as context:
        problems: list[str] = []

        def refuse(route: Route) -> None:
            problems.append(f"request to {route.request.url}")
            route.abort()

        def note(message: ConsoleMessage) -> None:
            expected = any(f"a status of {status} " in message.text for status in refusals)
            if message.type in {"error", "warning"} and not expected:
                problems.append(f"{message.text} ({message.location})")

        context.route(lambda requested: not requested.startswith((f"{url}/", "data:", "blob:")), refuse)
        context.on("console", note)
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.set_default_timeout(20_000)
        yield context.new_page()
        assert problems == []


def contrasts(page: Page) -> list[tuple[str, str, float]]:
    """Return each text that is visible, its element, and its contrast with what is behind it (WCAG 2)."""
    size = page.viewport_size
    assert size is not None
    # Only what is within the window can be hit.
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(int(height), 15_000)})
    found = [(text, element, ratio) for text, element, ratio in page.evaluate(_CONTRASTS)]
    page.set_viewport_size(size)
    return found


def scrolls_sideways(page: Page) -> bool:
    """Return whether a page is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
