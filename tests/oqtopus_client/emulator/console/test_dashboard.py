"""The dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from tests.support.circuits import BELL
from tests.support.console import console_of, logged_in
from tests.support.held_executor import HeldExecutor


def words(page: str) -> str:
    """Return a page's text, with single spaces."""
    main = page[page.index("<main") : page.index("</main")]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


@pytest.fixture
def own_emulator(held: HeldExecutor) -> Iterator[Emulator]:
    """Return an emulator whose jobs stand still until `held.step()`."""
    with Emulator(":memory:", executor=held, max_running=2) as emulator:
        yield emulator


def spec(name: str, device: str = "qulacs") -> OqtopusJobSpec:
    """A job with a name."""
    return OqtopusJobSpec.sampling(device_id=device, program=BELL, shots=10, name=name)


def test_empty(own_emulator: Emulator) -> None:
    """Without jobs, it says how to submit one."""
    page = console_of(own_emulator).get("/").text

    assert "You have not submitted a job yet." in page
    assert 'href="/console/submit"' in page
    assert "In progress" not in page
    assert "News" not in words(page)


def test_jobs(own_emulator: Emulator, held: HeldExecutor) -> None:
    """It counts the visitor's jobs by status and lists those in progress, and the newest."""
    with OqtopusClient(own_emulator.config) as client:
        ended = client.submit_job(spec("first")).job_id
        while client.get_job_status(ended).status != "succeeded":
            held.step()
        jobs = [client.submit_job(spec(f"job {number}")).job_id for number in range(12)]
        client.cancel_job(jobs[-1])
    page = console_of(own_emulator).get("/").text
    counted = {name: int(number) for number, name in re.findall(r"(\d+) (submitted|succeeded|cancelled)", words(page))}

    assert counted["succeeded"] == counted["cancelled"] == 1
    progress = page[page.index("In progress") : page.index("Recently submitted")]
    recent = page[page.index("Recently submitted") : page.index("Devices</h2>")]
    assert counted["submitted"] + progress.count("<tr id=") == 11
    assert 1 <= progress.count("<tr id=") <= 3
    assert [int(name) for name in re.findall(r">job (\d+)<", recent)] == list(range(11, 1, -1))


def test_jobs_of_others_are_not_shown(own_emulator: Emulator) -> None:
    """Their number is, as the queue of the device."""
    token = own_emulator.add_user("ada", devices=["qulacs", "lattice64"])
    with OqtopusClient(own_emulator.config) as client:
        client.submit_jobs([spec("secret")] * 3)
    page = logged_in(own_emulator, token).get("/").text

    assert "secret" not in page
    assert "qulacs available 16 3" in words(page)
    assert "lattice64 available 64 0" in words(page)
    assert "lattice144" not in page


def test_unavailable_devices(own_emulator: Emulator) -> None:
    """The status is that of the moment."""
    own_emulator.set_status("lattice64", "unavailable")

    assert "lattice64 unavailable 64 0" in words(console_of(own_emulator).get("/").text)


def test_news(own_emulator: Emulator) -> None:
    """The newest three that are current."""
    now = datetime.now(UTC)
    for days in range(-6, 2):
        start = now + timedelta(days=days)
        own_emulator.announce(f"news {days}", "text", start_time=start, end_time=start + timedelta(days=4.5))
    page = console_of(own_emulator).get("/").text

    assert re.findall(r">news (-?\d+)<", page) == ["0", "-1", "-2"]
