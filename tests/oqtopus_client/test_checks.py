"""Numbers of every kind, wherever a user gives one: taken, or refused with its name before anything is sent."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from oqtopus_client import AsyncOqtopusClient, OqtopusConfig, OqtopusEstimationOperator, OqtopusJobSpec
from oqtopus_client.rest.endpoints import LIST_DEVICES
from oqtopus_client.rest.retries import RetryPolicy
from oqtopus_client.services.polling import Polling
from qiskit_oqtopus.primitives.precision import shots_for
from tests.support.circuits import BELL
from tests.support.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_NUMBERS = [True, np.True_, "3", b"3", None, [], 1j, object(), Decimal(2), np.array([1, 2])]
NOT_FINITE = [math.nan, -math.inf, np.float32("nan"), -(10**400), Fraction(-(10**400), 3)]
TOO_LARGE = [10**400, 10**5000, Fraction(10**400, 3)]
NOT_WHOLE = [2.5, 1e308, np.float64(2), Fraction(3, 1)]


def config(**values: Any) -> object:
    """A configuration with these values."""
    return OqtopusConfig("https://a.example", **values)


REAL: dict[str, Callable[[Any], object]] = {
    "coeff": lambda value: OqtopusEstimationOperator("X 0", [] if value is None else value),  # None is 1
    "timeout": lambda value: config(timeout=value),
    "retry_backoff_seconds": lambda value: config(retry_backoff_seconds=value),
    "retry_budget_seconds": lambda value: config(retry_budget_seconds=value),
    "interval": lambda value: Polling(interval=value),
    "interval_backoff": lambda value: Polling(interval_backoff=value),
}
WHOLE: dict[str, Callable[[Any], object]] = {
    "shots": lambda value: OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=value),
    "retry_max_attempts": lambda value: config(retry_max_attempts=value),
}


@pytest.mark.parametrize(
    "value", [*NOT_NUMBERS, *NOT_FINITE, *TOO_LARGE, math.inf], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("name", REAL)
def test_real_numbers(name: str, value: object) -> None:
    """A value that is not a finite real number is refused by name."""
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be .*, not .+\\.$") as caught:
        REAL[name](value)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "value", [*NOT_NUMBERS, *NOT_FINITE, *TOO_LARGE, *NOT_WHOLE, 0, -1], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers(name: str, value: object) -> None:
    """A value that is not a positive integer in range is refused by name."""
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be .*, not .+\\.$") as caught:
        WHOLE[name](value)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [2, 2.5, np.float32(2), np.int64(2), Fraction(5, 2), 1e300])
def test_numbers_that_are_taken(value: Any) -> None:
    """Every type of real number is one."""
    for make in REAL.values():
        make(value)


QUERIES: dict[str, Callable[[AsyncOqtopusClient, Any], Any]] = {
    "page": lambda client, value: client.list_jobs(page=value),
    "size": lambda client, value: client.list_jobs(size=value),
    "limit": lambda client, value: client.list_device_histories(limit=value),
    "offset": lambda client, value: client.get_announcements_list(offset=value),
    "announcement_id": lambda client, value: client.get_announcement(value),
    "max_workers": lambda client, value: client.submit_jobs([], max_workers=value),
    "wait_workers": lambda client, value: client.run_jobs_batch([], wait_workers=value),
    "submit_workers": lambda client, value: client.run_jobs_batch([], submit_workers=value),
    "max_file_size": lambda client, value: client.run_sse_file(file_path="a.py", device_id="x", max_file_size=value),
    "older_than": lambda client, value: client.remove_unsubmitted(older_than=value),
}


@pytest.mark.anyio
@pytest.mark.parametrize(
    "value", [math.nan, -(10**400), 10**400, "3", True, 2.5, -1], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("name", QUERIES)
async def test_nothing_is_sent(name: str, value: object) -> None:
    """Queries and limits are checked before the first request."""
    server = ScriptedServer()
    async with AsyncOqtopusClient(OqtopusConfig("https://a.example", transport=server)) as client:
        with pytest.raises((TypeError, ValueError), match=f"^{name} must be"):
            await QUERIES[name](client, value)
        with pytest.raises(ValueError, match="older_than is out of range"):
            await client.remove_unsubmitted(older_than=timedelta.max)

    assert server.asked == []


def test_retries() -> None:
    """No answer's header and no number of tries is too much for the arithmetic."""
    policy = RetryPolicy(max_attempts=10**6, backoff=1e308, budget=math.inf)
    pauses = [
        policy.pause(LIST_DEVICES, 1, status=429, retry_after=text) for text in ("9" * 5000, "\u0663", "-1", "1e9")
    ]
    pauses.append(policy.pause(LIST_DEVICES, 10**5))

    assert all(pause is not None and 0 <= pause <= 8 for pause in pauses)


@pytest.mark.parametrize("precision", [1e-200, 5e-324, math.nan, math.inf, 0.0])
def test_precisions_that_nothing_reaches(precision: float) -> None:
    """They are too fine, or none."""
    with pytest.raises(ValueError, match=r"^PUB 0 has the precision"):
        shots_for(precision, 0)


def test_a_precision_that_anything_reaches() -> None:
    """One shot is enough."""
    assert shots_for(1e200, 0) == 1
