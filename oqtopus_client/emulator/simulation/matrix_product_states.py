"""Wide parts of little entanglement: matrix product states, with noise by quantum trajectories.

A chain of tensors, one for each qubit, describes a state at a cost that depends on its entanglement rather than on the
number of qubits (Schollwoeck, Ann. Phys. 326, 96 (2011)). Each channel is a mixture of the identity, as often as
possible, and of errors, so which shots have an error is drawn without a look at their states. Shots with the same
errors so far share one state, and all states of a batch pass through each gate together.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from oqtopus_client.emulator.simulation.cost import PATIENCE, Cost
from oqtopus_client.emulator.simulation.gates import PAULIS, unitary
from oqtopus_client.emulator.simulation.interruption import check_interrupt
from oqtopus_client.emulator.simulation.simplification import clifford_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from oqtopus_client.emulator.simulation.operations import Operation, Part

_NEGLIGIBLE = 1e-16
"""Probability that may be cut off a state after a gate; no number of shots shows the difference."""

_BOND = 128
"""Maximum bond dimension of parts too wide for a state vector; narrower ones are left to it earlier."""

_PILOT_SHOTS = 4
"""Number of shots to find out the entanglement of a noisy part; one is enough without noise."""

_PILOT_SECONDS = 1.0
"""Maximum time for these shots."""

_BATCH = 128
"""Maximum number of shots that are simulated together."""

_BATCH_BYTES = 1 << 27
"""Memory for the states of these shots, which is at least that of one."""

_WINDOW = 64
"""Number of operations among which the next one is looked for."""

_SWAP = np.eye(4)[[0, 2, 1, 3]]


def estimate(part: Part, shots: int) -> Cost | None:
    """Return the cost of sampling a part, which a few shots show, or None if it is too entangled.

    None also if that takes too long for a noisy Clifford circuit, which has a fast approximation.
    """
    noisy = part.is_noisy
    pilots = _PILOT_SHOTS if noisy else 1
    longest = _PILOT_SECONDS
    if noisy and clifford_form(part) is not None:
        longest = min(longest, PATIENCE * pilots / shots)
    chain, operations = _on_chain(part)
    states = _States(chain, pilots, np.random.default_rng(0))
    bond = min(_BOND, 2 ** (part.n_qubits / 3 - 2))
    for operation in operations:
        states.apply(operation, part.lifetimes)
        if states.largest_bond > bond or states.seconds > longest:
            return None
    states.divide()
    batches = math.ceil(shots / _batch(states)) if noisy else 1
    seconds = states.seconds * (shots / pilots if noisy else 1) + 5e-5 * len(part.operations) * batches
    megabytes = 4e-6 * states.bytes_per_state() * (_batch(states) if noisy else 1)
    return Cost(seconds + shots * (2.5e-7 * part.n_qubits + 1e-11 * states.bytes_per_state()), megabytes)


def sampler(part: Part, random: np.random.Generator) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function that samples a part.

    Args:
        part: The part.
        random: The source of all randomness.

    Returns:
        A function of the number of shots that returns new outcomes of shape (shots, len(part.measured)) at each call.
    """
    chain, operations = _on_chain(part)

    def evolved(shots: int) -> _States:
        states = _States(chain, shots, random)
        for operation in operations:
            states.apply(operation, part.lifetimes)
        return states

    def sample(shots: int) -> NDArray[np.bool_]:
        outcomes = np.empty((shots, len(part.measured)), bool)
        start, batch = 0, _PILOT_SHOTS
        while start < shots:
            states = noiseless or evolved(min(batch, shots - start))
            drawn = states.measured(min(batch, shots - start))
            outcomes[start : start + batch] = drawn[:, list(part.measured)]
            start, batch = start + batch, _batch(states)
        return outcomes

    noiseless = None if part.is_noisy else evolved(1)
    return sample


