"""Properties and definitions of operations and circuits, determined by type, not by name."""

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
    """Return the circuit that defines an operation; None if the operation is elementary.

    Qiskit's transpiler provides the definition if the operation itself does not: for Cliffords, permutations, annotated
    gates, gates in the session's equivalence library, and the like.

    The operation is not modified. Qiskit would cache the definition in it, where it survives a change of parameters.

    Args:
        operation: The operation.
        basis: The gates that the transpiler may use.

    Raises:
        Exception: Any exception that the operation, such as a custom gate, raises.
    """
    if isinstance(operation, Instruction):
        parts = own_definition(operation)
        if parts is not None or not isinstance(operation, Gate):
            return parts
    alone = QuantumCircuit(operation.num_qubits)
    alone.append(copy.deepcopy(operation), range(operation.num_qubits))
    # In the middle of a circuit, the qubits may be in any state.
    parts = translated(alone, basis, qubits_initially_zero=False)
    # The transpiler goes by names, so it keeps a custom gate with the name of a basis gate.
    return parts if all(item.is_standard_gate() for item in parts.data) else None


def own_definition(operation: Instruction) -> QuantumCircuit | None:
    """Return an instruction's own definition; None if it has none.

    The instruction is not modified; see `definition`.

    Raises:
        Exception: Any exception that the instruction raises.
    """
    parts: QuantumCircuit | None = copy.copy(operation).definition
    return parts


def translated(circuit: QuantumCircuit, basis: Sequence[str], *, qubits_initially_zero: bool = True) -> QuantumCircuit:
    """Translate a circuit to these gates with Qiskit's transpiler.

    Args:
        circuit: The circuit.
        basis: The gates.
        qubits_initially_zero: Whether all qubits start in |0>; if so, the result may be wrong for other states.

    Raises:
        Exception: Any exception that the transpiler or the circuit's gates raise.
    """
    result: QuantumCircuit = transpile(
        circuit, basis_gates=basis, optimization_level=0, qubits_initially_zero=qubits_initially_zero
    )
    return result


def with_small_angles(operation: Operation) -> Operation:
    """Reduce each angle of a standard gate, with or without controls or modifiers, to within two turns of zero.

    Definitions of gates contain sums of their angles, in which large angles would lose their phase.
    """
    if isinstance(operation, AnnotatedOperation):
        base = with_small_angles(operation.base_op)
        return operation if base is operation.base_op else AnnotatedOperation(base, operation.modifiers)
    if type(operation) is ControlledGate:
        gate, controls, state = operation.base_gate, operation.num_ctrl_qubits, operation.ctrl_state
        if type(gate) is UGate and len(gate.params) == _CU_ANGLES:  # Qiskit's representation of a controlled CUGate
            controls -= 1
            gate, state = CUGate(*gate.params, ctrl_state=state >> controls), state % (1 << controls)
        base = with_small_angles(gate)
        return operation if base is gate else base.control(controls, ctrl_state=state)
    return with_reduced_angles(operation) if type(operation) in _STANDARD else operation


def has_conditions(circuit: QuantumCircuit) -> bool:
    """Return whether a circuit has gates with conditions, a feature of Qiskit 1 that no other attribute reveals."""
    return _CONDITIONS and any(item.condition is not None and not item.is_control_flow() for item in circuit.data)


def has_variables(circuit: QuantumCircuit) -> bool:
    """Return whether a circuit has classical variables."""
    # Qiskit 1 has no stretches, and so no count of variables and stretches together.
    return bool(getattr(circuit, "num_identifiers", circuit.num_vars))


def is_measurement(operation: Operation) -> bool:
    """Return whether an operation measures a qubit and does nothing else."""
    return isinstance(operation, Measure) and operation.definition is None
