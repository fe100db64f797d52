"""Equality of circuits: `alike`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction, Operation


def alike(one: QuantumCircuit, other: QuantumCircuit) -> bool:
    """Return whether circuits have equal registers and instructions; `==` takes minutes for thousands of bits."""
    return (
        [(register.name, register.size) for register in (*one.qregs, *one.cregs)]
        == [(register.name, register.size) for register in (*other.qregs, *other.cregs)]
        and one.global_phase == other.global_phase
        and len(one.data) == len(other.data)
        and all(
            _indices(one, first) == _indices(other, second) and _same(first.operation, second.operation)
            for first, second in zip(one.data, other.data, strict=True)
        )
    )


def _same(one: Operation, other: Operation) -> bool:
    """Return whether operations or their definitions are equal: custom gates come back without their class."""
    if one == other:
        return True
    definition, other_definition = getattr(one, "definition", None), getattr(other, "definition", None)
    if (one.name, one.num_qubits, one.num_clbits) != (other.name, other.num_qubits, other.num_clbits):
        return False
    if definition is not None and other_definition is not None:
        return list(one.params) == list(other.params) and alike(definition, other_definition)
    # Control flow has circuits as parameters, and a delay of 100 ns is not equal to one of 100.0 ns.
    return (
        type(one) is type(other)
        and all(getattr(one, name, None) == getattr(other, name, None) for name in ("unit", "condition", "target"))
        and len(one.params) == len(other.params)
        and all(
            alike(first, second) if hasattr(first, "data") and hasattr(second, "data") else first == second
            for first, second in zip(one.params, other.params, strict=True)
        )
    )


def _indices(circuit: QuantumCircuit, item: CircuitInstruction) -> list[int]:
    return [circuit.find_bit(bit).index for bit in (*item.qubits, *item.clbits)]
