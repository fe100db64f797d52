"""What the primitives cost their process, beside Qiskit's own on the same backend.

Run by hand: `python tests/benchmarks/primitives.py`. The emulator is a process of its own, and what is measured is the
processor time of this one. Compare the ratios; the times depend on the machine.
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
from qiskit_oqtopus import OqtopusBackend, OqtopusProvider, OqtopusSampler
from tests.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def processor_time(work: Callable[[], object]) -> float:
    """Seconds of this process's processor time."""
    start = time.process_time()
    work()
    return time.process_time() - start


def many_registers(qubits: int = 16, layers: int = 4) -> QuantumCircuit:
    """An ansatz whose qubits are read into registers of two bits."""
    registers = [ClassicalRegister(2, f"pair{i}") for i in range(qubits // 2)]
    circuit = QuantumCircuit(QuantumRegister(qubits), *registers)
    angles = iter(ParameterVector("theta", layers * qubits))
    for _ in range(layers):
        for qubit in range(qubits):
            circuit.ry(next(angles), qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    circuit.measure(range(qubits), range(qubits))
    return circuit


def sampler(backend: OqtopusBackend, bindings: int, shots: int) -> tuple[float, float]:
    """Processor time of one PUB with many registers and bindings: ours, and with Qiskit's generic sampler."""
    circuit = transpile(many_registers(), backend, optimization_level=1)
    values = np.random.default_rng(1).uniform(-np.pi, np.pi, (bindings, len(circuit.parameters)))
    pub = (circuit, values, shots)

    def ours() -> None:
        assert OqtopusSampler(backend).run([pub]).result()[0].data.pair0.num_shots == shots

    def theirs() -> None:
        assert BackendSamplerV2(backend=backend).run([pub]).result()[0].data.pair0.num_shots == shots

    return processor_time(ours), processor_time(theirs)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bindings", type=int, default=200)
    parser.add_argument("--shots", type=int, default=1024)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
        with OqtopusProvider(config) as provider:
            backend = provider.get_backend("qulacs")
            sampler(backend, 1, 1)  # what comes with the first run
            ours, theirs = sampler(backend, options.bindings, options.shots)
    name = f"sampler, {options.bindings} bindings, {options.shots} shots, 8 registers"
    print(f"{name:60} {ours * 1e3:9.0f} ms   BackendSamplerV2 {theirs * 1e3:9.0f} ms   {theirs / ours:5.1f}x")


if __name__ == "__main__":
    main()
