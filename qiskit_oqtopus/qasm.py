"""A circuit to an OpenQASM 3 program that an OQTOPUS device runs as meant: `to_program`, `to_template`.

What a device would silently get wrong is refused here, with the reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, ControlFlowOp, Delay, Measure, ParameterExpression, Reset

from oqtopus_client.angles import reduced
from qiskit_oqtopus.definitions import definition, has_conditions, has_variables, taken_apart, with_small_angles
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.header import NOWHERE, CircuitHeader
from qiskit_oqtopus.programs import NO_DELAY, Program, Template
from qiskit_oqtopus.reals import real
from qiskit_oqtopus.untouched import Untouched
from qiskit_oqtopus.user_warnings import warn_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from qiskit.circuit import CircuitInstruction, Operation, Parameter, Qubit
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

_NS = 1e-9

_OPTION = "(in backend.run() and OqtopusSampler: defer_measurements=True)"

_MOST_NESTED = 100
"""How deep instructions may consist of others, those of any sensible circuit do."""


@dataclass(frozen=True)
class BindingTemplate:
    """The programs of a circuit that cannot be written before its parameters have values, as `Template` has them.

    Attributes:
        circuit: The circuit.
        target: What the device can do.
        unmeasured: Whether a circuit that measures nothing is all right.
    """

    circuit: QuantumCircuit
    target: Target
    unmeasured: bool

    is_isa: ClassVar[bool] = False
    """No device has gates that are taken apart."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The circuit's parameters, in its own order."""
        return tuple(self.circuit.parameters)

    def bind(self, values: npt.NDArray[np.float64]) -> list[Program]:
        """The program of each binding; see `Template.bind`."""
        return [self.bind_row(row, binding) for row, binding in enumerate(values.tolist())]

    def bind_row(self, row: int, binding: list[float]) -> Program:
        """The program of one binding, and its place among others."""
        said = f"with the parameter values {binding} (binding {row})"
        try:
            bound = self.circuit.assign_parameters(binding)
        except Exception as error:
            # Binding calls gates of users' own, which raise anything.
            raise CircuitError(f"Circuit {self.circuit.name!r} cannot be bound {said}: {error}.") from error
        bound.name = self.circuit.name
        try:
            return to_program(bound, self.target, unmeasured=self.unmeasured)
        except CircuitError as error:
            raise CircuitError(f"{str(error).rstrip('.')}; {said}.") from error


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
    if template.parameters or isinstance(template, BindingTemplate):
        names = ", ".join(parameter.name for parameter in template.parameters)
        raise CircuitError(
            f"Circuit {circuit.name!r} has unbound parameters: {names}. Bind them with assign_parameters(), or run it "
            "with parameter_values."
        )
    return template.program


def to_template(circuit: QuantumCircuit, target: Target, *, unmeasured: bool = False) -> Template | BindingTemplate:
    """Write a circuit whose parameters may be unbound; see `to_program`."""
    if not isinstance(circuit, QuantumCircuit):
        raise CircuitError(f"Only a QuantumCircuit can be run, not {circuit!r}.")
    if target.num_qubits is not None and circuit.num_qubits > target.num_qubits:
        raise CircuitError(
            f"Circuit {circuit.name!r} has {circuit.num_qubits} qubits, {target.description} only {target.num_qubits}."
        )
    if has_variables(circuit):
        raise CircuitError(f"Circuit {circuit.name!r} has classical variables, which OQTOPUS devices do not execute.")
    by_row = BindingTemplate(circuit, target, unmeasured)
    try:
        return _Writer(circuit, target).template(by_row)
    except _NotTakenApartError as error:
        if circuit.parameters:
            # Some gates cannot say what they consist of before their parameters have values.
            return by_row
        try:
            whole = taken_apart(circuit, sorted(_STANDARD_GATES))
        except Exception:  # noqa: BLE001 - gates of users' own raise anything
            raise CircuitError(str(error)) from None
        # Some gates need qubits of the circuit beyond their own for what they consist of.
        return _Writer(whole, target).template(by_row)


class _NotTakenApartError(CircuitError):
    """An operation that does not say what it consists of, at least not with its parameters as they are."""


