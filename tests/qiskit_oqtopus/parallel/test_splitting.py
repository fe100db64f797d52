"""The counts of each of several circuits that ran as one program."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from qiskit_oqtopus.parallel.splitting import shots_limit, split


def marginals(counts: dict[str, float], widths: list[int]) -> list[dict[str, float]]:
    """Split counts with a plain loop over characters."""
    found: list[Counter[str]] = [Counter() for _ in widths]
    for key, number in counts.items():
        bits = [*reversed(key)] + ["0"] * (sum(widths) - len(key))
        start = 0
        for each, width in zip(found, widths, strict=True):
            each["".join(reversed(bits[start : start + width]))] += number  # type: ignore[assignment]
            start += width
    return [{key: each[key] for key in sorted(each) if each[key]} for each in found]


@pytest.mark.parametrize("seed", range(40))
def test_any_widths(seed: int) -> None:
    """Parts of 1 to 100 bits, short keys, zero counts and floats: as a plain loop says, in ascending order."""
    rng = np.random.default_rng(seed)
    widths = rng.choice([1, 2, 5, 16, 17, 62, 63, 64, 65, 100], int(rng.integers(1, 6))).tolist()
    keys = ["".join(row) for row in rng.choice(["0", "1"], (200, sum(widths)), p=[0.9, 0.1])]
    keys = [key.lstrip("0") or "0" if rng.random() < 0.3 else key for key in keys]
    numbers = rng.integers(0, 4, len(keys)).tolist() if seed % 2 else (rng.integers(0, 9, len(keys)) / 8).tolist()
    counts = dict(zip(keys, numbers, strict=True))
    found = split(counts, widths)

    # All numbers are multiples of 1/8, so sums are exact.
    assert found == marginals(counts, widths)
    assert [list(each) for each in found] == [sorted(each) for each in found]
    assert {type(number) for each in found for number in each.values()} == {int if seed % 2 else float}


def test_no_counts() -> None:
    """Without outcomes, each circuit has none."""
    assert split({}, [2, 20]) == [{}, {}]


@pytest.mark.parametrize("key", ["", "2", "0000", "0b1", "\u0660"])
def test_invalid_keys(key: str) -> None:
    """Keys that are not bitstrings, or longer than all parts together, are refused."""
    with pytest.raises(ValueError, match=r"^The server sent the outcome .*, but 3 bits were measured\.$"):
        split({"000": 1, key: 1}, [2, 1])


@pytest.mark.parametrize("number", ["3", None, [1]])
def test_invalid_numbers(number: object) -> None:
    """Values that are not numbers are refused."""
    with pytest.raises(ValueError, match="which is not a number"):
        split({"000": number}, [2, 1])  # type: ignore[dict-item]


def test_shots_that_a_result_can_hold() -> None:
    """A result in which each shot has another outcome stays below 4 MiB: a key and 8 bytes for each."""
    for bits in range(1, 1001):
        shots = shots_limit(bits)
        assert shots * (bits + 8) <= 4_000_000 < (shots + 1) * (bits + 8)
