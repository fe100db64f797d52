"""Readout errors as matrices, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

import numpy as np

from qiskit_oqtopus.primitives.counts import Outcomes

FACTORS = {"I": (1.0, 1.0), "Z": (1.0, -1.0), "0": (1.0, 0.0), "1": (0.0, 1.0)}


def diagonal(label: str) -> np.ndarray:
    """Return a term's value in each state of the computational basis."""
    return reduce(np.kron, [np.array(FACTORS[letter]) for letter in label])


def misreading(errors: np.ndarray) -> np.ndarray:
    """Return the matrix from probabilities of states to those of outcomes; bit 0 is the last factor."""
    return reduce(np.kron, [np.array([[1 - a, b], [a, 1 - b]]) for a, b in reversed(errors)])


def outcomes(counts: np.ndarray) -> Outcomes:
    """Return a histogram over all outcomes."""
    seen = np.flatnonzero(counts)
    width = int(math.log2(len(counts)))
    return Outcomes((seen[:, None] >> np.arange(width) & 1).astype(np.uint8), counts[seen])


def basis_state(index: int, width: int) -> np.ndarray:
    """Return the probabilities of a state of the computational basis."""
    return np.eye(2**width)[index]


def multinomial_covariance(frequencies: np.ndarray, shots: int) -> np.ndarray:
    """Return the covariance of frequencies."""
    return (np.diag(frequencies) - np.outer(frequencies, frequencies)) / (shots - 1)


def gradient(function: Callable[[np.ndarray], float], point: np.ndarray) -> np.ndarray:
    """Return the derivatives of a function, from differences."""
    step = 1e-6
    return np.array(
        [(function(point + step * e) - function(point - step * e)) / (2 * step) for e in np.eye(len(point))]
    )
