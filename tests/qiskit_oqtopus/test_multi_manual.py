"""Several circuits side by side in one job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from tests.support.circuits import bell, keyed

if TYPE_CHECKING:
    from qiskit_oqtopus import OqtopusBackend, OqtopusProvider


def spread() -> QuantumCircuit:
    """Return a circuit that measures qubit 1 into the second of two registers."""
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(2, "a"), ClassicalRegister(2, "b"), name="spread")
    circuit.x(1)
    circuit.measure(1, 3)
    return circuit


def test_each_circuit_has_its_counts(backend: OqtopusBackend, provider: OqtopusProvider) -> None:
    """Registers and order are right, also in another process, with as few jobs as 16 qubits allow."""
    circuits = [keyed(3), spread(), bell(), keyed(1, width=4), keyed(5), keyed(2, width=9)]
    job = backend.run(circuits, shots=50, multi_manual=True)
    expected = [{"00011": 50}, {"10 00": 50}, None, {"0001": 50}, {"00101": 50}, {"000000010": 50}]

    assert len(job.job_ids) == 2
    for result in (job.result(), provider.job(job.job_id()).result()):
        counts = [result.get_counts(i) for i in range(len(circuits))]
        assert set(counts.pop(2)) == {"00", "11"}
        assert counts == [c for c in expected if c]
        assert [experiment.to_dict()["header"]["name"] for experiment in result.results] == [c.name for c in circuits]


def test_server_that_cannot_divide(backend: OqtopusBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts that the server has not divided are divided here."""
    monkeypatch.setattr("oqtopus_client.OqtopusMultiManualJobResult.divided_bitstring_counts", lambda _job: {})
    result = backend.run([keyed(3), spread(), keyed(2, width=3)], shots=50, multi_manual=True).result()

    assert [result.get_counts(i) for i in range(3)] == [{"00011": 50}, {"10 00": 50}, {"010": 50}]


def test_transpiled_together(backend: OqtopusBackend) -> None:
    """The circuits form one `multi_manual` job, even if they are native."""
    job = backend.run([keyed(3), keyed(1)], shots=5, multi_manual=True)
    job.result()

    assert [(row.job_type, row.transpiler_info["transpiler_lib"]) for row in job.jobs()] == [("multi_manual", "qiskit")]
    (transpiled,) = job.transpiled_circuits()
    assert transpiled is not None
    assert transpiled.num_clbits == 10
