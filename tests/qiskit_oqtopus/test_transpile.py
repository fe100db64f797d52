"""Circuits from Qiskit's transpiler are native to devices."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.random import random_circuit

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.lattice import square_lattice
from qiskit_oqtopus.qasm import to_program
from qiskit_oqtopus.target import target_from_device

DEVICES = built_in_devices() | {"lattice1000": square_lattice("lattice1000", 25, 40, seed=1)}
TARGETS = {name: target_from_device(OqtopusDevice(device.info(n_pending_jobs=0))) for name, device in DEVICES.items()}


def ghz(n_qubits: int) -> QuantumCircuit:
    """Return a circuit that measures a GHZ state after a delay."""
    circuit = QuantumCircuit(n_qubits, name="ghz")
    circuit.h(0)
    for qubit in range(1, n_qubits):
        circuit.cx(0, qubit)
    circuit.delay(1, 0, unit="us")
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("name", "n_qubits"), [("qulacs", 16), ("lattice64", 64), ("lattice144", 144), ("lattice1000", 1000)]
)
def test_transpiled_circuits_are_the_devices_own(name: str, n_qubits: int, level: int) -> None:
    """Gates, coupling directions and delays are native at every level, on chips of every size."""
    target = TARGETS[name]
    circuits = [ghz(5), *(random_circuit(8, 6, max_operands=3, measure=True, seed=seed) for seed in range(3))]
    isa = transpile(circuits, target=target, optimization_level=level, seed_transpiler=1)

    assert target.num_qubits == n_qubits
    assert [to_program(circuit, target).is_isa for circuit in circuits] == [False] * 4
    assert [to_program(circuit, target).is_isa for circuit in isa] == [True] * 4
