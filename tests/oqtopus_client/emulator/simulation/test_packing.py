"""Prepared jobs are the same after their way through the server's process."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from qiskit import QuantumCircuit

from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.lattice import square_lattice
from oqtopus_client.emulator.simulation import packing
from oqtopus_client.emulator.simulation.packing import PackedJob, prepare_packed, run_packed
from oqtopus_client.emulator.simulation.pipeline import CircuitJob, Prepared, prepare
from oqtopus_client.rest.storage import pack, unpack
from tests.support.circuits import BELL, contents

ODD = """OPENQASM 3; include "stdgates.inc"; qubit one; bit lone; qubit[3] q; bit[3] c; bit[2] more;
rz(1e17) one; rz(-0.0) q[0]; rz(7.0) q[1]; rz(1e-300) q[2]; gphase(0.3); sx one; cx q[1], one; x q[2];
barrier q[0], one; barrier; lone = measure one; more[1] = measure q[2];
"""
DELAYS = f"{ODD} delay[1.5us] one; delay[20ns] q; delay[7dt] q[1];"
OWN = f"{BELL} gate own a {{ h a; }} own q[0]; ctrl @ inv @ t q[0], q[1];"
OFF = {"transpiler_lib": None}


def circuit_job(program: str, info: dict[str, Any], job_type: str = "sampling") -> CircuitJob:
    """Return a job for the noiseless device."""
    content = {"program": [program], "operator": [{"pauli": "X 0 X 1", "coeff": 1.5}]}
    archive = pack(json.dumps(content).encode(), "input.json")
    return CircuitJob(job_type, archive, 100, info, {}, built_in_devices()["qulacs"])


def received(monkeypatch: pytest.MonkeyPatch, job: CircuitJob, packed: PackedJob) -> Prepared:
    """Return the job that would be run."""
    seen: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(packing, "run_prepared", lambda _, prepared: seen.append(prepared))
        run_packed(job, copy.copy(copy.copy(packed)))  # as pickle copies it
    return seen[0]


@pytest.mark.parametrize("program", [ODD, DELAYS, OWN, "not valid"])
def test_circuits(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A circuit arrives with all numbers, bits and registers, and the text of an unreadable program as it is."""
    job = circuit_job(program, OFF)
    sent, found = prepare(job).circuit, received(monkeypatch, job, prepare_packed(job)).circuit

    if isinstance(sent, QuantumCircuit):
        assert isinstance(found, QuantumCircuit)
        assert contents(found) == contents(sent)
    else:
        assert found == sent == program


@pytest.mark.parametrize("job_type", ["sampling", "estimation", "multi_manual"])
def test_jobs(monkeypatch: pytest.MonkeyPatch, job_type: str) -> None:
    """What users can read while the job runs arrives once, and everything that execution needs."""
    job = circuit_job(BELL, {}, job_type)
    prepared, packed = prepare(job), prepare_packed(job)
    found = received(monkeypatch, job, packed)

    assert packed.files.keys() == prepared.files.keys()
    assert (packed.heavy, packed.transpiler_info) == (prepared.heavy, prepared.transpiler_info)
    assert (found.groups, found.widths, found.transpile_result) == (prepared.groups, prepared.widths, None)
    result = json.loads(unpack(run_packed(job, copy.copy(packed)).files["result.zip"]))
    if job_type == "estimation":
        assert result["estimation"]["exp_value"] == pytest.approx(1.5)
    else:
        assert sum(result["sampling"]["counts"].values()) == job.shots
        assert result["sampling"]["counts"].keys() <= {"00", "11"}


def test_a_thousand_qubits() -> None:
    """The cost of a job on more qubits than the exponent of a float is computed, too."""
    device = square_lattice("large", 32, 33, seed=1)
    program = 'OPENQASM 3; include "stdgates.inc"; qubit[1056] q; bit[1056] c; x q; c = measure q;'
    job = replace(circuit_job(program, OFF), device=device, shots=3)

    outcome = run_packed(job, prepare_packed(job))

    counts = json.loads(unpack(outcome.files["result.zip"]))["sampling"]["counts"]
    assert sum(counts.values()) == 3
