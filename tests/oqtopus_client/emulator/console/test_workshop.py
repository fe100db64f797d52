"""Work on programs can neither block nor end the server."""

from __future__ import annotations

import os
import time

import pytest

from oqtopus_client.emulator.console import workshop
from oqtopus_client.emulator.console.workshop import within_limits


def test_results_and_errors_arrive() -> None:
    """As if the function ran here."""
    assert within_limits(divmod, 7, 2) == (3, 1)
    with pytest.raises(ValueError, match="invalid literal"):
        within_limits(int, "x")


def test_processes_that_die_are_replaced() -> None:
    """One that the system kills for its memory use, for example."""
    assert within_limits(os._exit, 1) is None  # type: ignore[func-returns-value]
    assert within_limits(len, "abc") == 3


def test_work_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is killed, so that the next call does not wait for it."""
    with monkeypatch.context() as patch:
        patch.setattr(workshop, "SECONDS", 0.05)
        assert [within_limits(time.sleep, 600) for _ in range(4)] == [None] * 4  # type: ignore[func-returns-value]

    assert within_limits(len, "abc") == 3
