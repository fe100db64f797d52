"""The console in a real browser, at an emulator in a process of its own: every page and every action."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import chromium, contrasts, scrolls_sideways, visit
from tests.support.circuits import BELL
from tests.support.served import Served, served

PHONE = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser."""
    with chromium() as browser:
        yield browser


@dataclass(frozen=True)
class Town:
    """An emulator with a job of each kind."""

    emulator: Served
    succeeded: str
    failed: str
    cancelled: str
    running: str

    @property
    def pages(self) -> list[str]:
        """All pages of the operator."""
        jobs = (self.succeeded, self.failed, self.cancelled, self.running)
        return [
            "/",
            "/console/jobs",
            "/console/jobs?q=nothing+like+this",
            *(f"/console/jobs/{job_id}" for job_id in jobs),
            f"/console/jobs/{self.succeeded}/circuit?of=transpiled",
            f"/console/submit?device={'d' * 200}",
            f"/console/submit?again={self.succeeded}",
            "/console/devices",
            "/console/devices/qulacs",
            "/console/devices/lattice64?sort=-t1",
            "/console/devices/lattice144?colour=t2",
            "/console/faults",
            "/console/news",
            "/console/connect",
        ]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Town]:
    """Serve an emulator whose jobs stay as they are."""
    assert browser.is_connected()
    with served(tmp_path_factory.mktemp("town")) as emulator:
        jobs = {
            "succeeded": emulator.succeeded("bell on a chip", device="lattice64"),
            "failed": emulator.failed("one that fails"),
            "cancelled": emulator.cancelled("one that is cancelled"),
            "running": emulator.held("one that runs"),
        }
        week = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2126-01-01T00:00:00Z"}
        emulator.control("POST", "announcements", {"title": "W" * 200, "content": "A first announcement.", **week})
        emulator.control("POST", "faults", {"kind": "delay", "path": "/nowhere", "seconds": 1})
        yield Town(emulator, **jobs)


@pytest.fixture
def emulator(tmp_path: Path, browser: Browser) -> Iterator[Served]:
    """Serve an emulator of the test's own."""
    assert browser.is_connected()
    with served(tmp_path) as emulator:
        yield emulator


def row(page: Page, text: str) -> Locator:
    """Return the row of a table that has a text."""
    return page.locator("tbody tr").filter(has_text=text)


def focus_is_visible(page: Page) -> bool:
    """Return whether the focused element shows that it is."""
    style = page.evaluate(
        "(({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
    )
    return style[0] != "none" and style[1] != "0px"


