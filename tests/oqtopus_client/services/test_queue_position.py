"""How many jobs are ahead of a waiting one, as far as a server lets its users know."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from oqtopus_client import AsyncOqtopusClient, OqtopusClient, OqtopusConfig, OqtopusJobSpec
from oqtopus_client.errors import NotFoundError, WaitTimeoutError
from oqtopus_client.services.queue_position import QueuePosition
from tests.support.circuits import BELL
from tests.support.virtual_clock import run_virtually

if TYPE_CHECKING:
    from oqtopus_client.emulator import Emulator
    from tests.support.held_executor import HeldExecutor
    from tests.support.recorded_cloud import RecordedCloud

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=100)


def submitted(client: OqtopusClient, number: int, device_id: str = "qulacs") -> list[str]:
    """Submit jobs and return their ids."""
    job = dataclasses.replace(JOB, device_id=device_id)
    return [client.submit_job(job).job_id for _ in range(number)]


def test_position_among_jobs(held_client: OqtopusClient, held_emulator: Emulator, held: HeldExecutor) -> None:
    """A user's earlier jobs are ahead, later ones are not, and any of the other users' jobs may be."""
    running, *mine = submitted(held_client, 4)
    while held_client.status(running) != "running":
        held.step()
    other = OqtopusConfig(
        held_emulator.config.url, held_emulator.add_user("other"), transport=held_emulator.config.transport
    )
    with OqtopusClient(other) as client:
        submitted(client, 2)
    submitted(held_client, 5, "lattice64")
    mine += submitted(held_client, 1)

    assert held_client.queue_position(running) is None
    assert [held_client.queue_position(job_id) for job_id in mine] == [(own, 2) for own in (1, 2, 3, 4)]
    assert held_client.queue_position(mine[:0:-1]) == (2, 2)  # of the first of them
    assert held_client.queue_position([running, *mine]) is None
    position = held_client.queue_position(mine[0])
    assert position is not None
    assert (position.jobs_ahead, position.position) == (3, 4)


def test_no_position(client: OqtopusClient) -> None:
    """A job that has ended has no position, and neither has one that was not submitted; an unknown one is an error."""
    (job_id,) = submitted(client, 1)
    client.wait_for_job(job_id)

    assert client.queue_position(job_id) is None
    assert client.queue_position([]) is None
    with pytest.raises(NotFoundError):
        client.queue_position("unknown")


@pytest.mark.parametrize(
    ("position", "phrase"),
    [
        (QueuePosition(0, 0), "next in the queue"),
        (QueuePosition(1, 0), "1 job ahead, 1 of them yours"),
        (QueuePosition(0, 1), "up to 1 job ahead"),
        (QueuePosition(2, 1200), "up to 1,202 jobs ahead, 2 of them yours"),
    ],
)
def test_phrase(position: QueuePosition, phrase: str) -> None:
    """The phrase says what is certain and what is not."""
    assert str(position) == phrase


def test_number_of_requests(client: OqtopusClient, cloud: RecordedCloud) -> None:
    """An ended job costs the lists of waiting and running jobs, and its status."""
    (job_id,) = submitted(client, 1)
    client.wait_for_job(job_id)
    cloud.requests.clear()
    client.queue_position(job_id)

    assert cloud.routes == ["GET /jobs"] * 3 + ["GET /jobs/{id}/status"]


def test_progress_bar_shows_the_queue(
    held_client: OqtopusClient, held_emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """A progress bar says how many jobs are ahead once a wait has lasted two seconds."""
    _, job_id = submitted(held_client, 2)

    async def wait() -> None:
        async with AsyncOqtopusClient(held_emulator.config) as client:
            with pytest.raises(WaitTimeoutError):
                await client.wait_for_jobs([job_id], timeout=5, progress=True)

    run_virtually(wait())
    assert re.search("1 job ahead, 1 of them yours: +0%", capsys.readouterr().err)
