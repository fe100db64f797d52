"""Conversion of subclasses of `QuantumCircuit` to plain circuits, which can be modified safely."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from qiskit import QuantumCircuit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qiskit.circuit import CircuitInstruction


def plain(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit as a plain `QuantumCircuit` with the same instructions.

    Subclasses, such as Qiskit's ansatz and feature map circuits and those written by users, forbid or undo
    modifications: they rebuild themselves when a register is added, or take other arguments when copied.
    """
    return circuit if type(circuit) is QuantumCircuit else _rebuilt(circuit)


def copied(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a plain copy of a circuit that shares the values of its metadata, which need not be copyable."""
    shallow = copy.copy(plain(circuit))
    shallow.metadata = {}
    copied = shallow.copy()
    copied.metadata = dict(circuit.metadata or {})
    return copied


def without_layout(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit as a plain `QuantumCircuit` without its layout, which does not cover bits added later.

    Qiskit 2.2 to 2.4 warn about such bits.
    """
    return plain(circuit) if circuit.layout is None else _rebuilt(circuit)


def empty_like(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a plain copy of a circuit without its instructions and layout."""
    len(circuit.data)  # some subclasses create their bits and instructions on first access
    return QuantumCircuit(
        circuit.qubits,
        circuit.clbits,
        *circuit.qregs,
        *circuit.cregs,
        name=circuit.name,
        global_phase=circuit.global_phase,
        metadata=circuit.metadata,
    )


def with_instructions(circuit: QuantumCircuit, instructions: Iterable[CircuitInstruction]) -> QuantumCircuit:
    """Return a plain copy of a circuit with other instructions, which are neither copied nor checked."""
    changed = QuantumCircuit.from_instructions(
        instructions,
        qubits=circuit.qubits,
        clbits=circuit.clbits,
        name=circuit.name,
        global_phase=circuit.global_phase,
        metadata=circuit.metadata,
    )
    changed.add_register(*circuit.qregs, *circuit.cregs)
    return changed


def _rebuilt(circuit: QuantumCircuit) -> QuantumCircuit:
    rebuilt = empty_like(circuit)
    rebuilt.global_phase = 0  # compose adds it with the instructions
    rebuilt.compose(circuit, copy=False, inplace=True)
    return rebuilt
