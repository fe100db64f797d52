"""How to decide whether counts are right."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import DataBin, SamplerPubResult
from qiskit.quantum_info import Statevector
from scipy.stats import binom


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
