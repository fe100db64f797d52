"""Ctrl-C: the program gets its interrupt at once, and learns which jobs go on."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from tests.conftest import BELL

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)


def interrupted(call: Callable[[], object]) -> KeyboardInterrupt:
    """The interrupt that a call is ended by, a moment after it began."""
    # A timer's thread cannot interrupt the main one; a signal to the process can.
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        call()
    assert time.monotonic() - start < 5
    return caught.value


def test_waiting_for_a_job(held_client: OqtopusClient) -> None:
    """The job goes on, and its id is in the message."""
    job_id = held_client.submit_job(JOB).job_id
    error = interrupted(lambda: held_client.wait_for_job(job_id, timeout=None))

    assert error.__notes__ == [f"Job {job_id} goes on; ask for it again by its id."]
    assert held_client.status(job_id) in {"submitted", "ready"}


def test_running_a_job(held_client: OqtopusClient) -> None:
    """So it does when the same call submitted it."""
    error = interrupted(lambda: held_client.run_sampling(JOB, timeout=None))
    (job,) = held_client.list_jobs()

    assert error.__notes__ == [f"Job {job.job_id} goes on; ask for it again by its id."]


def test_waiting_for_many(held_client: OqtopusClient) -> None:
    """All of them are named."""
    ids = [answer.job_id for answer in held_client.submit_jobs([JOB] * 3)]
    error = interrupted(lambda: held_client.wait_for_jobs(ids, timeout=None))

    assert error.__notes__ == [f"3 jobs go on; ask for them again by their ids: {', '.join(ids)}"]
