"""Finds the best qubits with mapomatic; the environment says which cloud."""

from __future__ import annotations

import math

import mapomatic
from qiskit import QuantumCircuit, transpile
from qiskit.transpiler import Target

from qiskit_oqtopus import OqtopusProvider

SHOTS = 50_000


def main() -> None:
    """The README's example: what layouts cost is what the Target says, and the cheapest one is the best one to run."""
    circuit = QuantumCircuit(4)
    circuit.h(0)
    for qubit in range(3):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    with OqtopusProvider() as provider:
        backend = provider.get_backend("lattice64")
        small = mapomatic.deflate_circuit(transpile(circuit, backend, optimization_level=3, seed_transpiler=1))
        layouts = mapomatic.matching_layouts(small, backend)
        scores = mapomatic.evaluate_layouts(small, layouts, backend)
        assert len(scores) == len(layouts) > 100, (len(scores), len(layouts))
        costs = [cost for _, cost in scores]
        assert costs == sorted(costs)
        for layout, cost in (scores[0], scores[-1]):
            assert math.isclose(cost, 1 - fidelity(small, layout, backend.target), rel_tol=1e-9), (layout, cost)
        layout, name, cost = mapomatic.best_overall_layout(small, [backend, provider.get_backend("lattice144")])
        print("best", layout, "of", name, cost, "on", backend.name, costs[0], "worst", costs[-1])
        assert name != backend.name or cost == costs[0]
        best, worst = (
            distance(backend.run(transpile(small, backend, initial_layout=layout), shots=SHOTS).result().get_counts())
            for layout, _ in (scores[0], scores[-1])
        )
        print("distance from a GHZ state with the best", best, "with the worst", worst)
        assert best < worst - 0.02, (best, worst)


def fidelity(circuit: QuantumCircuit, layout: list[int], target: Target) -> float:
    """The product of what the Target says of each instruction."""
    product = 1.0
    for item in circuit.data:
        qubits = tuple(layout[circuit.find_bit(qubit).index] for qubit in item.qubits)
        if item.operation.name in ("x", "sx", "cx", "measure"):
            product *= 1 - target[item.operation.name][qubits].error
    return product


def distance(counts: dict[str, int]) -> float:
    """Total variation distance from a GHZ state's distribution."""
    return 1 - sum(min(counts.get(key, 0) / SHOTS, 0.5) for key in ("0000", "1111"))


if __name__ == "__main__":
    main()
