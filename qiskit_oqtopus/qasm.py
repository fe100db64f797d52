"""Conversion of circuits to OpenQASM 3 programs that OQTOPUS devices run as intended: `to_program`, `to_template`.

Circuits for which a device would silently return wrong results are refused, with the reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from qiskit.circuit import Barrier, ControlFlowOp, Delay, Measure, ParameterExpression, Reset

from oqtopus_client.angles import reduced
from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.definitions import definition, has_conditions, has_variables, translated, with_small_angles
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.header import NOWHERE, CircuitHeader
from qiskit_oqtopus.programs import NO_DELAY, Program, Template
from qiskit_oqtopus.reals import real
from qiskit_oqtopus.untouched import Untouched, only_delayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction, Operation, Parameter, Qubit
    from qiskit.transpiler import Target

# fmt: off
_ELSEWHERE = " It was transpiled for another device; transpile the original circuit for this one."
_STANDARD_GATES = frozenset({
    "p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cy", "cz", "cp", "crx", "cry",
    "crz", "ch", "swap", "ccx", "cswap", "cu", "id", "u1", "u2", "u3", "u",
})
# fmt: on
"""The gates that `stdgates.inc` defines, under Qiskit's names; `u` is the built-in `U`."""

_UNITS = {"s": (1, "s"), "ms": (1, "ms"), "us": (1, "us"), "ns": (1, "ns"), "ps": (1e-3, "ns")}
"""Factor and OpenQASM unit for each unit of a delay; OpenQASM has no picoseconds."""

_NS = 1e-9

_OPTION = "(in backend.run() and OqtopusSampler: defer_measurements=True)"

_MOST_NESTED = 100
"""Maximum depth of nested definitions, more than any sensible circuit has."""


@dataclass(frozen=True)
class BindingTemplate:
    """The counterpart of `Template` for a circuit that cannot be written before its parameters are bound.

    Attributes:
        circuit: The circuit.
        target: The device's target.
        unmeasured: Whether to accept a circuit without measurements.
    """

    circuit: QuantumCircuit
    target: Target
    unmeasured: bool

    is_isa: ClassVar[bool] = False
    """Gates that have to be decomposed are not native to any device."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The circuit's parameters, in the circuit's order."""
        return tuple(self.circuit.parameters)

    def bind(self, values: npt.NDArray[np.float64]) -> list[Program]:
        """Return the program of each binding; see `Template.bind`."""
        return [self.bind_row(row, binding) for row, binding in enumerate(values.tolist())]

    def bind_row(self, row: int, binding: list[float]) -> Program:
        """Return the program of one binding, given its index and its values."""
        which = f"with the parameter values {binding} (binding {row})"
        try:
            bound = self.circuit.assign_parameters(binding)
        except Exception as error:
            # Binding calls custom gates, which may raise anything.
            raise CircuitError(f"Circuit {self.circuit.name!r} cannot be bound {which}: {error}.") from error
        bound.name = self.circuit.name
        try:
            return to_program(bound, self.target, unmeasured=self.unmeasured)
        except CircuitError as error:
            raise CircuitError(f"{str(error).rstrip('.')}; {which}.") from error


def to_program(circuit: QuantumCircuit, target: Target, *, unmeasured: bool = False) -> Program:
    """Write a circuit as OpenQASM 3.

    The program declares the measured bits only, in the order of their indices. Simulators return every declared bit
    but QPUs only the measured ones; this way, keys are as long as the header's `clbits` on both. If several
    measurements write the same bit, only the last one is written.

    Gates that OpenQASM's standard library lacks are decomposed. Gate definitions in the program would carry the gates'
    names, and a server misreads some: `unitary`, and every name of another gate of Qiskit.

    Args:
        circuit: The circuit, with bound parameters and final measurements.
        target: The device's target.
        unmeasured: Whether to accept a circuit without measurements; the device then measures one qubit, unused.

    Raises:
        CircuitError: The device cannot run the circuit as intended; the message says why and what to do.
    """
    template = to_template(circuit, target, unmeasured=unmeasured)
    if template.parameters or isinstance(template, BindingTemplate):
        names = ", ".join(parameter.name for parameter in template.parameters)
        raise CircuitError(
            f"Circuit {circuit.name!r} has unbound parameters: {names}. Bind them with assign_parameters(), or run it "
            "with parameter_values."
        )
    return template.program


