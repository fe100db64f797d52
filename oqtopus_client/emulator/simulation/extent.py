"""The size of an OpenQASM 3 program's circuit, computed before the circuit is built."""

from __future__ import annotations

import math
import re
from itertools import islice
from typing import TYPE_CHECKING, NoReturn

from openqasm3 import ast

from oqtopus_client.emulator.simulation.inputs import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from oqtopus_client.emulator.simulation.inputs import ProgramLimits

_NOT_CODE = re.compile(r'//[^\n]*|/\*(?:.*?\*/|.*)|("[^"\n]*")', re.DOTALL)
_TOKEN = re.compile(r"[0-9A-Za-z_]+|[^\s0-9A-Za-z_]")  # other letters count individually, as they slow down the parser
_BRACKET = re.compile(r"[(\[{]|[)\]}]")
_NESTING = 256
"""Maximum depth. Beyond it, the parser hits Python's recursion limit; far beyond, that takes minutes."""
_SIGNS = re.compile(rf"(?:[-~!]\s*){{{_NESTING}}}")
_CONTROLS = (ast.GateModifierName.ctrl, ast.GateModifierName.negctrl)
_MERGED = frozenset({"x", "cx", "CX", "ccx"})
"""Gates whose modifiers Qiskit merges; for any other gate, each modifier multiplies the circuit by about ten."""
_FEW, _MANY = 2, 30
_PHYSICAL_QUBIT = re.compile(r"\$(\d+)")


def code_of(program: str, limits: ProgramLimits) -> str:
    """Remove comments, which take the parser a second per megabyte, and check that the rest can be parsed.

    Raises:
        JobFailure: The program is too large.
    """
    code = _NOT_CODE.sub(r" \1", program)
    if len(code) > limits.tokens and next(islice(_TOKEN.finditer(code), limits.tokens, None), None):
        _refuse("too many words, numbers and signs", limits.tokens)
    depth = 0
    for bracket in _BRACKET.finditer(code):
        depth += 1 if bracket[0] in "([{" else -1
        if depth > _NESTING:
            _refuse("too deeply nested brackets", _NESTING)
    if _SIGNS.search(code):
        _refuse("too many signs in a row", _NESTING)
    physical = {number.lstrip("0") for number in _PHYSICAL_QUBIT.findall(code)}
    if any(len(number) > len(str(limits.bits)) or int(number or 0) >= limits.bits for number in physical):
        _refuse("too many bits", limits.bits)
    return code


def check_tree(program: ast.Program, limits: ProgramLimits) -> None:
    """Refuse a parsed program whose circuit would be too large.

    Raises:
        JobFailure: The program is too large.
        ValueError: A gate has at least as many controls as qubits.
    """
    extent = Extent(limits)
    for statement in program.statements:
        extent.add(statement)


