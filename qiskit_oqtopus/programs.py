"""Circuits to OpenQASM 3 programs that OQTOPUS devices run as meant.

What a device would silently get wrong is refused here, with the reason.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import Barrier, CircuitInstruction, ControlFlowOp, Delay, Parameter, ParameterExpression

from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.expressions import evaluate
from qiskit_oqtopus.header import NOWHERE, CircuitHeader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from qiskit.circuit import Qubit
    from qiskit.transpiler import Target

# fmt: off
_STANDARD_GATES = frozenset({
    "p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cy", "cz", "cp", "crx", "cry",
    "crz", "ch", "swap", "ccx", "cswap", "cu", "id", "u1", "u2", "u3", "u",
})
# fmt: on
"""What `stdgates.inc` defines, under Qiskit's names; `u` is the language's own `U`."""

_UNITS = {"s": (1, "s"), "ms": (1, "ms"), "us": (1, "us"), "ns": (1, "ns"), "ps": (1e-3, "ns")}
"""Factor and unit of a delay as OpenQASM takes it, which knows no picoseconds."""

_NO_DELAY = re.compile(r"^delay\[-?0\.0[a-z]+\] .*\n", re.MULTILINE)
"""A delay of nothing, which devices refuse: it does nothing, and so is not written."""

_NS = 1e-9

_CONDITIONS = hasattr(CircuitInstruction, "condition")
"""Whether gates may have conditions, as in Qiskit 1: an instruction looks like any other then."""


@dataclass(frozen=True)
class Program:
    """A circuit as OQTOPUS takes it; `print` shows its text.

    Attributes:
        header: What it takes to read the counts; None in a program that some other software wrote.
        body: OpenQASM 3, with one register `q[n]` of qubits and one register `c[m]` of the measured bits.
        is_isa: Whether every instruction is the device's own, on qubits that have it: nothing to transpile.
    """

    header: CircuitHeader | None
    body: str
    is_isa: bool

    @property
    def text(self) -> str:
        """What is sent: the header as a comment, then the body."""
        return (self.header.to_comment() if self.header else "") + self.body

    @classmethod
    def from_text(cls, text: str, *, is_isa: bool) -> Self:
        """The program that was sent as this text."""
        header = CircuitHeader.from_program(text)
        return cls(header, text if header is None else text.partition("\n")[2], is_isa)

    def to_circuit(self) -> QuantumCircuit:
        """The circuit that the program describes.

        Raises:
            MissingOptionalLibraryError: Package `qiskit-qasm3-import` is not installed.
        """
        circuit = qasm3.loads(self.body)
        if self.header is not None:
            circuit.name = self.header.name
            circuit.metadata = dict(self.header.metadata)
        return circuit

    def with_memory(self) -> Self:
        """The program, its results to list the shots one by one."""
        return self if self.header is None else replace(self, header=replace(self.header, memory=True))

    def with_extra(self, extra: Mapping[str, Any]) -> Self:
        """The program, its header to carry something more."""
        return self if self.header is None else replace(self, header=replace(self.header, extra=extra))

    def with_tag(self, tag: object) -> Self:
        """The program, its header to carry the tag of its job; None for a job without."""
        if self.header is None or tag is None:
            return self
        return replace(self, header=replace(self.header, tag=str(tag)))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Template:
    """The programs of a circuit for all values of its parameters.

    Attributes:
        program: The program, `%s` in its body where a number depends on parameters.
        parameters: The circuit's parameters, in its own order.
        slots: The numbers, as expressions of the parameters.
        durations: Which of the slots are durations, and must not be negative.
    """

    program: Program
    parameters: tuple[Parameter, ...]
    slots: tuple[ParameterExpression, ...]
    durations: tuple[int, ...]

    def bind(self, values: npt.NDArray[np.float64]) -> list[Program]:
        """The program of each binding.

        Args:
            values: Of shape (bindings, parameters).

        Raises:
            CircuitError: A number in a program would not be finite, or a duration negative.
        """
        if not self.slots:
            return [self.program] * len(values)
        numbers = evaluate(self.slots, self.parameters, values)
        self._check(numbers, values)
        bodies = [self.program.body % tuple(map(repr, row)) for row in numbers.tolist()]
        for row in np.flatnonzero((numbers[:, list(self.durations)] == 0).any(axis=1)):
            bodies[row] = _NO_DELAY.sub("", bodies[row])
        return [replace(self.program, body=body) for body in bodies]

    def _check(self, numbers: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> None:
        bad = ~np.isfinite(numbers)
        bad[:, list(self.durations)] |= numbers[:, list(self.durations)] < 0
        if bad.any():
            row, slot = np.argwhere(bad)[0]
            name = self.program.header.name if self.program.header else ""
            raise CircuitError(
                f"Circuit {name!r} has the value {numbers[row, slot]} for {self.slots[slot]} with the parameter values "
                f"{values[row].tolist()} (binding {row}); angles must be finite numbers, and durations not negative."
            )


def to_program(circuit: QuantumCircuit, target: Target, *, unmeasured: bool = False) -> Program:
    """Write a circuit as OpenQASM 3.

    The program declares the measured bits only, in the order of their indices. Simulators return every declared bit
    but QPUs only those measured, so this way a key is as long as the header's `clbits` on either. Where several
    measurements write the same bit, the last one counts, and alone is written.

    Gates that OpenQASM's standard library lacks are written as what they consist of. Definitions of their own would
    bring their names along, and a server misreads some: `unitary`, or whatever Qiskit has a gate of that name for.

    Args:
        circuit: The circuit; parameters bound, measurements last.
        target: What the device can do.
        unmeasured: Whether a circuit that measures nothing is all right; devices then measure a qubit for nothing.

    Raises:
        CircuitError: The device cannot run it as meant; the message says why and what to do.
    """
    template = to_template(circuit, target, unmeasured=unmeasured)
    if template.parameters:
        names = ", ".join(parameter.name for parameter in template.parameters)
        raise CircuitError(
            f"Circuit {circuit.name!r} has unbound parameters: {names}. Bind them with assign_parameters(), or run it "
            "with parameter_values."
        )
    return template.program


def to_template(circuit: QuantumCircuit, target: Target, *, unmeasured: bool = False) -> Template:
    """Write a circuit whose parameters may be unbound; see `to_program`."""
    if not isinstance(circuit, QuantumCircuit):
        raise CircuitError(f"Only a QuantumCircuit can be run, not {circuit!r}.")
    if target.num_qubits is not None and circuit.num_qubits > target.num_qubits:
        raise CircuitError(
            f"Circuit {circuit.name!r} has {circuit.num_qubits} qubits, {target.description} only {target.num_qubits}."
        )
    if has_variables(circuit):
        raise CircuitError(f"Circuit {circuit.name!r} has classical variables, which OQTOPUS devices do not execute.")
    if _CONDITIONS and any(item.condition is not None and not item.is_control_flow() for item in circuit.data):
        raise CircuitError(f"Circuit {circuit.name!r} has gates with conditions, which OQTOPUS devices do not execute.")
    return _Writer(circuit, target).template(unmeasured=unmeasured)


def has_variables(circuit: QuantumCircuit) -> bool:
    """Whether a circuit has classical variables."""
    # Qiskit 1 has no stretches, and so no name for variables and stretches together.
    return bool(getattr(circuit, "num_identifiers", circuit.num_vars))


def as_bindings(values: npt.ArrayLike, parameters: Sequence[Parameter]) -> npt.NDArray[np.float64]:
    """A user's parameter values as an array of shape (bindings, parameters).

    Raises:
        ValueError: They are no real numbers, or have another shape.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"parameter_values must be an array of real numbers: {error}.") from None
    if array.ndim == 1 and array.shape[0] == len(parameters):
        array = array[np.newaxis]
    if array.ndim != 2 or array.shape[1] != len(parameters) or not len(array):  # noqa: PLR2004 - rows and columns
        names = ", ".join(parameter.name for parameter in parameters) or "none"
        raise ValueError(
            f"parameter_values must have the shape (bindings, {len(parameters)}), not {array.shape}: a column for each "
            f"of the circuit's parameters ({names})."
        )
    return array


