"""What servers say, in errors and logs: text, and one line of it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from oqtopus_client import OqtopusClient, OqtopusConfig, UserApiError
from oqtopus_client.errors import BatchSubmissionError, JobFailedError, OqtopusConnectionError, OqtopusStorageError
from tests.support.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable

# Line breaks of all kinds, terminal orders of one and two bytes, and what turns the direction of writing.
EVIL = "a\r\nb\x1b[2J\x9b31m\x07\u2028\u2029\x85\u202e\u2066c\x00"
HARMLESS = "a b[2J31m   c"


@pytest.mark.parametrize(
    "make",
    [
        lambda text: UserApiError(500, text),
        lambda text: JobFailedError("1", text),
        lambda text: JobFailedError(text, "failed"),
        lambda text: BatchSubmissionError([text], [UserApiError(400, text)]),
        OqtopusConnectionError,
        OqtopusStorageError,
    ],
)
def test_errors(make: Callable[[str], Exception]) -> None:
    """They keep what the server said as it is, and show it as one line."""
    error = make(EVIL)
    error.add_note(EVIL)

    assert HARMLESS in str(error)
    assert str(error).isprintable()
    assert error.__notes__ == [HARMLESS]


def test_logs(caplog: pytest.LogCaptureFixture) -> None:
    """A server's status, its reason for an outage and its headers cannot forge a line."""
    answers = [json.dumps({"job_id": "1", "status": EVIL}).encode()]
    server = ScriptedServer(**{"GET /jobs/1/status": answers, "GET /devices": {"message": EVIL}})
    with caplog.at_level(logging.DEBUG), OqtopusClient(OqtopusConfig("https://a.example", transport=server)) as client:
        with pytest.raises(TimeoutError):
            client.wait_for_job("1", timeout=0)
        logging.getLogger("qiskit_oqtopus").warning("Job %s", EVIL)

    assert f"Job 1: {HARMLESS}" in caplog.messages
    assert f"Job {HARMLESS}" in caplog.messages
    assert all(message.isprintable() for message in caplog.messages)
