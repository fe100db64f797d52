"""The pages that document the API."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import sync_playwright

from oqtopus_client.emulator import Emulator
from tests.support.console import console_of
from tests.support.programs import required


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_needs_no_network(emulator: Emulator, page: str) -> None:
    """All that a page loads is there, and the browser would load nothing from elsewhere."""
    browser = console_of(emulator)
    answer = browser.get(page)
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", answer.text)

    assert len(loaded) >= 2
    assert {browser.get(path).status_code for path in loaded} == {200}
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "http" not in answer.headers["content-security-policy"]


def test_operations_need_a_token(emulator: Emulator) -> None:
    """All but those of the storage, which presigned URLs authorize."""
    description = console_of(emulator).get("/openapi.json").json()
    unprotected = {
        path for path, methods in description["paths"].items() for item in methods.values() if "security" not in item
    }

    assert description["components"]["securitySchemes"] == {
        "ApiToken": {"type": "apiKey", "in": "header", "name": "q-api-token"}
    }
    assert unprotected == {"/storage", "/storage/{key}"}


def test_faults_leave_it_alone() -> None:
    """A fault waits for a request of the API."""
    with Emulator(":memory:") as emulator:
        emulator.inject("server_error")
        browser = console_of(emulator)
        assert [browser.get(path).status_code for path in ("/docs", "/openapi.json", "/console/connect", "/")] == [
            200
        ] * 4
        assert browser.get("/devices", headers={"q-api-token": emulator.token}).status_code == 500


def test_try_it_out(server: dict[str, str]) -> None:
    """With the token, an operation is carried out from the page."""
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=required("chromium"), args=["--no-sandbox"]).new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{server['OQTOPUS_URL']}/docs")
        page.click("button.authorize")
        page.fill(".auth-container input", server["OQTOPUS_API_TOKEN"])
        page.click(".modal-ux button.authorize")
        page.click("button.btn-done")
        page.click("#operations-Devices-list_devices_devices_get .opblock-summary-control")
        page.click("button.try-out__btn")
        page.click("button.execute")
        shown = page.inner_text(".live-responses-table")

    assert "lattice64" in shown
    assert all(request.startswith(server["OQTOPUS_URL"]) for request in requests)
