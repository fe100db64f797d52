"""Lists of jobs on servers that cannot show jobs cancelled before submission."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client import AsyncOqtopusClient, OqtopusClient, OqtopusJobSpec, UserApiError
from qiskit_oqtopus import OqtopusProvider
from tests.support.circuits import BELL
from tests.support.recorded_cloud import RecordedCloud

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from oqtopus_client.emulator import Emulator

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=7, name="ours")


@pytest.fixture
async def listing(held_emulator: Emulator) -> AsyncIterator[tuple[AsyncOqtopusClient, RecordedCloud, list[str]]]:
    """Return jobs, a registered one among them, and one that was cancelled while registered."""
    cloud = RecordedCloud(held_emulator)
    config = dataclasses.replace(held_emulator.config, transport=cloud)
    async with AsyncOqtopusClient(config) as client:
        ids = [(await client.submit_job(JOB)).job_id for _ in range(2)]
        broken = (await client._jobs.register_job_id()).job_id
        await client._jobs.cancel_job(broken)
        ids += [(await client._jobs.register_job_id()).job_id, (await client.submit_job(JOB)).job_id]
        cloud.requests.clear()
        yield client, cloud, ids


Listing = Any
pytestmark = pytest.mark.anyio


async def test_whole_jobs(listing: Listing) -> None:
    """All other jobs are listed completely."""
    client, _cloud, ids = listing
    jobs = await client.list_jobs()

    assert [job.job_id for job in jobs] == ids
    assert [job.shots for job in jobs] == [7, 7, None, 7]
    assert jobs[0].job_info is not None


@pytest.mark.parametrize("fields", ["job_id,shots", "shots", "job_id,name,job_type,transpiler_info"])
async def test_fields(listing: Listing, fields: str) -> None:
    """Jobs have the requested fields only."""
    client, _cloud, ids = listing
    jobs = [job async for job in client.iter_jobs(fields=fields)]

    assert len(jobs) == len(ids)
    assert set(jobs[0].to_dict()) == set(fields.split(","))


async def test_what_it_costs(listing: Listing) -> None:
    """Safe fields and pages without such a job take one request; otherwise jobs are read by id."""
    client, cloud, ids = listing
    await client.list_jobs(fields="job_id,status,name")
    await client.list_jobs(size=2)
    cheap, cloud.requests = cloud.routes, []
    async for job in client.iter_jobs(order="DESC", fields="job_id,shots"):
        assert job.job_id == ids[-1]
        break

    assert cheap == ["GET /jobs"] * 2
    assert cloud.routes == ["GET /jobs"] * 2 + ["GET /jobs/{id}"] * 3


async def test_other_errors_are_told(listing: Listing) -> None:
    """Other errors of the list are raised."""
    client, _cloud, _ids = listing
    with pytest.raises(UserApiError, match="HTTP 500"):
        await client.list_jobs(size=1000)


async def test_more_than_a_page(held_emulator: Emulator) -> None:
    """A page from which such a job was removed is not taken for the last."""
    async with AsyncOqtopusClient(held_emulator.config) as client:
        broken = (await client._jobs.register_job_id()).job_id
        await client._jobs.cancel_job(broken)
        ids = [(await client._jobs.register_job_id()).job_id for _ in range(100)]

        assert [job.job_id async for job in client.iter_jobs()] == ids


async def test_cancelling_what_was_never_submitted(listing: Listing) -> None:
    """A cancelled registered job is also deleted, and those left by others can be removed."""
    client, _cloud, ids = listing
    answer = await client.cancel_job(ids[2])
    await client.cancel_job(ids[3])
    left = [str(job.job_id) async for job in client.iter_jobs(fields="job_id")]

    (removed,) = await client.remove_unsubmitted(older_than=timedelta(0))

    assert answer.message == "cancel request accepted"
    assert removed in left
    assert removed not in ids
    assert [job_id for job_id in left if job_id in ids] == [ids[0], ids[1], ids[3]]


def test_provider(held_emulator: Emulator) -> None:
    """The provider also finds its jobs on such servers."""
    with OqtopusClient(held_emulator.config) as client, OqtopusProvider(held_emulator.config) as provider:
        submitted = client.submit_job(JOB).job_id
        running = client._start()
        broken = running.call(running.client._jobs.register_job_id()).job_id
        running.call(running.client._jobs.cancel_job(broken))

        assert [job.job_id() for job in provider.jobs()] == [submitted]
