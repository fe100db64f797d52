"""What a sampler costs its process, beside Qiskit's own on the same backend.

Run by hand: `python tests/benchmarks/sampler.py`. The emulator is a process of its own, and what is measured is the
processor time of this one, from the PUB to the counts of each register, requests included: both ways submit and read as
many jobs. Compare the ratios; the times depend on the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import ParameterVector
from qiskit.primitives import BackendSamplerV2

sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import OqtopusConfig
from qiskit_oqtopus import OqtopusProvider, OqtopusSampler
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.primitives import BaseSamplerV2


def many_registers(qubits: int = 10, layers: int = 4) -> QuantumCircuit:
    """An ansatz with a register for each qubit."""
    registers = [ClassicalRegister(1, f"bit{i}") for i in range(qubits)]
    circuit = QuantumCircuit(QuantumRegister(qubits), *registers)
    angles = iter(ParameterVector("theta", layers * qubits))
    for _ in range(layers):
        for qubit in range(qubits):
            circuit.ry(next(angles), qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    circuit.measure(range(qubits), range(qubits))
    return circuit


def processor_time(sampler: BaseSamplerV2, pub: tuple[object, ...]) -> float:
    """Seconds of this process's processor time for one PUB, counts of every register and binding included."""
    start = time.process_time()
    data = sampler.run([pub]).result()[0].data
    for bits in data.values():
        for place in np.ndindex(bits.shape):
            bits.get_counts(place)
    return time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each number of shots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bindings", type=int, default=200)
    parser.add_argument("--shots", type=int, nargs="+", default=[1024, 10_000])
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
        with OqtopusProvider(config) as provider:
            backend = provider.get_backend("qulacs")
            circuit = transpile(many_registers(), backend, optimization_level=1)
            shape = (options.bindings, len(circuit.parameters))
            values = np.random.default_rng(1).uniform(-np.pi, np.pi, shape)
            samplers = OqtopusSampler(backend), BackendSamplerV2(backend=backend)
            for sampler in samplers:
                processor_time(sampler, (circuit, values[:1], 1))  # what comes with the first run
            for shots in options.shots:
                ours, theirs = (processor_time(sampler, (circuit, values, shots)) for sampler in samplers)
                print(
                    f"{options.bindings} bindings, {len(circuit.cregs)} registers, {shots:6} shots {ours * 1e3:7.0f} ms"
                    f"   BackendSamplerV2 {theirs * 1e3:7.0f} ms {theirs / ours:6.1f}x"
                )


if __name__ == "__main__":
    main()