class _Writer:
    """Walks a circuit once.

    Circuits have tens of thousands of gates, so the loop over them asks for as little as it can. What it is not sure
    of is recognized by its type: users give their own gates any names, also those of measurements.
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
        # What has acted on which qubits, in order, and how much of it the untouched qubits have been followed through.
        # It takes its time, so only where resets may come; what is only called so does no harm here.
        self._acts: list[tuple[CircuitInstruction, tuple[int, ...]]] | None = (
            [] if circuit.count_ops().get("reset") else None
        )
        self._untouched: Untouched | None = None
        self._followed = 0
        self._depth = 0
        # What operations consist of, by their ids; a circuit may have one operation at many places.
        self._definitions: dict[int, tuple[Operation, QuantumCircuit | None]] = {}
        # Couplings are not known where the device publishes none.
        self._all_native = target.qargs is not None

    def template(self, by_row: BindingTemplate) -> Template:
        circuit = self._circuit
        self._write(circuit, range(circuit.num_qubits), range(circuit.num_clbits))
        if hidden := {parameter for slot in self._slots for parameter in slot.parameters} - set(circuit.parameters):
            names = ", ".join(sorted(parameter.name for parameter in hidden))
            raise self._error(f"has gates with parameters that the circuit does not know of: {names}. Bind them first.")
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
        return self._all_native and all(self._target.instruction_supported(name, place) for name, place in self._used)

    def _write(self, circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int]) -> None:
        """Write a circuit, or what an instruction consists of, on the qubits and bits of those indices."""
        if has_conditions(circuit):
            raise self._error("has gates with conditions, which OQTOPUS devices do not execute.")
        index = dict(zip(circuit.qubits, qubits, strict=True))
        bits = dict(zip(circuit.clbits, clbits, strict=True))
        places: dict[tuple[Qubit, ...], tuple[tuple[int, ...], str]] = {}
        lines, used, measured, acts = self._lines, self._used, self._measured, self._acts
        for item in circuit.data:
            try:
                place, operands = places[item.qubits]
            except KeyError:
                place = tuple([index[qubit] for qubit in item.qubits])
                operands = ", ".join([f"q[{qubit}]" for qubit in place])
                places[item.qubits] = place, operands
            name = item.name
            if name not in _STANDARD_GATES or not item.is_standard_gate():
                self._write_other(item, place, operands, [bits[clbit] for clbit in item.clbits])
                continue
            if measured and not measured.isdisjoint(place):
                self._refuse_after_measurement(name, place)
            used.add((name, place))
            if acts is not None:
                acts.append((item, place))
            if name == "u":
                name = "U"
            if params := item.params:
                lines.append(f"{name}({', '.join([self._angle(name, value) for value in params])}) {operands};\n")
            else:
                lines.append(f"{name} {operands};\n")

    def _write_other(self, item: CircuitInstruction, place: tuple[int, ...], operands: str, clbits: list[int]) -> None:
        """Write what is no standard gate."""
        operation = with_small_angles(item.operation)
        if isinstance(operation, ControlFlowOp):
            raise self._error(f"has control flow ({operation.name}), which OQTOPUS devices do not execute.")
        parts = self._parts(operation)
        if parts is not None:
            self._all_native = False
            if place:  # a global phase has no qubit, and changes no count
                if self._depth == _MOST_NESTED:
                    raise self._error(f"has the instruction {operation.name!r}, which consists of itself.")
                self._depth += 1
                self._write(parts, place, clbits)
                self._depth -= 1
        elif isinstance(operation, Measure):
            self._sources[clbits[0]] = len(self._lines), operands
            self._lines.append("")  # until the last measurement into this bit is known
            self._measured.update(place)
            self._used.add(("measure", place))
            if self._acts is not None:
                self._acts.append((item, place))
        elif isinstance(operation, Barrier):
            self._lines.append(f"barrier {operands};\n")
        elif isinstance(operation, Delay):
            line = f"delay[{self._duration(operation)}] {operands};\n"
            self._lines.append(NO_DELAY.sub("", line))
            self._used.add(("delay", place))
        elif isinstance(operation, Reset):
            self._leave_out_reset(*place)
        else:
            raise self._not_taken_apart(operation, "which does not consist of gates.")

    def _parts(self, operation: Operation) -> QuantumCircuit | None:
        """What an operation consists of."""
        if id(operation) not in self._definitions:
            try:
                parts = definition(operation, sorted(_STANDARD_GATES))
            except Exception as error:  # gates of users' own raise anything
                raise self._not_taken_apart(
                    operation, f"which does not consist of gates ({type(error).__name__}: {error})."
                ) from error
            self._definitions[id(operation)] = operation, parts
        return self._definitions[id(operation)][1]

    def _measure_nothing(self, *, allowed: bool) -> None:
        """Measure a qubit into no bit of the circuit's, as devices have to measure something."""
        name = self._circuit.name
        if not allowed or not self._circuit.num_qubits:
            raise self._error("measures nothing, so there is nothing to count. Add measure_all().")
        warn_user(f"Circuit {name!r} measures nothing, so all its bits will be 0. Add measure_all().")
        self._sources[NOWHERE] = len(self._lines), "q[0]"
        self._lines.append("")
        self._used.add(("measure", (0,)))

    def _leave_out_reset(self, qubit: int) -> None:
        """Write nothing for the reset of a qubit that nothing has acted on: it is in |0> as it is."""
        touched = any(qubit in place for name, place in self._used if name != "delay")
        if touched and not self._holds_untouched(qubit):
            raise self._error(
                f"resets a qubit after using it (qubit {qubit}), which OQTOPUS devices do not execute. Qubits start in "
                f"|0>: use another one, or qiskit_oqtopus.defer_measurements(circuit), which does so {_OPTION}."
            )

    def _holds_untouched(self, qubit: int) -> bool:
        """Whether a swap has brought the state of an untouched qubit there."""
        if self._untouched is None:
            self._untouched = Untouched(self._circuit.num_qubits)
        acts = self._acts or []
        for act in acts[self._followed :]:
            self._untouched.add(*act)
        self._followed = len(acts)
        return bool(acts) and qubit in self._untouched

    def _refuse_after_measurement(self, name: str, place: tuple[int, ...]) -> None:
        qubit = next(qubit for qubit in place if qubit in self._measured)
        raise self._error(
            f"acts on qubit {qubit} ({name}) after measuring it. OQTOPUS devices treat every measurement as final and "
            "would return wrong counts; measure at the end only, or use "
            f"qiskit_oqtopus.defer_measurements(circuit), which measures spare qubits at the end {_OPTION}."
        )

    def _angle(self, name: str, value: Any) -> str:
        """An angle, exactly; a large one is made small, for the server's transpiler would lose its phase."""
        if isinstance(value, ParameterExpression) and value.parameters:
            self._slots.append(value)
            return "%s"
        angle = self._real(value, f"the angle {value} in {name!r}")
        if not math.isfinite(angle):
            raise self._error(f"has the angle {angle} in {name!r}; angles must be finite numbers.")
        return repr(reduced(angle))

    def _duration(self, delay: Delay) -> str:
        """A delay's duration."""
        duration, unit = delay.duration, delay.unit
        said = f"a delay of {duration} in {unit!r}"
        if unit == "dt" and self._target.dt is not None:
            factor, unit = round(self._target.dt / _NS, 6), "ns"
        elif unit in _UNITS:
            factor, unit = _UNITS[unit]
        else:
            raise self._error(f"has {said}; give a number of {', '.join([*_UNITS, 'dt'])}.")
        if isinstance(duration, ParameterExpression) and duration.parameters:
            self._durations.append(len(self._slots))
            self._slots.append(duration * factor)
            return f"%s{unit}"
        length = self._real(duration, said) * factor
        if not 0 <= length < math.inf:
            raise self._error(f"has {said}; durations must be finite numbers and not negative.")
        return f"{length!r}{unit}"

    def _real(self, value: Any, said: str) -> float:
        try:
            return real(value)
        except (TypeError, ValueError):
            raise self._error(f"has {said}, which is not a real number.") from None

    def _not_taken_apart(self, operation: Operation, why: str) -> CircuitError:
        return _NotTakenApartError(f"Circuit {self._circuit.name!r} has the instruction {operation.name!r}, {why}")

    def _error(self, what: str) -> CircuitError:
        return CircuitError(f"Circuit {self._circuit.name!r} {what}")
