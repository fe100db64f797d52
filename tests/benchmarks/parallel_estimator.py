"""What an estimator's programs side by side cost, beside one job for each: jobs, time, and processor time.

Run by hand: `python tests/benchmarks/parallel_estimator.py`. The device is lattice64 without errors, so that each value
can be compared with the exact one. The emulator is a process of its own, so that the processor time is that of the
client. Compare the ratios; the times depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from qiskit.quantum_info import SparsePauliOp, Statevector

sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import OqtopusConfig
from qiskit_oqtopus import OqtopusBackend, OqtopusEstimator, OqtopusProvider
from tests.benchmarks.estimator import ansatz, hamiltonian
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit import QuantumCircuit

DEVICE = "lattice64-noiseless"


class Cost(NamedTuple):
    """The cost of a run, and its largest deviation from exact values in standard errors."""

    jobs: int
    wall: float
    processor: float
    off: float


def device() -> str:
    """Return lattice64 without errors as a device file; it publishes those of lattice64."""
    text = resources.files("oqtopus_client.emulator").joinpath("devices/lattice64.json").read_text("utf-8")
    return json.dumps(json.loads(text) | {"device_id": DEVICE, "noisy": False})


def observable(qubits: int, terms: int) -> SparsePauliOp:
    """Return a Heisenberg chain in a field, with random products of Paulis up to a number of terms."""
    rng = np.random.default_rng(3)
    found = dict(hamiltonian(qubits).to_list())
    while len(found) < terms:
        found.setdefault("".join(rng.choice(list("IXYZ"), qubits, p=[0.55, 0.15, 0.15, 0.15])), 0.1)
    return SparsePauliOp.from_list(list(found.items()))


def cost(
    backend: OqtopusBackend, pub: tuple[QuantumCircuit, SparsePauliOp, np.ndarray], shots: int, *, parallel: bool
) -> Cost:
    """Run a PUB."""
    circuit, wanted, values = pub
    wall, processor = time.perf_counter(), time.process_time()
    job = OqtopusEstimator(backend, route="sampling", parallel=parallel).run([pub], shots=shots)
    data = job.result()[0].data
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    exact = [Statevector(circuit.assign_parameters(row)).expectation_value(wanted).real for row in values]
    return Cost(len(job.job_ids), wall, processor, float(np.abs((data.evs - exact) / data.stds).max()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each way, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qubits", type=int, default=8)
    parser.add_argument("--terms", type=int, default=60)
    parser.add_argument("--bindings", type=int, default=40)
    parser.add_argument("--shots", type=int, default=1000)
    options = parser.parse_args(arguments)
    values = np.random.default_rng(1).uniform(0, np.pi, (options.bindings, options.qubits))
    pub = ansatz(options.qubits), observable(options.qubits, options.terms), values
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "devices").mkdir()
        Path(folder, "devices", f"{DEVICE}.json").write_text(device(), "utf-8")
        with running_server(Path(folder, "data"), "--devices", str(Path(folder, "devices"))) as server:
            config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
            with OqtopusProvider(config) as provider:
                backend = provider.get_backend(DEVICE)
                for parallel in (False, True):
                    cost(backend, (*pub[:2], values[:1]), 10, parallel=parallel)  # what comes with the first run
                alone, packed = (cost(backend, pub, options.shots, parallel=parallel) for parallel in (False, True))
    print(f"{options.qubits} qubits, {len(pub[1])} terms, {options.bindings} bindings")
    for name, each in (("one job each", alone), ("side by side", packed)):
        print(
            f"{name}   {each.jobs:5} jobs   {each.wall:7.2f} s   {each.processor * 1e3:6.0f} ms of processor time   "
            f"off by {each.off:.1f} standard errors at most"
        )
    print(
        f"ratio          1/{alone.jobs / packed.jobs:.1f} jobs   1/{alone.wall / packed.wall:.1f} time   "
        f"{packed.processor / alone.processor:.2f} processor time"
    )


if __name__ == "__main__":
    main()
