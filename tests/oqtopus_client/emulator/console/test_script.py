"""The console's script, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec
from tests.support.browser import chromium
from tests.support.circuits import BELL
from tests.support.jobs import HOURS_LONG


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, server: dict[str, str]) -> Iterator[Page]:
    """Return a page of a visitor in Tokyo, whose browser reports no error."""
    context = browser.new_context(
        base_url=server["OQTOPUS_URL"], timezone_id="Asia/Tokyo", permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    yield page
    context.close()
    assert [problem for problem in problems if not problem.startswith("Failed to load resource")] == []


def clipboard(page: Page) -> str:
    """Return what was copied."""
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_copying_a_hidden_token(page: Page, server: dict[str, str]) -> None:
    """The copied lines have the token, which is not shown."""
    token = server["OQTOPUS_API_TOKEN"]
    page.goto("/console/connect")
    page.get_by_role("button", name="Copy: bash, zsh").click()
    expect(page.get_by_text("Copied")).to_be_visible()

    assert clipboard(page) == f"export OQTOPUS_URL={server['OQTOPUS_URL']}\nexport OQTOPUS_API_TOKEN={token}"
    assert token not in page.content()


def test_showing_the_token(page: Page, server: dict[str, str]) -> None:
    """It is shown and hidden in place: neither the address nor the history has it."""
    token = server["OQTOPUS_API_TOKEN"]
    page.goto("/console/connect")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("dd code", has_text=token)).to_be_visible()
    page.get_by_role("button", name="Copy: fish").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert token in clipboard(page)
    page.get_by_role("link", name="Hide").click()
    expect(page.get_by_role("button", name="Show")).to_be_visible()

    assert token not in page.content()
    assert page.url == f"{server['OQTOPUS_URL']}/console/connect"
    assert page.evaluate("history.length") <= 2


def test_without_the_script(browser: Browser, server: dict[str, str]) -> None:
    """The token can be shown all the same, and nothing is offered that would not work."""
    page = browser.new_context(base_url=server["OQTOPUS_URL"], java_script_enabled=False).new_page()
    page.goto("/console/connect")
    assert page.get_by_role("button", name="Copy").count() == 0
    assert page.get_by_role("button", name="Keyboard").count() == 0
    page.get_by_role("button", name="Show").click()

    expect(page.locator("dd code", has_text=server["OQTOPUS_API_TOKEN"])).to_be_visible()
    assert server["OQTOPUS_API_TOKEN"] not in page.url
    page.context.close()


def test_the_dashboard_is_live(page: Page, server: dict[str, str]) -> None:
    """A job appears, runs and ends without a reload, and the keyboard focus stays where it is."""
    with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
        page.goto("/")
        page.evaluate("window.loaded = 'once'")
        page.get_by_role("link", name="lattice144").focus()
        job_id = client.submit_job(HOURS_LONG).job_id
        job = page.locator(f"#running-{job_id}")
        expect(job).to_contain_text("running", timeout=30_000)
        client.cancel_job(job_id)
        expect(job).to_have_count(0, timeout=30_000)
        expect(page.locator(f"#recent-{job_id}")).to_contain_text("cancelled")

    assert page.evaluate("window.loaded") == "once"
    assert page.evaluate("document.activeElement.textContent") == "lattice144"


def test_ticks_stay_at_their_jobs(page: Page, server: dict[str, str]) -> None:
    """A new job above the ticked one moves the tick with it, so that no other job is cancelled."""
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10, name="ticked")
    with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
        ticked = client.submit_job(spec).job_id
        page.goto("/console/jobs")
        page.locator(f"input[value='{ticked}']").check()
        newer = client.submit_job(spec).job_id
        expect(page.locator(f"input[value='{newer}']")).to_be_visible(timeout=30_000)

    assert page.locator(f"input[value='{ticked}']").is_checked()
    assert page.locator("input[name=job_id]:checked").count() == 1


def hang(_: Route) -> None:
    """Never answer."""


@pytest.mark.parametrize(
    "fail",
    [lambda route: route.abort(), lambda route: route.fulfill(status=503, body="away"), hang],
    ids=["refuses", "fails", "hangs"],
)
def test_a_server_that_is_away(page: Page, fail: Callable[[Route], None]) -> None:
    """The page says that it is old, for as long as it is, also while one selects text."""
    page.add_init_script(
        "const { timeout } = AbortSignal; AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 20)"
    )
    page.goto("/")
    page.evaluate("getSelection().selectAllChildren(document.getElementById('now'))")
    away = page.get_by_text("The emulator does not answer.")
    expect(away).to_be_hidden()
    page.route("**/*", fail)
    expect(away).to_be_visible()
    assert page.get_by_role("heading", name="Dashboard").is_visible()
    page.unroute_all()
    expect(away).to_be_hidden()


def test_what_is_gone(page: Page, server: dict[str, str]) -> None:
    """The page of a job that is deleted elsewhere becomes the page that says so."""
    with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
        job_id = client.submit_job(HOURS_LONG).job_id
        page.goto(f"/console/jobs/{job_id}")
        client.cancel_job(job_id)
        client.delete_job(job_id)
        expect(page.get_by_role("heading", name="Not found")).to_be_visible()


def test_a_failing_server_is_not_asked_all_the_time(page: Page, server: dict[str, str]) -> None:
    """A circuit that cannot be fetched at once is asked for each second."""
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10)
    with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
        job_id = client.wait_for_job(client.submit_job(spec).job_id).job_id
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, body="away")

    page.route("**/circuit?of=program", fail)
    page.goto(f"/console/jobs/{job_id}")
    page.wait_for_timeout(700)

    assert len(asked) == 1


def test_what_is_closed_stays_closed(page: Page, server: dict[str, str]) -> None:
    """The live page of a job does not open a program again."""
    with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
        job_id = client.submit_job(HOURS_LONG).job_id
        page.goto(f"/console/jobs/{job_id}")
        page.locator("summary").first.click()
        client.cancel_job(job_id)
        expect(page.locator("#job-files[data-live]")).to_have_count(0)

    assert page.locator("details[open]").count() == 0


@pytest.mark.parametrize(("path", "button"), [("/console/submit", "Submit"), ("/console/faults", "Inject")])
def test_a_double_click_acts_once(page: Page, path: str, button: str) -> None:
    """A form is sent once, however often its button is clicked while the answer is awaited."""
    sent: list[str] = []
    page.goto(path)
    page.route("**/*", lambda route: sent.append(route.request.url))
    page.get_by_role("button", name=button, exact=True).evaluate("""async (button) => {
      for (let click = 0; click < 3; click++) {
        button.click();
        await new Promise((done) => setTimeout(done, 100));
      }
    }""")

    assert len([url for url in sent if url.endswith(path)]) == 1


def test_times_are_local(page: Page, server: dict[str, str]) -> None:
    """A time is in the visitor's time zone; the tooltip has UTC."""
    with OqtopusClient(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as client:
        job_id = client.submit_job(OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10)).job_id
        submitted = client.get_job(job_id).submitted_at
    page.goto("/")
    time = page.locator(f"#recent-{job_id} time")

    assert submitted is not None
    assert time.get_attribute("title") == f"{submitted:%Y-%m-%d %H:%M:%S} UTC"
    assert "Times are in your time zone, Asia/Tokyo." in page.inner_text("footer")
    shown = time.text_content()
    assert shown == page.evaluate(
        "(at) => new Date(at).toLocaleString('sv', {timeZone: 'Asia/Tokyo'})", submitted.isoformat()
    )


