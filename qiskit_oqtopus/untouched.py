"""Qubits in |0> that no gate has acted on, also through swaps: `Untouched`; those only with delays: `only_delayed`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import ParameterExpression

if TYPE_CHECKING:
    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction

    Matrix = npt.NDArray[np.complexfloating[Any, Any]]

_PAIR = 2
_ROUNDING = 1e-7


@dataclass
class _Block:
    """One or two qubits, and the product of the gates on them since the block was created.

    Attributes:
        qubits: The qubits.
        zeros: Those of the qubits that were in |0> at first; the others may have been in any state.
        matrix: The product of the gates, with the first qubit as the lowest bit.
    """

    qubits: tuple[int, ...]
    zeros: frozenset[int]
    matrix: Matrix

    def act(self, matrix: Matrix, qargs: tuple[int, ...]) -> None:
        """Apply a gate to some of the qubits."""
        if len(qargs) < len(self.qubits):
            identity = np.eye(2, dtype=complex)
            matrix = np.kron(identity, matrix) if qargs[0] == self.qubits[0] else np.kron(matrix, identity)
        elif qargs != self.qubits:
            matrix = matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4)
        self.matrix = matrix @ self.matrix

    def state(self, qubit: int, zeros: frozenset[int]) -> Matrix | None:
        """Return a rotation from |0> to a qubit's state; None if the state depends on that of other qubits.

        Args:
            qubit: The qubit.
            zeros: The qubits that were in |0> at first.
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
    """The set of a circuit's qubits that hold an untouched |0>, updated instruction by instruction.

    The transpiler may swap qubits before they are used, including those with a reset: gates have then acted on the
    reset qubit, although it holds the |0> of an untouched one. Consecutive gates on the same two qubits are multiplied,
    which shows whether they form a swap.

    Args:
        num_qubits: The circuit's number of qubits.
    """

    def __init__(self, num_qubits: int) -> None:
        identity = np.eye(2, dtype=complex)
        self._blocks = {qubit: _Block((qubit,), frozenset([qubit]), identity) for qubit in range(num_qubits)}
        self._acted: set[int] = set()
        self._moved: set[int] = set()
        # Random angles stand for parameters: an identity that holds for them holds for all angles.
        self._probes = np.random.default_rng(seed=0)

    def __contains__(self, qubit: int) -> bool:
        if qubit not in self._acted:
            return True
        self._close(qubit)
        block = self._blocks[qubit]
        return qubit in self._moved and bool(block.zeros) and abs(block.matrix[1, 0]) < _ROUNDING

    def add(self, item: CircuitInstruction, qargs: tuple[int, ...]) -> None:
        """Update the set for a standard gate or a measurement."""
        self._acted.update(qargs)
        if len(qargs) > _PAIR or not item.is_standard_gate():
            for qubit in qargs:
                self._close(qubit)
                self._blocks[qubit].zeros = frozenset()
            return
        if not set(qargs) <= set(self._blocks[qargs[0]].qubits):
            for qubit in qargs:
                self._close(qubit)
            first, second = (self._blocks[qubit] for qubit in qargs)
            pair = _Block(qargs, first.zeros | second.zeros, np.kron(second.matrix, first.matrix))
            self._blocks |= dict.fromkeys(qargs, pair)
        block = self._blocks[qargs[0]]
        if block.zeros:
            block.act(self._matrix(item), qargs)

    def _close(self, qubit: int) -> None:
        """Split the block of a qubit into single-qubit blocks."""
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


def only_delayed(circuit: QuantumCircuit) -> set[int]:
    """Return the qubits that have delays but no other instructions.

    Qiskit's scheduling passes add delays to all idle qubits of a chip. On devices, where every `rz` and every barrier
    waits for all qubits, these would hold up the others.
    """
    if "delay" not in circuit.count_ops():
        return set()
    busy = {qubit for item in circuit.data if item.name != "delay" for qubit in item.qubits}
    return {index for index, qubit in enumerate(circuit.qubits) if qubit not in busy}
