"""Amplification of the noise of a circuit's `cx` gates: `fold`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qiskit.circuit import Barrier, CircuitInstruction

from qiskit_oqtopus.plain import plain, with_instructions

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


def fold(circuit: QuantumCircuit, factor: float, random: np.random.Generator) -> tuple[QuantumCircuit, float]:
    """Return a circuit with the same effect whose noise is that of `factor` times as many `cx` gates.

    Each `cx` is followed by pairs of further ones, which together do nothing; for a factor between two odd integers,
    a random subset of the gates gets one pair more. A barrier on the two qubits separates the copies, so that no
    transpiler cancels them. Other gates, whose errors are much smaller, and delays stay as they are.

    Local folding is from Giurgica-Tiron, Hindy, LaRose, Mari and Zeng, Digital zero noise extrapolation for quantum
    error mitigation, IEEE International Conference on Quantum Computing and Engineering (2020).

    Args:
        circuit: The circuit, whose parameters may be unbound.
        factor: The ratio of the numbers of `cx` gates, at least 1.
        random: Source of the random subset.

    Returns:
        The circuit, and the achieved factor: the nearest one that a whole number of pairs allows. It is 1 for a circuit
        without `cx`.

    Raises:
        ValueError: The factor is not a finite number of at least 1.
    """
    if not 1 <= factor < math.inf:
        raise ValueError(f"The noise factor must be a finite number of at least 1, not {factor!r}.")
    circuit = plain(circuit)
    total = sum(_is_cx(item) for item in circuit.data)
    if not total:
        return circuit, 1.0
    num_pairs = round(total * (factor - 1) / 2)
    pairs = np.full(total, num_pairs // total)
    pairs[random.permutation(total)[: num_pairs % total]] += 1
    of_next = iter(pairs.tolist())
    folded, barrier = [], Barrier(2)
    for item in circuit.data:
        folded.append(item)
        if _is_cx(item):
            copies = 2 * next(of_next)
            folded += [CircuitInstruction(barrier, item.qubits), item] * copies
    return with_instructions(circuit, folded), 1 + 2 * num_pairs / total


def _is_cx(item: CircuitInstruction) -> bool:
    return bool(item.name == "cx" and item.is_standard_gate())
