"""OpenQASM 3 programs and their circuits, as servers read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openqasm3
from qiskit import QuantumCircuit, QuantumRegister

from oqtopus_client.emulator.simulation.conversion import convert
from oqtopus_client.emulator.simulation.extent import check_tree, code_of
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, ProgramLimits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from qiskit.circuit import Clbit

NOT_EXECUTED = frozenset({"barrier", "delay"})


def parse(program: str, limits: ProgramLimits = DEFAULT_LIMITS) -> QuantumCircuit:
    """Parse a program into a circuit with one quantum register, its classical bits in the order of declaration.

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
    """Copy a circuit, with its qubits in one register and its classical registers without aliases.

    Args:
        circuit: The circuit.
        qubits: The qubits to keep, in their new order; all by default. Operations on any others are left out.
        without: Names of more operations to leave out. Without measurements, there are no classical bits either.
    """
    indices = {qubit: index for index, qubit in enumerate(range(circuit.num_qubits) if qubits is None else qubits)}
    # No classical register has this name: it is not an identifier.
    result = QuantumCircuit(QuantumRegister(len(indices), "$"), global_phase=circuit.global_phase)
    if "measure" not in without:
        _add_clbits(result, circuit)
    for item in circuit.data:
        on = [circuit.find_bit(qubit).index for qubit in item.qubits]
        if item.name not in without and all(qubit in indices for qubit in on):
            clbits = [circuit.find_bit(clbit).index for clbit in item.clbits]
            result.append(item.operation, [indices[qubit] for qubit in on], clbits)
    return result


def _add_clbits(circuit: QuantumCircuit, source: QuantumCircuit) -> None:
    circuit.add_bits(source.clbits)
    named: set[Clbit] = set()
    for register in source.cregs:
        if named.isdisjoint(register):
            circuit.add_register(register)
            named.update(register)


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
