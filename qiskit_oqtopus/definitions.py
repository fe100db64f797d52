"""What operations and circuits are, whatever they are called: by type, not by name."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Gate, Instruction, Measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.circuit import Operation


def definition(operation: Operation, basis: Sequence[str]) -> QuantumCircuit | None:
    """What an operation consists of; None if it does not consist of others.

    Where the operation does not say, Qiskit's transpiler does: of Cliffords, permutations, annotated gates, gates of
    which the session's equivalence library knows, and their like.

    The operation is left as it is. Qiskit would keep the definition with it, where it outlives a change of parameters.

    Args:
        operation: The operation.
        basis: The gates that the transpiler may use.

    Raises:
        Exception: Whatever the operation raises, one of a user's own perhaps.
    """
    if isinstance(operation, Instruction):
        stated: QuantumCircuit | None = copy.copy(operation).definition
        if stated is not None or not isinstance(operation, Gate):
            return stated
    alone = QuantumCircuit(operation.num_qubits)
    alone.append(copy.deepcopy(operation), range(operation.num_qubits))
    # In the middle of a circuit, its qubits may be in any state.
    parts = taken_apart(alone, basis, qubits_initially_zero=False)
    # The transpiler goes by names, and leaves a gate that has one of the basis alone.
    return parts if all(item.is_standard_gate() for item in parts.data) else None


def taken_apart(circuit: QuantumCircuit, basis: Sequence[str], *, qubits_initially_zero: bool = True) -> QuantumCircuit:
    """A circuit of those gates, by Qiskit's transpiler.

    Args:
        circuit: The circuit.
        basis: The gates.
        qubits_initially_zero: Whether the result need only be right for qubits that begin in |0>.

    Raises:
        Exception: Whatever the transpiler and the circuit's gates raise.
    """
    result: QuantumCircuit = transpile(
        circuit, basis_gates=basis, optimization_level=0, qubits_initially_zero=qubits_initially_zero
    )
    return result


def is_measurement(operation: Operation) -> bool:
    """Whether an operation measures a qubit, and does nothing else."""
    return isinstance(operation, Measure) and operation.definition is None


def plain(circuit: QuantumCircuit) -> QuantumCircuit:
    """An empty circuit with another's bits, registers, global phase, name and metadata.

    It has no layout, and it is a `QuantumCircuit` whatever the other is: subclasses build their content on their own,
    which breaks when they are widened.
    """
    return QuantumCircuit(
        *(circuit.qubits, *circuit.qregs, circuit.clbits, *circuit.cregs),
        name=circuit.name,
        global_phase=circuit.global_phase,
        metadata=circuit.metadata,
    )
