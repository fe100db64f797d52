"""A real browser at the console: Chromium, driven by Playwright."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright

from tests.support.programs import required

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Route

expect.set_options(timeout=30_000)  # the first job of an emulator waits for its workers to start

_CONTRASTS = Path(__file__).with_name("contrasts.js").read_text(encoding="utf-8")


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
