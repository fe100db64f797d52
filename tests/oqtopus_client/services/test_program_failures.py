"""Likely causes of programs that reported nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from oqtopus_client.rest.models import JobsJob
from oqtopus_client.services.job_results import typed_result
from oqtopus_client.services.program_failures import explain
from oqtopus_client.shipping.program import program_bytes

if TYPE_CHECKING:
    from oqtopus_client import OqtopusJobResult

START = datetime(2026, 11, 27, 3, tzinfo=UTC)
EXECUTION = "user program execution error"
MEMORY, TIME, DEVICE = "more memory than", "usually is 600 s", "device is out of service"


def ended(message: str | None, seconds: float | None = 12.0, status: str = "failed") -> OqtopusJobResult:
    """Return a program's job that ended after some seconds, or at an unknown time."""
    end = None if seconds is None else START + timedelta(seconds=seconds)
    fields = {"job_id": "1", "name": "", "device_id": "a", "shots": 1, "job_type": "sse", "status": status}
    job = JobsJob.from_dict({**fields, "job_info": {"message": message}})
    job.running_at, job.ended_at = START, end
    return typed_result(job)


@pytest.mark.parametrize(
    ("message", "seconds", "is_function", "causes"),
    [
        (EXECUTION, 12, True, [MEMORY, "native code crashed", TIME]),
        (EXECUTION, 601, True, [TIME, MEMORY, "native code crashed"]),
        (EXECUTION, None, True, [MEMORY, "native code crashed", TIME]),
        (EXECUTION, 12, False, ["it raised an exception", MEMORY, TIME]),
        (EXECUTION, 595, False, [TIME, "it raised an exception", MEMORY]),
        ("internal server error", 12, True, [DEVICE, "before it had submitted a job", "the server had a fault"]),
        ("internal server error", 12, False, ["a script must submit at least one", "the server had a fault"]),
        ("sse job failed", 12, True, [DEVICE, "native code crashed"]),
    ],
)
def test_causes_in_order(message: str, seconds: float | None, causes: list[str], *, is_function: bool) -> None:
    """The causes depend on the server's message, the time that the program took, and whether it catches errors."""
    text = explain(ended(message, seconds), "print()", is_function=is_function)
    places = [text.find(f"({number}) ") for number in range(1, len(causes) + 1)]
    found = [text.find(cause) for cause in causes]

    assert text.startswith(
        "failed" + (f" after {seconds} s" if seconds else "") + f": {message}. Likely causes, in order"
    )
    assert all(place < cause for place, cause in zip(places, found, strict=True))
    assert all(cause < place for cause, place in zip(found, places[1:], strict=False))
    assert f"({len(causes) + 1})" not in text
    assert " Servers keep no log of a failed program; an emulator logs its output" in text
    assert text.endswith("output.") == is_function


def test_a_single_cause() -> None:
    """It is not numbered."""
    text = explain(ended("sse job failed"), None, is_function=False)

    assert "The likely cause: the last job that it submitted failed, even if it caught the error" in text


@pytest.mark.parametrize("is_function", [True, False])
def test_a_large_program(*, is_function: bool) -> None:
    """Its size comes first, as servers cannot start it; the emulator's limit is the same."""
    text = explain(ended("internal server error"), '"' * 62_000, is_function=is_function)

    assert "(1) its text is too large, 124,002 bytes as JSON" in text


def test_messages_of_the_last_job() -> None:
    """Servers may give the message of the program's last job instead of their own; its remedy is added."""
    text = explain(ended("device status is not available"), None, is_function=True)

    assert text == (
        "failed after 12 s: device status is not available. The device went out of service; submit the job again when "
        "its status is available."
    )


def test_other_ends() -> None:
    """A cancelled program, one without a reason, and one that succeeded but reported nothing."""
    silent = explain(ended(None, None), None, is_function=True)
    succeeded = explain(ended("job is succeeded", status="succeeded"), None, is_function=True, missing="It is cut.")

    assert explain(ended(None, status="cancelled"), None, is_function=True) == "was cancelled."
    assert silent == "failed: the server gave no reason."
    assert succeeded.startswith("ended after 12 s without a result. It is cut. Likely causes, in order: (1) it ended")


@pytest.mark.parametrize("text", ["", "print('é')\n", '\\"\t\n', "🐙"])
def test_size(text: str) -> None:
    """Newlines, quotes and backslashes count twice, and characters beyond ASCII as in UTF-8."""
    doubled = sum(text.count(character) for character in '\n\t"\\')

    assert program_bytes(text) == len(text.encode()) + doubled + 2
