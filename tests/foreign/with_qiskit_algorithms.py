"""Finds ground states, amplitudes and gradients with Qiskit Algorithms; the environment says which cloud."""

from __future__ import annotations

import math

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import RealAmplitudes, TwoLocal
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_algorithms import (
    VQE,
    AmplificationProblem,
    EstimationProblem,
    Grover,
    IterativeAmplitudeEstimation,
    MaximumLikelihoodAmplitudeEstimation,
    NumPyMinimumEigensolver,
)
from qiskit_algorithms.gradients import (
    FiniteDiffEstimatorGradient,
    LinCombEstimatorGradient,
    ParamShiftEstimatorGradient,
    ReverseEstimatorGradient,
    SPSAEstimatorGradient,
)
from qiskit_algorithms.optimizers import SPSA
from qiskit_algorithms.state_fidelities import ComputeUncompute
from qiskit_algorithms.utils import algorithm_globals

from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider, OqtopusSampler

PRECISION = 0.01
SHOTS = 10_000
HYDROGEN = SparsePauliOp.from_list(
    [
        ("II", -1.052373245772859),
        ("IZ", 0.39793742484318045),
        ("ZI", -0.39793742484318045),
        ("ZZ", -0.01128010425623538),
        ("XX", 0.18093119978423156),
    ]
)


def main() -> None:
    """Do what its tutorials do, one after the other."""
    algorithm_globals.random_seed = 7
    with OqtopusProvider() as provider:
        estimator = OqtopusEstimator(provider.get_backend("qulacs"), default_precision=PRECISION)
        sampler = OqtopusSampler(provider.get_backend("qulacs"), default_shots=SHOTS)
        ground_state(estimator)
        gradients(estimator)
        fidelity(sampler)
        search(sampler)
        amplitudes(sampler)


def ground_state(estimator: OqtopusEstimator) -> None:
    """The first tutorial, with the optimizer that its tutorial on noise takes.

    The state that was found has at most 0.05 more energy than the ground state; 0.2 separates that from the next.
    """
    ansatz = TwoLocal(HYDROGEN.num_qubits, "ry", "cz", reps=1)
    optimizer = SPSA(maxiter=40, learning_rate=0.3, perturbation=0.2)
    start = [-1.0, 2.0, 0.5, -0.5]
    found = VQE(estimator, ansatz, optimizer, initial_point=start).compute_minimum_eigenvalue(HYDROGEN)
    lowest = NumPyMinimumEigensolver().compute_minimum_eigenvalue(HYDROGEN).eigenvalue.real
    state = Statevector(ansatz.assign_parameters(found.optimal_point))
    energy = state.expectation_value(HYDROGEN).real
    print("VQE", found.eigenvalue, "of that state", energy, "of the ground state", lowest)
    assert energy < lowest + 0.05, (energy, lowest)
    assert abs(found.eigenvalue - energy) < 6 * PRECISION, (found.eigenvalue, energy)


def gradients(estimator: OqtopusEstimator) -> None:
    """Gradients by the rules for hardware are those of the state vector, within six standard errors."""
    ansatz, values = RealAmplitudes(2, reps=1), [0.3, 0.5, 0.7, 0.9]
    pub = [ansatz], [HYDROGEN], [values]
    exact = ReverseEstimatorGradient().run(*pub).result().gradients[0]
    for gradient, error in (
        (ParamShiftEstimatorGradient(estimator), PRECISION),
        (LinCombEstimatorGradient(estimator), 2 * PRECISION),
        (FiniteDiffEstimatorGradient(estimator, epsilon=0.2), PRECISION / 0.2),
    ):
        found = gradient.run(*pub).result().gradients[0]
        print(type(gradient).__name__, found, exact)
        assert np.allclose(found, exact, rtol=0, atol=6 * error), (type(gradient), found, exact)
    found = SPSAEstimatorGradient(estimator, epsilon=0.2, batch_size=10, seed=1).run(*pub).result().gradients[0]
    assert found.shape == exact.shape


def fidelity(sampler: OqtopusSampler) -> None:
    """The overlap of two states, within six standard errors."""
    ansatz = RealAmplitudes(2, reps=1)
    left, right = [0.3, 0.5, 0.7, 0.9], [0.5, 0.1, 0.2, 0.6]
    (found,) = ComputeUncompute(sampler).run([ansatz], [ansatz], [left], [right]).result().fidelities
    states = [Statevector(ansatz.assign_parameters(values)) for values in (left, right)]
    exact = abs(states[0].inner(states[1])) ** 2
    print("fidelity", found, exact)
    assert abs(found - exact) < 6 * math.sqrt(exact * (1 - exact) / SHOTS), (found, exact)


def search(sampler: OqtopusSampler) -> None:
    """Grover's algorithm finds the marked state of three qubits, with the probability that theory says."""
    oracle = QuantumCircuit(3)
    oracle.x(1)
    oracle.h(2)
    oracle.ccx(0, 1, 2)
    oracle.h(2)
    oracle.x(1)
    found = Grover(iterations=2, sampler=sampler).amplify(AmplificationProblem(oracle, is_good_state=["101"]))
    exact = math.sin(5 * math.asin(8**-0.5)) ** 2
    print("Grover", found.assignment, found.max_probability, exact)
    assert found.oracle_evaluation
    assert found.assignment == "101"
    assert abs(found.max_probability - exact) < 6 * math.sqrt(exact * (1 - exact) / SHOTS)


def amplitudes(sampler: OqtopusSampler) -> None:
    """The tutorial's Bernoulli variable: its probability, by two algorithms, within 0.01."""
    probability = 0.2
    angle = 2 * math.asin(math.sqrt(probability))
    preparation, operator = QuantumCircuit(1), QuantumCircuit(1)
    preparation.ry(angle, 0)
    operator.ry(2 * angle, 0)
    problem = EstimationProblem(preparation, objective_qubits=[0], grover_operator=operator)
    for algorithm in (
        IterativeAmplitudeEstimation(0.01, 0.05, sampler=sampler),
        MaximumLikelihoodAmplitudeEstimation(3, sampler=sampler),
    ):
        found = algorithm.estimate(problem).estimation
        print(type(algorithm).__name__, found)
        assert abs(found - probability) < 0.01, (type(algorithm), found)


if __name__ == "__main__":
    main()