def to_template(circuit: QuantumCircuit, target: Target, *, unmeasured: bool = False) -> Template | BindingTemplate:
    """Write a circuit with bound or unbound parameters as OpenQASM 3; see `to_program`."""
    if target.num_qubits is not None and circuit.num_qubits > target.num_qubits:
        raise CircuitError(
            f"Circuit {circuit.name!r} has {circuit.num_qubits} qubits, but {target.description} has only "
            f"{target.num_qubits}.{_ELSEWHERE if circuit.layout is not None else ''}"
        )
    if has_variables(circuit):
        raise CircuitError(f"Circuit {circuit.name!r} has classical variables, which OQTOPUS devices do not execute.")
    by_row = BindingTemplate(circuit, target, unmeasured)
    try:
        return _Writer(circuit, target).template(by_row)
    except _NotDecomposableError as error:
        if circuit.parameters:
            # Some gates have no definition until their parameters are bound.
            return by_row
        try:
            whole = translated(circuit, sorted(_STANDARD_GATES))
        except Exception:  # noqa: BLE001 - custom gates raise anything
            raise CircuitError(str(error)) from None
        # The decomposition of some gates needs further qubits of the circuit.
        return _Writer(whole, target).template(by_row)


class _NotDecomposableError(CircuitError):
    """An operation cannot be decomposed, at least while its parameters are unbound."""


