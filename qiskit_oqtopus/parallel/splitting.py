"""The counts of circuits that ran side by side: `split`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

_MOST_BYTES = 4_000_000
"""Maximum size of a result: a server's services exchange messages of up to 4 MiB."""

_BYTES_PER_KEY = 8
"""Size of an outcome in such a message in addition to a byte for each bit."""

_BINNED = 16
"""Up to this number of bits, there is a bin for each outcome."""


def shots_limit(bits: int) -> int:
    """Return the maximum number of shots of a program that measures this number of bits.

    With many bits, nearly every shot has a different outcome, so results grow with the shots.

    >>> shots_limit(60), shots_limit(128)
    (58823, 29411)
    """
    return _MOST_BYTES // (bits + _BYTES_PER_KEY)


def split(counts: Mapping[str, float], widths: Sequence[int]) -> list[dict[str, float]]:
    """Return the counts of each of several circuits that ran as one program.

    Args:
        counts: The counts of the program, with bit 0 rightmost in the keys; bits that a short key lacks are 0.
        widths: Number of bits of each circuit; those of the first one are the lowest.

    Returns:
        Counts without zeros, in ascending order of outcomes. They are integers if all counts are.

    Raises:
        ValueError: A key is not a bitstring or has more bits than measured, or a value is not a number.

    >>> split({"001": 3, "101": 4, "0": 1}, [2, 1])
    [{'00': 1, '01': 7}, {'0': 4, '1': 4}]
    """
    table = _table(counts, sum(widths))
    whole = all(isinstance(number, int) for number in counts.values())
    weights = np.fromiter(counts.values(), np.float64, len(counts))
    found, end = [], table.shape[1]
    for width in widths:
        keys, totals = _totals(table[:, end - width : end], weights)
        end -= width
        numbers = totals.astype(np.int64) if whole else totals
        found.append({key: number for key, number in zip(keys, numbers.tolist(), strict=True) if number})
    return found


def _table(counts: Mapping[str, float], width: int) -> npt.NDArray[np.uint8]:
    """Return the characters of the keys, of shape (outcomes, width)."""
    for key, number in counts.items():
        if not isinstance(number, int | float):
            raise ValueError(  # noqa: TRY004 - the server sent the value
                f"The server's count of the outcome {key!r} is {number!s:.20}, which is not a number."
            )
        if not 0 < len(key) <= width or key.strip("01"):
            raise ValueError(f"The server sent the outcome {key!r}, but {width} bits were measured.")
    digits = "".join(key if len(key) == width else key.zfill(width) for key in counts).encode()
    return np.frombuffer(digits, np.uint8).reshape(len(counts), width)


def _totals(table: npt.NDArray[np.uint8], weights: npt.NDArray[np.float64]) -> tuple[list[str], npt.NDArray[Any]]:
    """Return the distinct outcomes in some columns, and the total weight of each."""
    width = table.shape[1]
    if width <= _BINNED:
        values = (table & 1) @ (1 << np.arange(width)[::-1])
        totals = np.bincount(values, weights, 1 << width)
        (outcomes,) = totals.nonzero()
        return [f"{outcome:0{width}b}" for outcome in outcomes.tolist()], totals[outcomes]
    texts, index = np.unique(np.ascontiguousarray(table).view(f"S{width}").ravel(), return_inverse=True)
    return [text.decode() for text in texts.tolist()], np.bincount(index.ravel(), weights)