def tab_to(page: Page, wanted: Locator) -> None:
    """Press the tab key until an element has the focus, which must always be visible."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert focus_is_visible(page)
            return
        assert focus_is_visible(page), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    pytest.fail(f"{wanted} cannot be reached with the tab key")


# --- how all pages look


def test_contrasts_are_measured(browser: Browser) -> None:
    """The measurement knows the contrast of text on a page, on half-transparent colours, and in pictures."""
    with browser.new_context(viewport={"width": 400, "height": 300}) as context:
        page = context.new_page()
        page.set_content(
            '<body style="background: #fff"><p style="color: #777">grey</p>'
            '<div style="background: rgb(0 0 0 / 50%)"><p style="color: #fff">white</p></div>'
            '<svg width="90" height="20"><rect width="90" height="20" fill="#000"/>'
            '<text y="15" fill="#333">dark</text></svg>'
            '<p style="display: none; color: #fff">not there</p>'
        )
        measured = {text: round(ratio, 1) for text, _, ratio in contrasts(page)}

    assert measured == {"grey": 4.5, "white": 4.0, "dark": 1.7}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_every_page_can_be_read(town: Town, browser: Browser, scheme: str, width: int) -> None:
    """No page is wider than the window, and all texts contrast with what is behind them."""
    size = {"width": width, "height": 800}
    with visit(browser, town.emulator.url, color_scheme=scheme, viewport=size) as page:
        for path in town.pages:
            page.goto(path)
            assert page.title().endswith("· OQTOPUS emulator")
            assert not scrolls_sideways(page), path
            measured = contrasts(page)
            assert len(measured) > 10
            assert [entry for entry in measured if entry[2] < 4.5] == [], path


def test_pages_are_printed_whole_and_in_light_colours(town: Town, browser: Browser) -> None:
    """Paper is white and does not scroll."""
    with visit(browser, town.emulator.url, color_scheme="dark") as page:
        page.goto("/console/devices/lattice64")
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 33, 48)"
        assert page.locator(".scroll.tall").first.evaluate("table => table.scrollHeight === table.clientHeight")


def test_every_page_has_one_heading_and_named_controls(town: Town, browser: Browser) -> None:
    """Screen readers find a heading, a name for each control and each picture, and no id twice."""
    check = """() => [
      ...[...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a")]
        .filter((e) => e.checkVisibility() && !(e.labels?.length || e.ariaLabel || e.textContent.trim()))
        .map((e) => e.outerHTML),
      ...[...document.querySelectorAll("svg[role=img]:not([aria-label])")].map((e) => e.outerHTML.slice(0, 100)),
      ...[...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, ids) => ids.indexOf(id) !== i),
    ]"""
    with visit(browser, town.emulator.url) as page:
        for path in town.pages:
            page.goto(path)
            expect(page.locator("h1")).to_have_count(1)
            assert page.evaluate(check) == [], path


# --- the pages, one after the other


def test_the_dashboard_follows_what_happens(emulator: Served, browser: Browser) -> None:
    """Jobs appear and change their status without a reload, and lead to their pages."""
    with visit(browser, emulator.url) as page:
        page.goto("/")
        expect(page.get_by_text("You have not submitted a job yet.")).to_be_visible()
        page.evaluate("window.notReloaded = true")
        emulator.held("watched")
        expect(row(page, "watched").locator(".badge.running").first).to_be_visible()
        emulator.control("DELETE", "faults")
        expect(row(page, "watched").locator(".badge.succeeded")).to_be_visible()
        emulator.control("PATCH", "devices/lattice64", {"status": "unavailable"})
        expect(row(page, "lattice64").filter(has_text="unavailable").first).to_be_visible()
        assert page.evaluate("window.notReloaded")
        row(page, "watched").get_by_role("link", name="watched").click()
        expect(page.locator("h1")).to_contain_text("watched")


def test_jobs_are_searched_and_filtered(town: Town, browser: Browser) -> None:
    """By text, device and status; each choice is in the address, so it can be kept as a bookmark."""
    with visit(browser, town.emulator.url) as page:
        page.goto("/console/jobs")
        expect(page.locator("table.jobs tbody tr")).to_have_count(4)
        page.get_by_label("Search").fill("that")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("table.jobs tbody tr")).to_have_count(3)
        page.get_by_role("navigation", name="Status").get_by_role("link", name="failed").click()
        expect(page.locator("table.jobs tbody tr")).to_have_count(1)
        expect(row(page, "one that fails")).to_be_visible()
        assert "q=that" in page.url
        page.get_by_role("link", name="Clear filters").click()
        expect(page.locator("table.jobs tbody tr")).to_have_count(4)
        page.get_by_label("Device").select_option("lattice64")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("table.jobs tbody tr")).to_have_count(1)
        expect(row(page, "bell on a chip")).to_be_visible()


def test_many_jobs_are_cancelled_and_deleted(emulator: Served, browser: Browser) -> None:
    """Those that are ticked, after a question; those of which it is not possible are counted."""
    emulator.succeeded("done")
    emulator.control("POST", "faults", {"kind": "hold_job", "status": "running", "seconds": 3600, "times": 2})
    for name in ("first", "second"):
        emulator.submit(name)
    with visit(browser, emulator.url) as page:
        page.goto("/console/jobs")
        page.get_by_label("Select all jobs on this page").check()
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("h1")).to_have_text("Cancel 2 jobs?")
        page.get_by_role("button", name="Cancel 2 jobs").click()
        expect(page.get_by_text("2 jobs cancelled.")).to_be_visible()
        expect(page.locator("table.jobs .badge.cancelled")).to_have_count(2)

        page.get_by_label("Select first").check()
        page.get_by_label("Select done").check()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete 2 jobs").click()
        expect(page.get_by_text("2 jobs deleted.")).to_be_visible()
        expect(page.locator("table.jobs tbody tr")).to_have_count(1)
    assert [job.name for job in emulator.client.list_jobs()] == ["second"]


def test_what_is_ticked_stays_ticked(emulator: Served, browser: Browser) -> None:
    """The list is live, and takes no tick away while somebody chooses."""
    emulator.succeeded("chosen")
    with visit(browser, emulator.url) as page:
        page.goto("/console/jobs")
        page.get_by_label("Select chosen").check()
        emulator.succeeded("newcomer")
        expect(row(page, "newcomer")).to_be_visible()
        expect(page.get_by_label("Select chosen")).to_be_checked()


def test_a_job_that_succeeded(town: Town, browser: Browser) -> None:
    """Its page has counts, programs, circuits and files; the files can be downloaded."""
    with visit(browser, town.emulator.url) as page:
        page.goto(f"/console/jobs/{town.succeeded}")
        expect(page.locator("h1 .badge.succeeded")).to_be_visible()
        counts = page.locator("table.histogram tbody tr td.number:nth-child(3)").all_inner_texts()
        assert sum(int(count) for count in counts) == 100
        expect(page.locator("#circuit-transpiled pre")).to_contain_text("Rz")
        expect(page.locator("#circuit-program pre")).to_contain_text("H")
        expect(page.locator("details[open] code").first).to_contain_text("cx q[0], q[1];")
        with page.expect_download() as download:
            page.locator("a[href$='/files/result']").click()
        assert '"counts"' in Path(download.value.path()).read_text(encoding="utf-8")
        page.get_by_role("link", name="Submit again").click()
        expect(page.get_by_label("Name")).to_have_value("bell on a chip")
        expect(page.get_by_label("Device")).to_have_value("lattice64")


def test_a_job_that_failed_and_one_that_was_cancelled(town: Town, browser: Browser) -> None:
    """Their pages say why there is no result."""
    with visit(browser, town.emulator.url) as page:
        page.goto(f"/console/jobs/{town.failed}")
        expect(page.get_by_text("The job failed: the qubits are asleep")).to_be_visible()
        page.goto(f"/console/jobs/{town.cancelled}")
        expect(page.locator("h1 .badge.cancelled")).to_be_visible()
        expect(page.get_by_role("button", name="Delete")).to_be_visible()


def test_a_running_job_is_followed_and_cancelled(emulator: Served, browser: Browser) -> None:
    """Its page shows the result of one that ends, and cancels another."""
    first = emulator.held("first")
    with visit(browser, emulator.url) as page:
        page.goto(f"/console/jobs/{first}")
        expect(page.locator("h1 .badge.running")).to_be_visible()
        page.evaluate("window.notReloaded = true")
        emulator.control("DELETE", "faults")
        expect(page.locator("h1 .badge.succeeded")).to_be_visible()
        expect(page.locator("table.histogram")).to_be_visible()
        assert page.evaluate("window.notReloaded")

        page.goto(f"/console/jobs/{emulator.held('second')}")
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Cancel the job").click()
        expect(page.get_by_text("1 job cancelled.")).to_be_visible()
        expect(page.locator("h1 .badge.cancelled")).to_be_visible()


def test_a_program_is_corrected_and_submitted(emulator: Served, browser: Browser) -> None:
    """A syntax error is shown with its line, what was typed stays, and the corrected program runs."""
    with visit(browser, emulator.url, refusals=[422]) as page:
        page.goto("/console/submit?device=lattice64")
        page.get_by_label("Program").fill(BELL.replace("cx q[0], q[1];", "cx q[0], q[1"))
        page.get_by_label("Name").fill("corrected")
        page.get_by_label("Shots").fill("250")
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("line")
        expect(page.get_by_label("Shots")).to_have_value("250")
        expect(page.get_by_label("Device")).to_have_value("lattice64")
        assert emulator.client.list_jobs() == []

        page.get_by_label("Program").fill(BELL)
        page.get_by_role("button", name="Check", exact=True).click()
        expect(page.get_by_text("lattice64 can run this program.")).to_be_visible()
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.get_by_text("The job is submitted.")).to_be_visible()
        expect(page.locator("h1")).to_contain_text("corrected")
        expect(page.locator("h1 .badge.succeeded")).to_be_visible()


def test_a_program_is_uploaded(emulator: Served, browser: Browser, tmp_path: Path) -> None:
    """A file takes the place of the text."""
    file = tmp_path / "mine.qasm"
    file.write_text(BELL, encoding="utf-8")
    with visit(browser, emulator.url) as page:
        page.goto("/console/submit")
        page.get_by_label("Program").fill("")
        page.get_by_label("or a file").set_input_files(file)
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.locator("h1")).to_contain_text("mine.qasm")


def test_a_device_is_looked_at(town: Town, browser: Browser) -> None:
    """Its chip is drawn, in colours by choice; tables are sorted; a tooltip has the values of a qubit."""
    with visit(browser, town.emulator.url) as page:
        page.goto("/console/devices")
        row(page, "lattice144").get_by_role("link").click()
        expect(page.locator(".chip .qubit")).to_have_count(144)
        expect(page.locator(".chip .coupling")).to_have_count(264)
        page.wait_for_load_state()  # before it, the chip can be there without its colours
        by_readout = page.locator(".chip .qubit").first.get_attribute("class")
        colours = {
            path.evaluate("element => getComputedStyle(element).fill")
            for path in page.locator(".chip circle").all()[:50]
        }
        assert len(colours) == 6
        page.get_by_role("navigation", name="Qubits by").get_by_role("link", name="T1").click()
        expect(page.get_by_text("Qubits: T1")).to_be_visible()
        assert page.locator(".chip .qubit").first.get_attribute("class") != by_readout
        assert "T1: 37.9 µs" in (page.locator(".chip .qubit title").first.text_content() or "")

        page.get_by_role("region", name="Qubits").get_by_role("link", name="T1 (µs)").click()
        expect(page.get_by_role("columnheader", name="T1 (µs)")).to_have_attribute("aria-sort", "ascending")
        page.wait_for_load_state()
        values = page.locator("#qubits + div td:nth-child(6)").all_inner_texts()
        assert len(values) == 144
        assert values == sorted(values, key=float)


def test_numbers_on_chips_can_be_read_on_a_telephone(town: Town, browser: Browser) -> None:
    """They are at least nine pixels high, also on the largest chip."""
    with visit(browser, town.emulator.url, viewport=PHONE) as page:
        for device in ("lattice64", "lattice144"):
            page.goto(f"/console/devices/{device}")
            shrunk = page.locator(".chip").evaluate(
                "chip => chip.getBoundingClientRect().width / chip.width.baseVal.value"
            )
            assert 12.5 * shrunk > 9


def test_a_device_is_switched_and_recalibrated(emulator: Served, browser: Browser, tmp_path: Path) -> None:
    """Off and on; with a drift and with a file; the earlier calibration can still be seen."""
    with visit(browser, emulator.url, refusals=[422]) as page:
        page.goto("/console/devices/lattice64")
        page.get_by_role("button", name="Switch off").click()
        expect(page.get_by_text("The device is switched off")).to_be_visible()
        assert emulator.client.get_device("lattice64").status == "unavailable"
        page.get_by_role("button", name="Switch on").click()
        expect(page.get_by_text("The device is switched on.")).to_be_visible()
        assert emulator.client.get_device("lattice64").status == "available"

        median = page.locator("dt", has_text="T1").locator("+ dd")
        before = median.inner_text()
        page.get_by_label("Drift (%)").fill("20")
        page.get_by_label("Seed (optional)").fill("3")
        page.get_by_role("button", name="Recalibrate now").click()
        expect(page.get_by_text("The device has a new calibration")).to_be_visible()
        expect(page.get_by_text("(0 min ago)")).to_be_visible()
        assert median.inner_text() != before
        page.get_by_role("link", name="Show", exact=True).click()
        expect(page.get_by_text("You see the calibration of")).to_be_visible()
        assert median.inner_text() == before
        page.get_by_role("link", name="Show the present one.").click()
        expect(page.get_by_text("You see the calibration of")).to_have_count(0)

        file = tmp_path / "device_info.json"
        file.write_text('{"qubits": [{"id": 0}]}', encoding="utf-8")
        page.get_by_label("JSON file").set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("alert")).to_have_text("n_qubits is 64, but device_info has 1 qubits.")
        assert page.url == f"{emulator.url}/console/devices/lattice64"  # where its links and its live parts lead
        file.write_text(json.dumps(emulator.client.get_device("lattice64").device_info), encoding="utf-8")
        page.get_by_label("JSON file").set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_text("The device has a new calibration")).to_be_visible()


def test_faults_are_injected_and_cleared(emulator: Served, browser: Browser) -> None:
    """A fault of the form affects clients, and one that is not valid is explained."""
    with visit(browser, emulator.url, refusals=[422]) as page:
        page.goto("/console/faults")
        page.get_by_role("link", name="fail_job").click()
        expect(page.get_by_label("Kind")).to_have_value("fail_job")
        page.get_by_label("Message").fill("as the form says")
        page.get_by_role("button", name="Inject").click()
        expect(page.get_by_text("The fault is pending.")).to_be_visible()
        unlucky = emulator.submit("unlucky")
        emulator.client.wait_for_job(unlucky)
        assert emulator.client.get_job(unlucky).message == "as the form says"
        expect(page.get_by_text("No faults are pending.")).to_be_visible()

        page.get_by_label("Kind").select_option("hold_job")
        page.get_by_role("button", name="Inject").click()
        expect(page.get_by_role("alert")).to_contain_text("a job can be held as ready or running")
        page.get_by_label("Status").fill("running")
        page.get_by_role("button", name="Inject").click()
        expect(page.locator("#pending tbody tr")).to_have_count(1)
        page.get_by_role("button", name="Clear all").click()
        expect(page.get_by_text("All faults are cleared.")).to_be_visible()
    assert emulator.control("GET", "faults") == []


def test_news_are_published(emulator: Served, browser: Browser) -> None:
    """An announcement is on its page, on the dashboard and in the API."""
    with visit(browser, emulator.url) as page:
        page.goto("/console/news")
        page.get_by_label("Title").fill("Cooling down")
        page.get_by_label("Text").fill("Until tomorrow.\n<b>Then up.</b>")
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("The announcement is published.")).to_be_visible()
        expect(page.get_by_text("<b>Then up.</b>")).to_be_visible()
        page.goto("/")
        expect(page.get_by_text("Cooling down")).to_be_visible()


def test_the_token_is_hidden_until_it_is_asked_for(emulator: Served, browser: Browser) -> None:
    """It is in no page before, can be copied without being shown, and the copied lines are right."""
    with visit(browser, emulator.url, permissions=["clipboard-read", "clipboard-write"]) as page:
        for path in ("/", "/console/connect"):
            page.goto(path)
            assert emulator.token not in page.content()
        page.get_by_role("button", name=re.compile("Copy")).first.click()
        expect(page.get_by_role("button", name=re.compile("Copy")).first).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert f"OQTOPUS_URL={emulator.url}" in copied
        assert f"OQTOPUS_API_TOKEN={emulator.token}" in copied
        assert emulator.token not in page.content()
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text(emulator.token).first).to_be_visible()
        page.get_by_role("link", name="Hide").click()
        expect(page.get_by_text(emulator.token)).to_have_count(0)


# --- who may come in, and how


def test_a_server_on_the_network_asks_for_a_token(browser: Browser, tmp_path: Path) -> None:
    """A wrong token is refused; the right one leads to the page that was asked for, until logging out."""
    with served(tmp_path, "--host", "0.0.0.0", url="http://127.0.0.1:{port}") as emulator:  # noqa: S104 - as users do
        emulator.succeeded("of the operator")
        ada = emulator.control("POST", "users", {"name": "ada", "devices": ["lattice64"]})["api_token"]
        with visit(browser, emulator.url, refusals=[403]) as page:
            page.goto("/console/jobs?q=of")
            expect(page.locator("h1")).to_have_text("Log in")
            page.get_by_label("API token").fill("wrong")
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("alert")).to_contain_text("This token is not valid")
            page.get_by_label("API token").fill(emulator.token)
            page.keyboard.press("Enter")
            expect(row(page, "of the operator")).to_be_visible()
            assert page.url == f"{emulator.url}/console/jobs?q=of"
            (cookie,) = page.context.cookies()
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
            assert emulator.token not in cookie["value"]
            page.get_by_role("button", name="Log out").click()
            expect(page.locator("h1")).to_have_text("Log in")

            page.get_by_label("API token").fill(ada)
            page.keyboard.press("Enter")
            expect(page.get_by_text("You have not submitted a job yet.")).to_be_visible()
            page.goto("/console/devices")
            expect(page.locator("tbody tr")).to_have_count(1)
            page.goto("/console/devices/lattice64")
            expect(page.get_by_role("button", name="Switch off")).to_have_count(0)
            page.goto("/console/faults")
            expect(page.locator("h1")).to_have_text("Not allowed")


def test_another_site_cannot_act(emulator: Served, browser: Browser, tmp_path: Path) -> None:
    """A form on a page elsewhere that posts to the console changes nothing."""
    elsewhere = tmp_path / "elsewhere.html"
    target = f"{emulator.url}/console/devices/lattice64/status"
    elsewhere.write_text(
        f'<form method="post" action="{target}"><button name="status" value="unavailable">win</button></form>',
        encoding="utf-8",
    )
    with visit(browser, emulator.url, refusals=[403]) as page:
        page.context.unroute_all()
        page.goto(elsewhere.as_uri())
        page.get_by_role("button", name="win").click()
        expect(page.locator("h1")).to_have_text("Not allowed")
    assert emulator.client.get_device("lattice64").status == "available"


def test_by_keyboard_alone(emulator: Served, browser: Browser) -> None:
    """A job is submitted, looked at and deleted without a mouse; the focus is always visible."""
    with visit(browser, emulator.url) as page:
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
        tab_to(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Submit"))
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Submit a job")
        tab_to(page, page.get_by_label("Name"))
        page.keyboard.type("typed")
        tab_to(page, page.get_by_role("button", name="Submit", exact=True))
        page.keyboard.press("Enter")
        expect(page.locator("h1 .badge.succeeded")).to_be_visible()
        tab_to(page, page.get_by_role("button", name="Delete"))
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Delete this job?")
        tab_to(page, page.get_by_role("button", name="Delete the job"))
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 job deleted.")).to_be_visible()


def test_every_control_is_reached_by_tab(town: Town, browser: Browser) -> None:
    """On each page, the tab key leads through all links and controls in order, and shows where it is."""
    find_stops = """() => {
      const stops = "a[href], button, input, select, textarea, summary, [tabindex='0']";
      window.stops = [...document.querySelectorAll(stops)].filter((e) => e.checkVisibility() && e.type !== "hidden");
      return window.stops.length;
    }"""
    with visit(browser, town.emulator.url) as page:
        for path in ("/", "/console/jobs", "/console/submit", "/console/devices/qulacs", "/console/faults"):
            page.goto(path)
            stops = page.evaluate(find_stops)
            reached: list[int] = []
            while len(reached) < stops:
                page.keyboard.press("Tab")
                stop = page.evaluate("window.stops.indexOf(document.activeElement)")
                if reached[-1:] == [stop]:
                    continue  # another part of a date
                reached.append(stop)
                assert focus_is_visible(page), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
            assert reached == list(range(stops)), path


def test_without_a_script(emulator: Served, browser: Browser) -> None:
    """Jobs, devices, faults and news work in a browser without JavaScript."""
    with visit(browser, emulator.url, java_script_enabled=False) as page:
        page.goto("/console/submit")
        page.get_by_label("Name").fill("plain")
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.get_by_text("The job is submitted.")).to_be_visible()
        emulator.client.wait_for_job(page.url.rpartition("/")[2].partition("?")[0])
        page.reload()
        expect(page.locator("table.histogram")).to_be_visible()
        page.get_by_role("link", name="Draw the circuit as submitted").click()
        expect(page.locator("pre")).to_contain_text("H")
        page.goto("/console/jobs")
        page.get_by_label("Select plain").check()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete the job").click()
        expect(page.get_by_text("1 job deleted.")).to_be_visible()
        page.goto("/console/devices/lattice64")
        page.get_by_role("button", name="Switch off").click()
        expect(page.locator(".badge.unavailable")).to_be_visible()
        page.goto("/console/faults?kind=delay")
        page.get_by_role("button", name="Inject").click()
        expect(page.get_by_text("The fault is pending.")).to_be_visible()
        page.get_by_role("button", name="Clear all").click()
        expect(page.get_by_text("All faults are cleared.")).to_be_visible()
        page.goto("/console/news")
        page.get_by_label("Title").fill("plain news")
        page.get_by_label("Text").fill("for all")
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("for all")).to_be_visible()
        page.goto("/console/connect")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text(emulator.token).first).to_be_visible()
        assert emulator.token not in page.url


def test_the_api_has_its_documentation_offline(town: Town, browser: Browser) -> None:
    """The page of the API asks no other host for its script."""
    with visit(browser, town.emulator.url) as page:
        page.goto("/docs")
        expect(page.get_by_text("/jobs/{job_id}/submit")).to_be_visible()


def test_a_page_that_does_not_exist(town: Town, browser: Browser) -> None:
    """The error has the console's frame, and leads back."""
    with visit(browser, town.emulator.url, refusals=[404]) as page:
        page.goto("/console/jobs/nothing")
        expect(page.locator("h1")).to_have_text("Not found")
        page.get_by_role("link", name="Back to the dashboard").click()
        expect(page.locator("h1")).to_have_text("Dashboard")
