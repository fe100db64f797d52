"""What the Qiskit provider costs its process, beside what Qiskit's own exporter takes for the same programs.

Run by hand: `python tests/benchmarks/provider.py`. Compare the ratios; the times depend on the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import ParameterVector

sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import OqtopusConfig, OqtopusDevice
from oqtopus_client.emulator.device_files import built_in_devices
from qiskit_oqtopus import OqtopusProvider
from qiskit_oqtopus.qasm import to_program, to_template
from qiskit_oqtopus.target import target_from_device
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

QUBITS = 20
TARGET = target_from_device(OqtopusDevice(built_in_devices()["lattice64"].info(n_pending_jobs=0)))


def milliseconds(work: Callable[[], object]) -> float:
    """The shortest of three runs."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def ansatz() -> QuantumCircuit:
    """400 gates with 200 parameters on 20 qubits."""
    circuit = QuantumCircuit(QUBITS)
    angles = iter(ParameterVector("theta", 10 * QUBITS))
    for _ in range(10):
        for qubit in range(QUBITS):
            circuit.ry(next(angles), qubit)
            circuit.cx(qubit, (qubit + 1) % QUBITS)
    circuit.measure_all()
    return circuit


def long_circuit(gates: int) -> QuantumCircuit:
    """Gates as a device has them."""
    rng = np.random.default_rng(1)
    circuit = QuantumCircuit(QUBITS, QUBITS)
    for i in range(gates):
        qubit = int(rng.integers(QUBITS))
        if i % 4 == 3:
            circuit.cx(qubit, (qubit + 1) % QUBITS)
        elif i % 4 == 1:
            circuit.sx(qubit)
        else:
            circuit.rz(float(rng.uniform(-np.pi, np.pi)), qubit)
    circuit.measure(range(QUBITS), range(QUBITS))
    return circuit


def sweep(bindings: int) -> tuple[float, float]:
    """Milliseconds for the programs of a sweep: ours, and of Qiskit's exporter for each bound circuit."""
    circuit = ansatz()
    values = np.random.default_rng(1).uniform(-np.pi, np.pi, (bindings, len(circuit.parameters)))
    ours = milliseconds(lambda: [program.text for program in to_template(circuit, TARGET).bind(values)])
    start = time.perf_counter()
    for row in values:
        qasm3.dumps(circuit.assign_parameters(row))
    return ours, (time.perf_counter() - start) * 1e3


def export(gates: int) -> tuple[float, float]:
    """Milliseconds for the program of a long circuit: ours, and of Qiskit's exporter."""
    circuit = long_circuit(gates)
    return milliseconds(lambda: to_program(circuit, TARGET).text), milliseconds(lambda: qasm3.dumps(circuit))


def campaign(circuits: int) -> float:
    """Milliseconds of processor time for each circuit submitted, waited for and converted, behind a port."""
    batch = []
    for i in range(circuits):
        circuit = QuantumCircuit(2, name=f"circuit {i}")
        circuit.rz(i / circuits, 0)
        circuit.cx(0, 1)
        circuit.measure_all()
        batch.append(circuit)
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])
        with OqtopusProvider(config) as provider:
            backend = provider.get_backend("qulacs")
            backend.run(batch[0], shots=1).result()
            start = time.process_time()
            result = backend.run(batch, shots=100).result()
            spent = time.process_time() - start
    assert all(sum(result.get_counts(i).values()) == 100 for i in range(circuits))
    return spent / circuits * 1e3


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bindings", type=int, default=1000)
    parser.add_argument("--gates", type=int, default=10_000)
    parser.add_argument("--circuits", type=int, default=1000)
    options = parser.parse_args(arguments)
    rows = {
        f"programs of {options.bindings} bindings, 400 gates": sweep(options.bindings),
        f"program of {options.gates} gates": export(options.gates),
    }
    for name, (ours, theirs) in rows.items():
        print(f"{name:42} {ours:9.1f} ms   qasm3.dumps {theirs:9.1f} ms   {theirs / ours:5.1f}x")
    print(f"{f'CPU a circuit, of {options.circuits} run':42} {campaign(options.circuits):9.2f} ms")


if __name__ == "__main__":
    main()
