"""OpenQASM 3 programs and their circuits, as servers read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openqasm3
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction

from oqtopus_client.emulator.simulation.conversion import convert
from oqtopus_client.emulator.simulation.extent import check_tree, code_of
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS, ProgramLimits
from oqtopus_client.emulator.simulation.reading import read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from qiskit.circuit import Clbit

NOT_EXECUTED = frozenset({"barrier", "delay"})
PLAIN_OPERATIONS = frozenset({"x", "sx", "rz", "cx", "measure", "barrier"})
"""All that most transpiled circuits contain; their operands and parameters describe them completely."""


def parse(program: str, limits: ProgramLimits = DEFAULT_LIMITS) -> QuantumCircuit:
    """Parse a program into a circuit with one quantum register, its classical bits in the order of declaration.

    Raises:
        JobFailure: The program is larger than the limits allow.
        Exception: The program cannot be read; the type depends on where the parser fails.
    """
    return rebuilt(as_written(program, limits))


def as_written(program: str, limits: ProgramLimits = DEFAULT_LIMITS) -> QuantumCircuit:
    """Parse a program into a circuit with the program's own registers; see `parse`."""
    code = code_of(program, limits)
    try:
        return read(code, limits)
    except Exception:  # noqa: BLE001 - only the slow importer refuses programs
        return imported(code, limits)


def imported(code: str, limits: ProgramLimits = DEFAULT_LIMITS) -> QuantumCircuit:
    """Convert a program without comments by the slow importer, as `parse` does."""
    tree = openqasm3.parse(code)
    check_tree(tree, limits)
    return convert(tree)


def rebuilt(
    circuit: QuantumCircuit, qubits: Iterable[int] | None = None, *, without: Collection[str] = ()
) -> QuantumCircuit:
    """Copy a circuit, with its qubits in one register and its classical registers without aliases.

    Args:
        circuit: The circuit.
        qubits: The qubits to keep, in their new order; all by default. Operations on any others are left out.
        without: Names of more operations to leave out. Without measurements, there are no classical bits either.
    """
    kept = circuit.qubits if qubits is None else [circuit.qubits[qubit] for qubit in qubits]
    # No classical register has this name: it is not an identifier.
    result = QuantumCircuit(QuantumRegister(len(kept), "$"))
    if "measure" not in without:
        _add_clbits(result, circuit)
    if qubits is None and not without:  # a hundred times faster
        result.compose(circuit, result.qubits, result.clbits, inplace=True, copy=False)
        return result
    result.global_phase = circuit.global_phase
    places = dict(zip(kept, result.qubits, strict=True))
    for item in circuit.data:
        if item.name not in without and places.keys() >= set(item.qubits):
            moved = CircuitInstruction(item.operation, [places[qubit] for qubit in item.qubits], item.clbits)
            result._append(moved)  # noqa: SLF001 - documented, and the circuit is ours
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
