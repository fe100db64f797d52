"""How shots are split across randomizations, and which bits these flip."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from qiskit_oqtopus.primitives.suppression.randomization import complementary_flips, shots_of_randomizations


@pytest.mark.parametrize("gates", [False, True])
@pytest.mark.parametrize("shots", [1, 2, 3, 63, 100, 129, 1000, 1024, 4096, 10_001])
@pytest.mark.parametrize(("count", "each"), [("auto", "auto"), (3, "auto"), ("auto", 100)])
def test_no_shot_is_lost_or_added(shots: int, count: int | str, each: int | str, *, gates: bool) -> None:
    """The shots add up, are as even as can be, and each randomization has one."""
    found = shots_of_randomizations(shots, count, each, gates=gates)

    assert sum(found) == shots
    assert max(found) - min(found) <= 1
    assert min(found) >= 1
    assert len(found) % 2 == 0 or count == 3 or shots in {1, 3}
    if count == 3:
        assert len(found) == min(3, shots)
    if each == 100:
        assert max(found) <= 100


@pytest.mark.parametrize(
    ("shots", "gates", "expected"),
    [(100, True, 2), (300, True, 4), (300, False, 4), (1000, False, 8), (1000, True, 14), (10_000, True, 16)],
)
def test_number_chosen_here(shots: int, expected: int, *, gates: bool) -> None:
    """It is even, leaves at least 64 shots to each, and is 8 for measurements alone and 16 for gates at most."""
    assert len(shots_of_randomizations(shots, gates=gates)) == expected


def test_both_numbers_given() -> None:
    """They apply whatever the shots."""
    assert shots_of_randomizations(7, 4, 50, gates=True) == [50] * 4


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("count", "width"), [(2, 1), (8, 4), (8, 64), (16, 8), (6, 9), (10, 3)])
def test_flips_come_in_complementary_pairs(count: int, width: int, seed: int) -> None:
    """Each bit is flipped in half of the randomizations."""
    flips = complementary_flips(count, width, np.random.default_rng(seed))

    assert flips.shape == (count, width)
    assert flips.dtype == np.uint8
    assert (flips[::2] + flips[1::2] == 1).all()


@pytest.mark.parametrize(("count", "width"), [(8, 4), (16, 8), (4, 2), (32, 10)])
def test_pairs_of_bits_are_balanced(count: int, width: int) -> None:
    """Two bits are flipped alike in half of the randomizations."""
    signs = 1.0 - 2 * complementary_flips(count, width, np.random.default_rng(1))

    assert np.array_equal(signs.T @ signs, count * np.eye(width))


def test_neighbours_on_a_lattice_are_balanced() -> None:
    """So are neighbours on a lattice of 8 x 8 qubits."""
    signs = 1.0 - 2 * complementary_flips(8, 64, np.random.default_rng(1))
    neighbours = [(i, i + step) for i, step in itertools.product(range(64), (1, 8)) if i + step < 64]

    assert all(signs[:, a] @ signs[:, b] == 0 for a, b in neighbours)


def test_bits_beyond_are_right_on_average() -> None:
    """Where two bits share a column, their signs agree as often as not."""
    random = np.random.default_rng(2)
    products = [np.prod(1.0 - 2 * complementary_flips(2, 2, random), axis=1).mean() for _ in range(2000)]

    assert abs(np.mean(products)) < 4 / np.sqrt(2000)


@pytest.mark.parametrize(("count", "width"), [(1, 2), (3, 5), (7, 4), (6, 0)])
def test_an_odd_number_or_no_bits(count: int, width: int) -> None:
    """The last row of an odd number has no complement."""
    flips = complementary_flips(count, width, np.random.default_rng(0))

    assert flips.shape == (count, width)
    assert (flips[: count - 1 : 2] + flips[1::2] == 1).all()
