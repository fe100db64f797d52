"""Drawings of circuits as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction

from oqtopus_client.emulator.simulation.circuits import active_qubits, as_written
from oqtopus_client.emulator.simulation.extent import code_of
from oqtopus_client.emulator.simulation.inputs import DEFAULT_LIMITS

if TYPE_CHECKING:
    from qiskit.circuit import Instruction, Qubit

MOST_OPERATIONS = 400
MOST_CHARACTERS = 400_000

_PHYSICAL_QUBIT = re.compile(r"\$[0-9]")

_OWN = "own_"
"""Prefix of the names of gates that a program defines; see `OwnGate`."""


@dataclass(frozen=True)
class Drawing:
    """The drawing of a circuit, or of its beginning.

    Attributes:
        text: The drawing, one line for each wire and for the lines between them.
        n_qubits: Number of qubits of the circuit.
        n_idle: Number of these that are not drawn, as no operation acts on them.
        n_operations: Number of operations of the circuit.
        n_drawn: Number of these that are drawn, the first ones.
    """

    text: str
    n_qubits: int
    n_idle: int
    n_operations: int
    n_drawn: int


def draw_program(program: str) -> Drawing:
    """Draw the circuit of an OpenQASM 3 program.

    Raises:
        Exception: The program cannot be read; the type depends on where the parser fails.
    """
    physical = _PHYSICAL_QUBIT.search(code_of(program, DEFAULT_LIMITS)) is not None
    return draw(as_written(program), physical=physical)


def draw(circuit: QuantumCircuit, *, physical: bool = False) -> Drawing:
    """Draw a circuit without its idle qubits.

    Args:
        circuit: The circuit.
        physical: Whether its qubits are those of a device; they are then labelled with their numbers.
    """
    n_operations = len(circuit.data)
    n_drawn = min(n_operations, MOST_OPERATIONS)
    beginning = _beginning(circuit, n_drawn, physical=physical)
    while len(text := _text(beginning)) > MOST_CHARACTERS and n_drawn > 1:
        n_drawn //= 2
        beginning = _beginning(circuit, n_drawn, physical=physical)
    n_idle = circuit.num_qubits - len(active_qubits(circuit, ()))
    return Drawing(text, circuit.num_qubits, n_idle, n_operations, n_drawn)


def _text(circuit: QuantumCircuit) -> str:
    drawing: Any = circuit.draw("text", fold=-1, idle_wires=False)
    drawing.encoding = "utf-8"  # by default that of this process's standard output
    return "\n".join(line.rstrip() for line in drawing.single_string().split("\n"))


def _beginning(circuit: QuantumCircuit, n_operations: int, *, physical: bool) -> QuantumCircuit:
    """Copy the first operations to a circuit that has only their qubits, each in a register with its name."""
    items = [circuit.data[i] for i in range(n_operations)]
    used = {qubit for item in items for qubit in item.qubits}
    wires: dict[Qubit, Qubit] = {}
    result = QuantumCircuit()
    for index, qubit in enumerate(circuit.qubits):
        if qubit in used:
            register = QuantumRegister(1, f"${index}" if physical else _name(circuit, index))
            result.add_register(register)
            wires[qubit] = register[0]
    result.add_bits(circuit.clbits)
    for register in circuit.cregs:
        result.add_register(register)
    for item in items:
        qubits = [wires[qubit] for qubit in item.qubits]
        result._append(CircuitInstruction(_named(item.operation), qubits, item.clbits))  # noqa: SLF001 - documented
    return result


def _name(circuit: QuantumCircuit, index: int) -> str:
    place = next(iter(circuit.find_bit(circuit.qubits[index]).registers), None)
    if place is None:  # Qiskit has lost the names of single qubits
        return str(index)
    register, position = place
    return register.name if register.size == 1 else f"{register.name}[{position}]"


def _named(operation: Instruction) -> Instruction:
    """Return an operation with the name that it has in the program."""
    base = getattr(operation, "base_gate", operation)
    if not base.name.startswith(_OWN):
        return operation
    named: Any = operation.to_mutable()
    if base is operation:
        named.name = operation.name.removeprefix(_OWN)
    else:
        named.base_gate = _named(base)
    return named
