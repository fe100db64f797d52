"""The page of faults."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pytest

from oqtopus_client.emulator import Emulator, FaultKind
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.emulator.faults import Fault


def form(page: str) -> dict[str, str]:
    """Return what a browser sends for the form as it is shown."""
    inputs = dict(re.findall(r'<input id="\w+" name="(\w+)"[^>]*? value="([^"]*)"', page))
    selects = re.findall(r'<select id="\w+" name="(\w+)"(.*?)</select>', page, re.DOTALL)
    chosen = {name: re.findall(r'<option value="([^"]*)" selected', options) for name, options in selects}
    return {**inputs, **{name: "".join(values) for name, values in chosen.items()}}


def test_every_field_has_an_input_and_a_text(browser: httpx.Client) -> None:
    """The form has all settings of a fault, and all kinds are explained."""
    page = browser.get("/console/faults?kind=delay").text

    assert set(form(page)) == set(Fault.model_fields)
    assert set(vars(texts().faults.fields)) == set(vars(texts().faults.hints)) == set(Fault.model_fields)
    shown = html.unescape(re.sub(r"</?code>", "", page))
    for kind in FaultKind:
        assert kind.about.replace("`", "") in shown


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.HOLD_JOB])
def test_every_kind_is_injected(emulator: Emulator, browser: httpx.Client, kind: FaultKind) -> None:
    """The form as it is shown for a kind injects the fault that Python injects without settings."""
    filled = form(browser.get(f"/console/faults?kind={kind}").text)
    response = browser.post("/console/faults", data=filled)

    assert response.headers["location"] == "/console/faults?done=fault_injected"
    assert emulator.cloud.faults.pending == [Fault(kind=kind)]
    assert kind in browser.get("/console/faults").text.split("<h2 id=")[0]


def test_settings(emulator: Emulator, browser: httpx.Client) -> None:
    """All settings take effect; no number of times means until it is cleared."""
    settings: dict[str, Any] = {"status": "running", "seconds": "2.5", "path": "/jobs/*"}
    browser.post(
        "/console/faults", data={**settings, "kind": "hold_job", "method": "GET", "times": "", "message": "no"}
    )

    assert emulator.cloud.faults.pending == [
        Fault(
            kind=FaultKind.HOLD_JOB,
            status="running",
            seconds=2.5,
            path="/jobs/*",
            method="GET",
            times=None,
            message="no",
        )
    ]
    assert "until cleared" in browser.get("/console/faults").text.split("<h2 id=")[0]
    browser.post("/console/faults/clear")
    assert emulator.cloud.faults.pending == []


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"times": "0"}, "times must be greater than or equal to 1, not &#39;0&#39;"),
        ({"seconds": "4000"}, "seconds must be less than or equal to 3600, not &#39;4000&#39;"),
        ({"kind": "<nothing>"}, "not &#39;&lt;nothing&gt;&#39;"),
        ({"kind": "hold_job"}, "a job can be held as ready or running, not as &#39;hibernating&#39;"),
    ],
)
def test_a_setting_that_is_not_valid(
    emulator: Emulator, browser: httpx.Client, setting: dict[str, str], reason: str
) -> None:
    """The page says why, keeps what was entered, and nothing is injected."""
    filled = form(browser.get("/console/faults?kind=delay").text) | {"path": "/mine"} | setting
    response = browser.post("/console/faults", data=filled)

    assert response.status_code == 422
    assert reason in response.text
    assert form(response.text)["path"] == "/mine"
    assert emulator.cloud.faults.pending == []
