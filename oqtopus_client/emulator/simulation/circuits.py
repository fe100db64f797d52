"""OpenQASM 3 programs and their circuits, as servers read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openqasm3
from qiskit import QuantumCircuit

from oqtopus_client.emulator.simulation.conversion import convert
from oqtopus_client.emulator.simulation.extent import check_tree, code_of
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, ProgramLimits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

NOT_EXECUTED = frozenset({"barrier", "delay"})


def parse(program: str, limits: ProgramLimits = DEFAULT_LIMITS) -> QuantumCircuit:
    """Parse a program into a circuit with one classical register, its bits in the order of declaration.

    Raises:
        JobFailure: The program is larger than the limits allow.
        Exception: The program cannot be read; the type depends on where the parser fails.
    """
    tree = openqasm3.parse(code_of(program, limits))
    check_tree(tree, limits)
    return rebuilt(convert(tree))


def rebuilt(
    circuit: QuantumCircuit, qubits: Iterable[int] | None = None, *, without: Collection[str] = ()
) -> QuantumCircuit:
    """Copy a circuit into one quantum and one classical register.

    Args:
        circuit: The circuit.
        qubits: The qubits to keep, in their new order; all by default. Operations on any others are left out.
        without: Names of more operations to leave out. Without measurements, there are no classical bits either.
    """
    indices = {qubit: index for index, qubit in enumerate(range(circuit.num_qubits) if qubits is None else qubits)}
    n_clbits = 0 if "measure" in without else circuit.num_clbits
    result = QuantumCircuit(len(indices), n_clbits, global_phase=circuit.global_phase)
    for item in circuit.data:
        on = [circuit.find_bit(qubit).index for qubit in item.qubits]
        if item.name not in without and all(qubit in indices for qubit in on):
            clbits = [circuit.find_bit(clbit).index for clbit in item.clbits]
            result.append(item.operation, [indices[qubit] for qubit in on], clbits)
    return result


def measurements(circuit: QuantumCircuit) -> dict[int, int]:
    """Return the measured qubit of each classical bit; the last measurement into a bit counts."""
    return {
        circuit.find_bit(item.clbits[0]).index: circuit.find_bit(item.qubits[0]).index
        for item in circuit.data
        if item.name == "measure"
    }


def active_qubits(circuit: QuantumCircuit, measured: Iterable[int]) -> list[int]:
    """Return the qubits on which a gate or a measurement acts, in ascending order."""
    touched = {
        circuit.find_bit(qubit).index for item in circuit.data if item.name not in NOT_EXECUTED for qubit in item.qubits
    }
    return sorted(touched | set(measured))