def pauli_text(label: str) -> str:
    """A Pauli as servers take it: anything else they take for the identity, without a word.

    >>> pauli_text("XIZ")
    'Z 0 X 2'
    """
    return " ".join(f"{letter} {qubit}" for qubit, letter in enumerate(reversed(label)) if letter != "I")


def refuse_foreign(programs: Sequence[Program], device: str) -> None:
    """Refuse programs that a device would, as they are not of its own instructions.

    Raises:
        CircuitError: There is such a program.
    """
    for program in programs:
        if not program.is_isa:
            name = program.header.name if program.header else ""
            raise CircuitError(
                f"Circuit {name!r} is not of {device}'s own instructions, and transpile='none' leaves it so. Use "
                "qiskit.transpile(circuit, backend), or transpile='server'."
            )


def pack(programs: Sequence[Program], num_qubits: int | None) -> list[list[Program]]:
    """Share programs out, in their order, so that each share has no more qubits than a device."""
    shares: list[list[Program]] = []
    room = 0
    for program in programs:
        size = program.header.num_qubits if program.header else 0
        if not shares or (num_qubits is not None and size > room):
            shares.append([])
            room = num_qubits or 0
        shares[-1].append(program)
        room -= size
    return shares


class _Writer:
    """Walks a circuit once.

    Circuits have tens of thousands of gates, so the loop over them asks for as little as it can.
    """

    def __init__(self, circuit: QuantumCircuit, target: Target) -> None:
        self._circuit = circuit
        self._target = target
        self._slots: list[ParameterExpression] = []
        self._durations: list[int] = []
        self._lines: list[str] = []
        # Where each classical bit is written, and from which qubit.
        self._sources: dict[int, tuple[int, str]] = {}
        self._measured: set[int] = set()
        self._used: set[tuple[str, tuple[int, ...]]] = set()
        # Couplings are not known where the device publishes none.
        self._all_native = target.qargs is not None

    def template(self, *, unmeasured: bool) -> Template:
        circuit = self._circuit
        self._write(circuit, range(circuit.num_qubits))
        if not self._sources:
            self._measure_nothing(allowed=unmeasured)
        clbits = tuple(sorted(self._sources))
        for i, clbit in enumerate(clbits):
            line, operand = self._sources[clbit]
            self._lines[line] = f"c[{i}] = measure {operand};\n"
        start = f'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[{len(clbits)}] c;\nqubit[{circuit.num_qubits}] q;\n'
        program = Program(CircuitHeader.of(circuit, clbits), start + "".join(self._lines), self._is_isa())
        return Template(program, tuple(circuit.parameters), tuple(self._slots), tuple(self._durations))

    def _is_isa(self) -> bool:
        return self._all_native and all(self._target.instruction_supported(name, place) for name, place in self._used)

    def _write(self, circuit: QuantumCircuit, qubits: Sequence[int]) -> None:
        """Write a circuit, or what a gate consists of, on the qubits of those indices."""
        index = dict(zip(circuit.qubits, qubits, strict=True))
        places: dict[tuple[Qubit, ...], tuple[tuple[int, ...], str]] = {}
        lines, used, measured = self._lines, self._used, self._measured
        for item in circuit.data:
            try:
                place, operands = places[item.qubits]
            except KeyError:
                place = tuple([index[qubit] for qubit in item.qubits])
                operands = ", ".join([f"q[{qubit}]" for qubit in place])
                places[item.qubits] = place, operands
            name = item.name
            if name not in _STANDARD_GATES or not item.is_standard_gate():
                self._write_other(item, place, operands)
                continue
            if measured and not measured.isdisjoint(place):
                self._refuse_after_measurement(name, place)
            used.add((name, place))
            if name == "u":
                name = "U"
            if params := item.params:
                lines.append(f"{name}({', '.join([self._angle(name, value) for value in params])}) {operands};\n")
            else:
                lines.append(f"{name} {operands};\n")

    def _write_other(self, item: CircuitInstruction, place: tuple[int, ...], operands: str) -> None:
        """Write what is no standard gate."""
        name = item.name
        self._check(item)
        if name == "measure" and item.clbits:
            self._sources[self._circuit.find_bit(item.clbits[0]).index] = len(self._lines), operands
            self._lines.append("")  # until the last measurement into this bit is known
            self._measured.update(place)
            self._used.add((name, place))
        elif isinstance(item.operation, Barrier):
            self._lines.append(f"barrier {operands};\n")
        elif isinstance(item.operation, Delay):
            line = f"delay[{self._duration(item.operation)}] {operands};\n"
            self._lines.append(_NO_DELAY.sub("", line))
            self._used.add((name, place))
        else:
            if not self._measured.isdisjoint(place):
                self._refuse_after_measurement(name, place)
            self._all_native = False
            if place:  # a global phase has no qubit, and changes no count
                self._write(self._definition(item), place)

    def _measure_nothing(self, *, allowed: bool) -> None:
        """Measure a qubit into no bit of the circuit's, as devices have to measure something."""
        name = self._circuit.name
        if not allowed or not self._circuit.num_qubits:
            raise self._error("measures nothing, so there is nothing to count. Add measure_all().")
        warnings.warn(f"Circuit {name!r} measures nothing, so all its bits will be 0. Add measure_all().", stacklevel=2)
        self._sources[NOWHERE] = len(self._lines), "q[0]"
        self._lines.append("")
        self._used.add(("measure", (0,)))

    def _check(self, item: CircuitInstruction) -> None:
        if isinstance(item.operation, ControlFlowOp):
            raise self._error(f"has control flow ({item.name}), which OQTOPUS devices do not execute.")
        if item.name in {"reset", "initialize"}:
            raise self._error(
                f"resets a qubit ({item.name}), which OQTOPUS devices do not execute. Qubits start in |0>; "
                "prepare states with prepare_state()."
            )
        if item.clbits and item.name != "measure":
            raise self._error(f"has the instruction {item.name!r} on classical bits; decompose() it first.")

    def _refuse_after_measurement(self, name: str, place: tuple[int, ...]) -> None:
        qubit = next(qubit for qubit in place if qubit in self._measured)
        raise self._error(
            f"acts on qubit {qubit} ({name}) after measuring it. OQTOPUS devices treat every measurement as final and "
            "would return wrong counts; measure at the end only."
        )

    def _definition(self, item: CircuitInstruction) -> QuantumCircuit:
        """What a gate consists of."""
        definition = getattr(item.operation, "definition", None)
        if definition is None and not hasattr(item.operation, "definition"):
            definition = _synthesized(item)
        if definition is None or item.clbits:
            raise self._error(f"has the instruction {item.name!r}, which does not consist of gates.")
        return cast("QuantumCircuit", definition)

    def _angle(self, name: str, value: Any) -> str:
        """An angle, exactly."""
        if isinstance(value, ParameterExpression) and value.parameters:
            self._slots.append(value)
            return "%s"
        angle = float(value)
        if not math.isfinite(angle):
            raise self._error(f"has the angle {angle} in {name!r}; angles must be finite numbers.")
        return repr(angle)

    def _duration(self, delay: Delay) -> str:
        """A delay's duration."""
        unit = delay.unit
        if unit == "dt" and self._target.dt is not None:
            factor, unit = round(self._target.dt / _NS, 6), "ns"
        elif unit in _UNITS:
            factor, unit = _UNITS[unit]
        else:
            raise self._error(
                f"has a delay of {delay.duration} in {unit!r}; give a number of {', '.join([*_UNITS, 'dt'])}."
            )
        if isinstance(delay.duration, ParameterExpression) and delay.duration.parameters:
            self._durations.append(len(self._slots))
            self._slots.append(delay.duration * factor)
            return f"%s{unit}"
        return f"{float(delay.duration) * factor!r}{unit}"

    def _error(self, what: str) -> CircuitError:
        return CircuitError(f"Circuit {self._circuit.name!r} {what}")


def _synthesized(item: CircuitInstruction) -> QuantumCircuit:
    """Cliffords, annotated gates and their like, which are for the transpiler to take apart."""
    from qiskit.transpiler import PassManager  # noqa: PLC0415 - rarely needed
    from qiskit.transpiler.passes import HighLevelSynthesis  # noqa: PLC0415

    alone = QuantumCircuit(len(item.qubits))
    alone.append(item.operation, range(len(item.qubits)))
    return PassManager([HighLevelSynthesis(basis_gates=sorted(_STANDARD_GATES))]).run(alone)
