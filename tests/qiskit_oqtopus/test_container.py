"""The provider inside a server-side program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.emulator.device_files import built_in_devices
from tests.support.circuits import BELL
from tests.support.sse_programs import PARENT, run_bare, simulate

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = f"""
from oqtopus_client import OqtopusJobSpec
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_oqtopus import OqtopusEstimator, OqtopusJobError, OqtopusProvider, OqtopusSampler

BELL = {BELL!r}
provider = OqtopusProvider()
backend = provider.get_backend()
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
measured = bell.copy()
measured.measure_all()
"""


def printed(program: str) -> list[str]:
    """The lines that a program prints."""
    ran = run_bare(PROGRAM + program, simulate)
    assert ran.failure is None, ran.output
    return ran.output.splitlines()


def test_run_blocks_until_the_jobs_have_ended() -> None:
    """Jobs of backend and primitives have ended when their call returns, and can be found by id."""
    lines = printed("""
job = backend.run([measured, measured], shots=200)
print(job.status().name, job.job_ids, [sum(counts.values()) for counts in job.result().get_counts()])
sampled = OqtopusSampler(backend).run([(measured, None, 300)])
estimated = OqtopusEstimator(backend).run([(bell, SparsePauliOp(["XX", "ZZ"], [1.0, 2.0]))])
print(sampled.status().name, estimated.status().name, sampled.job_ids + estimated.job_ids)
for submitted in (job, sampled, estimated):
    print(OqtopusProvider().job(submitted.job_id()).job_ids == submitted.job_ids, submitted.cancel())
again = OqtopusProvider().job(sampled.job_id())
print(again.result()[0].data.meas.get_counts() == sampled.result()[0].data.meas.get_counts())
print(estimated.result()[0].data.evs.round(5), OqtopusProvider().job(job.job_id()).circuits()[0].size())
print([type(found).__name__ for found in provider.jobs()], job.layouts())
""")

    assert lines == [
        f"DONE {[f'{PARENT}/1', f'{PARENT}/2']} [200, 200]",
        f"DONE DONE {[f'{PARENT}/3', f'{PARENT}/4']}",
        *["True False"] * 3,
        "True",
        "3.0 4",
        "['OqtopusPrimitiveJob', 'OqtopusPrimitiveJob', 'OqtopusJob'] [[0, 1], [0, 1]]",
    ]


def test_target_of_the_described_device(tmp_path: Path) -> None:
    """With the device's description, circuits are transpiled for it here."""
    device = built_in_devices()["lattice64"].info(n_pending_jobs=0)
    (tmp_path / "device.json").write_text(device.to_json())

    lines = printed(f"""
import os
from qiskit import transpile
os.environ["OQTOPUS_SSE_DEVICE"] = {str(tmp_path / "device.json")!r}
backend = provider.get_backend()
isa = transpile(measured, backend, seed_transpiler=1)
print(backend.name, backend.num_qubits, isa.count_ops().keys() - set(backend.operation_names))
OqtopusProvider().client.run_job(OqtopusJobSpec.sampling(device_id="", program=BELL, shots=1))
""")

    assert lines == ["lattice64 64 {'barrier'}"]


def test_failures_are_explained() -> None:
    """An error names the inner job that failed, and the server's reason."""
    lines = printed("""
job = backend.run(measured.reverse_bits(), transpiler_options={"optimization_level": 9})
print(job.status().name)
try:
    job.result()
except OqtopusJobError as error:
    print(error)
OqtopusProvider().client.run_job(OqtopusJobSpec.sampling(device_id="", program=BELL, shots=1))
""")

    assert lines[0] == "ERROR"
    assert f"({PARENT}/1)" in lines[1]
    assert "Expecting value: line 1 column 1 (char 0). The server's transpiler could not use its options" in lines[1]


def test_an_emulator_of_its_own() -> None:
    """A provider of an emulator in the program's own process uses that, not the program's device."""
    lines = printed("""
with OqtopusProvider.emulator(":memory:") as own:
    backend = own.get_backend("lattice64")
    print(backend.num_qubits, sum(backend.run(measured, shots=70).result().get_counts().values()))
    print(own.client.run_job(OqtopusJobSpec.sampling(device_id="lattice64", program="bad", shots=1)).status)
print(provider.client.run_job(OqtopusJobSpec.sampling(device_id="", program=BELL, shots=1)).job_id)
""")

    assert lines[0] == "64 70"
    assert lines[-2:] == ["failed", f"{PARENT}/1"]
