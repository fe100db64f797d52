"""Noisy parts by quantum trajectories: one state vector for each shot, with randomly drawn errors.

Every operation is a channel: one Kraus operator for no error, and others for its errors. Those for no error are the
same in all shots, so they are multiplied into a few larger matrices beforehand. A shot draws a threshold and evolves
without error until the squared norm of its state, the probability that no error has happened yet, falls below it.
Then the factors of the last matrix are applied instead, and theirs, down to the operation with the error. One of its
errors is drawn, and the shot continues with a new threshold. Outcomes have exactly the distribution of the density
matrix (Dalibard, Castin and Molmer, Phys. Rev. Lett. 68, 580 (1992)). Shots share their evolution up to the first
error.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from functools import lru_cache, reduce
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from oqtopus_client.emulator.simulation.cost import Cost
from oqtopus_client.emulator.simulation.gates import PAULIS, unitary
from oqtopus_client.emulator.simulation.interruption import check_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from oqtopus_client.emulator.simulation.operations import Operation, Part

    _Matrix = NDArray[Any]

_QUBITS = 30
"""Maximum number of qubits; NumPy before 2.0 has arrays of up to 32 axes."""

_WIDTHS = (1, 2, 3, 5)
"""Maximum numbers of qubits of products, from the smallest ones to the largest."""

_WINDOW = 64
"""Number of steps among which the factors of a product are looked for."""

_MULTIPLICATIONS = 15
"""Binary logarithm of the number of multiplications in a matrix product.

OpenBLAS computes larger ones with a thread for each core, but every core may be busy with a simulation already.
"""


def estimate(part: Part, shots: int) -> Cost | None:
    """Return the cost of sampling a part, or None if it has too many qubits."""
    if part.n_qubits > _QUBITS:
        return None
    products = 1 + sum(len(operation.qubits) > 1 for operation in part.operations) / 4
    errors = _expected_errors(part)
    # After its first error, at any place alike, a shot evolves alone; to find the place of an error costs 12 products.
    alone = 1 + math.expm1(-errors) / errors if errors else 0.0
    seconds = (products + shots * (products * alone + 12 * errors)) * (1.2e-5 + 3.5e-9 * 2**part.n_qubits)
    seconds += shots * 2e-8 * 2**part.n_qubits * -math.expm1(-errors)
    return Cost(
        seconds + 1e-5 * len(part.operations), 96e-6 * 2**part.n_qubits + 3e-3 * len(part.operations) + 16e-6 * shots
    )


def _expected_errors(part: Part) -> float:
    """Return the expected number of errors of a shot, if ones and zeros are equally frequent."""
    noise = Counter(operation for operation in part.operations if operation.name in ("relax", "depolarize"))
    expected = 0.0
    for operation, repetitions in noise.items():
        step = _step(operation, part.lifetimes)
        expected += repetitions * (1 - float(np.linalg.norm(step.matrix)) ** 2 / len(step.matrix))
    return max(0.0, expected)


def sampler(part: Part, random: np.random.Generator) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function that samples a part.

    Args:
        part: The part.
        random: The source of all randomness.

    Returns:
        A function of the number of shots that returns new outcomes of shape (shots, len(part.measured)) at each call.
    """
    steps: Iterable[_Step] = (_step(operation, part.lifetimes) for operation in part.operations)
    for width in _WIDTHS:
        steps = _multiplied(steps, width)
    steps, qubits, measured = list(steps), tuple(range(part.n_qubits)), np.array(part.measured, int)

    def sample(shots: int) -> NDArray[np.bool_]:
        outcomes = random.permutation(np.concatenate(list(_outcomes(steps, qubits, shots, random))))
        bits: NDArray[np.bool_] = outcomes[:, np.newaxis] >> measured & 1 == 1
        return bits

    return sample


