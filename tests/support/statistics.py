"""How to decide whether counts are right."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import DataBin, SamplerPubResult
from qiskit.quantum_info import Statevector
from scipy.special import xlogy
from scipy.stats import binom, chi2

if TYPE_CHECKING:
    from numpy.typing import NDArray


def only_outcomes(result: SamplerPubResult, register: str = "meas") -> Any:
    """The outcome of each binding, of which each must have one only; nested as the bindings are."""
    bits = result.data[register]
    found = np.empty(bits.shape, object)
    for place in np.ndindex(bits.shape):
        counts = bits.get_counts(place)
        assert list(counts.values()) == [bits.num_shots]
        found[place] = next(iter(counts))
    return found.tolist()


SHOTS = 1000

FALSE_ALARM = 1e-7


def p_value(counts: dict[str, int], distribution: dict[str, float]) -> float:
    """The smallest p-value of the outcomes' binomial tests, times their number.

    A right circuit falls below any bound at most as often as the bound says. That does not hold for Pearson's
    chi-square: where five counts of a thousand are expected, it gives 17 or more a p-value of 1e-7, and they come up
    with a chance of 2e-5.
    """
    observed = np.array([counts.get(key, 0) for key in distribution])
    probabilities = np.clip(list(distribution.values()), 0, 1)
    tails = np.minimum(binom.cdf(observed, SHOTS, probabilities), binom.sf(observed - 1, SHOTS, probabilities))
    return float(min(1.0, 2 * len(tails) * tails.min()))


def exact_distribution(circuit: QuantumCircuit, measured: dict[int, int]) -> dict[str, float]:
    """Probability of each combination of the registers' values."""
    index = {bit: i for i, bit in enumerate(circuit.clbits)}
    distribution: dict[str, float] = defaultdict(float)
    unitary = circuit.copy_empty_like()
    unitary.data = [item for item in circuit.data if item.name != "measure"]
    for state, probability in enumerate(Statevector(unitary).probabilities()):
        words = [
            "".join(str(state >> measured[index[bit]] & 1) if index[bit] in measured else "0" for bit in reversed(creg))
            for creg in map(list, circuit.cregs)
        ]
        distribution[" ".join(words)] += probability
    return distribution


def joint_counts(data: DataBin) -> Counter[str]:
    """How often the registers had each combination of values in the same shot."""
    # Qiskit has no bitstrings of no bits.
    words = [bits.get_bitstrings() if bits.num_bits else [""] * bits.num_shots for bits in data.values()]
    return Counter(" ".join(shot) for shot in zip(*words, strict=True))


def is_bell(counts: dict[str, int]) -> bool:
    """Whether 1000 shots look like a Bell state; a right one fails this once in 10^9 times."""
    return set(counts) == {"00", "11"} and sum(counts.values()) == 1000 and 400 < counts["00"] < 600


_LEAST_EXPECTED = 25.0


def g_test(observed: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """The p-value of outcomes, by a likelihood ratio test over cells in each of which at least 25 are expected.

    Rare outcomes share a cell. The ratio's far tail is closer to its limit than that of Pearson's chi-square; Williams'
    correction takes care of the rest.
    """
    shots = int(observed.sum())
    if observed[probabilities < 1e-13].any():
        return 0.0
    order = np.argsort(probabilities)
    expected = np.cumsum(probabilities[order]) * shots
    starts, base = [0], 0.0
    for index, total in enumerate(expected):
        # The last cell takes what is left, too little for one.
        if total - base >= _LEAST_EXPECTED and shots - total >= _LEAST_EXPECTED:
            starts.append(index + 1)
            base = total
    found = np.add.reduceat(observed[order], starts)
    wanted = np.add.reduceat(probabilities[order], starts)
    wanted = wanted / wanted.sum()
    cells = len(found)
    if cells == 1:
        return 1.0
    g = 2 * xlogy(found, found / (wanted * shots)).sum()
    williams = 1 + ((1 / wanted).sum() - 1) / (6 * shots * (cells - 1))
    return float(chi2.sf(g / williams, cells - 1))


def two_sided(observed: int, shots: int, probability: float) -> float:
    """The p-value of a number of outcomes, by the exact binomial test of both sides."""
    tail = min(binom.cdf(observed, shots, probability), binom.sf(observed - 1, shots, probability))
    return float(min(1.0, 2 * tail))