class Extent:
    """Counts the bits and operations of statements, and refuses too many with `JobFailure`.

    Attributes:
        operations: The number of operations counted.
    """

    def __init__(self, limits: ProgramLimits) -> None:
        self._limits = limits
        self._widths: dict[str, int] = {}
        self._gates: dict[str, int] = {}
        self._registers = 0
        self._bits = 0
        self.operations = 0

    def add(self, statement: ast.Statement | ast.Pragma) -> None:
        """Count a statement and the statements within it."""
        match statement:
            case (
                ast.QubitDeclaration(qubit=name, size=size)
                | ast.ClassicalDeclaration(type=ast.BitType(size=size), identifier=name)
            ):
                self._registers += 1
                if self._registers > self._limits.registers:
                    _refuse("too many registers", self._limits.registers)
                self._declare(name.name, 1 if size is None else _bound(size))
            case ast.AliasStatement(target=name, value=value):
                self._declare(name.name, self._width(value))  # the circuit stores it as another list
            case ast.QuantumGateDefinition(name=name, body=body):
                # Its qubits may have the same names as registers.
                outside, self._widths = self._widths, {}
                self._gates[name.name] = self._checked_operations(1 + sum(map(self._operations_of, body)))
                self._widths = outside
            case _:
                self.count(self._operations_of(statement))
                for inner in _inner(statement):
                    self.add(inner)

    def count(self, operations: int) -> None:
        """Count operations."""
        self.operations = self._checked_operations(self.operations + operations)

    def operations_of_gate(self, name: str) -> int:
        """Return the number of operations of a gate on single qubits, with the gates of the program decomposed."""
        return self._gates.get(name, 1)

    def _declare(self, name: str, width: float) -> None:
        self._bits = self._checked_bits(self._bits + width)
        self._widths[name] = int(width)

    def _operations_of(self, statement: ast.Statement | ast.Pragma) -> int:
        match statement:
            case ast.QuantumGate(name=name, qubits=qubits, modifiers=modifiers):
                controls = [modifier for modifier in modifiers if modifier.modifier in _CONTROLS]
                n_controls = self._checked_bits(sum(_bound(m.argument) if m.argument else 1 for m in controls))
                if n_controls >= len(qubits):
                    # Qiskit detects this too, but only after creating the gate.
                    raise ValueError(f"{name.name} has {n_controls} controls and {len(qubits)} qubits in all")
                operations: int = self.operations_of_gate(name.name) * max(map(self._width, qubits), default=1)
                if any(modifier.modifier is ast.GateModifierName.pow for modifier in modifiers):
                    # It becomes a matrix on all its qubits, controls included, which is then decomposed.
                    return operations << 2 * min(len(qubits), _MANY)
                return operations * _cost(n_controls, len(controls), merged=name.name in _MERGED)
            case ast.QuantumBarrier(qubits=qubits) | ast.DelayInstruction(qubits=qubits):
                return sum(map(self._width, qubits)) if qubits else self._bits
            case (
                ast.QuantumReset(qubits=qubit) | ast.QuantumMeasurementStatement(measure=ast.QuantumMeasurement(qubit))
            ):
                return self._width(qubit)
        return 1

    def _width(self, operand: ast.QASMNode) -> int:
        """Return the maximum number of bits of an operand."""
        match operand:
            case ast.Identifier(name=name):
                return self._widths.get(name, 1)
            case ast.IndexedIdentifier(name=collection, indices=[index, *_]) | ast.IndexExpression(collection, index):
                if isinstance(index, ast.DiscreteSet):
                    return len(index.values)
                return self._width(collection) if any(isinstance(item, ast.RangeDefinition) for item in index) else 1
            case ast.Concatenation(lhs=left, rhs=right):
                return self._width(left) + self._width(right)
        return 1

    def _checked_bits(self, bits: float) -> int:
        if bits > self._limits.bits:
            _refuse("too many bits", self._limits.bits)
        return int(bits)

    def _checked_operations(self, operations: int) -> int:
        if operations > self._limits.operations:
            _refuse("too many operations", self._limits.operations)
        return operations


def _cost(n_controls: int, modifiers: int, *, merged: bool) -> int:
    """Estimate the number of operations into which a controlled gate is decomposed."""
    if merged:
        return 1 if n_controls <= _FEW else 30 * n_controls
    return max(int(10 ** min(modifiers, _MANY)), 25 * n_controls**2 if n_controls > 1 else 1)


def _inner(statement: ast.Statement | ast.Pragma) -> Iterator[ast.Statement]:
    """Yield the statements within a statement."""
    for value in vars(statement).values():
        if isinstance(value, list):
            yield from _statements(value)


def _statements(items: Iterable[object]) -> Iterator[ast.Statement]:
    for item in items:
        if isinstance(item, ast.Statement):
            yield item
        elif isinstance(item, tuple):  # a case of a switch statement
            yield from _statements(item)


def _bound(expression: ast.Expression) -> float:
    """Return an upper bound of a constant integer expression."""
    match expression:
        case ast.IntegerLiteral(value=value) | ast.BitstringLiteral(value=value):
            return value
        case ast.UnaryExpression(expression=operand):
            return _bound(operand)
        case ast.BinaryExpression(op=op, lhs=left, rhs=right):
            sides = _bound(left), _bound(right)
            return math.prod(sides) if op.name == "*" else sum(sides)
    return 1


def _refuse(what: str, limit: int) -> NoReturn:
    raise invalid(f"the program has {what}: the emulator takes at most {limit:,}.")
