"""The console as a whole: headers, errors, limits, and what people write on its pages."""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import quote

import httpx
import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import EmulatedDevice, Emulator
from oqtopus_client.emulator.api import guard
from oqtopus_client.emulator.console.texts import texts
from tests.support.circuits import BELL
from tests.support.console import console_of, logged_in, on_network

PAGES = ["/", "/console/jobs", "/console/submit", "/console/devices", "/console/news", "/console/connect"]
ATTACK = "<img src=x onerror=alert(1)>'\"><script>alert(2)</script>{{ 1234567 * 7 }}"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """Return an emulator whose users these tests add."""
    with Emulator(":memory:") as emulator:
        yield emulator


OWN_FILES = {f"/console/static/{name}" for name in ("console.js", "console.css", "icon.svg")}


class _Elements(HTMLParser):
    """Collects the elements of a page and what could run in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.scripts: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        values = {name: value or "" for name, value in attrs}
        self.scripts |= {name for name in values if name.startswith("on") or name == "style"}
        self.scripts |= {
            value for value in values.values() if value.strip().lower().startswith(("javascript:", "data:"))
        }
        if tag in {"script", "img", "link", "iframe"}:
            self.scripts.add(values.get("src") or values.get("href") or "inline")


def assert_harmless(page: str) -> None:
    """Nothing on the page runs or loads but the console's own files."""
    elements = _Elements(page)
    assert elements.scripts - {"/console/static/chip.css"} == OWN_FILES
    assert {"iframe", "style", "object", "embed", "base"}.isdisjoint(elements.names)
    assert "8641969" not in page


@pytest.mark.parametrize("path", [*PAGES, "/console/nowhere", "/console/static/console.css"])
def test_headers(emulator: Emulator, path: str) -> None:
    """Every answer says what the browser may do with it."""
    headers = console_of(emulator).get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'self'; object-src 'none';")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")
    assert "access-control-allow-origin" not in headers


def test_other_origins_that_may_call_the_api_cannot_read_pages() -> None:
    """`--cors-origin` is for the API."""
    with Emulator(":memory:", cors_origins=["http://app.example"]) as emulator:
        headers = {"Origin": "http://app.example"}
        assert "access-control-allow-origin" in console_of(emulator).get("/devices", headers=headers).headers
        assert "access-control-allow-origin" not in console_of(emulator).get("/", headers=headers).headers


def test_static_files_are_revalidated(emulator: Emulator) -> None:
    """A browser fetches them once."""
    browser = console_of(emulator)
    tag = browser.get("/console/static/console.js").headers["etag"]

    assert browser.get("/console/static/console.js", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    ("method", "path", "status", "shown"),
    [
        ("GET", "/console/nowhere", 404, "There is no page at this address."),
        ("POST", "/", 405, "This address does not accept this kind of request."),
        ("GET", f"/console/{quote(ATTACK)}", 404, "There is no page at this address."),
    ],
)
def test_errors_are_pages(emulator: Emulator, method: str, path: str, status: int, shown: str) -> None:
    """With the navigation, so that one finds back."""
    answer = console_of(emulator).request(method, path)

    assert answer.status_code == status
    assert shown in answer.text
    assert "<nav" in answer.text
    assert_harmless(answer.text)


