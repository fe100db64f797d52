"""`OqtopusPrimitiveJob`: one job over those of its programs, on any backend."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator

from qiskit_oqtopus import OqtopusBackend
from qiskit_oqtopus.primitives.execution import Task, submit
from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob
from qiskit_oqtopus.primitives.options import SamplerOptions
from qiskit_oqtopus.primitives.samples import SampledPub, SamplerPlan


def turned() -> QuantumCircuit:
    """Two qubits, of which one is turned by a parameter and the other flipped; bit 0 is not measured."""
    circuit = QuantumCircuit(2, 3)
    circuit.rx(Parameter("angle"), 0)
    circuit.x(1)
    circuit.measure([0, 1], [1, 2])
    return circuit


def run(backend: BackendV2, max_shots: int = 1000) -> OqtopusPrimitiveJob:
    """Both turns of the circuit, a hundred shots each."""
    pub = SampledPub((2,), 100, (("c", (0, 1, 2)),), measured=True, metadata={"who": "me"})
    tasks = [Task(turned(), np.array([[0.0], [np.pi]]), 100)]
    return submit(backend, tasks, SamplerPlan((pub,), seed=1), SamplerOptions(max_shots=max_shots))


@pytest.mark.parametrize("max_shots", [1000, 30])
def test_outcomes_come_in_order(backend: OqtopusBackend, max_shots: int) -> None:
    """Each binding has its own counts, in however many jobs its shots ran."""
    for where in (backend, AerSimulator()):
        job = run(where, max_shots)
        (pub,) = job.result()

        assert [pub.data.c.get_counts(i) for i in range(2)] == [{"100": 100}, {"110": 100}]
        assert pub.metadata["circuit_metadata"] == {"who": "me"}
        assert job.done()


def test_another_process_finds_the_result(backend: OqtopusBackend) -> None:
    """The id is enough: what it takes to read the counts is on the server."""
    job = run(backend, 30)
    again = backend.provider.job(job.job_id())

    assert isinstance(again, OqtopusPrimitiveJob)
    assert again.job_ids == job.job_ids
    assert again.result()[0].data.c == job.result()[0].data.c
    assert again.result()[0].metadata == job.result()[0].metadata
