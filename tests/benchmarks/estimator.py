"""What an estimator costs its process, beside Qiskit's own on the same backend, and how sure its values are.

Run by hand: `python tests/benchmarks/estimator.py`. The emulator is a process of its own, and what is measured is the
processor time of this one. Compare the ratios; the times depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives import BackendEstimatorV2
from qiskit.quantum_info import SparsePauliOp

sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import OqtopusConfig
from qiskit_oqtopus import OqtopusBackend, OqtopusEstimator, OqtopusProvider
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.primitives import BaseEstimatorV2

DEVICE = "wide"


class Row(NamedTuple):
    """What a run took: processor time in seconds, jobs, and shots; and its median standard error."""

    cpu: float
    jobs: int
    shots: int
    error: float


def device(qubits: int) -> str:
    """A noiseless device, as a file: qubits in a row."""
    info = {
        "qubits": [{"id": i} for i in range(qubits)],
        "couplings": [{"control": i, "target": i + 1} for i in range(qubits - 1)],
    }
    return json.dumps(
        {
            "device_id": DEVICE,
            "device_type": "simulator",
            "status": "available",
            "n_qubits": qubits,
            "basis_gates": ["sx", "x", "rz", "cx"],
            "supported_instructions": ["measure", "barrier"],
            "description": "Noiseless",
            "device_info": info,
        }
    )


def ansatz(qubits: int) -> QuantumCircuit:
    """Rotations and a chain of entangling gates, in the device's own."""
    circuit = QuantumCircuit(qubits)
    for qubit, angle in enumerate(ParameterVector("theta", qubits)):
        circuit.sx(qubit)
        circuit.rz(angle, qubit)
        circuit.sx(qubit)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    return circuit


def hamiltonian(qubits: int) -> SparsePauliOp:
    """A Heisenberg chain in a field on its ends: three terms a coupling, 60 for 20 qubits."""
    couplings = [(pauli * 2, [i, i + 1], 1.0) for pauli in "XYZ" for i in range(qubits - 1)]
    fields = [("Z", [0], 0.5), ("Z", [qubits - 1], 0.5), ("X", [0], 0.5)]
    return SparsePauliOp.from_sparse_list(couplings + fields, num_qubits=qubits)


def run(estimator: BaseEstimatorV2, backend: OqtopusBackend, pub: tuple[object, ...]) -> Row:
    """Run a PUB, with a shot count as fine as 1/32."""
    before = {job.job_id for job in backend.provider.client.iter_jobs(fields="job_id")}
    start = time.process_time()
    data = estimator.run([pub], precision=1 / 32).result()[0].data
    cpu = time.process_time() - start
    jobs = [job for job in backend.provider.client.iter_jobs(fields="job_id,shots") if job.job_id not in before]
    return Row(cpu, len(jobs), sum(job.shots or 0 for job in jobs), float(np.median(data.stds)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bindings", type=int, default=100)
    parser.add_argument("--qubits", type=int, default=20)
    options = parser.parse_args(arguments)
    circuit, observable = ansatz(options.qubits), hamiltonian(options.qubits)
    values = np.random.default_rng(1).uniform(0, np.pi, (options.bindings, options.qubits))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "devices").mkdir()
        Path(folder, "devices", f"{DEVICE}.json").write_text(device(options.qubits), "utf-8")
        with running_server(Path(folder, "data"), "--devices", str(Path(folder, "devices"))) as server:
            config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
            with OqtopusProvider(config) as provider:
                backend = provider.get_backend(DEVICE)
                estimators = {
                    "BackendEstimatorV2": BackendEstimatorV2(backend=backend),
                    "OqtopusEstimator, sampling": OqtopusEstimator(backend, route="sampling"),
                    "OqtopusEstimator, auto": OqtopusEstimator(backend),
                }
                for estimator in estimators.values():
                    run(estimator, backend, (circuit, observable, values[:1]))  # what comes with the first run
                rows = {name: run(e, backend, (circuit, observable, values)) for name, e in estimators.items()}
    print(f"{options.qubits} qubits, {len(observable)} terms, {options.bindings} bindings")
    theirs = rows["BackendEstimatorV2"].cpu
    for name, row in rows.items():
        # Where the server estimates, it repeats each of its measurements as often as a job says.
        print(
            f"{name:28} {row.cpu * 1e3:8.0f} ms CPU  {theirs / row.cpu:5.1f}x  {row.jobs:6} jobs of {row.shots:8} shots"
            f"   standard error {row.error:.4f}"
        )


if __name__ == "__main__":
    main()
