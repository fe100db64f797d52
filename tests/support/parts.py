"""Parts of programs, their exact distributions, and whether outcomes agree with these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qiskit.circuit.library import CXGate, RXGate, RZGate, RZXGate, RZZGate, SXGate, XGate
from qiskit.quantum_info import DensityMatrix, Operator, SuperOp
from scipy.stats import binom

from oqtopus_client.emulator.simulation.operations import Operation, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GATES = {"x": XGate, "sx": SXGate, "cx": CXGate}
ROTATIONS = {"rz": RZGate, "rx": RXGate, "rzz": RZZGate, "rzx": RZXGate}

LIFETIMES = {
    "T2 < T1": (40.0, 25.0),
    "T2 = T1": (40.0, 40.0),
    "T1 < T2 < 2 T1": (30.0, 45.0),
    "T2 = 2 T1": (30.0, 60.0),
    "no relaxation": (np.inf, np.inf),
    "only dephasing": (np.inf, 20.0),
}


def superoperator(operation: Operation, lifetimes: Sequence[tuple[float, float]]) -> SuperOp:
    """What an operation does to a density matrix, from the definitions in the textbooks."""
    name, qubits, value = operation
    if name == "relax":
        t1, t2 = lifetimes[qubits[0]]
        excited, coherence = np.exp(-value / 1000 / t1), np.exp(-value / 1000 / t2)
        return SuperOp([[1, 0, 0, 1 - excited], [0, coherence, 0, 0], [0, 0, coherence, 0], [0, 0, 0, excited]])
    if name == "depolarize":
        dimension = 2 ** len(qubits)
        identity = np.eye(dimension).ravel()
        mixing = np.outer(identity, identity) / dimension
        return SuperOp((1 - value) * np.eye(dimension**2) + value * mixing)
    return SuperOp(Operator(GATES[name]() if name in GATES else ROTATIONS[name](value)))


def exact_probabilities(part: Part) -> NDArray[np.float64]:
    """The probability of each outcome of the measured qubits; the first one is the lowest bit of the index."""
    state = DensityMatrix.from_label("0" * part.n_qubits)
    for operation in part.operations:
        state = state.evolve(superoperator(operation, part.lifetimes), list(operation.qubits))
    return state.probabilities(list(part.measured)) if part.measured else np.ones(1)


def p_value(outcomes: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> float:
    """The smallest p-value of the binomial tests of all outcomes, times their number."""
    shots, bits = outcomes.shape
    observed = np.bincount(outcomes @ (1 << np.arange(bits)), minlength=len(probabilities))
    probabilities = np.clip(probabilities, 0, 1)
    probabilities[probabilities < 1e-12] = 0  # a rounding error, not a chance
    tails = np.minimum(binom.cdf(observed, shots, probabilities), binom.sf(observed - 1, shots, probabilities))
    return float(min(1.0, 2 * len(tails) * tails.min()))


def random_part(seed: int, n_qubits: int, lifetimes: Sequence[tuple[float, float]], *, gates: int = 40) -> Part:
    """A part of random gates, coherent errors, relaxation and strong noise, all qubits measured in random order."""
    random = np.random.default_rng(seed)
    operations = []
    for _ in range(gates):
        name = str(random.choice(["x", "sx", "rz", "cx", "rx", "rzz", "rzx"]))
        if len(name) > 2 or name == "cx":
            if n_qubits == 1:
                continue
            qubits = tuple(int(qubit) for qubit in random.choice(n_qubits, 2, replace=False))
        else:
            qubits = (int(random.integers(n_qubits)),)
        angle = float(random.uniform(-4, 4)) if name in ROTATIONS else 0.0
        operations.append(Operation(name, qubits, angle))
        operations += [Operation("relax", (qubit,), float(random.uniform(100, 5000))) for qubit in qubits]
        operations.append(Operation("depolarize", qubits, float(random.uniform(0, 0.05))))
    return Part(operations, [int(qubit) for qubit in random.permutation(n_qubits)], lifetimes)