class _Writer:
    """A single pass over a circuit that writes its program.

    Circuits have tens of thousands of gates, so the loop over them does as little as possible. Operations other than
    standard gates are recognized by type: custom gates may have any name, including `measure`.
    """

    def __init__(self, circuit: QuantumCircuit, target: Target) -> None:
        self._circuit = circuit
        self._target = target
        self._slots: list[ParameterExpression] = []
        self._durations: list[int] = []
        self._lines: list[str] = []
        # For each classical bit, the line that writes it, and the operand that is measured.
        self._sources: dict[int, tuple[int, str]] = {}
        self._measured: set[int] = set()
        self._used: set[tuple[str, tuple[int, ...]]] = set()
        # The operations on each qubit, in order, to find untouched qubits. As this is slow, it is recorded only for
        # circuits with resets; a custom operation named `reset` merely costs time.
        self._history: list[tuple[CircuitInstruction, tuple[int, ...]]] | None = (
            [] if circuit.count_ops().get("reset") else None
        )
        self._untouched: Untouched | None = None
        self._followed = 0
        self._idle = only_delayed(circuit)
        self._depth = 0
        # Definitions by the operation's id, as the same operation object may occur many times.
        self._definitions: dict[int, tuple[Operation, QuantumCircuit | None]] = {}
        # Without published couplings, no circuit counts as native.
        self._all_native = target.qargs is not None

    def template(self, by_row: BindingTemplate) -> Template:
        circuit = self._circuit
        self._write(circuit, range(circuit.num_qubits), range(circuit.num_clbits))
        if hidden := {parameter for slot in self._slots for parameter in slot.parameters} - set(circuit.parameters):
            names = ", ".join(sorted(parameter.name for parameter in hidden))
            raise self._error(f"has gates with parameters that the circuit does not list: {names}. Bind them first.")
        if not self._sources:
            self._measure_nothing(allowed=by_row.unmeasured)
        clbits = tuple(sorted(self._sources))
        for i, clbit in enumerate(clbits):
            line, operand = self._sources[clbit]
            self._lines[line] = f"c[{i}] = measure {operand};\n"
        start = f'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[{len(clbits)}] c;\nqubit[{circuit.num_qubits}] q;\n'
        program = Program(CircuitHeader.of(circuit, clbits), start + "".join(self._lines), self._is_isa())
        slots, durations = tuple(self._slots), tuple(self._durations)
        return Template(program, tuple(circuit.parameters), slots, durations, by_row.bind_row)

    def _is_isa(self) -> bool:
        return self._all_native and all(self._target.instruction_supported(name, qargs) for name, qargs in self._used)

    def _write(self, circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int]) -> None:
        """Write a circuit, or the definition of an instruction, on the qubits and bits with these indices."""
        if has_conditions(circuit):
            raise self._error("has gates with conditions, which OQTOPUS devices do not execute.")
        index = dict(zip(circuit.qubits, qubits, strict=True))
        bits = dict(zip(circuit.clbits, clbits, strict=True))
        operands_of: dict[tuple[Qubit, ...], tuple[tuple[int, ...], str]] = {}
        lines, used, measured, history = self._lines, self._used, self._measured, self._history
        for item in circuit.data:
            try:
                qargs, operands = operands_of[item.qubits]
            except KeyError:
                qargs = tuple([index[qubit] for qubit in item.qubits])
                operands = ", ".join([f"q[{qubit}]" for qubit in qargs])
                operands_of[item.qubits] = qargs, operands
            name = item.name
            if name not in _STANDARD_GATES or not item.is_standard_gate():
                self._write_other(item, qargs, operands, [bits[clbit] for clbit in item.clbits])
                continue
            if measured and not measured.isdisjoint(qargs):
                self._refuse_after_measurement(name, qargs)
            used.add((name, qargs))
            if history is not None:
                history.append((item, qargs))
            if name == "u":
                name = "U"
            if params := item.params:
                lines.append(f"{name}({', '.join([self._angle(name, value) for value in params])}) {operands};\n")
            else:
                lines.append(f"{name} {operands};\n")

    def _write_other(self, item: CircuitInstruction, qargs: tuple[int, ...], operands: str, clbits: list[int]) -> None:
        """Write an operation other than a standard gate."""
        operation = with_small_angles(item.operation)
        if isinstance(operation, ControlFlowOp):
            raise self._error(f"has control flow ({operation.name}), which OQTOPUS devices do not execute.")
        parts = self._parts(operation)
        if parts is not None:
            self._all_native = False
            if qargs:  # a global phase has no qubits and does not affect counts
                if self._depth == _MOST_NESTED:
                    raise self._error(f"has the instruction {operation.name!r}, whose definition contains itself.")
                self._depth += 1
                self._write(parts, qargs, clbits)
                self._depth -= 1
        elif isinstance(operation, Measure):
            self._sources[clbits[0]] = len(self._lines), operands
            self._lines.append("")  # filled in once the last measurement into this bit is known
            self._measured.update(qargs)
            self._used.add(("measure", qargs))
            if self._history is not None:
                self._history.append((item, qargs))
        elif isinstance(operation, Barrier):
            self._lines.append(f"barrier {operands};\n")
        elif isinstance(operation, Delay):
            line = "" if qargs[0] in self._idle else f"delay[{self._duration(operation)}] {operands};\n"
            self._lines.append(NO_DELAY.sub("", line))
            self._used.add(("delay", qargs))
        elif isinstance(operation, Reset):
            self._leave_out_reset(*qargs)
        else:
            raise self._not_decomposable(operation, "which cannot be decomposed into gates.")

    def _parts(self, operation: Operation) -> QuantumCircuit | None:
        """Return the definition of an operation; None if it is elementary."""
        if id(operation) not in self._definitions:
            try:
                parts = definition(operation, sorted(_STANDARD_GATES))
            except Exception as error:  # custom gates raise anything
                raise self._not_decomposable(
                    operation, f"which cannot be decomposed into gates ({type(error).__name__}: {error})."
                ) from error
            self._definitions[id(operation)] = operation, parts
        return self._definitions[id(operation)][1]

    def _measure_nothing(self, *, allowed: bool) -> None:
        """Measure a qubit, without a classical bit of the circuit, as devices require a measurement."""
        name = self._circuit.name
        if not allowed or not self._circuit.num_qubits:
            raise self._error("has no measurements, so there is nothing to count. Add measure_all().")
        warn_user(f"Circuit {name!r} has no measurements, so all its bits will be 0. Add measure_all().")
        self._sources[NOWHERE] = len(self._lines), "q[0]"
        self._lines.append("")
        self._used.add(("measure", (0,)))

    def _leave_out_reset(self, qubit: int) -> None:
        """Leave out the reset of an untouched qubit, which is in |0> already; refuse any other reset."""
        touched = any(qubit in qargs for name, qargs in self._used if name != "delay")
        if touched and not self._holds_untouched(qubit):
            raise self._error(
                f"resets a qubit after using it (qubit {qubit}), which OQTOPUS devices do not execute. Qubits start in "
                f"|0>: use another one, or qiskit_oqtopus.defer_measurements(circuit), which does so {_OPTION}."
            )

    def _holds_untouched(self, qubit: int) -> bool:
        """Return whether swaps have moved the |0> of an untouched qubit to this one."""
        if self._untouched is None:
            self._untouched = Untouched(self._circuit.num_qubits)
        history = self._history or []
        for step in history[self._followed :]:
            self._untouched.add(*step)
        self._followed = len(history)
        return bool(history) and qubit in self._untouched

    def _refuse_after_measurement(self, name: str, qargs: tuple[int, ...]) -> None:
        qubit = next(qubit for qubit in qargs if qubit in self._measured)
        raise self._error(
            f"acts on qubit {qubit} ({name}) after measuring it. OQTOPUS devices treat every measurement as final and "
            "would return wrong counts; measure at the end only, or use "
            f"qiskit_oqtopus.defer_measurements(circuit), which measures spare qubits at the end {_OPTION}."
        )

    def _angle(self, name: str, value: Any) -> str:
        """Return an angle as exact text; a large one is reduced, as the server's transpiler would lose its phase."""
        if isinstance(value, ParameterExpression) and value.parameters:
            self._slots.append(value)
            return "%s"
        angle = self._real(value, f"the angle {value} in {name!r}")
        if not math.isfinite(angle):
            raise self._error(f"has the angle {angle} in {name!r}; angles must be finite numbers.")
        return repr(reduced(angle))

    def _duration(self, delay: Delay) -> str:
        """Return a delay's duration as text."""
        duration, unit = delay.duration, delay.unit
        described = f"a delay of {duration} in {unit!r}"
        if unit == "dt" and self._target.dt is not None:
            factor, unit = round(self._target.dt / _NS, 6), "ns"
        elif unit in _UNITS:
            factor, unit = _UNITS[unit]
        else:
            raise self._error(f"has {described}; use one of the units {', '.join([*_UNITS, 'dt'])}.")
        if isinstance(duration, ParameterExpression) and duration.parameters:
            self._durations.append(len(self._slots))
            self._slots.append(duration * factor)
            return f"%s{unit}"
        length = self._real(duration, described) * factor
        if not 0 <= length < math.inf:
            raise self._error(f"has {described}; durations must be finite and not negative.")
        return f"{length!r}{unit}"

    def _real(self, value: Any, described: str) -> float:
        try:
            return real(value)
        except (TypeError, ValueError):
            raise self._error(f"has {described}, which is not a real number.") from None

    def _not_decomposable(self, operation: Operation, why: str) -> CircuitError:
        return _NotDecomposableError(f"Circuit {self._circuit.name!r} has the instruction {operation.name!r}, {why}")

    def _error(self, what: str) -> CircuitError:
        return CircuitError(f"Circuit {self._circuit.name!r} {what}")
