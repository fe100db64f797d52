"""The results of circuits that ran side by side."""

from __future__ import annotations

import numpy as np
import pytest

from qiskit_oqtopus.parallel.results import disagreement


def draw(rng: np.random.Generator, probabilities: list[float], shots: int) -> dict[str, int]:
    """Counts of a circuit."""
    numbers = rng.multinomial(shots, probabilities)
    return {f"{outcome:05b}": int(number) for outcome, number in enumerate(numbers) if number}


@pytest.mark.parametrize(("outcomes", "copies", "shots"), [(2, 2, 50), (2, 16, 1000), (32, 3, 40), (32, 16, 2000)])
def test_disagreement_by_chance(outcomes: int, copies: int, shots: int) -> None:
    """Copies with one distribution disagree by 1 on average, also with fewer shots than outcomes."""
    rng = np.random.default_rng(outcomes + copies)
    probabilities = rng.dirichlet(np.ones(outcomes)).tolist()
    found = [disagreement([draw(rng, probabilities, shots) for _ in range(copies)]) for _ in range(400)]

    assert np.mean(found) == pytest.approx(1, abs=5 * np.std(found) / 20)


def test_disagreement_of_different_qubits() -> None:
    """Copies with different distributions disagree by more, the more shots there are."""
    rng = np.random.default_rng(1)
    pairs = [[draw(rng, [p, 1 - p], shots) for p in (0.45, 0.55)] for shots in (1000, 100_000)]

    assert 5 < disagreement(pairs[0]) < 60
    assert 1800 < disagreement(pairs[1]) < 2200  # the squared difference, 0.1, over its variance, 0.5 / shots
    assert disagreement([{"0": 5}, {"0": 7}]) == 0
