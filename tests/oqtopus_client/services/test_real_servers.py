"""The client reads what real servers send, and survives their faults; lists are in `test_pagination`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from oqtopus_client import OqtopusClient, OqtopusJobSpec
from oqtopus_client.emulator import Emulator
from oqtopus_client.errors import JobTimeoutError
from tests.support.circuits import BELL

JOB = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=10)
REFUSED = OqtopusJobSpec.estimation(
    device_id="qulacs",
    program='OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; c = measure q;',
    operator=[{"pauli": "Z 0", "coeff": 1.0}],
    shots=10,
    transpiler_info={"transpiler_lib": None},
)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator with the faults of real servers, without jobs."""
    with Emulator(":memory:", quirks=True) as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[OqtopusClient]:
    """A client of the emulator."""
    with OqtopusClient(emulator.config) as client:
        yield client


def test_rows_without_any_field(client: OqtopusClient, emulator: Emulator) -> None:
    """A row without any field can be read."""
    emulator._store.register("operator")

    (row,) = client.list_jobs(fields="name,ended_at")
    assert (row.job_id, row.name, row.ended_at) == (None, None, None)


def test_device_of_a_job_that_was_never_submitted(client: OqtopusClient, emulator: Emulator) -> None:
    """The device "null" of a job that was never submitted can be read."""
    job_id = emulator._store.register("operator")
    emulator._store.cancel(job_id)

    (row,) = client.list_jobs(fields="job_id,status,device_id")
    assert (row.job_id, row.status, row.device_id) == (job_id, "cancelled", "null")
    assert list(client.iter_jobs()) == client.list_jobs() == []


def test_times_of_whole_seconds(client: OqtopusClient) -> None:
    """Times of whole seconds are in order, though several may be equal."""
    job = client.run_job(JOB, interval=0.01)
    times = [job.submitted_at, job.ready_at, job.running_at, job.ended_at]

    assert all(time is not None and time.microsecond == 0 and time.tzinfo for time in times)
    assert times == sorted(times)  # type: ignore[type-var]


def test_single_precision(client: OqtopusClient) -> None:
    """Estimates of single precision are returned unchanged."""
    spec = OqtopusJobSpec.estimation(
        device_id="qulacs", program=BELL, operator=[{"pauli": "Z 0 Z 1", "coeff": 0.1}], shots=10
    )
    job = client.run_estimation(spec, interval=0.01)

    assert job.exp_value == float(np.float32(0.1)) != 0.1


def test_null_upload_fields() -> None:
    """Null fields are left out of an upload form, as the storage refuses an empty security token."""
    with Emulator(":memory:", temporary_credentials=False) as emulator, OqtopusClient(emulator.config) as client:
        assert client.run_job(JOB, interval=0.01).status == "succeeded"


def test_estimation_that_never_ends(client: OqtopusClient) -> None:
    """A deadline ends the wait for an estimation that stays running, and it can be cancelled."""
    with pytest.raises(JobTimeoutError, match="is still running") as caught:
        client.run_job(REFUSED, interval=0.01, timeout=1)
    job_id = str(caught.value.job_id)

    assert client.status(job_id) == "running"
    client.cancel_job(job_id)
    assert client.wait_for_job(job_id).status == "cancelled"
