"""Functions that take turns between a processor and a backend, for `beside_the_chip.py`.

They import what they use, as they run in a container too.
"""

# ruff: noqa: PLC0415
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp

    from qiskit_oqtopus import OqtopusBackend


def vqe(backend: OqtopusBackend, ansatz: QuantumCircuit, hamiltonian: SparsePauliOp, steps: int) -> dict[str, Any]:
    """Minimize an energy, with an estimator."""
    import resource

    from scipy.optimize import minimize

    from qiskit_oqtopus import OqtopusEstimator

    estimator = OqtopusEstimator(backend)

    def energy(angles: Any, precision: float = 0.003) -> Any:
        return estimator.run([(ansatz, hamiltonian, angles)], precision=precision).result()[0].data

    options = {"maxiter": steps, "rhobeg": 0.6}
    found = minimize(lambda angles: float(energy(angles).evs), [0.5, 3.5], method="COBYLA", options=options)
    best = energy(found.x, precision=0.01)
    print("angles:", found.x)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"value": float(best.evs), "error": float(best.stds), "angles": found.x, "memory": memory}


def qaoa(backend: OqtopusBackend, edges: list[tuple[int, int]], steps: int) -> dict[str, Any]:
    """Maximize the expected cut of a graph, with a sampler."""
    import numpy as np
    from qiskit import QuantumCircuit
    from scipy.optimize import minimize

    from qiskit_oqtopus import OqtopusSampler

    n = 1 + max(map(max, edges))
    sampler = OqtopusSampler(backend)

    def sample(angles: Any, shots: int) -> tuple[dict[str, int], dict[str, int]]:
        gamma, beta = angles
        circuit = QuantumCircuit(n)
        circuit.h(range(n))
        for i, j in edges:
            circuit.rzz(gamma, i, j)
        circuit.rx(2 * beta, range(n))
        circuit.measure_all()
        counts = sampler.run([circuit], shots=shots).result()[0].data.meas.get_counts()
        cuts = {key: sum(key[-1 - i] != key[-1 - j] for i, j in edges) for key in counts}
        return counts, cuts

    def cut(angles: Any) -> float:
        counts, cuts = sample(angles, shots=40_000)
        return sum(counts[key] * cuts[key] for key in counts) / 40_000

    options = {"maxiter": steps, "rhobeg": 0.4}
    found = minimize(lambda angles: -cut(angles), [0.5, 0.3], method="COBYLA", options=options)
    counts, cuts = sample(found.x, shots=4000)
    values = np.repeat([cuts[key] for key in counts], list(counts.values()))
    best = max(counts, key=lambda key: (cuts[key], counts[key]))
    return {"value": values.mean(), "error": values.std() / values.size**0.5, "largest": cuts[best], "best": best}


def mitigated(backend: OqtopusBackend, circuit: QuantumCircuit, pauli: str) -> tuple[QuantumCircuit, float, float]:
    """Return the circuit as transpiled for the backend, and an expectation value with mitigated errors."""
    from qiskit import transpile
    from qiskit.quantum_info import SparsePauliOp

    from qiskit_oqtopus import OqtopusEstimator

    isa = transpile(circuit, backend, optimization_level=3, seed_transpiler=1)
    estimator = OqtopusEstimator(backend, options={"resilience_level": 2, "seed": 1})
    found = estimator.run([(isa, SparsePauliOp(pauli).apply_layout(isa.layout))], precision=0.02).result()[0].data
    return isa, float(found.evs), float(found.stds)


def phase(backend: OqtopusBackend, circuits: list[QuantumCircuit], steps: int) -> dict[str, float]:
    """Estimate a phase; what was measured so far decides what is measured next.

    Circuit k has the probability (1 + cos(2**k * phase - angle)) / 2 of the outcome 0, for any angle.
    """
    import numpy as np

    shots = 20
    phases = np.linspace(0, 2 * np.pi, 1 << 15, endpoint=False)
    weights = np.ones_like(phases) / phases.size
    random = np.random.default_rng(7)
    for _ in range(steps):
        mean = np.angle(weights @ np.exp(1j * phases))
        deviation = np.sqrt(weights @ np.angle(np.exp(1j * (phases - mean))) ** 2)
        k = int(np.clip(np.log2(0.5 / deviation), 0, len(circuits) - 1))
        angle = 2**k * mean + random.choice([-1, 1]) * np.pi / 2
        circuit = circuits[k].assign_parameters([angle])
        zeros = backend.run(circuit, shots=shots).result().get_counts().get("0", 0)
        probabilities = np.clip((1 + np.cos(2**k * phases - angle)) / 2, 1e-9, 1 - 1e-9)
        logs = zeros * np.log(probabilities) + (shots - zeros) * np.log(1 - probabilities)
        weights = weights * np.exp(logs - logs.max())
        weights /= weights.sum()
    mean = np.angle(weights @ np.exp(1j * phases))
    deviation = np.sqrt(weights @ np.angle(np.exp(1j * (phases - mean))) ** 2)
    return {"value": float(mean % (2 * np.pi)), "error": float(deviation)}
