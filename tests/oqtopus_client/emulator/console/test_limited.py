"""Work on programs can neither block nor end the server."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from oqtopus_client.emulator.console import limited
from oqtopus_client.emulator.console.limited import within_limits


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function within the limits."""
    return asyncio.run(within_limits("ada", function, *args))


def test_results_and_errors_arrive() -> None:
    """As if the function ran here."""
    assert call(divmod, 7, 2) == (3, 1)
    with pytest.raises(ValueError, match="invalid literal"):
        call(int, "x")


def test_processes_that_die_are_replaced() -> None:
    """One that the system kills for its memory use, for example."""
    assert call(os._exit, 1) is None
    assert call(len, "abc") == 3


def test_work_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is killed, so that the next call does not wait for it."""
    with monkeypatch.context() as patch:
        patch.setattr(limited, "SECONDS", 0.05)
        assert [call(time.sleep, 600) for _ in range(4)] == [None] * 4

    assert call(len, "abc") == 3


def test_a_server_that_stops_does_not_wait() -> None:
    """Cancelling the request ends the work."""

    async def stop() -> None:
        work = asyncio.create_task(within_limits("ada", time.sleep, 600))
        await within_limits("bob", len, "abc")
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    for _ in range(3):
        asyncio.run(stop())
    assert call(len, "abc") == 3


def test_users_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much one of them has to be done."""

    async def compete() -> None:
        work = [asyncio.create_task(within_limits("ada", time.sleep, 600)) for _ in range(20)]
        await asyncio.sleep(0)
        assert await within_limits("bob", len, "abc") == 3
        assert not any(task.done() for task in work)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    monkeypatch.setattr(limited, "SECONDS", 60.0)
    asyncio.run(compete())
    assert call(len, "abc") == 3
