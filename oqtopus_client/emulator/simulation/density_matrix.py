"""Noisy parts of few qubits: outcomes are drawn from the probabilities of all, noise included.

The state is the real tensor of the expectation values of all Pauli strings, which takes half the memory of the density
matrix. Operations are real matrices on the four operators I, X, Y, Z of a qubit, or the sixteen of two. Those on the
same one or two qubits are multiplied before they are applied to the state.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from oqtopus_client.emulator.simulation.cost import Cost
from oqtopus_client.emulator.simulation.drawing import drawer
from oqtopus_client.emulator.simulation.gates import PAULIS, unitary
from oqtopus_client.emulator.simulation.interruption import check_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from oqtopus_client.emulator.simulation.operations import Part

    _Real = NDArray[np.float64]

_QUBITS = 30
_ONE, _TWO = 4, 16
_COLUMN_AXES = 3
"""Number of axes whose values are the columns of a matrix product.

OpenBLAS computes larger products with a thread for each core, but every core may be busy with a simulation already.
"""

_ZERO_STATE = np.array([1.0, 0, 0, 1])
_OUTCOMES = np.array([[0.5, 0, 0, 0.5], [0.5, 0, 0, -0.5]])
_ANY_OUTCOME = np.array([[1.0, 0, 0, 0]])


def estimate(part: Part, shots: int) -> Cost | None:
    """Estimate the cost, which hardly depends on the number of shots; None for more qubits than any machine holds."""
    if part.n_qubits > _QUBITS:
        return None
    elements = 4.0**part.n_qubits
    pairs = Counter(len(operation.qubits) for operation in part.operations)[2]
    seconds = 1e-3 + 4e-6 * len(part.operations) + pairs * (2e-5 + 2e-9 * elements) + 1e-7 * shots
    return Cost(seconds, 3 * 8 * elements / (1 << 20))


def sampler(part: Part, random: np.random.Generator) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function that draws outcomes of a part.

    Args:
        part: The part.
        random: The source of its random numbers.
    """
    return drawer(probabilities(part), range(len(part.measured)), random)


def probabilities(part: Part) -> _Real:
    """Return the probability of each outcome; the first measured qubit is the lowest bit of the index."""
    state = _State(part.n_qubits)
    for name, qubits, value in part.operations:
        times = part.lifetimes[qubits[0]] if name == "relax" else (math.inf, math.inf)
        state.apply(_matrix(name, value, len(qubits), *times), qubits)
    return state.probabilities(part.measured)


class _State:
    """Expectation values of all Pauli strings, and matrices that are not yet applied to them."""

    def __init__(self, n_qubits: int) -> None:
        self._values = np.ones(())
        for _ in range(n_qubits):
            self._values = np.multiply.outer(self._values, _ZERO_STATE)
        self._axes = list(range(n_qubits))
        self._pairs: dict[int, tuple[int, int]] = {}
        self._of_pair: dict[tuple[int, int], _Real] = {}
        self._of_qubit = [np.eye(_ONE) for _ in range(n_qubits)]

    def apply(self, matrix: _Real, qubits: tuple[int, ...]) -> None:
        """Apply a matrix on the operators of one or two qubits; the first is the higher digit of its index."""
        if len(qubits) == 1:
            self._of_qubit[qubits[0]] = matrix @ self._of_qubit[qubits[0]]
            return
        first, second = qubits
        before = _product(self._of_qubit[first], self._of_qubit[second])
        self._of_qubit[first] = self._of_qubit[second] = np.eye(_ONE)
        pair = self._pairs.get(first)
        if pair is not None and pair == self._pairs.get(second):
            if pair != qubits:
                matrix, before = _swapped(matrix), _swapped(before)
            self._of_pair[pair] = matrix @ before @ self._of_pair[pair]
            return
        for qubit in qubits:
            self._flush(qubit)
        self._pairs[first] = self._pairs[second] = (first, second)
        self._of_pair[first, second] = matrix @ before

    def probabilities(self, measured: Sequence[int]) -> _Real:
        """Return the probability of each outcome of the measured qubits, of which the first is the lowest bit."""
        for qubit in list(self._pairs):
            self._flush(qubit)
        for qubit, matrix in enumerate(self._of_qubit):
            self._contract((_OUTCOMES if qubit in measured else _ANY_OUTCOME) @ matrix, [qubit])
        axes = [self._axes.index(qubit) for qubit in reversed(measured)]
        rest = [axis for axis in range(len(self._axes)) if axis not in axes]
        return np.maximum(self._values.transpose(rest + axes).ravel(), 0)

    def _flush(self, qubit: int) -> None:
        """Apply the matrix of the qubit's pair, if it has one."""
        if qubit in self._pairs:
            pair = self._pairs[qubit]
            for other in pair:
                del self._pairs[other]
            self._contract(self._of_pair.pop(pair), list(pair))

    def _contract(self, matrix: _Real, qubits: list[int]) -> None:
        """Apply a matrix to the values, by small blocks."""
        check_interrupt()
        others = [qubit for qubit in self._axes if qubit not in qubits]
        stacked, columns = others[:-_COLUMN_AXES], others[-_COLUMN_AXES:]
        axes = [*stacked, *qubits, *columns]
        values = self._values.transpose([self._axes.index(qubit) for qubit in axes])
        before, after = values.shape[: len(stacked)], values.shape[len(stacked) + len(qubits) :]
        rows = [round(len(matrix) ** (1 / len(qubits)))] * len(qubits)
        product = matrix @ values.reshape(math.prod(before), matrix.shape[1], math.prod(after))
        self._values, self._axes = product.reshape(*before, *rows, *after), axes


def _product(first: _Real, second: _Real) -> _Real:
    """Return the matrix of two qubits from those of each; `np.kron` takes five times as long."""
    return (first[:, None, :, None] * second[None, :, None, :]).reshape(_TWO, _TWO)


def _swapped(matrix: _Real) -> _Real:
    """Return a matrix of two qubits with the qubits exchanged."""
    return matrix.reshape(_ONE, _ONE, _ONE, _ONE).transpose(1, 0, 3, 2).reshape(_TWO, _TWO)


@lru_cache(maxsize=1 << 14)
def _matrix(name: str, value: float, n_qubits: int, t1: float, t2: float) -> _Real:
    """Return an operation's effect on expectation values."""
    if name == "relax":
        kept, coherent = math.exp(-value * 1e-3 / t1), math.exp(-value * 1e-3 / t2)
        matrix = np.diag([1, coherent, coherent, kept])
        matrix[3, 0] = 1 - kept
        return matrix
    if name == "depolarize":
        return np.diag([1.0] + [1 - value] * (4**n_qubits - 1))
    return _of_unitary(unitary(name, value))


def _of_unitary(gate: NDArray[np.complex128]) -> _Real:
    strings = PAULIS if len(gate) == len(PAULIS[0]) else np.array([np.kron(p, q) for p in PAULIS for q in PAULIS])
    turned = gate.conj().T @ strings @ gate
    matrix: _Real = np.einsum("iab,jba->ij", turned, strings).real / len(gate)
    return matrix
