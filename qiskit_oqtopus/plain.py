"""Circuits that can be changed: plain ones, of whatever subclass they were."""

from __future__ import annotations

from qiskit import QuantumCircuit


def plain(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit as a `QuantumCircuit`, its instructions in their order.

    Subclasses - Qiskit's own ansaetze and feature maps, and those that users write - forbid what is done to circuits,
    or undo it: they build themselves again when a register is added, or take other arguments when they are copied.
    """
    return circuit if type(circuit) is QuantumCircuit else _rebuilt(circuit)


def without_layout(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit as a `QuantumCircuit` without a layout, which says nothing about bits that are added to it.

    Qiskit 2.2 to 2.4 warn of that.
    """
    return plain(circuit) if circuit.layout is None else _rebuilt(circuit)


def _rebuilt(circuit: QuantumCircuit) -> QuantumCircuit:
    len(circuit.data)  # some subclasses have neither bits nor instructions before these are asked for
    rebuilt = QuantumCircuit(
        circuit.qubits,
        circuit.clbits,
        *circuit.qregs,
        *circuit.cregs,
        name=circuit.name,
        metadata=circuit.metadata,
    )
    rebuilt.compose(circuit, copy=False, inplace=True)
    return rebuilt
