"""Parsed programs to circuits that do what OpenQASM says: `convert`."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, TypeAlias

from openqasm3 import ast
from qiskit.circuit import Gate, ParameterExpression, Qubit
from qiskit_qasm3_import import types
from qiskit_qasm3_import.converter import ConvertVisitor
from qiskit_qasm3_import.data import Scope, Symbol
from qiskit_qasm3_import.state import GateScope

from oqtopus_client.angles import reduced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qiskit import QuantumCircuit
    from qiskit_qasm3_import.state import State

    Value: TypeAlias = float | ParameterExpression


def convert(tree: ast.Program) -> QuantumCircuit:
    """The circuit of a parsed program, with each angle of a standard gate within two turns of zero.

    Raises:
        Exception: It makes no sense; of whatever kind the package stumbles over.
    """
    circuit: QuantumCircuit = _Converter().convert(tree).circuit
    return circuit


class _OwnGate:
    """A gate that a program defines itself, by the values of its arguments.

    Its name becomes one that Qiskit has for no gate. A program that does not include `stdgates.inc` may well define an
    `x` of its own, and whatever goes by names, as Qiskit does to control and transpile gates, would execute Qiskit's.

    Args:
        name: Its name.
        define: What it consists of for some values.
    """

    def __init__(self, name: str, define: Callable[[Sequence[Value]], QuantumCircuit]) -> None:
        self._name = f"own_{name}"
        self._define = define
        self._known: dict[tuple[Value, ...], Gate] = {}

    def __call__(self, *values: Value) -> Gate:
        if values not in self._known:
            definition = self._define(values)
            gate = self._known[values] = Gate(self._name, definition.num_qubits, list(values))
            gate.definition = definition
        return self._known[values]


class _Converter(ConvertVisitor):
    """What `qiskit_qasm3_import` does, except where that is not what the program says.

    The package puts values into a gate's definition when it is done: in the alphabetical order of its arguments, not
    into all that Qiskit makes of controlled gates, and into sums of large angles, which lose their phase. Here, a
    definition is converted for each set of values.
    """

    def visit_QuantumGateDefinition(self, node: ast.QuantumGateDefinition, context: State) -> State:  # noqa: N802
        """Define a gate of the program's own."""
        gate = _OwnGate(node.name.name, lambda values: self._own(node, values, context))
        gate(*[0.7] * len(node.arguments))  # what makes no sense is refused, called or not
        sizes = len(node.arguments), len(node.qubits)
        return self._define_gate(node.name.name, gate, *sizes, node, context)

    def visit_QuantumGate(self, node: ast.QuantumGate, context: State) -> State:  # noqa: N802
        """Apply a gate."""
        symbol = context.symbol_table.get(node.name.name, node)
        if node.arguments and symbol is not None and not isinstance(symbol.data, _OwnGate):
            node = copy.copy(node)
            node.arguments = [self._reduced(argument, context) for argument in node.arguments]
        return super().visit_QuantumGate(node, context)

    def visit_QuantumPhase(self, node: ast.QuantumPhase, context: State) -> State:  # noqa: N802
        """Add a phase, which a circuit has modulo the float next to 2 pi."""
        node = copy.copy(node)
        node.argument = self._reduced(node.argument, context)
        return super().visit_QuantumPhase(node, context)

    def _reduced(self, argument: ast.Expression, context: State) -> ast.Expression:
        """An angle within two turns of zero."""
        angle: Any = self._resolve_angle(argument, context)
        if isinstance(angle, ParameterExpression):
            return argument
        if not math.isfinite(angle):  # simulators would make something of it
            raise ValueError(f"{angle} is no angle")
        return ast.FloatLiteral(reduced(angle))

    def _own(self, node: ast.QuantumGateDefinition, values: Sequence[Value], context: State) -> QuantumCircuit:
        """What a gate of the program's own consists of for those values."""
        with GateScope(context) as inner:
            symbols: Any = inner.symbol_table
            for argument, value in zip(node.arguments, values, strict=True):
                symbols.insert(Symbol(argument.name, value, types.Angle(), Scope.GATE, node))
            for name in node.qubits:
                qubit = Qubit()
                inner.circuit.add_bits([qubit])
                symbols.insert(Symbol(name.name, qubit, types.Qubit(), Scope.GATE, node))
            for statement in node.body:
                self.visit(statement, inner)
        circuit: QuantumCircuit = inner.circuit
        return circuit
