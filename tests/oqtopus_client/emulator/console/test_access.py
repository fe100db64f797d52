"""Who may see the console."""

from __future__ import annotations

from oqtopus_client.emulator import Emulator
from tests.support.console import console_of, logged_in


def test_visitors_of_this_computer_need_no_login(emulator: Emulator) -> None:
    """They are the operator."""
    answer = console_of(emulator).get("/")

    assert answer.status_code == 200
    assert "operator" in answer.text


def test_others_log_in(emulator: Emulator) -> None:
    """A page leads to the login, which leads back to it."""
    browser = console_of(emulator, "http://192.0.2.7:8080", address="192.0.2.7")
    assert browser.get("/console/jobs?q=a%26b").headers["location"] == "/console/login?next=/console/jobs%3Fq%3Da%2526b"

    form = browser.get("/console/login?next=/console/jobs%3Fq%3Da%2526b").text
    assert 'name="next" value="/console/jobs?q=a%26b"' in form
    answer = browser.post("/console/login", data={"token": emulator.token, "next": "/console/jobs?q=a%26b"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/jobs?q=a%26b")
    assert browser.get("/").status_code == 200


def test_a_user_is_not_the_operator(emulator: Emulator) -> None:
    """The console knows who has logged in."""
    assert "ada" in logged_in(emulator, emulator.add_user("ada")).get("/").text
