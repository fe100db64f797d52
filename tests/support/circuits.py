"""Circuits and PUBs whose outcomes are known."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, ParameterVector

BELL = """
OPENQASM 3;
include "stdgates.inc";
qubit[2] q;
bit[2] c;
h q[0];
cx q[0], q[1];
c = measure q;
"""


def bell() -> QuantumCircuit:
    """Two entangled qubits, measured."""
    circuit = QuantumCircuit(2, name="bell")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def keyed(bits: int, width: int = 5) -> QuantumCircuit:
    """A circuit whose only outcome is the number `bits`."""
    circuit = QuantumCircuit(width, name=f"keyed {bits}")
    for qubit in range(width):
        if bits >> qubit & 1:
            circuit.x(qubit)
    circuit.measure_all()
    return circuit


def flips(qubits: int = 2) -> QuantumCircuit:
    """A circuit that flips each qubit whose parameter is pi, and none whose parameter is 0."""
    circuit = QuantumCircuit(qubits, name="flips")
    for qubit, angle in enumerate(ParameterVector("flip", qubits)):
        circuit.rx(angle, qubit)
    circuit.measure_all()
    return circuit


def mixed(number: int) -> QuantumCircuit:
    """One of twenty circuits: registers, loose bits and metadata in many ways, and the outcome `number`."""
    circuit = QuantumCircuit(QuantumRegister(5, "q"), name=f"mixed {number}", metadata={"number": number, "of": [20]})
    if number % 2:
        circuit.add_bits([Clbit()])
    circuit.add_register(ClassicalRegister(number % 3 + 1, "a"), ClassicalRegister(7, 'quoted "b" //'))
    for qubit in range(5):
        if number >> qubit & 1:
            circuit.x(qubit)
        circuit.measure(qubit, circuit.num_clbits - 5 + qubit)
    return circuit


def pubs() -> list[Any]:
    """PUBs of many kinds: shapes, shots, scattered registers, metadata, nothing to measure."""
    scattered = QuantumCircuit(3, 4, metadata={"note": "// 'quoted' \"text\"", "numbers": np.arange(2)})
    scattered.h(range(3))
    scattered.measure(range(3), [3, 0, 2])
    silent = QuantumCircuit(1, 2)
    angles = np.linspace(0, np.pi, 12).reshape(3, 2, 2)
    return [(flips(), angles, 100), (scattered, None, 64), silent, keyed(5, 3)]


def used_qubits(circuit: QuantumCircuit) -> set[int]:
    """The qubits that a circuit does something with."""
    return {circuit.find_bit(qubit).index for item in circuit.data if item.name != "barrier" for qubit in item.qubits}


def contents(circuit: QuantumCircuit) -> list[Any]:
    """Return everything that a circuit says; numbers as text, so that their types and last digits count."""
    registers = [(register.name, len(register)) for register in (*circuit.qregs, *circuit.cregs)]
    items: list[Any] = [circuit.num_qubits, circuit.num_clbits, registers, repr(circuit.global_phase)]
    for item in circuit.data:
        operation = item.operation
        items += [
            type(operation),
            re.sub(r"circuit-\d+", "", operation.name),  # Qiskit counts the circuits that it names
            operation.unit if operation.name == "delay" else None,
            getattr(operation, "ctrl_state", None),
        ]
        items += [contents(value) if isinstance(value, QuantumCircuit) else repr(value) for value in operation.params]
        items += [circuit.find_bit(bit).index for bit in (*item.qubits, *item.clbits)]
        items += [operation.definition and contents(operation.definition)]
    return items
