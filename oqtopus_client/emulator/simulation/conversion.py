"""Conversion of parsed programs to circuits with the semantics of OpenQASM: `convert`."""

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
    """Convert a parsed program to a circuit, with each angle of a standard gate within two turns of zero.

    Raises:
        Exception: The program is not valid; the type depends on where the package fails.
    """
    circuit: QuantumCircuit = Converter().convert(tree).circuit
    return circuit


class OwnGate:
    """A gate that a program defines, as a function of its arguments' values.

    It gets a name that Qiskit does not use. A program without `stdgates.inc` may define its own `x`, and Qiskit, which
    controls and transpiles gates by name, would execute its own `x` instead.

    Args:
        name: The gate's name.
        define: Returns the gate's definition for some values.
    """

    def __init__(self, name: str, define: Callable[[Sequence[Value]], QuantumCircuit]) -> None:
        self._name = f"own_{name}"
        self._define = define
        self._known: dict[tuple[Value, ...], Gate] = {}

    def __call__(self, *values: Value) -> Gate:
        """Return the gate for these values of its arguments."""
        if values not in self._known:
            definition = self._define(values)
            gate = self._known[values] = Gate(self._name, definition.num_qubits, list(values))
            gate.definition = definition
        return self._known[values]


class Converter(ConvertVisitor):
    """The converter of `qiskit_qasm3_import`, with its errors corrected.

    The package inserts values into a finished gate definition: in the alphabetical order of the arguments, not into
    all parts of controlled gates, and into sums of large angles, which lose their phase. This class converts the
    definition separately for each set of values.
    """

    def visit_QuantumGateDefinition(self, node: ast.QuantumGateDefinition, context: State) -> State:  # noqa: N802
        """Define a gate."""
        gate = OwnGate(node.name.name, lambda values: self._own(node, values, context))
        gate(*[0.7] * len(node.arguments))  # refuses an invalid definition, even of an unused gate
        sizes = len(node.arguments), len(node.qubits)
        return self._define_gate(node.name.name, gate, *sizes, node, context)

    def visit_QuantumGate(self, node: ast.QuantumGate, context: State) -> State:  # noqa: N802
        """Apply a gate."""
        symbol = context.symbol_table.get(node.name.name, node)
        if node.arguments and symbol is not None and not isinstance(symbol.data, OwnGate):
            node = copy.copy(node)
            node.arguments = [self._reduced(argument, context) for argument in node.arguments]
        return super().visit_QuantumGate(node, context)

    def visit_QuantumPhase(self, node: ast.QuantumPhase, context: State) -> State:  # noqa: N802
        """Add a phase, which a circuit stores modulo the float nearest to 2 pi."""
        node = copy.copy(node)
        node.argument = self._reduced(node.argument, context)
        return super().visit_QuantumPhase(node, context)

    def _reduced(self, argument: ast.Expression, context: State) -> ast.Expression:
        """Return the angle within two turns of zero."""
        angle: Any = self._resolve_angle(argument, context)
        if isinstance(angle, ParameterExpression):
            return argument
        if not math.isfinite(angle):  # simulators would accept it
            raise ValueError(f"{angle} is not a valid angle")
        return ast.FloatLiteral(reduced(angle))

    def _own(self, node: ast.QuantumGateDefinition, values: Sequence[Value], context: State) -> QuantumCircuit:
        """Return the definition of a program's gate for those values."""
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
