"""What all pages share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from oqtopus_client.emulator.console import pages
from oqtopus_client.emulator.console.pages import duration, seconds_since, time_element
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.emulator.database import format_time


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 ms"),
        (0.0123, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (1, "1.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (60, "1 min 0 s"),
        (119.6, "2 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7260, "2 h 1 min"),
        (7199, "1 h 59 min"),
        (360_000, "100 h 0 min"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    """A duration is rounded, never cut off into the next unit."""
    assert duration(seconds) == shown


def test_times() -> None:
    """A page shows UTC, from which the script makes the visitor's time."""
    element = time_element("2026-11-27T06:17:26.123456Z")

    assert element == '<time datetime="2026-11-27T06:17:26Z">2026-11-27 06:17:26 UTC</time>'
    assert time_element(None) == duration(None) == texts().common.none


def test_elapsed_time() -> None:
    """The time since a moment is never negative, even if clocks differ."""
    now = datetime.now(UTC)

    assert 60 <= seconds_since(format_time(now - timedelta(seconds=60))) < 70
    assert seconds_since(format_time(now + timedelta(seconds=60))) == 0


def test_pages_say_in_which_time_zone_times_are(browser: httpx.Client) -> None:
    """Without the script, it is UTC; filters by day are always in UTC."""
    page = browser.get("/console/jobs").text

    assert "Times are in UTC." in page
    assert '<label for="start">From (UTC)</label>' in page


def test_settings_are_shown_as_written() -> None:
    """Text in any language, and signs that HTML escapes in its own way."""
    template = pages._templates.from_string('{{ {"a": "<é日>"} | json }}')

    assert template.render() == "{&#34;a&#34;: &#34;&lt;é日&gt;&#34;}"
