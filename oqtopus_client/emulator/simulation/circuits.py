"""OpenQASM 3 text and circuits, as the servers' parser and devices see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import ControlledGate, Gate

from oqtopus_client.angles import with_reduced_angles
from oqtopus_client.emulator.simulation.own_gates import with_own_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qiskit.circuit import Operation

NOT_EXECUTED = frozenset({"barrier", "delay"})


def parse(program: str) -> QuantumCircuit:
    """The circuit of a program, its classical bits in one register, in the order they are declared."""
    return flat(with_own_names(qasm3.loads(program)))


def flat(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit with all its qubits in one register, and all its classical bits in another."""
    result = QuantumCircuit(circuit.num_qubits, circuit.num_clbits, global_phase=circuit.global_phase)
    for item in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        result.append(item.operation, qubits, [circuit.find_bit(clbit).index for clbit in item.clbits])
    return result


def with_small_angles(circuit: QuantumCircuit) -> QuantumCircuit:
    """A program's circuit with each angle of a standard gate within two turns of zero, also inside its own gates."""
    return _with_small_angles(circuit, {})


def _with_small_angles(circuit: QuantumCircuit, seen: dict[tuple[Any, ...], Gate]) -> QuantumCircuit:
    """The same, given what a program's own gates have become: they may be nested, and each is called many times."""
    result = circuit.copy_empty_like()
    for item in circuit.data:
        result.append(_small(item.operation, seen), item.qubits, item.clbits)
    return result


def _small(operation: Operation, seen: dict[tuple[Any, ...], Gate]) -> Operation:
    if type(operation) is Gate and operation.definition is not None:
        call = operation.name, *operation.params
        if call not in seen:
            own = operation.copy()
            own.definition = _with_small_angles(operation.definition, seen)
            seen[call] = own
        return seen[call]
    if type(operation) is ControlledGate:
        base = _small(operation.base_gate, seen)
        if base is operation.base_gate:
            return operation
        return base.control(operation.num_ctrl_qubits, ctrl_state=operation.ctrl_state)
    return with_reduced_angles(operation) if isinstance(operation, Gate) else operation


def measurements(circuit: QuantumCircuit) -> dict[int, int]:
    """The qubit that each measured classical bit tells of: the last measurement into a bit wins."""
    return {
        circuit.find_bit(item.clbits[0]).index: circuit.find_bit(item.qubits[0]).index
        for item in circuit.data
        if item.name == "measure"
    }


def without_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """The gates of a circuit alone."""
    result = QuantumCircuit(circuit.num_qubits)
    for item in circuit.data:
        if item.name != "measure":
            result.append(item.operation, [circuit.find_bit(qubit).index for qubit in item.qubits])
    return result


def active_qubits(circuit: QuantumCircuit, measured: Iterable[int]) -> list[int]:
    """The qubits that a gate or a measurement touches, ascending."""
    touched = {
        circuit.find_bit(qubit).index for item in circuit.data if item.name not in NOT_EXECUTED for qubit in item.qubits
    }
    return sorted(touched | set(measured))