def test_shortcuts(page: Page) -> None:
    """Keys open pages, but not while one types or a key has another meaning."""
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Show this list")
    page.keyboard.press("2")
    assert page.url.endswith("/")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+6")
    page.keyboard.press("2")
    page.wait_for_url("**/console/jobs")
    page.keyboard.press("/")
    page.keyboard.type("a6?/")
    expect(page.get_by_role("dialog")).to_be_hidden()

    assert re.search(r"/console/jobs$", page.url)
    assert page.evaluate("document.activeElement.value") == "a6?/"


def test_the_keyboard_reaches_everything(page: Page) -> None:
    """The first key press offers to skip the navigation, and each focus is visible."""
    page.goto("/console/connect")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Show")).to_be_focused()

    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("path", ["/", "/console/connect", "/console/nowhere"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screens(browser: Browser, server: dict[str, str], path: str, scheme: str) -> None:
    """At 400 pixels nothing needs sideways scrolling, and light and dark are both readable."""
    page = browser.new_page(
        base_url=server["OQTOPUS_URL"],
        viewport={"width": 400, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page.goto(path)
    colours = page.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) / 765 for colour in colours]

    assert page.evaluate("document.documentElement.scrollWidth") == 400
    assert (brightness[0] > 0.85) == (scheme == "dark")
    assert abs(brightness[0] - brightness[1]) > 0.75
    page.close()
