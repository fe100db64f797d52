"""OpenQASM 3 text and circuits, as the servers' parser and devices see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openqasm3
from qiskit import QuantumCircuit, QuantumRegister

from oqtopus_client.emulator.simulation.conversion import convert
from oqtopus_client.emulator.simulation.extent import check_tree, code_of
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, ProgramLimits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qiskit.circuit import Clbit

NOT_EXECUTED = frozenset({"barrier", "delay"})


def parse(program: str, limits: ProgramLimits = DEFAULT_LIMITS) -> QuantumCircuit:
    """The circuit of a program, its qubits in one register, its classical bits in the order they are declared.

    Raises:
        JobFailure: The program is larger than the limits allow.
        Exception: It cannot be read; of whatever kind the parser stumbles over.
    """
    tree = openqasm3.parse(code_of(program, limits))
    check_tree(tree, limits)
    return flat(convert(tree))


def flat(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit with all its qubits in one register, and without aliases of classical registers."""
    result = QuantumCircuit(QuantumRegister(circuit.num_qubits, "q"), circuit.clbits, global_phase=circuit.global_phase)
    named: set[Clbit] = set()
    for register in circuit.cregs:
        if named.isdisjoint(register):
            result.add_register(register)
            named.update(register)
    for item in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        result.append(item.operation, qubits, item.clbits)
    return result


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
