"""Fast reading of OpenQASM 3 programs: `read`."""

from __future__ import annotations

import ast as python
import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import openqasm3
from openqasm3 import ast
from qiskit.circuit import CircuitInstruction, Clbit, Measure, Qubit
from qiskit_qasm3_import.expression import ValueResolver
from qiskit_qasm3_import.state import State

from oqtopus_client.angles import reduced
from oqtopus_client.emulator.simulation.conversion import Converter, OwnGate
from oqtopus_client.emulator.simulation.extent import Extent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit import QuantumCircuit

    from oqtopus_client.emulator.simulation.inputs import ProgramLimits

_Step: TypeAlias = tuple[Callable[..., Any], Sequence[float], Sequence[Qubit], Sequence[Clbit]]
"""A constructor of an operation, its arguments and the bits to append it to."""
_Parsed: TypeAlias = re.Match[str] | Sequence[Any]
"""A match of a gate or measurement, or a statement's syntax tree."""

# The quantifiers are possessive, so that no text takes time that grows with the square of its length.
_GAP = r"[ \t\r\n]*+"
_NAME = "[A-Za-z_][A-Za-z_0-9]*+"
_BIT = rf"{_GAP}(?:{_NAME}{_GAP}\[{_GAP}[0-9]++{_GAP}\]|\$[0-9]++){_GAP}"
_ELEMENT = re.compile(rf"{_GAP}([^ \t\r\n\[]++)(?:{_GAP}\[{_GAP}([0-9]++){_GAP}\])?{_GAP}")
_GATE = re.compile(rf"{_GAP}(?P<name>{_NAME}){_GAP}(?:\((?P<angles>[^\[\]@]*)\))?(?P<qubits>{_BIT}(?:,{_BIT})*+)")
_MEASURE = rf"{_GAP}(?P<name>measure)(?![A-Za-z_0-9])(?P<qubits>{_BIT})"
_MEASUREMENT = re.compile(rf"(?P<clbit>{_BIT})={_MEASURE}")
_ARROW = re.compile(rf"{_MEASURE}->(?P<clbit>{_BIT})")
_SIGN = re.compile("[;{}]")

_FLOAT = r"(?:(?:[0-9]++\.[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?|[0-9]++[eE][+-]?[0-9]++)"
_NUMBER = re.compile(rf"{_GAP}-?{_FLOAT}{_GAP}")
_CONSTANT = re.compile(rf"(?:(?:pi|tau|euler|{_FLOAT}|0|[1-9][0-9]*+)(?![A-Za-z_0-9.])|[-+*/() \t\r\n])++")
_LONG = 100
"""Length of expressions that the slow importer might refuse, as they may exceed Python's recursion limit."""
_CONSTANTS = {"pi": math.pi, "tau": math.tau, "euler": math.e}
_OPERATORS: dict[type[python.operator], Callable[[float, float], float]] = {
    python.Add: operator.add,
    python.Sub: operator.sub,
    python.Mult: operator.mul,
    python.Div: lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) else a / b,
}

_SLOW = re.compile(r"@(?![ \t\r\n])|#|pragma|cal|\$0[0-9]")
"""Signs of statements that need not end with a semicolon, and qubits that the slow importer takes for others."""
_OTHER_KEYWORDS = frozenset({"barrier", "creg", "gphase", "measure", "qreg", "reset"})
"""Words in the place of a gate's name."""
_REPEATABLE = (ast.QuantumGate, ast.QuantumPhase, ast.QuantumBarrier, ast.DelayInstruction, ast.QuantumReset)


def read(code: str, limits: ProgramLimits) -> QuantumCircuit:
    """Read a program without comments into the circuit that the slow importer would return.

    Raises:
        Exception: The program needs the slow importer, which may refuse it.
    """
    if _SLOW.search(code) or "OPENQASM" in code.lstrip()[1:]:
        raise ValueError("the program needs the slow importer")
    statements, extent, parsed = list(_statements(code)), Extent(limits), dict[str, _Parsed]()
    for statement in statements:
        if statement not in parsed:
            parsed[statement] = _match(statement) or _nodes(statement)
        form = parsed[statement]
        if isinstance(form, re.Match):
            extent.count(extent.operations_of_gate(form["name"]))
        else:
            for node in form:
                extent.add(node)
    reader = _Reader()
    for statement in statements:
        reader.append(statement, parsed[statement])
    return reader.circuit


def _statements(code: str) -> Iterator[str]:
    """Yield the statements without their semicolons; anything in braces belongs to the statement behind it."""
    start = depth = 0
    for sign in _SIGN.finditer(code):
        if sign[0] != ";":
            depth += 1 if sign[0] == "{" else -1
        elif not depth:
            yield code[start : sign.start()]
            start = sign.end()
    if code[start:].strip() or not start:
        raise ValueError("the last statement has no semicolon")