def test_a_page_that_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The page gives no details; the log does."""
    with Emulator(":memory:") as emulator:

        def fail(*_: object, **__: object) -> None:
            raise sqlite3.OperationalError("the secret path /home/ada")

        monkeypatch.setattr(emulator.cloud.store, "jobs", fail)
        answer = console_of(emulator).get("/")

    assert answer.status_code == 500
    assert "Its log has the details." in answer.text
    assert "secret path" not in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert [record.exc_info[1].args for record in caplog.records if record.exc_info and record.exc_info[1]] == [
        ("the secret path /home/ada",)
    ]


def test_limits(emulator: Emulator) -> None:
    """The guard protects the console like the API, also from those who have not logged in."""
    browser = on_network(emulator)
    too_long = b"token=" + b"x" * (guard.MAX_BODY_BYTES + 1)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [
        browser.post("/console/login", content=too_long, headers=form),
        browser.post("/console/login", content=iter([too_long]), headers=form),
        browser.get("/console/login", headers=[("X-Many", "1")] * (guard.MAX_HEADERS + 1)),
        browser.get("/console/login", headers={"X-Long": "x" * guard.MAX_HEADER_BYTES}),
        browser.post("/console/login", data={f"field{i}": "x" for i in range(5000)}),
        browser.post("/console/login", files={"token": b"x"}),
    ]

    assert [answer.status_code for answer in answers] == [413, 413, 431, 431, 400, 400]
    assert all("<h1>" in answer.text and "<nav" not in answer.text for answer in answers)


@dataclass(frozen=True)
class Hostile:
    """An emulator whose users, devices, jobs, faults and announcements have names that are scripts."""

    emulator: Emulator
    token: str
    pages: list[str]


@pytest.fixture(scope="module")
def hostile() -> Iterator[Hostile]:
    """Return such an emulator."""
    device_id = "<img src=x onerror=alert(1)>'\""  # a slash would be part of its address
    device = EmulatedDevice.from_device_info(
        {"name": device_id, "qubits": [{"id": 0, "fidelity": 1}]}, description=ATTACK
    )
    now = datetime.now(UTC)
    with Emulator(":memory:", devices=[device]) as emulator:
        emulator.announce(ATTACK, ATTACK, start_time=now - timedelta(days=1), end_time=now + timedelta(days=1))
        emulator.inject("server_error", path=ATTACK, message=ATTACK, times=None)
        token = emulator.add_user(ATTACK)
        job = OqtopusJobSpec.sampling(device_id=device_id, program=BELL, shots=1, name=ATTACK, description=ATTACK)
        with OqtopusClient(emulator.config_for(token)) as client:
            job_id = client.submit_job(job).job_id
            client.wait_for_job(job_id)
        own = [
            f"/console/devices/{quote(device_id, safe='')}",
            f"/console/jobs/{job_id}",
            f"/console/submit?again={job_id}",
        ]
        yield Hostile(emulator, token, [*PAGES, *own])


QUERY = "&".join(
    f"{name}={quote(ATTACK)}" for name in ("q", "done", "failed", "n", "status", "device", "sort", "colour")
)


@pytest.mark.parametrize("query", ["", QUERY])
def test_names_stay_text(hostile: Hostile, query: str) -> None:
    """Whatever users write is shown to them, and never run."""
    browser = logged_in(hostile.emulator, hostile.token)
    for path in hostile.pages:
        answer = browser.get(f"{path}{'&' if '?' in path else '?'}{query}" if query else path)
        assert answer.status_code in {200, 400}, path
        assert "&lt;script&gt;alert(2)" in answer.text
        assert_harmless(answer.text)


def test_names_stay_text_for_the_operator(hostile: Hostile) -> None:
    """Nor does anything that a user writes run in the operator's place."""
    browser = console_of(hostile.emulator)
    for path in (*PAGES, hostile.pages[len(PAGES)], "/console/faults"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert_harmless(answer.text)


def test_keys_are_those_of_the_navigation(emulator: Emulator) -> None:
    """The list of shortcuts has the pages that the visitor sees, in the same order."""
    seen = []
    for browser in (console_of(emulator), logged_in(emulator, emulator.add_user("ada"))):
        page = browser.get("/").text
        links = re.findall(r'data-key="(\d)" aria-keyshortcuts="\d">([^<]+)</a>', page)
        assert links == re.findall(r"<dt><kbd>(\d)</kbd></dt><dd>([^<]+)</dd>", page)
        seen.append([name for _, name in links])

    assert set(seen[0]) - set(seen[1]) == {"Faults"}
    assert len(seen[1]) == 6


def test_the_login_repeats_nothing_that_runs(emulator: Emulator) -> None:
    """The address to return to stands in the form as text."""
    answer = on_network(emulator).get(f"/console/login?next={quote(ATTACK)}")

    assert "&lt;script&gt;" in answer.text
    assert_harmless(answer.text)


@pytest.mark.parametrize(
    "query", ["done=nowhere", "done=__class__", "done=__init__", "failed=__dict__", "failed=copy", "done=", "n=5"]
)
def test_unknown_notices_show_nothing(emulator: Emulator, query: str) -> None:
    """An address cannot put words on a page."""
    assert '<p class="notice' not in console_of(emulator).get(f"/?{query}").text


@pytest.mark.parametrize("count", ["3", "", "x", "-1", "\u0663", "9" * 5000, "1_0"])
def test_counts_in_notices(emulator: Emulator, count: str) -> None:
    """A notice has a number of the address only if it is a plausible one."""
    name = next(name for name, text in vars(texts().done).items() if "{n" in text)
    answer = console_of(emulator).get("/", params={"done": name, "n": count})

    assert answer.status_code == 200
    assert html.escape(texts().done[name].format(n=3 if count == "3" else 0)) in answer.text


def test_the_api_is_beside_it(emulator: Emulator) -> None:
    """All other paths are the API's, with its tokens."""
    browser = console_of(emulator)

    assert browser.get("/devices").status_code == 401
    assert browser.get("/devices", headers={"q-api-token": emulator.token}).json()[0]["device_id"] == "qulacs"
    assert browser.get("/consoles").status_code == 401


def test_served(server: dict[str, str]) -> None:
    """A started emulator has the console at its URL."""
    answer = httpx.get(server["OQTOPUS_URL"])
    assert "<h1>Dashboard</h1>" in answer.text
    assert httpx.get(server["OQTOPUS_URL"], headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/console/jobs", "/console/nowhere", "/console/static/console.js"])
def test_head_is_get_without_a_body(server: dict[str, str], path: str) -> None:
    """Monitors ask for the headers only."""
    url = f"{server['OQTOPUS_URL']}{path}"
    head, got = httpx.head(url), httpx.get(url)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.headers["content-security-policy"]
