"""Uses a cloud through the published client alone; `OQTOPUS_URL` and `OQTOPUS_API_TOKEN` say which cloud."""

from __future__ import annotations

import base64
import io
import math
import zipfile
from importlib.metadata import version
from typing import TYPE_CHECKING

from oqtopus_client.services.errors import UserApiError

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusEstimationOperator, OqtopusJobSpec

if TYPE_CHECKING:
    from collections.abc import Callable

BELL = """OPENQASM 3;
include "stdgates.inc";
qubit[2] q;
bit[2] c;
h q[0];
cx q[0], q[1];
c = measure q;
"""
ONE_FLIPPED = 'OPENQASM 3; include "stdgates.inc"; qubit[1] q; bit[1] c; x q[0]; c = measure q;'

SSE_PROGRAM = f"""
from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec

client = OqtopusClient(OqtopusConfig.from_file())
for shots in (100, 200):
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program={BELL!r}, shots=shots)
    job = client.run_sampling(spec)
    print("inner job:", sum(job.get_counts().values()))
"""
# Longer than it takes to cancel it, and no longer: as on real servers, a job that runs is not stopped by that.
SLEEPER = "import time; time.sleep(15)"

SHOTS = 10_000
FAST = {"interval": 0.1, "timeout": 60.0}


def main() -> None:
    """Do what users do, one after the other."""
    assert version("oqtopus-client") == "1.3.0"
    client = OqtopusClient(OqtopusConfig.from_env())
    devices(client)
    ids = [sampling(client), estimation(client), multi_manual(client), sse(client), failing(client)]
    several(client)
    refused(client)
    cancelling(client)
    listing(client, ids)
    deleting(client, ids)


def devices(client: OqtopusClient) -> None:
    """Devices, all and one."""
    found = {device.device_id: device for device in client.list_devices()}
    assert found["qulacs"].status == "available", found
    device = client.get_device("qulacs")
    assert (device.device_type, device.n_qubits) == ("simulator", 16)
    assert [qubit["id"] for qubit in device.device_info["qubits"]] == list(range(16))


def sampling(client: OqtopusClient) -> str:
    """A Bell state has two outcomes, about equally frequent."""
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=SHOTS, name="foreign", description="Bell")
    job = client.run_sampling(spec, **FAST)
    assert job.status.value == "succeeded", job.message
    assert (job.name, job.description, job.device_id, job.shots) == ("foreign", "Bell", "qulacs", SHOTS)
    require_bell(job.get_counts(), SHOTS)
    assert job.counts_with_integer_keys()["counts"].keys() == {0, 3}
    assert job.submitted_at <= job.ready_at <= job.running_at <= job.ended_at
    assert job.execution_time > 0
    assert job.transpiler_info == {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
    assert "OPENQASM 3" in job.transpile_result.transpiled_program
    return job.job_id


def estimation(client: OqtopusClient) -> str:
    """X0 X1 is 1 in a Bell state; Y0 Z1 is 0 on average."""
    spec = OqtopusJobSpec.estimation(
        device_id="qulacs",
        program=BELL,
        shots=SHOTS,
        operator=[
            OqtopusEstimationOperator(pauli="X 0 X 1", coeff=1.5),
            OqtopusEstimationOperator(pauli="Y 0 Z 1", coeff=1.2),
        ],
    )
    job = client.run_estimation(spec, **FAST)
    assert job.status.value == "succeeded", job.message
    deviation = 1.2 / math.sqrt(SHOTS)
    assert abs(job.exp_value - 1.5) < 5 * deviation, job.exp_value
    assert math.isclose(job.stds, deviation, rel_tol=0.05), job.stds
    return job.job_id


def multi_manual(client: OqtopusClient) -> str:
    """Two programs side by side: the first has the lower qubits and the rightmost bits."""
    spec = OqtopusJobSpec.multi_manual(device_id="qulacs", program=[BELL, ONE_FLIPPED], shots=SHOTS)
    job = client.run_multi_manual(spec, **FAST)
    assert job.status.value == "succeeded", job.message
    assert job.get_counts().keys() == {"100", "111"}, job.get_counts()
    divided = job.get_divided_counts()
    assert divided.keys() == {"0", "1"}
    assert divided["0"].keys() == {0, 3}
    assert sum(divided["0"].values()) == SHOTS
    assert divided["1"] == {1: SHOTS}
    return job.job_id


def sse(client: OqtopusClient) -> str:
    """A program on the server runs two jobs: the result is the last one's, the log has what it printed."""
    job = client.run_sse(OqtopusJobSpec.sse(device_id="qulacs", program=SSE_PROGRAM, shots=1), **FAST)
    assert job.status.value == "succeeded", job.message
    require_bell(job.get_job_result().get_counts(), 200)
    answer = client.get_sselog(job.job_id)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(answer.file))) as archive:
        (name,) = archive.namelist()
        assert archive.read(name).decode() == "$ inner job: 100\r\ninner job: 200\r\n"
    assert job.read_log_text().endswith("$ inner job: 100\r\ninner job: 200")
    return job.job_id


