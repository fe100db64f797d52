"""The list of jobs shows what the API lists, and acts on what was chosen."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.console.job_filters import STATUSES
from tests.support.console import console_of, logged_in

ROW = re.compile(r'<a href="/console/jobs/([0-9a-f-]{36})">(.*?)</a>.*?<span class="badge (\w+)">', re.DOTALL)
TAG = re.compile(r'<a href="/console/jobs[^"]*"[^>]*>(\w+) ([\d,]+)</a>')
NOTICE = re.compile(r'<p class="notice \w+" role="status">(.*?)</p>')


@pytest.fixture
def cloud() -> Iterator[Emulator]:
    """An emulator without jobs, in which nothing moves them."""
    with Emulator(":memory:", executor="external") as emulator:
        yield emulator


def add(emulator: Emulator, owner: str = "operator", **fields: Any) -> str:
    """Store a job as it is at some time of its life, and return its id."""
    store = emulator.cloud.store
    job_id = store.register(owner)
    fields = {"status": "succeeded", "job_type": "sampling", "device_id": "qulacs", "shots": 10} | fields
    fields = {"submitted_at": "2026-08-20T06:14:03.500000Z"} | fields
    for name, value in fields.items():
        store._database.change(f"UPDATE jobs SET {name} = ? WHERE job_id = ?", value, job_id)  # noqa: S608
    return job_id


def listed(page: httpx.Response) -> list[str]:
    """The ids of the jobs on a page."""
    assert page.status_code == 200
    return [row[0] for row in ROW.findall(page.text)]


def from_api(browser: httpx.Client, emulator: Emulator, **query: Any) -> list[dict[str, Any]]:
    """What the API lists, newest first."""
    answer = browser.get("/jobs", params={"order": "DESC", **query}, headers={"q-api-token": emulator.token})
    return list(json.loads(answer.text))


def test_the_list_is_that_of_the_api(cloud: Emulator) -> None:
    """Ids, names and statuses are the same, and the numbers of jobs add up."""
    jobs = [add(cloud, name=f"job <{n}>", status=status) for n, status in enumerate(STATUSES[1:] * 2)]
    registered = cloud.cloud.store.register("operator")
    add(cloud, owner="another")
    browser = console_of(cloud)
    page = browser.get("/console/jobs")

    assert listed(page) == [registered, *reversed(jobs)] == [job["job_id"] for job in from_api(browser, cloud)]
    shown = {job_id: (html.unescape(name), status) for job_id, name, status in ROW.findall(page.text)}
    assert {job["job_id"]: (job["name"], job["status"]) for job in from_api(browser, cloud) if "name" in job} == {
        job_id: shown[job_id] for job_id in jobs
    }
    expected = Counter(job["status"] for job in from_api(browser, cloud))
    assert {name: int(n) for name, n in TAG.findall(page.text)} == {"all": 15, **expected}


def test_pages_hold_each_job_once(cloud: Emulator) -> None:
    """The newest comes first, and filters stay from page to page."""
    jobs = [add(cloud, name="scan") for _ in range(60)]
    browser = console_of(cloud)
    found, address = [], "/console/jobs?q=scan"
    for _ in range(3):
        page = browser.get(address)
        found += listed(page)
        following = re.search(r'rel="next" href="([^"]*)"', page.text)
        address = html.unescape(following[1]) if following else ""

    assert found == jobs[::-1]
    assert address == ""
    assert listed(browser.get("/console/jobs?page=99")) == jobs[9::-1]
    assert 'href="/console/jobs?page=2"' in browser.get("/console/jobs?page=3").text
    for nonsense in ("0", "-1", "x", "9" * 30, "²"):
        assert listed(browser.get("/console/jobs", params={"page": nonsense})) == jobs[:-26:-1]


def test_new_jobs_move_no_other_to_the_next_page(cloud: Emulator) -> None:
    """Who turns pages sees each job once, also while others are submitted; the first page shows these."""
    jobs = [add(cloud) for _ in range(60)]
    browser = console_of(cloud)
    page = browser.get("/console/jobs")
    found = listed(page)
    while following := re.search(r'rel="next" href="([^"]*)"', page.text):
        added = [add(cloud) for _ in range(7)]
        page = browser.get(html.unescape(following[1]))
        found += listed(page)

    assert found == jobs[::-1]
    newer = re.findall(r'rel="prev" href="([^"]*)"', page.text)[0]
    assert listed(browser.get(html.unescape(newer))) == jobs[-26:-51:-1]
    assert listed(browser.get("/console/jobs"))[:7] == added[::-1]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("100%", ["100% sure"]),
        ("A_B", ["a_b"]),
        ("back\\slash", ["back\\slash"]),
        ("SURE", ["sure 100", "100% sure"]),
        ("thing", ["a_b", "axb"]),
        ("nowhere", []),
        ("a_b" * 20_000, []),
        ("\0", []),
        ("' OR 1=1 --", []),
    ],
)
def test_search_takes_text_literally(cloud: Emulator, text: str, names: list[str]) -> None:
    """Wildcards of the API are what they look like; id, name and description are searched, in either case."""
    for name, description in (
        ("100% sure", ""),
        ("axb", "Thing"),
        ("a_b", "thing"),
        ("back\\slash", ""),
        ("sure 100", ""),
    ):
        add(cloud, name=name, description=description)
    page = console_of(cloud).get("/console/jobs", params={"q": text})

    assert [html.unescape(name) for _, name, _ in ROW.findall(page.text)] == names
    assert (
        f'name="q" type="search" value="{html.escape(text)}"' in page.text
        or text in "\0' OR 1=1 --"
        or len(text) > 2000
    )


@pytest.mark.parametrize("query", ["gone=" + "9" * 5000, "ended=-1", "unfinished=x", "gone=\u0663"])
def test_numbers_that_are_not_valid_show_nothing(cloud: Emulator, query: str) -> None:
    """An address cannot make the list fail."""
    answer = console_of(cloud).get(f"/console/jobs?{query}")

    assert answer.status_code == 200
    assert '<p class="notice' not in answer.text


def test_search_by_id(cloud: Emulator) -> None:
    """A part of an id finds the job, as in the API."""
    add(cloud)
    job_id = add(cloud)
    browser = console_of(cloud)

    assert listed(browser.get("/console/jobs", params={"q": job_id[-12:]})) == [job_id]
    assert [job["job_id"] for job in from_api(browser, cloud, q=job_id[-12:])] == [job_id]


def test_filters(cloud: Emulator) -> None:
    """Each filter restricts the list, with the others; days are inclusive and in UTC."""
    old = add(cloud, submitted_at="2026-08-19T23:59:59.999999Z", status="failed")
    early = add(cloud, submitted_at="2026-08-20T00:00:00.000000Z", device_id="lattice64")
    late = add(cloud, submitted_at="2026-08-20T23:59:59.999999Z", job_type="estimation")
    new = add(cloud, submitted_at="2026-08-21T00:00:00.000000Z")
    browser = console_of(cloud)

    def found(**query: str) -> list[str]:
        return listed(browser.get("/console/jobs", params=query))

    assert found(start="2026-08-20", end="2026-08-20") == [late, early]
    assert found(start="2026-08-20") == [new, late, early]
    assert found(end="2026-08-19", status="failed") == [old]
    assert found(device="lattice64") == [early]
    assert found(type="estimation") == [late]
    assert found(type="estimation", device="lattice64") == []
    assert found(status="nonsense", type="?", start="yesterday", page="") == [new, late, early, old]
    same_day = from_api(browser, cloud, start_time="2026-08-20", end_time="2026-08-20T23:59:59")
    assert [job["job_id"] for job in same_day] == [late, early]
    tags = dict(TAG.findall(browser.get("/console/jobs?start=2026-08-20&status=failed").text))
    assert tags == {"all": "3", "succeeded": "3", "failed": "0"}


def test_empty_lists_say_what_to_do(cloud: Emulator) -> None:
    """There are no jobs yet, or none that match."""
    browser = console_of(cloud)

    assert "No jobs yet. Submit one, or connect a client:" in browser.get("/console/jobs").text
    assert "No job matches these filters. Clear them" in browser.get("/console/jobs?q=x").text


def test_names_are_only_text(cloud: Emulator) -> None:
    """Neither a name nor a filter becomes a part of the page."""
    evil = "\"><script>alert(1)</script>'"
    job_id = add(cloud, name=evil, description=evil, device_id=evil)
    browser = console_of(cloud)
    pages = [
        browser.get("/console/jobs", params={"q": evil, "device": evil}),
        browser.post("/console/jobs/actions", data={"action": "delete", "job_id": [job_id, evil], "q": evil}),
    ]

    assert [page.text.count("<script>") for page in pages] == [0, 0]
    assert all(html.escape(evil) in page.text.replace("&#34;", "&quot;").replace("&#39;", "&#x27;") for page in pages)


@pytest.mark.parametrize(("action", "end"), [("cancel", "cancelled"), ("delete", None)])
def test_actions_ask_first(cloud: Emulator, action: str, end: str | None) -> None:
    """The question counts the jobs that can be acted on, and those that cannot with the reason; filters stay."""
    jobs = {status: add(cloud, name="mine", status=status) for status in STATUSES}
    others = add(cloud, owner="another", status="submitted" if action == "cancel" else "failed")
    browser = console_of(cloud)
    chosen = {"action": action, "job_id": [*jobs.values(), others, "no-id"], "q": "mine", "status": "running"}
    question = browser.post("/console/jobs/actions", data=chosen)
    confirmed = re.findall(r'name="job_id" value="([^"]*)"', question.text)
    possible = [jobs[s] for s in STATUSES if (s in {"succeeded", "failed", "cancelled"}) == (action == "delete")]

    assert question.status_code == 200
    assert confirmed == possible
    assert f"{action.title()} {len(possible)} jobs?" in question.text
    assert f"{len(jobs) - len(possible)} jobs have " in question.text
    assert "2 jobs do not exist." in question.text
    assert {cloud.cloud.store.get(job)["status"] for job in jobs.values()} == set(STATUSES)  # type: ignore[index]

    answer = browser.post("/console/jobs/actions", data={**chosen, "job_id": confirmed, "confirmed": "yes"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/jobs?q=mine&status=running&done=")
    page = browser.get(answer.headers["location"])
    assert NOTICE.findall(page.text) == [f"{len(possible)} jobs {end or 'deleted'}."]
    for job in possible:
        row = cloud.cloud.store.get(job)
        assert (row and row["status"]) == end
    assert cloud.cloud.store.get(others)["status"] in {"submitted", "failed"}  # type: ignore[index]


def test_jobs_change_before_the_answer(cloud: Emulator) -> None:
    """What was true at the question is checked again; each job is counted with its reason."""
    ended, gone, others = add(cloud), "no-id", add(cloud, owner="another", status="running")
    browser = console_of(cloud)
    chosen = {"action": "cancel", "job_id": [ended, gone, others], "confirmed": "yes"}
    answer = browser.post("/console/jobs/actions", data=chosen)

    assert NOTICE.findall(browser.get(answer.headers["location"]).text) == [
        "1 job has ended already and cannot be cancelled.", "2 jobs do not exist."
    ]  # fmt: skip
    assert cloud.cloud.store.get(others)["status"] == "running"  # type: ignore[index]
    answer = browser.post("/console/jobs/actions", data={"action": "delete"})
    assert "No job was selected." in browser.get(answer.headers["location"]).text
    assert browser.post("/console/jobs/actions", data={"action": "explode", "job_id": ended}).status_code == 400


def test_actions_on_one_job_return_to_it(cloud: Emulator) -> None:
    """After a cancellation, the job's page says so; after a deletion there is only the list."""
    job_id = add(cloud, status="submitted")
    browser = console_of(cloud)
    chosen = {"job_id": job_id, "back": "job", "confirmed": "yes"}

    answer = browser.post("/console/jobs/actions", data={"action": "cancel", **chosen})
    assert answer.headers["location"] == f"/console/jobs/{job_id}?done=cancelled_one&n=1"
    assert "1 job cancelled." in browser.get(answer.headers["location"]).text
    answer = browser.post("/console/jobs/actions", data={"action": "delete", **chosen})
    assert answer.headers["location"] == "/console/jobs?done=deleted_one&n=1"


def test_users_see_their_own_jobs(cloud: Emulator) -> None:
    """The list, and the devices to choose from, are those of the user."""
    add(cloud)
    browser = logged_in(cloud, cloud.add_user("ada", devices=["qulacs"]))
    page = browser.get("/console/jobs")

    assert listed(page) == []
    assert re.findall(r"<option>(\w+)</option>", page.text)[:2] == ["qulacs", "sampling"]


def test_lists_are_live(cloud: Emulator) -> None:
    """The part that changes is fetched again from the same address."""
    add(cloud, name="a&b")
    page = console_of(cloud).get("/console/jobs?q=a%26b").text
    address = html.unescape(re.findall(r'data-live="([^"]*)"', page)[0])

    assert address == "/console/jobs?q=a%26b"
    assert '<section id="found"' in console_of(cloud).get(address).text
