"""The page of announcements."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from oqtopus_client.emulator import Emulator
from tests.support.console import logged_in

DAY = timedelta(days=1)
FORM = {
    "title": "Maintenance",
    "content": "Line one.\n<b>Line two.</b>",
    "start_time": "2026-05-01T12:00",
    "end_time": "2026-05-02T12:00",
}


def titles(page: str) -> list[str]:
    """Return the titles on a page, with the states of those that are not current."""
    return [
        " ".join(re.sub(r"<[^>]+>", " ", head).split())
        for head in re.findall(r'<article class="card">\s*<div class="head">(.*?)</div>', page, re.DOTALL)
    ]


def test_published(emulator: Emulator, browser: httpx.Client) -> None:
    """What is entered is published, as text, with times in UTC."""
    response = browser.post("/console/news", data=FORM)
    page = browser.get(response.headers["location"]).text
    (row,) = emulator.cloud.users.announcements(current_time=None)

    assert response.status_code == 303
    assert (row["title"], row["content"]) == ("Maintenance", "Line one.\n<b>Line two.</b>")
    assert (row["start_time"], row["end_time"]) == ("2026-05-01T12:00:00.000000Z", "2026-05-02T12:00:00.000000Z")
    assert "The announcement is published." in page
    assert "&lt;b&gt;Line two.&lt;/b&gt;" in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"title": " "}, "An announcement needs a title and a text."),
        ({"end_time": "2026-05-01T12:00"}, "The announcement ends before it starts"),
    ],
)
def test_incomplete(emulator: Emulator, browser: httpx.Client, change: dict[str, str], reason: str) -> None:
    """The page says why, and keeps what was entered."""
    response = browser.post("/console/news", data=FORM | change)

    assert response.status_code == 422
    assert reason in response.text
    assert "Line one." in response.text
    assert 'value="2026-05-01T12:00"' in response.text
    assert emulator.cloud.users.announcements(current_time=None) == []


def test_times_that_are_not_valid(browser: httpx.Client) -> None:
    """A form that no browser sends is refused."""
    assert browser.post("/console/news", data=FORM | {"start_time": "soon"}).status_code == 400


def test_newest_first_with_their_states(emulator: Emulator, browser: httpx.Client) -> None:
    """Announcements that are not current say so; twenty are on a page."""
    time = datetime.now(UTC)
    for i in range(21):
        emulator.announce(f"old {i}", "text", start_time=time - (30 - i) * DAY, end_time=time - (29 - i) * DAY)
    emulator.announce("now", "text", start_time=time - DAY, end_time=time + DAY)
    emulator.announce("soon", "text", start_time=time + DAY, end_time=time + 2 * DAY)
    first = browser.get("/console/news").text
    (older,) = re.findall(r'href="(\?start=20)"', first)

    assert titles(first)[:3] == ["soon upcoming", "now", "old 20 past"]
    assert len(titles(first)) == 20
    assert titles(browser.get(f"/console/news{older}").text) == [f"old {i} past" for i in (2, 1, 0)]


def test_users_read_only(emulator: Emulator) -> None:
    """Other users see announcements, and publish none."""
    time = datetime.now(UTC)
    emulator.announce("now", "text", start_time=time - DAY, end_time=time + DAY)
    browser = logged_in(emulator, emulator.add_user("ada"))
    page = browser.get("/console/news").text

    assert titles(page) == ["now"]
    assert 'action="/console/news"' not in page
    assert browser.post("/console/news", data=FORM).status_code == 403