def _match(statement: str) -> re.Match[str] | None:
    """Match a gate with constant arguments, or a measurement, on single qubits."""
    if match := _GATE.fullmatch(statement):
        return None if match["name"] in _OTHER_KEYWORDS else match
    return _MEASUREMENT.fullmatch(statement) or _ARROW.fullmatch(statement)


def _nodes(statement: str) -> list[Any]:
    return openqasm3.parse(f"{statement};").statements


class _Reader:
    """The slow importer with a shortcut for the most frequent statements.

    Statements are converted one at a time, by one converter with one table of symbols. A gate or measurement that a
    regular expression describes completely, or a statement that occurred before, becomes operations directly.
    """

    def __init__(self) -> None:
        self._converter = Converter()
        self._state = State()
        self._bits: dict[str, Any] = {}
        self._known: dict[str, list[_Step]] = {}

    @property
    def circuit(self) -> QuantumCircuit:
        """The circuit of the statements appended."""
        if self._state.all_parameters:
            raise ValueError("the program has inputs")
        circuit: QuantumCircuit = self._state.circuit
        return circuit

    def append(self, statement: str, parsed: _Parsed) -> None:
        """Append a statement's operations to the circuit."""
        if statement not in self._known:
            step = self._step(parsed) if isinstance(parsed, re.Match) else None
            if step is None:
                self._convert(statement, _nodes(statement) if isinstance(parsed, re.Match) else parsed)
                return
            self._known[statement] = [step]
        for make, values, qubits, clbits in self._known[statement]:
            self._state.circuit._append(CircuitInstruction(make(*values), qubits, clbits))  # noqa: SLF001 - documented

    def _convert(self, statement: str, nodes: Sequence[Any]) -> None:
        """Convert a statement as the slow importer does; remember its operations if they depend on nothing else."""
        circuit, before = self._state.circuit, len(self._state.circuit.data)
        for node in nodes:
            self._converter.visit(node, self._state)
        if len(nodes) == 1 and isinstance(nodes[0], _REPEATABLE) and nodes[0].qubits:
            items = circuit.data[before:]
            self._known[statement] = [(item.operation.copy, (), item.qubits, item.clbits) for item in items]

    def _step(self, match: re.Match[str]) -> _Step | None:
        """Return the operation of a gate or measurement; None if the statement needs the grammar."""
        qubits = [self._bit(operand) for operand in match["qubits"].split(",")]
        if match.re is not _GATE:
            clbit = self._bit(match["clbit"])
            return (Measure, (), qubits, [clbit]) if isinstance(clbit, Clbit) and isinstance(qubits[0], Qubit) else None
        if (symbol := self._state.symbol_table.get(match["name"])) is None:
            raise ValueError(f"{match['name']} is not a gate")
        values = [_constant(text) for text in match["angles"].split(",")] if match["angles"] else []
        if not all(map(math.isfinite, values)):
            return None
        if not isinstance(symbol.data, OwnGate):
            values = [reduced(value) for value in values]
        gate = symbol.data(*values)
        fits = len(gate.params) == len(values) and gate.num_qubits == len(qubits) == len(set(qubits))
        return (symbol.data, values, qubits, ()) if fits and all(isinstance(qubit, Qubit) for qubit in qubits) else None

    def _bit(self, operand: str) -> Any:
        if operand not in self._bits:
            name, index = _ELEMENT.fullmatch(operand).groups()  # type: ignore[union-attr]  # as it matched `_OPERAND`
            node: ast.Expression = ast.Identifier(name)
            if index:
                node = ast.IndexExpression(node, [ast.IntegerLiteral(int(index))])
            self._bits[operand], _ = ValueResolver(self._state).resolve(node)
        return self._bits[operand]


def _constant(text: str) -> float:
    """Return the value of a constant expression as the slow importer computes it; NaN if it needs the grammar."""
    if _NUMBER.fullmatch(text):
        return float(text)
    if len(text) > _LONG:
        return math.nan
    return _value(python.parse(text.strip(), mode="eval").body) if _CONSTANT.fullmatch(text) else math.nan


def _value(node: python.expr) -> float:
    match node:
        case python.Constant(value=int() | float() as value):
            return value
        case python.Name(id=name):
            return _CONSTANTS[name]
        case python.UnaryOp(op=python.USub(), operand=operand):
            return -_value(operand)
        case python.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left), _value(right))
    raise ValueError("the expression is not constant")
