"""Outcomes drawn from the probabilities of all: `drawer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


def drawer(
    probabilities: NDArray[np.float64], measured: Sequence[int], random: np.random.Generator
) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function of the number of shots that draws new outcomes, of shape (shots, len(measured)).

    Args:
        probabilities: The probability of each outcome of all qubits, which is overwritten; qubit 0 is the lowest bit of
            the index.
        measured: The qubits to return, in this order.
        random: The source of random numbers.
    """
    cumulative = np.cumsum(probabilities, out=probabilities)
    last = len(cumulative) - 1

    def draw(shots: int) -> NDArray[np.bool_]:
        drawn = np.searchsorted(cumulative, random.random(shots) * cumulative[-1], side="right")
        return bits_of(np.minimum(drawn, last), measured)

    return draw


def bits_of(outcomes: NDArray[np.int64], qubits: Sequence[int]) -> NDArray[np.bool_]:
    """Return these qubits' bits, in their order, of outcomes as integers; the shape is (outcomes, qubits)."""
    return (outcomes[:, np.newaxis] >> np.asarray(qubits, np.int64) & 1).astype(bool)
