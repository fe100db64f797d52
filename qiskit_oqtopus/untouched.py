"""Qubits that are in |0> because nothing has acted on them, wherever swaps have moved them: `Untouched`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import ParameterExpression

if TYPE_CHECKING:
    import numpy.typing as npt
    from qiskit.circuit import CircuitInstruction

    Matrix = npt.NDArray[np.complexfloating[Any, Any]]

_PAIR = 2
_ROUNDING = 1e-7


@dataclass
class _Block:
    """One or two qubits, and what has acted on them and on no other qubit since the block began.

    Attributes:
        qubits: The qubits.
        zeros: Which of them began in |0>; the others may have begun in any state.
        matrix: What has acted on them, the first qubit the lowest bit.
    """

    qubits: tuple[int, ...]
    zeros: frozenset[int]
    matrix: Matrix

    def act(self, matrix: Matrix, place: tuple[int, ...]) -> None:
        """Let a gate act on some of the qubits."""
        if len(place) < len(self.qubits):
            identity = np.eye(2, dtype=complex)
            matrix = np.kron(identity, matrix) if place[0] == self.qubits[0] else np.kron(matrix, identity)
        elif place != self.qubits:
            matrix = matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4)
        self.matrix = matrix @ self.matrix

    def state(self, qubit: int, zeros: frozenset[int]) -> Matrix | None:
        """A rotation from |0> to the state that a qubit is in whatever the others are in; None if it depends on them.

        Args:
            qubit: The qubit.
            zeros: Which qubits began in |0>.
        """
        size = len(self.qubits)
        axes = {each: size - 1 - i for i, each in enumerate(self.qubits)}
        inputs: list[slice | int] = [slice(None)] * size
        for zero in zeros:
            inputs[axes[zero]] = 0
        tensor = self.matrix.reshape((2,) * 2 * size)[(..., *inputs)]
        rotation, weights, _ = np.linalg.svd(np.moveaxis(tensor, axes[qubit], 0).reshape(2, -1))
        return rotation if weights[1:].sum() < _ROUNDING else None


class Untouched:
    """Follows the untouched qubits of a circuit through its instructions.

    The transpiler moves qubits about before they are used, and a reset with them: then gates have acted on the reset
    qubit, but what it holds is the |0> of an untouched one. Gates on two qubits are multiplied for as long as they act
    on the same two, which shows whether they swap.

    Args:
        num_qubits: How many qubits the circuit has.
    """

    def __init__(self, num_qubits: int) -> None:
        identity = np.eye(2, dtype=complex)
        self._blocks = {qubit: _Block((qubit,), frozenset([qubit]), identity) for qubit in range(num_qubits)}
        self._acted: set[int] = set()
        self._moved: set[int] = set()
        # Angles in place of parameters: what holds for angles without a pattern holds for all.
        self._probes = np.random.default_rng(seed=0)

    def __contains__(self, qubit: int) -> bool:
        if qubit not in self._acted:
            return True
        self._close(qubit)
        block = self._blocks[qubit]
        return qubit in self._moved and bool(block.zeros) and abs(block.matrix[1, 0]) < _ROUNDING

    def add(self, item: CircuitInstruction, place: tuple[int, ...]) -> None:
        """Follow the untouched qubits through a standard gate or a measurement."""
        self._acted.update(place)
        if len(place) > _PAIR or not item.is_standard_gate():
            for qubit in place:
                self._close(qubit)
                self._blocks[qubit].zeros = frozenset()
            return
        if not set(place) <= set(self._blocks[place[0]].qubits):
            for qubit in place:
                self._close(qubit)
            first, second = (self._blocks[qubit] for qubit in place)
            pair = _Block(place, first.zeros | second.zeros, np.kron(second.matrix, first.matrix))
            self._blocks |= dict.fromkeys(place, pair)
        block = self._blocks[place[0]]
        if block.zeros:
            block.act(self._matrix(item), place)

    def _close(self, qubit: int) -> None:
        """Give a qubit, and one that shares its block, blocks of their own."""
        block = self._blocks[qubit]
        if len(block.qubits) < _PAIR:
            return
        for each in block.qubits:
            state = block.state(each, block.zeros) if block.zeros else None
            zeros = frozenset[int]() if state is None else frozenset([each])
            self._blocks[each] = _Block((each,), zeros, np.eye(2, dtype=complex) if state is None else state)
            if state is not None and block.state(each, block.zeros - {each}) is not None:
                self._moved.add(each)

    def _matrix(self, item: CircuitInstruction) -> Matrix:
        params = [
            self._probes.uniform(1, 6) if isinstance(value, ParameterExpression) and value.parameters else float(value)
            for value in item.params
        ]
        matrix: Matrix = item.operation.base_class(*params).to_matrix()
        return matrix
