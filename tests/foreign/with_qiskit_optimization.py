"""Solves Max-Cut and a small program with Qiskit Optimization; the environment says which cloud."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
from qiskit import generate_preset_pass_manager
from qiskit.circuit.library import efficient_su2
from qiskit_optimization import QuadraticProgram
from qiskit_optimization.algorithms import GroverOptimizer, MinimumEigenOptimizer
from qiskit_optimization.algorithms.qrao import (
    MagicRounding,
    QuantumRandomAccessEncoding,
    QuantumRandomAccessOptimizer,
    SemideterministicRounding,
)
from qiskit_optimization.minimum_eigensolvers import QAOA, VQE
from qiskit_optimization.optimizers import SPSA
from qiskit_optimization.utils import algorithm_globals

from qiskit_oqtopus import OqtopusBackend, OqtopusEstimator, OqtopusProvider, OqtopusSampler

# Few, and fixed, for else it measures fifty times to find out how long they should be.
STEPS = {"maxiter": 10, "learning_rate": 0.3, "perturbation": 0.2}


def main() -> None:
    """Do what its documentation does, one after the other."""
    algorithm_globals.random_seed = 3
    problem = max_cut()
    best = brute_force(problem)
    with OqtopusProvider() as provider:
        backend = provider.get_backend("qulacs")
        approximate(problem, best, backend)
        random_access(problem, best, backend)
        grover(backend)


def max_cut() -> QuadraticProgram:
    """The README's graph of four nodes."""
    graph = nx.Graph()
    graph.add_weighted_edges_from([(0, 1, 1.0), (0, 2, 1.0), (0, 3, 1.0), (1, 2, 1.0), (2, 3, 1.0)])
    weights = nx.adjacency_matrix(graph, nodelist=range(4)).toarray()
    problem = QuadraticProgram()
    for node in range(4):
        problem.binary_var(f"x{node}")
    problem.maximize(linear=weights.sum(axis=0), quadratic=-weights)
    return problem


def brute_force(problem: QuadraticProgram) -> float:
    """The best value that any assignment has."""
    values = itertools.product((0, 1), repeat=problem.get_num_vars())
    return max(problem.objective.evaluate(np.array(each)) for each in values)


def approximate(problem: QuadraticProgram, best: float, backend: OqtopusBackend) -> None:
    """The README's QAOA: the best of what was sampled is the best there is."""
    manager = generate_preset_pass_manager(1, backend=backend)
    sampler = OqtopusSampler(backend, default_shots=1000)
    qaoa = QAOA(sampler, SPSA(**STEPS), reps=1, pass_manager=manager)
    found = MinimumEigenOptimizer(qaoa).solve(problem)
    print("QAOA", found.x, found.fval, "best", best)
    assert found.fval == best, (found, best)


def random_access(problem: QuadraticProgram, best: float, backend: OqtopusBackend) -> None:
    """The tutorial's random access codes with both roundings.

    Magic rounding samples; the best of a thousand samples of four bits is the best there is.
    """
    encoding = QuantumRandomAccessEncoding(max_vars_per_qubit=3)
    encoding.encode(problem)
    vqe = VQE(
        OqtopusEstimator(backend, default_precision=0.05),
        efficient_su2(encoding.num_qubits, reps=1),
        SPSA(**STEPS),
    )
    sampler = OqtopusSampler(backend, default_shots=1000)
    for rounding in (MagicRounding(sampler), SemideterministicRounding()):
        found = QuantumRandomAccessOptimizer(vqe, rounding_scheme=rounding).solve(problem)
        print(type(rounding).__name__, found.x, found.fval, "best", best, "samples", len(found.samples))
        assert found.fval == problem.objective.evaluate(found.x), found
        if isinstance(rounding, MagicRounding):
            assert abs(sum(sample.probability for sample in found.samples) - 1) < 1e-9
            assert found.fval == best, (found, best)


def grover(backend: OqtopusBackend) -> None:
    """The tutorial on Grover's adaptive search: its program of three variables.

    The search is random: with four iterations, one in eight misses the minimum, also with exact probabilities.
    """
    problem = QuadraticProgram()
    for name in ("x0", "x1", "x2"):
        problem.binary_var(name)
    problem.minimize(linear=[-1, 2, -3], quadratic={("x0", "x2"): -2, ("x1", "x2"): -1})
    found = GroverOptimizer(6, num_iterations=15, sampler=OqtopusSampler(backend, default_shots=1000)).solve(problem)
    print("Grover", found.x, found.fval)
    assert found.fval == -6, found
    assert list(found.x) == [1, 0, 1], found


if __name__ == "__main__":
    main()
