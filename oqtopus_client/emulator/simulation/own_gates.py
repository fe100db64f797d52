"""Gates that a program defines itself, under names that nothing else has: `with_own_names`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit.circuit import ControlledGate, Gate
from qiskit.circuit.library import get_standard_gate_name_mapping

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_TAKEN = frozenset(get_standard_gate_name_mapping()) | {"clifford", "initialize", "permutation", "unitary"}
"""Names by which Qiskit's transpiler and simulators know what a gate does."""


def with_own_names(circuit: QuantumCircuit) -> QuantumCircuit:
    """A program's circuit in which no gate has the name of one of Qiskit's but that one.

    A program that does not include `stdgates.inc` may well define an `x` of its own, also inside another gate. Whatever
    goes by names would execute Qiskit's.
    """
    return _with_own_names(circuit, {})


def _with_own_names(circuit: QuantumCircuit, seen: dict[tuple[object, ...], Gate]) -> QuantumCircuit:
    """The same, given what gates have become: they may be nested, and each is called many times."""
    result = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation if item.is_standard_gate() else _with_own_name(item.operation, seen)
        result.append(operation, item.qubits, item.clbits)
    return result


def _with_own_name(gate: Gate, seen: dict[tuple[object, ...], Gate]) -> Gate:
    if type(gate) is ControlledGate:
        base = _with_own_name(gate.base_gate, seen)
        return gate if base is gate.base_gate else base.control(gate.num_ctrl_qubits, ctrl_state=gate.ctrl_state)
    if type(gate) is not Gate or gate.definition is None:
        return gate
    call = gate.name, *gate.params
    if call not in seen:
        own = gate.copy(f"own_{gate.name}" if gate.name in _TAKEN else None)
        own.definition = _with_own_names(gate.definition, seen)
        seen[call] = own
    return seen[call]
