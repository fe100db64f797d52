"""Which requests are tried again, and when."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from oqtopus_client import OqtopusConfig, UserApiError
from oqtopus_client.errors import NotFoundError, OqtopusConnectionError, OqtopusTimeoutError
from oqtopus_client.rest.endpoints import DELETE_JOB, LIST_DEVICES, Operation
from oqtopus_client.rest.http import HttpClient
from oqtopus_client.rest.retries import RetryPolicy

pytestmark = pytest.mark.anyio


class Answers(httpx.AsyncBaseTransport):
    """A network that sends scripted responses, then repeats the last."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.attempts = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 - httpx's
        """Answer one request."""
        self.attempts += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def call(network: Answers, method: str = "GET", **settings: Any) -> Any:
    """Call the API once over that network."""
    settings = {"retry_backoff_seconds": 0.0, **settings}
    http = HttpClient(OqtopusConfig("https://api.example", "id.secret", transport=network, **settings))
    return await http.call(Operation(method, "/devices", idempotent=method != "POST", why=""))


DONE = httpx.Response(200, json=[])


@pytest.mark.parametrize(
    "trouble", [httpx.Response(503), httpx.Response(429), httpx.ConnectError("refused"), httpx.ReadTimeout("silence")]
)
async def test_passing_trouble(trouble: httpx.Response | Exception) -> None:
    """Two failures, then the answer."""
    network = Answers(trouble, trouble, DONE)

    assert await call(network) == []
    assert network.attempts == 3


async def test_last_failure_counts() -> None:
    """After the last try its own error is raised, without the HTTP library's behind it."""
    network = Answers(httpx.ConnectError("refused"))
    with pytest.raises(OqtopusConnectionError, match=r"GET https://api\.example: refused") as caught:
        await call(network)

    assert network.attempts == 3
    assert caught.value.__suppress_context__
    assert not isinstance(caught.value, OqtopusTimeoutError)


@pytest.mark.parametrize(
    ("method", "status", "settings", "attempts"),
    [
        ("POST", 503, {}, 1),
        ("GET", 400, {}, 1),
        ("GET", 500, {}, 1),
        ("GET", 503, {"retry_max_attempts": 1}, 1),
        ("GET", 503, {"retry_max_attempts": 5}, 5),
        ("GET", 503, {"retry_status_codes": frozenset({500})}, 1),
        ("GET", 500, {"retry_status_codes": frozenset({500})}, 3),
        ("POST", 503, {"retry_methods": frozenset({"POST"})}, 3),
        ("GET", 503, {"retry_methods": frozenset({"POST"})}, 1),
        ("GET", 503, {"retry_backoff_seconds": 1e6, "retry_budget_seconds": 0.0}, 1),
    ],
)
async def test_settings_are_honoured(method: str, status: int, settings: dict[str, Any], attempts: int) -> None:
    """Each of the four settings does what it says."""
    network = Answers(httpx.Response(status))
    with pytest.raises(UserApiError):
        await call(network, method, **settings)

    assert network.attempts == attempts


@pytest.mark.parametrize(("attempt", "longest"), [(1, 0.2), (2, 0.4), (3, 0.8), (9, 8.0)])
def test_pauses(attempt: int, longest: float) -> None:
    """They are drawn from nothing to what doubles up to eight seconds."""
    pauses = {RetryPolicy(max_attempts=10).pause(LIST_DEVICES, attempt) or 0.0 for _ in range(100)}

    assert all(0 <= pause <= longest for pause in pauses)
    assert min(pauses) < longest / 4
    assert max(pauses) > longest * 3 / 4


@pytest.mark.parametrize(("header", "obeyed"), [("0", True), ("7", True), ("60", True), ("61", False), ("soon", False)])
def test_retry_after(header: str, obeyed: bool) -> None:
    """The server's own pause is kept, within reason."""
    pause = RetryPolicy().pause(LIST_DEVICES, 1, status=429, retry_after=header)

    assert pause == float(header) if obeyed else pause is not None and pause <= 0.2


def test_budget() -> None:
    """No try begins after it, however the pause came about."""
    policy = RetryPolicy(budget=60)

    assert policy.pause(LIST_DEVICES, 1, elapsed=59.9, status=429, retry_after="0") == 0.0
    assert policy.pause(LIST_DEVICES, 1, elapsed=1, status=429, retry_after="60") is None
    assert policy.pause(LIST_DEVICES, 1, elapsed=60.1) is None


@pytest.mark.parametrize("lost", [httpx.ReadError("reset"), httpx.Response(502)])
async def test_what_is_gone_has_been_deleted(lost: httpx.Response | Exception) -> None:
    """The answer to a DELETE got lost, and the second says 404: the first did it."""
    network = Answers(lost, httpx.Response(404, json={"message": "job not found with the given id"}))
    http = HttpClient(OqtopusConfig("https://api.example", transport=network, retry_backoff_seconds=0.0))

    assert await http.call(DELETE_JOB, job_id="a") == {"message": "already deleted"}


@pytest.mark.parametrize("refusals", [[], [httpx.Response(429)]])
async def test_what_was_never_there_has_not_been_deleted(refusals: list[httpx.Response]) -> None:
    """A 404 to a first try, or to the first that was let in, is the caller's mistake."""
    network = Answers(*refusals, httpx.Response(404))
    http = HttpClient(OqtopusConfig("https://api.example", transport=network, retry_backoff_seconds=0.0))
    with pytest.raises(NotFoundError):
        await http.call(DELETE_JOB, job_id="a")


async def test_signatures_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A presigned URL is a credential; the log has neither its signature nor the token."""
    http = HttpClient(OqtopusConfig("https://api.example", "id.secret", transport=Answers(httpx.Response(200))))
    with caplog.at_level(logging.DEBUG):
        await http.fetch("https://storage.example/result.zip?AWSAccessKeyId=key&Signature=hidden")
        await http.fetch("https://storage.example/result.zip?X-Amz-Credential=key&X-Amz-Signature=hidden")

    assert caplog.text.count("GET storage: 200") == 2
    assert "hidden" not in caplog.text
    assert "id.secret" not in caplog.text