def _batch(states: _States) -> int:
    """Return the number of shots to simulate together, if they are like some."""
    return max(1, min(_BATCH, _BATCH_BYTES // states.bytes_per_state()))


@lru_cache(maxsize=4)
def _on_chain(part: Part) -> tuple[list[int], list[Operation]]:
    """Return the order of the qubits and of the operations."""
    chain = _order(part)
    return chain, list(_by_place(part.operations, chain))


def _order(part: Part) -> list[int]:
    """Return the qubits in an order in which those that gates join are near each other.

    It is that of the second eigenvector of the graph's Laplacian (Barnard, Pothen and Simon, 1993).
    """
    laplacian = np.zeros((part.n_qubits, part.n_qubits))
    for first, second in {operation.qubits for operation in part.operations if len(operation.qubits) > 1}:
        laplacian[first, second] = laplacian[second, first] = -1
    laplacian -= np.diag(laplacian.sum(axis=1))
    vector = np.linalg.eigh(laplacian)[1][:, :2][:, -1]
    order: list[int] = np.argsort(vector.round(9), kind="stable").tolist()
    return order


def _by_place(operations: Sequence[Operation], chain: Sequence[int]) -> Iterator[Operation]:
    """Yield operations in an order with the same effect in which each is near the one before."""
    places = {qubit: place for place, qubit in enumerate(chain)}
    waiting = list(reversed(operations))
    place = 0
    while waiting:
        blocked: set[int] = set()
        nearest, distance = -1, math.inf
        for index in range(len(waiting) - 1, max(-1, len(waiting) - 1 - _WINDOW), -1):
            qubits = waiting[index].qubits
            away = abs(places[qubits[0]] - place)
            if away < distance and blocked.isdisjoint(qubits):
                nearest, distance = index, away
            blocked.update(qubits)
        operation = waiting.pop(nearest)
        place = places[operation.qubits[0]]
        yield operation


class _States:
    """The states of several shots.

    Every tensor has axes for the states, the bond to the left, the qubit, and the bond to the right. Tensors left of
    the center are isometries from the left, those right of it from the right, so the center has the state's norm. The
    two qubits of the latest gate share one tensor, which is the center, until it is divided.

    Args:
        chain: The qubits from left to right.
        shots: Number of shots.
        random: The source of all randomness.

    Attributes:
        largest_bond: The largest bond dimension so far.
        seconds: An estimate of the time that gates on two qubits have taken.
    """

    def __init__(self, chain: Sequence[int], shots: int, random: np.random.Generator) -> None:
        self.largest_bond = 1
        self.seconds = 0.0
        self._chain = list(chain)
        self._places = {qubit: place for place, qubit in enumerate(chain)}
        self._tensors = [np.array([1, 0], complex).reshape(1, 1, 2, 1) for _ in chain]
        self._center = 0
        self._pair: NDArray[np.complex128] | None = None
        self._state_of = np.zeros(shots, int)
        self._random = random

    def apply(self, operation: Operation, lifetimes: Sequence[tuple[float, float]]) -> None:
        """Apply an operation to all states, and errors to some."""
        check_interrupt()
        name, qubits, value = operation
        if name == "relax":
            self._relax(qubits[0], value * 1e-3, *lifetimes[qubits[0]])
        elif name == "depolarize":
            self._depolarize(qubits, value)
        elif len(qubits) == 1:
            tensors = self._acting_on(qubits[0])
            tensors[:] = unitary(name, value) @ tensors
        else:
            self._entangle(unitary(name, value), *qubits)

    def _depolarize(self, qubits: tuple[int, ...], probability: float) -> None:
        """Apply random Pauli matrices to the shots with an error."""
        n_paulis = 4 ** len(qubits)
        failing = np.flatnonzero(self._random.random(len(self._state_of)) < probability * (1 - 1 / n_paulis))
        if not len(failing):
            return
        states = self._own_states(failing)
        paulis = self._random.integers(1, n_paulis, len(failing))
        for index, qubit in enumerate(qubits):
            tensors = self._acting_on(qubit)
            tensors[states] = PAULIS[paulis >> 2 * index & 3, np.newaxis] @ tensors[states]

    def _relax(self, qubit: int, time: float, t1: float, t2: float) -> None:
        """Let a qubit relax for a time in the unit of `t1` and `t2`.

        The channel is the identity, with the largest possible probability, or else one of two Kraus operators.
        """
        decay, dephasing = -math.expm1(-time / t1), -math.expm1(-time / t2)
        if not dephasing:
            return
        # The identity's share is the largest one that leaves a positive Choi matrix: all but d^2 / (2 d - decay), with
        # d for the dephasing. The denominator is written without cancellation, as both may be tiny.
        flips = -math.expm1(-time * max(0.0, 2 / t2 - 1 / t1))
        error = dephasing**2 / (dephasing**2 + (1 - decay) * flips)
        failing = np.flatnonzero(self._random.random(len(self._state_of)) < error)
        if not len(failing):
            return
        states = self._own_states(failing)
        self._move_center(self._places[qubit])
        every = self._acting_on(qubit)
        tensors = every[states]
        stay = np.diag([math.sqrt(error), (error - dephasing) / math.sqrt(error)])
        jump = np.array([[0, math.sqrt(decay)], [0, 0]])
        populations = np.einsum("slqr,slqr->sq", tensors, tensors.conj()).real
        jumping = self._random.random(len(failing)) * error * populations.sum(axis=1) < decay * populations[:, 1]
        tensors = np.where(jumping[:, np.newaxis, np.newaxis, np.newaxis], jump, stay) @ tensors
        norms = np.sqrt(np.einsum("slqr,slqr->s", tensors, tensors.conj()).real)
        every[states] = tensors / norms[:, np.newaxis, np.newaxis, np.newaxis]

    def _own_states(self, shots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give each of some shots a state that no other shot shares, and return these states."""
        sharing = shots[np.bincount(self._state_of)[self._state_of[shots]] > 1]
        if len(sharing):
            sources = self._state_of[sharing]
            n_states = len(self._tensors[0])
            self._state_of[sharing] = n_states + np.arange(len(sharing))
            used, self._state_of = np.unique(self._state_of, return_inverse=True)
            copied = np.concatenate([np.arange(n_states), sources])[used]
            self._tensors = [tensors[copied] for tensors in self._tensors]
            self._pair = None if self._pair is None else self._pair[copied]
        return self._state_of[shots]

    def _entangle(self, matrix: NDArray[Any], first: int, second: int) -> None:
        """Apply a matrix to two qubits, after one of them was moved next to the other."""
        while abs(self._places[first] - self._places[second]) > 1:
            place, step = self._places[first], 1 if self._places[first] < self._places[second] else -1
            neighbor = self._chain[place + step]
            self._apply_to_neighbors(_SWAP, min(place, place + step))
            self._chain[place], self._chain[place + step] = neighbor, first
            self._places[first], self._places[neighbor] = place + step, place
        reverse = self._places[first] > self._places[second]
        matrix = _SWAP @ matrix @ _SWAP if reverse else matrix
        self._apply_to_neighbors(matrix, min(self._places[first], self._places[second]))

    def _acting_on(self, qubit: int) -> NDArray[np.complex128]:
        """Return the tensors with an axis for a qubit, to be changed in place; its neighbor may be part of a bond."""
        place = self._places[qubit]
        if self._pair is None or place not in (self._center, self._center + 1):
            return self._tensors[place]
        states, left, _, right = self._pair.shape
        return self._pair.reshape((states, left, 2, -1) if place == self._center else (states, -1, 2, right))

    def _apply_to_neighbors(self, matrix: NDArray[Any], place: int) -> None:
        """Apply a matrix to the qubits at a place and right of it, and let them share a tensor."""
        if self._pair is None or place != self._center:
            self.divide()
            self._move_center(place if self._center <= place else place + 1)
            left, right = self._tensors[place : place + 2]
            states, outer_left, _, inner = left.shape
            both = left.reshape(states, -1, inner) @ right.reshape(states, inner, -1)
            self._pair = both.reshape(states, outer_left, 4, -1)
            self._center = place
        self._pair = matrix @ self._pair

    def divide(self) -> None:
        """Divide the tensor of two qubits, if there is one, and cut off what is negligible."""
        if self._pair is None:
            return
        states, left, _, right = self._pair.shape
        rows, values, columns = np.linalg.svd(self._pair.reshape(states, 2 * left, -1), full_matrices=False)
        lost = np.cumsum(values[:, ::-1] ** 2, axis=1)[:, ::-1]
        bond = max(1, int((lost > _NEGLIGIBLE).sum(axis=1).max()))
        smaller, larger = sorted((left, right))
        self.seconds += states * (4e-6 + smaller * larger * (4e-7 + 1.4e-8 * smaller))
        self.largest_bond = max(self.largest_bond, bond)
        self._tensors[self._center] = rows[:, :, :bond].reshape(states, left, 2, bond)
        remaining = values[:, :bond, np.newaxis] * columns[:, :bond]
        self._center += 1
        self._tensors[self._center] = remaining.reshape(states, bond, 2, right)
        self._pair = None

    def _move_center(self, place: int) -> None:
        if self._pair is not None and place in (self._center, self._center + 1):
            return
        self.divide()
        while self._center < place:
            tensors = self._tensors[self._center]
            states, left, _, right = tensors.shape
            isometry, rest = np.linalg.qr(tensors.reshape(states, -1, right))
            self._tensors[self._center] = isometry.reshape(states, left, 2, -1)
            self._center += 1
            tensors = self._tensors[self._center]
            self._tensors[self._center] = (rest @ tensors.reshape(states, right, -1)).reshape(
                states, -1, *tensors.shape[2:]
            )
        while self._center > place:
            tensors = self._tensors[self._center]
            states, left, _, right = tensors.shape
            isometry, rest = np.linalg.qr(tensors.reshape(states, left, -1).swapaxes(1, 2))
            self._tensors[self._center] = isometry.swapaxes(1, 2).reshape(states, -1, 2, right)
            self._center -= 1
            tensors = self._tensors[self._center]
            self._tensors[self._center] = tensors @ rest.swapaxes(1, 2)[:, np.newaxis]

    def bytes_per_state(self) -> int:
        """Return the memory of one state, if all its bonds are as large as the largest one so far."""
        return 32 * len(self._chain) * self.largest_bond**2

    def measured(self, shots: int) -> NDArray[np.bool_]:
        """Draw outcomes of all qubits, one for each shot, or as many as given if all shots have the same state."""
        self.divide()
        self._move_center(0)
        outcomes = np.empty((shots, len(self._chain)), bool)
        each = np.arange(shots)
        bonds = np.ones((shots, 1, 1), complex)
        for qubit, tensors in zip(self._chain, self._tensors, strict=True):
            states, left, _, right = tensors.shape
            own = tensors if states == 1 else tensors[self._state_of]
            amplitudes = (bonds @ own.reshape(-1, left, 2 * right)).reshape(shots, 2, right)
            probabilities = np.einsum("sqr,sqr->sq", amplitudes, amplitudes.conj()).real
            drawn = self._random.random(shots) * probabilities.sum(axis=1) >= probabilities[:, 0]
            outcomes[:, qubit] = drawn
            bonds = amplitudes[each, drawn.astype(int), np.newaxis]
            bonds /= np.sqrt(probabilities[each, drawn.astype(int), np.newaxis, np.newaxis])
        return outcomes
