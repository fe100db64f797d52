"""Uses a cloud through quri-parts-oqtopus, as its documentation and examples do.

The cloud is the one of `OQTOPUS_URL` and `OQTOPUS_API_TOKEN`, and of the section `oqtopus-dev` in `~/.oqtopus`. The
only argument is the folder of the examples, whose programs run on the server.
"""

from __future__ import annotations

import math
import sys
import tempfile
import zipfile
from pathlib import Path

from quri_parts.backend import BackendError
from quri_parts.circuit import QuantumCircuit
from quri_parts.core.operator import PAULI_IDENTITY, Operator, pauli_label
from quri_parts_oqtopus.backend import (
    OqtopusConfig,
    OqtopusDeviceBackend,
    OqtopusEstimationBackend,
    OqtopusJobBackendBase,
    OqtopusSamplingBackend,
    OqtopusSseBackend,
    OqtopusSseJob,
)

SHOTS = 10_000
FAST = {"wait": 0.2, "timeout": 60.0}
# Longer than it takes to cancel it, and no longer: as on real servers, a job that runs is not stopped by that.
SLEEPER = "import time; time.sleep(15)"


def main(examples: Path) -> None:
    """Do what users do, one after the other."""
    config = OqtopusConfig.from_file("oqtopus-dev")
    devices(config)
    for backend in (OqtopusSamplingBackend(), OqtopusSamplingBackend(config)):
        sampling(backend)
    multi_manual(OqtopusSamplingBackend(config))
    estimation(OqtopusEstimationBackend(config))
    failing(OqtopusSamplingBackend(config))
    backend = OqtopusSseBackend(config)
    sse_sampling(backend, examples / "user_program_sampling.py")
    sse_estimation(backend, examples / "user_program_estimation.py")
    cancelling(backend)


def devices(config: OqtopusConfig) -> None:
    """Devices, all and one."""
    backend = OqtopusDeviceBackend(config)
    assert "qulacs" in {device.device_id for device in backend.get_devices()}
    device = backend.get_device("qulacs")
    assert (device.device_type, device.status, device.n_qubits) == ("simulator", "available", 16)
    assert len(device.device_info["qubits"]) == 16
    assert device.to_json()


def sampling(backend: OqtopusSamplingBackend) -> None:
    """A Bell state has two outcomes, about equally frequent; the job can be fetched again by its id."""
    job = backend.sample(bell(), device_id="qulacs", shots=SHOTS, name="foreign")
    require_bell(job.result(**FAST).counts, SHOTS)
    again = backend.retrieve_job(job.job_id)
    assert (again.status, again.job_type, again.name, again.shots) == ("succeeded", "sampling", "foreign", SHOTS)
    # The program and the transpiled program are not in `job_info` as the example `get_job.py` wants them: this SDK
    # fetches these files when somebody asks for them, and leaves their URLs there until then.
    assert again.job_info["message"] == "job is succeeded"
    assert again.to_json()
    assert again.submitted_at <= again.ready_at <= again.running_at <= again.ended_at


def multi_manual(backend: OqtopusSamplingBackend) -> None:
    """Two circuits side by side: the first has the lower qubits and the rightmost bits."""
    flipped = QuantumCircuit(1)
    flipped.add_X_gate(0)
    result = backend.sample([bell(), flipped], device_id="qulacs", shots=SHOTS).result(**FAST)
    assert result.counts.keys() == {0b100, 0b111}, result.counts
    require_bell(result.divided_counts[0], SHOTS)
    assert result.divided_counts[1] == {1: SHOTS}, result.divided_counts


def estimation(backend: OqtopusEstimationBackend) -> None:
    """X0 X1 is 1 in a Bell state; Y0 Z1 is 0 on average; a constant stays what it is."""
    operator = Operator({pauli_label("X0 X1"): 1.5, pauli_label("Y0 Z1"): 1.2, PAULI_IDENTITY: 2.0})
    result = backend.estimate(bell(), operator=operator, device_id="qulacs", shots=SHOTS).result(**FAST)
    deviation = 1.2 / math.sqrt(SHOTS)
    assert abs(result.exp_value - 3.5) < 5 * deviation, result
    assert math.isclose(result.stds, deviation, rel_tol=0.05), result


def failing(backend: OqtopusSamplingBackend) -> None:
    """What cannot be run ends as an error."""
    job = backend.sample_qasm("OPENQASM 3; quit[1] q;", device_id="qulacs", shots=1)
    refusal = None
    try:
        job.result(**FAST)
    except BackendError as error:
        refusal = str(error)
    assert refusal == "Job ended with status failed."
    assert job.job_info["message"]


def cancelling(backend: OqtopusSseBackend) -> None:
    """A job that takes its time is cancelled."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "sleeper.py")
        program.write_text(SLEEPER, "utf-8")
        job = backend.run_sse(str(program), device_id="qulacs", name="sleeper")
    job.cancel()
    assert job.status == "cancelled"


def sse_sampling(backend: OqtopusSseBackend, program: Path) -> None:
    """The example samples three times, with readout errors mitigated: a few shots may get lost in that."""
    job = backend.run_sse(file_path=str(program), device_id="qulacs", name="sse sampling example")
    counts = job.result(**FAST).counts
    assert counts.keys() >= {0, 3}, counts
    assert 990 <= counts[0] + counts[3] <= 1000, counts
    require_log(job)


def sse_estimation(backend: OqtopusSseBackend, program: Path) -> None:
    """The example estimates three times what is 2 in a Bell state."""
    job = backend.run_sse(file_path=str(program), device_id="qulacs", name="sse estimation example")
    result = job.result(**FAST)
    assert math.isclose(result.exp_value, 2), result
    assert math.isclose(result.stds, 0, abs_tol=1e-6), result
    require_log(OqtopusJobBackendBase().retrieve_job(job.job_id))


def bell() -> QuantumCircuit:
    """A circuit for a Bell state."""
    circuit = QuantumCircuit(2)
    circuit.add_H_gate(0)
    circuit.add_CNOT_gate(0, 1)
    return circuit


def require_bell(counts: dict[int, int], shots: int) -> None:
    """Demand the counts of a Bell state, six standard deviations wide."""
    assert counts.keys() == {0, 3}, counts
    assert sum(counts.values()) == shots, counts
    assert abs(counts[0] - shots / 2) < 6 * math.sqrt(shots) / 2, counts


def require_log(job: OqtopusSseJob) -> None:
    """Demand that the log holds all that the examples' programs print, and no error."""
    assert isinstance(job, OqtopusSseJob)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(job.download_log(save_dir=folder)) as archive:
        (name,) = archive.namelist()
        lines = archive.read(name).decode().removeprefix("$ ").splitlines()
    marks = [line for line in lines if line.startswith("##")]
    assert marks == [*(f"## Start iteration {index} ##" for index in range(3)), "## Finish ##"], lines
    ids = [line for line in lines if line.startswith("job.job_id=")]
    assert ids == [f"job.job_id='{job.job_id}/{number}'" for number in (1, 2, 3)], lines
    assert not any("Exception" in line for line in lines), lines


if __name__ == "__main__":
    main(Path(sys.argv[1]))
