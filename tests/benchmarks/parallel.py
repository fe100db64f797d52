"""What circuits side by side cost, beside one job for each: jobs, time, and processor time of this process.

Run by hand: `python tests/benchmarks/parallel.py`. The emulator is a process of its own, so that the processor time is
that of the client only: from the circuits to the counts of each, requests included. Compare the ratios; the times
depend on the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit

sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import OqtopusConfig
from qiskit_oqtopus import OqtopusProvider
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit_oqtopus import OqtopusBackend


@dataclass(frozen=True)
class Cost:
    """The cost of a run."""

    jobs: int
    wall: float
    processor: float


def two_qubit_circuits(number: int) -> list[QuantumCircuit]:
    """Circuits of two random layers, all different."""
    rng = np.random.default_rng(1)
    circuits = []
    for i in range(number):
        circuit = QuantumCircuit(2, name=f"circuit {i}")
        for _ in range(2):
            for qubit in range(2):
                circuit.ry(float(rng.uniform(-np.pi, np.pi)), qubit)
            circuit.cx(0, 1)
        circuit.measure_all()
        circuits.append(circuit)
    return circuits


def cost(backend: OqtopusBackend, circuits: Sequence[QuantumCircuit], shots: int, *, parallel: bool) -> Cost:
    """Run the circuits and read the counts of each."""
    wall, processor = time.perf_counter(), time.process_time()
    job = backend.run(circuits, shots=shots, parallel=parallel)
    result = job.result()
    counts = [result.get_counts(i) for i in range(len(circuits))]
    found = Cost(len(job.job_ids), time.perf_counter() - wall, time.process_time() - processor)
    assert all(sum(each.values()) == shots for each in counts)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each way to run the circuits, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--circuits", type=int, default=1000)
    parser.add_argument("--shots", type=int, default=1000)
    parser.add_argument("--device", default="lattice64")
    options = parser.parse_args(arguments)
    circuits = two_qubit_circuits(options.circuits)
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
        with OqtopusProvider(config) as provider:
            backend = provider.get_backend(options.device)
            for parallel in (False, True):
                cost(backend, circuits[:2], 1, parallel=parallel)  # what comes with the first run
            alone, packed = (cost(backend, circuits, options.shots, parallel=parallel) for parallel in (False, True))
    for name, each in (("one job each", alone), ("side by side", packed)):
        print(
            f"{name}   {each.jobs:5} jobs   {each.wall:7.2f} s   "
            f"{each.processor / options.circuits * 1e3:6.2f} ms of processor time a circuit"
        )
    print(
        f"ratio          1/{alone.jobs / packed.jobs:.1f} jobs   1/{alone.wall / packed.wall:.1f} time   "
        f"{packed.processor / alone.processor:.2f} processor time"
    )


if __name__ == "__main__":
    main()
