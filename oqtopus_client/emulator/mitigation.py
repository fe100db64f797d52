"""Readout mitigation as on servers: `{"ro_error_mitigation": "pseudo_inverse"}`."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MAX_BITS = 32
"""Servers do not mitigate wider outcomes."""

_MAX_DENSE_BITS = 16
_GROUP = 8
_ELEMENTS = 1 << 22


def pseudo_inverse(counts: Mapping[str, int], readout: Sequence[tuple[float, float]]) -> dict[str, int]:
    """Correct readout errors that are independent for each bit.

    The inverse of each bit's 2x2 assignment matrix gives quasi-probabilities; the probability distribution nearest to
    these (Smolin, Gambetta, Smith, Phys. Rev. Lett. 108, 070502 (2012)), multiplied by the shots and truncated to
    integers, is the result. So counts may add up to less than the shots, and zero counts appear, as on servers.

    Up to 16 bits, all `2**n` outcomes are included; beyond, only the observed ones. Their quasi-probabilities are the
    same, and the result is the nearest distribution on them.

    Servers use the errors of the wrong qubits if the program was transpiled, has two registers, or is one of several.
    This function does not imitate that: the caller specifies the measured qubits.

    Args:
        counts: Counts by outcome, classical bit 0 rightmost.
        readout: `(prob_meas1_prep0, prob_meas0_prep1)` of the qubit read into each classical bit, bit 0 first;
            `(0, 0)` for a bit without measurement.

    Raises:
        ValueError: There are more than 32 bits, or an outcome's length differs from that of `readout`.

    >>> pseudo_inverse({"0": 540, "1": 460}, [(0.1, 0.2)])
    {'0': 485, '1': 514}
    """
    width = len(readout)
    if width > MAX_BITS:
        raise ValueError(f"Readout mitigation takes up to {MAX_BITS} bits, not {width}.")
    wrong = next((outcome for outcome in counts if len(outcome) != width), None)
    if wrong is not None:
        raise ValueError(f"Outcome {wrong!r} has {len(wrong)} bits, readout errors are given for {width}.")
    if not counts:
        return {}
    shots = sum(counts.values())
    observed = np.array([int(outcome or "0", 2) for outcome in counts], dtype=np.int64)
    probabilities = np.array(list(counts.values()), dtype=float) / shots
    inverses = [np.linalg.pinv([[1 - p10, p01], [p10, 1 - p01]]) for p10, p01 in readout]
    if width <= _MAX_DENSE_BITS:
        outcomes: NDArray[np.int64] = np.arange(2**width)
        quasi, excess = _on_all(observed, probabilities, inverses), 0.0
    else:
        outcomes = observed
        quasi = _on_observed(observed, probabilities, inverses)
        excess = quasi.sum() - 1
    nearest = _nearest_distribution(quasi, excess)
    kept = np.flatnonzero(nearest > 0)
    texts = (format(outcome, f"0{width}b") if width else "" for outcome in outcomes[kept].tolist())
    return dict(zip(texts, (nearest[kept] * shots).astype(int).tolist(), strict=True))


def _on_all(observed: NDArray[np.int64], probabilities: NDArray[Any], inverses: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the quasi-probabilities of all outcomes: one axis per bit, the highest first, inverted in turn."""
    quasi = np.zeros(2 ** len(inverses))
    quasi[observed] = probabilities
    quasi = quasi.reshape((2,) * len(inverses))
    for bit, inverse in enumerate(inverses):
        axis = len(inverses) - 1 - bit
        quasi = np.moveaxis(np.tensordot(inverse, quasi, axes=(1, axis)), 0, axis)
    return quasi.ravel()


def _on_observed(
    observed: NDArray[np.int64], probabilities: NDArray[Any], inverses: Sequence[NDArray[Any]]
) -> NDArray[Any]:
    """Return the quasi-probabilities of the observed outcomes, from their rows and columns of the inverse alone.

    The inverse for up to eight bits is a table of 256 x 256, and an element of the whole inverse is a product of up to
    four table entries. Rows are processed in blocks to bound the memory.
    """
    groups = [inverses[low : low + _GROUP] for low in range(0, len(inverses), _GROUP)]
    tables = [reduce(lambda low, high: np.kron(high, low), group) for group in groups]
    digits = [(observed >> (_GROUP * k)) % (1 << _GROUP) for k in range(len(tables))]
    quasi = np.empty(len(observed))
    step = max(1, _ELEMENTS // len(observed))
    for start in range(0, len(observed), step):
        rows = slice(start, start + step)
        elements = [table[np.ix_(digit[rows], digit)] for table, digit in zip(tables, digits, strict=True)]
        quasi[rows] = reduce(np.multiply, elements) @ probabilities
    return quasi


def _nearest_distribution(quasi: NDArray[Any], excess: float) -> NDArray[Any]:
    """Return the probability distribution nearest to numbers whose sum exceeds one by `excess`, by the sum of squares.

    The smallest numbers become zero as long as they stay negative with an equal share of what those before them owe.
    The debt is added up in ascending order, as on servers: its rounding error decides whether a certain outcome is
    999 of 1000 when it is cut to an integer.
    """
    order = np.argsort(quasi, kind="stable")
    rising = quasi[order]
    owed = np.concatenate(([0.0], np.cumsum(rising)[:-1])) - excess
    shares = owed / np.arange(len(quasi), 0, -1)
    first = int(np.argmax(rising + shares >= 0))
    nearest: NDArray[Any] = np.zeros(len(quasi))
    nearest[order[first:]] = rising[first:] + shares[first]
    return nearest