def _outcomes(
    steps: Sequence[_Step], qubits: tuple[int, ...], shots: int, random: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yield the outcomes of all qubits, qubit 0 in the lowest bit; those of shots without error come last."""
    state = _State(np.eye(1 << len(qubits), 1, dtype=complex), qubits)
    thresholds = np.sort(random.random(shots))
    for index, step in enumerate(steps):
        if not len(thresholds):
            break
        after = state.after(step)
        faultless = int(np.searchsorted(thresholds, after.probability()))
        for threshold in thresholds[faultless:]:
            shot = _Shot(state, threshold, random)
            for later in steps[index:]:
                shot.advance(later)
            yield shot.state.drawn(1, random)
        thresholds, state = thresholds[:faultless], after
    yield state.drawn(len(thresholds), random)


class _Shot:
    """One shot.

    Attributes:
        state: Its state, normalized after each error.
    """

    def __init__(self, state: _State, threshold: float, random: np.random.Generator) -> None:
        self.state = state
        self._threshold = threshold
        self._random = random

    def advance(self, step: _Step) -> None:
        """Take a step, with the errors that happen in it."""
        if self._passes(step):
            return
        if step.errors is not None:
            self._fail(step.errors, step.qubits)
        for factor in step.factors:
            self.advance(factor)

    def _passes(self, step: _Step) -> bool:
        """Take a step if no error happens in it, and return whether it did."""
        after = self.state.after(step)
        # Rounding errors may move the norm across the threshold in a step without errors.
        passes = after.probability() > self._threshold or not (step.factors or step.errors is not None)
        if passes:
            self.state = after
        return passes

    def _fail(self, errors: _Matrix, qubits: Sequence[int]) -> None:
        """Apply one of several errors, and draw the next threshold."""
        columns, order = self.state.columns(qubits)
        density = (columns @ columns.conj().swapaxes(1, 2)).sum(axis=0)
        probabilities = np.cumsum(np.einsum("eij,jk,eik->e", errors, density, errors.conj()).real)
        error = int(np.searchsorted(probabilities, self._random.random() * probabilities[-1], side="right"))
        after = _State(errors[min(error, len(errors) - 1)] @ columns, order)
        self.state = _State(after.amplitudes / math.sqrt(after.probability()), order)
        self._threshold = self._random.random()


class _State(NamedTuple):
    """A state vector, or the columns of a matrix.

    Attributes:
        amplitudes: An axis of length 2 for each qubit and one for the columns, flattened and reshaped at will.
        order: The qubits, in the order of their axes.
    """

    amplitudes: _Matrix
    order: tuple[int, ...]

    def after(self, step: _Step) -> _State:
        """Return the state after a step without error, not normalized."""
        check_interrupt()
        columns, order = self.columns(step.qubits)
        return _State(step.matrix @ columns, order)

    def columns(self, qubits: Sequence[int]) -> tuple[_Matrix, tuple[int, ...]]:
        """Return the amplitudes as a stack of matrices with rows for some qubits, and the order of the axes."""
        rows = [self.order.index(qubit) for qubit in qubits]
        others = [axis for axis in range(len(self.order)) if axis not in rows]
        stacked = max(0, len(others) + 2 * len(rows) - _MULTIPLICATIONS)
        axes = [*others[:stacked], *rows, *others[stacked:]]
        tensor = self.amplitudes.reshape((2,) * len(axes) + (-1,)).transpose(*axes, len(axes))
        return tensor.reshape(1 << stacked, 1 << len(rows), -1), tuple(self.order[axis] for axis in axes)

    def probability(self) -> float:
        """Return the squared norm."""
        flat = self.amplitudes.ravel().view(float)
        return float(np.einsum("i,i", flat, flat))  # in one thread, unlike `np.vdot`

    def drawn(self, shots: int, random: np.random.Generator) -> NDArray[np.int64]:
        """Draw outcomes of all qubits, qubit 0 in the lowest bit."""
        flat = self.amplitudes.ravel()
        cumulated = np.cumsum(flat.real**2 + flat.imag**2)
        drawn = np.searchsorted(cumulated, random.random(shots) * cumulated[-1], side="right")
        outcomes = np.zeros(shots, np.int64)
        for place, qubit in enumerate(reversed(self.order)):
            outcomes |= (drawn >> place & 1) << qubit
        return outcomes


class _Step(NamedTuple):
    """An operation, or the product of several.

    Attributes:
        qubits: Its qubits, from the highest bit of the matrices' indices to the lowest.
        matrix: The Kraus operator for no error.
        errors: The other Kraus operators of an operation.
        factors: The steps that the matrix is the product of.
    """

    qubits: tuple[int, ...]
    matrix: _Matrix
    errors: _Matrix | None = None
    factors: Sequence[_Step] = ()


def _multiplied(steps: Iterable[_Step], width: int) -> Iterator[_Step]:
    """Yield products of steps, of `width` qubits at most, that together do the same."""
    waiting = deque(steps)
    while waiting:
        window = [waiting.popleft() for _ in range(min(_WINDOW, len(waiting)))]
        qubits = set(window[0].qubits)
        first, others = _split(window, qubits)
        while len(qubits) < width:
            near = {qubit for step in others if not qubits.isdisjoint(step.qubits) for qubit in step.qubits} - qubits
            if not near:
                break
            qubits = max((qubits | {qubit} for qubit in near), key=lambda wider: len(_split(window, wider)[0]))
            first, others = _split(window, qubits)
        waiting.extendleft(reversed(others))
        yield _product(first) if len(first) > 1 else first[0]


def _split(steps: Iterable[_Step], qubits: set[int]) -> tuple[list[_Step], list[_Step]]:
    """Return the steps on only some qubits that may come before all others, and these others."""
    first: list[_Step] = []
    others: list[_Step] = []
    blocked: set[int] = set()
    for step in steps:
        if qubits.issuperset(step.qubits) and blocked.isdisjoint(step.qubits):
            first.append(step)
        else:
            others.append(step)
            blocked.update(step.qubits)
    return first, others


def _product(factors: Sequence[_Step]) -> _Step:
    qubits = tuple(dict.fromkeys(qubit for factor in factors for qubit in factor.qubits))
    identity = _State(np.eye(1 << len(qubits), dtype=complex), qubits)
    matrix = reduce(_State.after, factors, identity)
    return _Step(qubits, matrix.columns(qubits)[0].reshape(1 << len(qubits), -1), factors=factors)


def _step(operation: Operation, lifetimes: Sequence[tuple[float, float]]) -> _Step:
    name, qubits, value = operation
    if name == "relax":
        return _Step(qubits, *_relaxation(value * 1e-3, *lifetimes[qubits[0]]))
    if name == "depolarize":
        return _Step(qubits, *_depolarization(value, len(qubits)))
    return _Step(qubits, unitary(name, value))


@lru_cache(1024)
def _relaxation(time: float, t1: float, t2: float) -> tuple[_Matrix, _Matrix]:
    """Return the Kraus operators of amplitude damping and a phase flip: for neither, and for either or both."""
    decay = -math.expm1(-time / t1)
    flip = max(0.0, -math.expm1(-time * (1 / t2 - 0.5 / t1)) / 2)
    undecayed = np.array([1, math.sqrt(1 - decay)])
    decayed = [[0, math.sqrt(decay)], [0, 0]]  # its phase has no effect
    flipped = math.sqrt(flip) * np.diag(undecayed * [1, -1])
    return math.sqrt(1 - flip) * np.diag(undecayed), np.array([decayed, flipped])


@lru_cache(1024)
def _depolarization(probability: float, n_qubits: int) -> tuple[_Matrix, _Matrix]:
    """Return the Kraus operators: the identity, and all other Pauli matrices."""
    identity, *others = (reduce(np.kron, factors) for factors in product(PAULIS, repeat=n_qubits))
    each = probability / 4**n_qubits
    return math.sqrt(1 - probability + each) * identity, math.sqrt(each) * np.array(others)