def failing(client: OqtopusClient) -> str:
    """A program with a typo fails, before it runs."""
    spec = OqtopusJobSpec.sampling(device_id="qulacs", program=BELL.replace("qubit", "quit"))
    job = client.run_sampling(spec, **FAST)
    assert job.status.value == "failed"
    assert job.message
    assert job.running_at is None
    assert job.get_counts() == {}
    return job.job_id


def several(client: OqtopusClient) -> None:
    """A batch comes back in the order it was given in."""
    specs = [OqtopusJobSpec.sampling(device_id="qulacs", program=BELL, shots=shots) for shots in range(1, 11)]
    jobs = client.run_jobs_batch(specs, **FAST)
    assert [sum(job.get_counts().values()) for job in jobs] == list(range(1, 11))


def refused(client: OqtopusClient) -> None:
    """The server's refusals are distinguished by their status."""
    require_error(400, lambda: client.submit_job(OqtopusJobSpec.sampling(device_id="nowhere", program=BELL)))
    require_error(404, lambda: client.get_job("no-such-job"))
    nobody = OqtopusClient(OqtopusConfig(url=client.base_url, api_token="a.b"))
    require_error(401, nobody.list_devices)


def cancelling(client: OqtopusClient) -> None:
    """A job that takes its time is cancelled, twice, and deleted."""
    job_id = client.submit_job(OqtopusJobSpec.sse(device_id="qulacs", program=SLEEPER, shots=1)).job_id
    require_error(400, lambda: client.delete_job(job_id))
    for _ in range(2):
        assert client.cancel_job(job_id).message == "cancel request accepted"
    job = client.wait_for_job(job_id, **FAST)
    assert job.status.value == "cancelled"
    assert job.ended_at is None
    client.delete_job(job_id)
    require_error(404, lambda: client.get_job_status(job_id))


def listing(client: OqtopusClient, ids: list[str]) -> None:
    """Jobs are listed by age, page by page, as they are asked for."""
    assert [job.job_id for job in client.list_jobs(size=len(ids))] == ids
    assert [job.job_id for job in client.list_jobs(size=2, page=2)] == ids[2:4]
    assert [job.job_id for job in client.list_jobs(order="DESC")][-len(ids) :] == ids[::-1]
    assert [job.job_id for job in client.list_jobs(status="failed")] == ids[-1:]
    (job,) = client.list_jobs(q="foreign", fields="job_id,status")
    assert (job.job_id, job.status.value, job.name) == (ids[0], "succeeded", None)


def deleting(client: OqtopusClient, ids: list[str]) -> None:
    """An ended job can be deleted, not cancelled, and is then unknown."""
    for job_id in ids:
        require_error(400, lambda job_id=job_id: client.cancel_job(job_id))
        client.delete_job(job_id)
        require_error(404, lambda job_id=job_id: client.get_job(job_id))
    assert not {job.job_id for job in client.list_jobs(size=100)} & set(ids)


def require_bell(counts: dict[str, int], shots: int) -> None:
    """Demand the counts of a Bell state, six standard deviations wide."""
    assert counts.keys() == {"00", "11"}, counts
    assert sum(counts.values()) == shots, counts
    assert abs(counts["00"] - shots / 2) < 6 * math.sqrt(shots) / 2, counts


def require_error(status_code: int, call: Callable[[], object]) -> None:
    """Demand that a call is refused with this status."""
    refusal = None
    try:
        call()
    except UserApiError as error:
        refusal = error.status_code
    assert refusal == status_code, refusal


if __name__ == "__main__":
    main()
