"""Division of shots among the randomizations of a circuit, and the bits that these flip."""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_FOR_MEASUREMENTS = 8
"""Randomizations if only measurements are twirled; the flips of complementary pairs cancel even with two."""

_FOR_GATES = 16
"""Randomizations if gates are twirled: as many values, whose spread gives the standard error to a fifth."""

_LEAST_SHOTS = 64
"""The fewest shots of a randomization, if their number is chosen here."""

Number = int | Literal["auto"]


def shots_of_randomizations(
    shots: int, num_randomizations: Number = "auto", shots_per_randomization: Number = "auto", *, gates: bool
) -> list[int]:
    """Return the number of shots of each randomization of a circuit.

    The names and their meaning are those of `qiskit-ibm-runtime`, but the shots are split without loss or surplus, and
    the number of randomizations is even unless it is given, as flips of measured bits come in complementary pairs. Each
    randomization is a job, so there are at most 16 by default, where `qiskit-ibm-runtime` makes 32.

    Args:
        shots: Number of shots of the circuit, positive. They apply unless both other numbers are given.
        num_randomizations: Number of randomizations.
        shots_per_randomization: Number of shots of each; without `num_randomizations`, the most of each.
        gates: Whether gates are twirled, and not only measurements.

    >>> shots_of_randomizations(1000, gates=False)
    [125, 125, 125, 125, 125, 125, 125, 125]
    >>> shots_of_randomizations(100, gates=True)
    [50, 50]
    >>> shots_of_randomizations(100, 3, gates=True)
    [34, 33, 33]
    >>> shots_of_randomizations(100, 3, 20, gates=True)
    [20, 20, 20]
    """
    if num_randomizations == "auto":
        if shots_per_randomization == "auto":
            count = min(_FOR_GATES if gates else _FOR_MEASUREMENTS, shots // _LEAST_SHOTS)
            count = max(2, count - count % 2)
        else:
            count = math.ceil(shots / shots_per_randomization)
            count += count % 2
    elif shots_per_randomization == "auto":
        count = num_randomizations
    else:
        return [shots_per_randomization] * num_randomizations
    count = min(count, shots)
    return [shots // count + (i < shots % count) for i in range(count)]


def complementary_flips(count: int, width: int, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return which measured bits each randomization flips.

    A readout error that favours one outcome leaves a bias of its size in a bit, and of products of such sizes in
    products of bits. Each row comes with its complement, so products of an odd number vanish in the mean. The rows are
    those of a Hadamard matrix, so products of two vanish as well, for any `count` / 2 consecutive bits if this is a
    power of two. All others are right in the mean over the random signs of the columns.

    Args:
        count: Number of randomizations. If it is odd, the last row has no complement.
        width: Number of measured bits.
        random: The source of random numbers.

    Returns:
        0 or 1, of shape (count, width), with a row's complement behind it.

    >>> complementary_flips(4, 3, np.random.default_rng(0))
    array([[1, 1, 0],
           [0, 0, 1],
           [1, 0, 1],
           [0, 1, 0]], dtype=uint8)
    """
    pairs = math.ceil(count / 2)
    hadamard = reduce(np.kron, [np.array([[1, 1], [1, -1]])] * (pairs - 1).bit_length(), np.ones((1, 1), int))
    size, bits = len(hadamard), np.arange(width)
    # The shift makes bits differ that are a power of two apart, as neighbours on a square lattice are.
    columns = random.permutation(size)[(bits + bits // size) % size]
    half = (hadamard[:pairs, columns] < 0).astype(np.uint8) ^ random.integers(0, 2, width, dtype=np.uint8)
    flips: npt.NDArray[np.uint8] = np.stack([half, 1 - half], axis=1).reshape(2 * pairs, width)[:count]
    return flips
