"""Circuits to OpenQASM 3 programs that OQTOPUS devices run as meant.

What a device would silently get wrong is refused here, with the reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, ControlFlowOp, Delay, Measure
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import HighLevelSynthesis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qiskit.circuit import CircuitInstruction
    from qiskit.transpiler import Target

# fmt: off
_STANDARD_GATES = frozenset({
    "p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cy", "cz", "cp", "crx", "cry",
    "crz", "ch", "swap", "ccx", "cswap", "cu", "id", "u1", "u2", "u3", "u",
})
# fmt: on
"""What `stdgates.inc` defines, under Qiskit's names; `u` is the language's own `U`."""

_DURATION_UNITS = {
    "s": (1, "s"),
    "ms": (1, "ms"),
    "us": (1, "us"),
    "ns": (1, "ns"),
    "ps": (1e-3, "ns"),
    "dt": (1, "ns"),
}

_HARMLESS_AFTER_MEASUREMENT = frozenset({"measure", "barrier", "delay"})


class CircuitError(ValueError):
    """A circuit that an OQTOPUS device cannot run as meant."""


@dataclass(frozen=True)
class Program:
    """A circuit as OQTOPUS takes it.

    Attributes:
        text: OpenQASM 3, with one register `q[n]` of qubits and one register `c[m]` of bits.
        clbits: For each bit of `c`, the index of the circuit's classical bit it stands for.
        is_isa: Whether every instruction is the device's own, on qubits that have it: nothing to transpile.
    """

    text: str
    clbits: tuple[int, ...]
    is_isa: bool


def to_program(circuit: QuantumCircuit, target: Target) -> Program:
    """Write a circuit as OpenQASM 3.

    The program declares the measured bits only, in the order of their indices. Simulators return every declared bit
    but QPUs only those measured, so this way a key is as long as `clbits` on either. Where several measurements write
    the same bit, the last one counts, and alone is written.

    Gates that OpenQASM's standard library lacks are written as what they consist of. Definitions of their own would
    bring their names along, and a server misreads some: `unitary`, or whatever Qiskit has a gate of that name for.

    Args:
        circuit: The circuit; parameters bound, measurements last.
        target: What the device can do.

    Raises:
        CircuitError: The device cannot run it as meant; the message says why and what to do.
    """
    _check(circuit, target)
    sources = {circuit.find_bit(item.clbits[0]).index: i for i, item in enumerate(circuit.data) if _is_measure(item)}
    clbits = tuple(sorted(sources))
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";', f"bit[{len(clbits)}] c;", f"qubit[{circuit.num_qubits}] q;"]
    for i, item in enumerate(circuit.data):
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        if not _is_measure(item):
            lines += _statements(circuit, item, qubits)
        elif sources[clbit := circuit.find_bit(item.clbits[0]).index] == i:
            lines.append(f"c[{clbits.index(clbit)}] = measure q[{qubits[0]}];")
    return Program("\n".join(lines) + "\n", clbits, _is_isa(circuit, target))


def _statements(circuit: QuantumCircuit, item: CircuitInstruction, qubits: Sequence[int]) -> Iterator[str]:
    """The statements for one instruction on the qubits of those indices."""
    operands = ", ".join([f"q[{qubit}]" for qubit in qubits])
    if item.is_standard_gate() and item.name in _STANDARD_GATES:
        name = "U" if item.name == "u" else item.name
        angles = ", ".join([_angle(circuit, item, value) for value in item.params])
        yield f"{name}({angles}) {operands};" if angles else f"{name} {operands};"
    elif isinstance(item.operation, Barrier):
        yield f"barrier {operands};"
    elif isinstance(item.operation, Delay):
        yield f"delay[{_duration(circuit, item.operation)}] {operands};"
    elif qubits:  # a global phase has none, and changes no count
        definition = _definition(circuit, item)
        for part in definition.data:
            yield from _statements(circuit, part, [qubits[definition.find_bit(qubit).index] for qubit in part.qubits])


def _definition(circuit: QuantumCircuit, item: CircuitInstruction) -> QuantumCircuit:
    """What a gate consists of."""
    definition = getattr(item.operation, "definition", None)
    if definition is None and not hasattr(item.operation, "definition"):
        # Cliffords, annotated gates and their like are for the transpiler to take apart.
        alone = QuantumCircuit(len(item.qubits))
        alone.append(item.operation, range(len(item.qubits)))
        definition = PassManager([HighLevelSynthesis(basis_gates=sorted(_STANDARD_GATES))]).run(alone)
    if definition is None or item.clbits:
        raise CircuitError(f"{_name(circuit)} has the instruction {item.name!r}, which does not consist of gates.")
    return definition


def _angle(circuit: QuantumCircuit, item: CircuitInstruction, value: object) -> str:
    """An angle, exactly."""
    angle = float(value)  # type: ignore[arg-type]  # what Qiskit's own gates take converts
    if not math.isfinite(angle):
        raise CircuitError(f"{_name(circuit)} has the angle {angle} in {item.name!r}; angles must be finite numbers.")
    return repr(angle)


def _duration(circuit: QuantumCircuit, delay: Delay) -> str:
    """A delay's duration; a device's `dt` is a nanosecond, and OpenQASM knows no picoseconds."""
    try:
        factor, unit = _DURATION_UNITS[delay.unit]
        return f"{float(delay.duration) * factor!r}{unit}"
    except (KeyError, TypeError) as error:
        raise CircuitError(
            f"{_name(circuit)} has a delay of {delay.duration} in {delay.unit!r}; give a number of "
            f"{', '.join(_DURATION_UNITS)}."
        ) from error


def _check(circuit: QuantumCircuit, target: Target) -> None:
    if not isinstance(circuit, QuantumCircuit):
        raise CircuitError(f"Only a QuantumCircuit can be run, not {circuit!r}.")
    name = _name(circuit)
    if target.num_qubits is not None and circuit.num_qubits > target.num_qubits:
        raise CircuitError(f"{name} has {circuit.num_qubits} qubits, {target.description} only {target.num_qubits}.")
    if circuit.parameters:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        raise CircuitError(f"{name} has unbound parameters: {names}. Bind them with assign_parameters().")
    if circuit.num_identifiers:
        raise CircuitError(f"{name} has classical variables, which OQTOPUS devices do not execute.")
    measured = set()
    for item in circuit.data:
        _check_instruction(name, item)
        if _is_measure(item):
            measured.add(item.qubits[0])
        elif item.name not in _HARMLESS_AFTER_MEASUREMENT and not measured.isdisjoint(item.qubits):
            qubit = next(circuit.find_bit(qubit).index for qubit in item.qubits if qubit in measured)
            raise CircuitError(
                f"{name} acts on qubit {qubit} ({item.name}) after measuring it. OQTOPUS devices treat every "
                "measurement as final and would return wrong counts; measure at the end only."
            )
    if not measured:
        raise CircuitError(f"{name} measures nothing, so there is nothing to count. Add measure_all().")


def _check_instruction(name: str, item: CircuitInstruction) -> None:
    if isinstance(item.operation, ControlFlowOp):
        raise CircuitError(f"{name} has control flow ({item.name}), which OQTOPUS devices do not execute.")
    if item.name in {"reset", "initialize"}:
        raise CircuitError(
            f"{name} resets a qubit ({item.name}), which OQTOPUS devices do not execute. Qubits start in |0>; "
            "prepare states with prepare_state()."
        )
    if item.clbits and not _is_measure(item):
        raise CircuitError(f"{name} has the instruction {item.name!r} on classical bits; decompose() it first.")


def _is_isa(circuit: QuantumCircuit, target: Target) -> bool:
    """Whether every instruction is the device's own, which nobody knows where it publishes no couplings."""
    return target.qargs is not None and all(_is_native(circuit, item, target) for item in circuit.data)


def _is_native(circuit: QuantumCircuit, item: CircuitInstruction, target: Target) -> bool:
    # A gate of the user's may bear a native one's name.
    if not item.is_standard_gate() and not isinstance(item.operation, Barrier | Delay | Measure):
        return False
    qubits = tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
    return bool(item.name == "barrier" or target.instruction_supported(item.name, qubits))


def _is_measure(item: CircuitInstruction) -> bool:
    return bool(item.name == "measure" and item.clbits)


def _name(circuit: QuantumCircuit) -> str:
    return f"Circuit {circuit.name!r}"
