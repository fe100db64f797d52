"""What operations and circuits are, whatever they are called: by type, not by name."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from qiskit import QuantumCircuit, transpile
from qiskit.circuit import AnnotatedOperation, CircuitInstruction, ControlledGate, Gate, Instruction, Measure
from qiskit.circuit.library import CUGate, UGate, standard_gates

from oqtopus_client.angles import with_reduced_angles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.circuit import Operation


_CU_ANGLES = 4
_STANDARD = frozenset(
    each for each in vars(standard_gates).values() if isinstance(each, type) and issubclass(each, Gate)
)
_CONDITIONS = hasattr(CircuitInstruction, "condition")


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
        parts = stated(operation)
        if parts is not None or not isinstance(operation, Gate):
            return parts
    alone = QuantumCircuit(operation.num_qubits)
    alone.append(copy.deepcopy(operation), range(operation.num_qubits))
    # In the middle of a circuit, its qubits may be in any state.
    parts = taken_apart(alone, basis, qubits_initially_zero=False)
    # The transpiler goes by names, and leaves a gate that has one of the basis alone.
    return parts if all(item.is_standard_gate() for item in parts.data) else None


def stated(operation: Instruction) -> QuantumCircuit | None:
    """What an instruction says that it consists of; None if it does not say.

    The instruction is left as it is; see `definition`.

    Raises:
        Exception: Whatever the instruction raises.
    """
    parts: QuantumCircuit | None = copy.copy(operation).definition
    return parts


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


def with_small_angles(operation: Operation) -> Operation:
    """A standard gate, or one with controls or modifiers, with each angle within two turns of zero.

    What they consist of has sums of their angles, in which large ones would lose their phase.
    """
    if isinstance(operation, AnnotatedOperation):
        base = with_small_angles(operation.base_op)
        return operation if base is operation.base_op else AnnotatedOperation(base, operation.modifiers)
    if type(operation) is ControlledGate:
        gate, controls, state = operation.base_gate, operation.num_ctrl_qubits, operation.ctrl_state
        if type(gate) is UGate and len(gate.params) == _CU_ANGLES:  # what Qiskit makes of a CUGate
            controls -= 1
            gate, state = CUGate(*gate.params, ctrl_state=state >> controls), state % (1 << controls)
        base = with_small_angles(gate)
        return operation if base is gate else base.control(controls, ctrl_state=state)
    return with_reduced_angles(operation) if type(operation) in _STANDARD else operation


def has_conditions(circuit: QuantumCircuit) -> bool:
    """Whether a circuit has gates with conditions, as Qiskit 1 had them: they look like any other."""
    return _CONDITIONS and any(item.condition is not None and not item.is_control_flow() for item in circuit.data)


def has_variables(circuit: QuantumCircuit) -> bool:
    """Whether a circuit has classical variables."""
    # Qiskit 1 has no stretches, and so no name for variables and stretches together.
    return bool(getattr(circuit, "num_identifiers", circuit.num_vars))


def is_measurement(operation: Operation) -> bool:
    """Whether an operation measures a qubit, and does nothing else."""
    return isinstance(operation, Measure) and operation.definition is None
