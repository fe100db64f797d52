"""Deadlines of waits."""

from __future__ import annotations

import asyncio
import inspect
import math

import pytest

from oqtopus_client import OqtopusClient
from oqtopus_client.services.deadline import Deadline, DeadlinePassedError
from oqtopus_client.services.polling import Polling, PollingOptions
from tests.support.virtual_clock import run_virtually


@pytest.mark.parametrize(
    ("timeout", "remaining", "seconds"),
    [(None, math.inf, 9), (math.inf, math.inf, 9), (0, 0, 9), (12, 3, 9), (5, 0, 5)],
)
def test_one_deadline_for_all_steps(timeout: float | None, remaining: float, seconds: float) -> None:
    """Three steps of 3 s share one deadline; without time, each is attempted once and is not cancelled."""

    async def work() -> float:
        deadline = Deadline(timeout)
        try:
            for _ in range(3):
                async with deadline.enforced():
                    await asyncio.sleep(3)
        except DeadlinePassedError:
            pass
        return deadline.remaining()

    assert run_virtually(work()) == (remaining, seconds)


def test_a_timeout_of_the_work_itself_is_not_the_deadline() -> None:
    """A timeout raised by the work itself is not taken for the deadline's."""

    async def work() -> None:
        async with Deadline(60).enforced():
            raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"):
        run_virtually(work())


@pytest.mark.parametrize(
    "method",
    [
        OqtopusClient.wait_for_job,
        OqtopusClient.wait_for_jobs,
        OqtopusClient.as_completed,
        OqtopusClient.run_job,
        OqtopusClient.run_sse_file,
        OqtopusClient.run_jobs_batch,
        OqtopusClient.wait_for_jobs_async,
    ],
)
def test_every_wait_has_the_same_options(method: object) -> None:
    """Every wait has the same options with the same defaults, which help() shows."""
    shown = inspect.signature(method).parameters  # type: ignore[arg-type]
    options = inspect.signature(Polling).parameters

    assert PollingOptions.__annotations__.keys() == options.keys() - {"quick_start"}
    assert {name: shown[name].default for name in PollingOptions.__annotations__} == {
        name: options[name].default for name in PollingOptions.__annotations__
    }
