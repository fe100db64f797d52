"""Classifies with quantum kernels and networks of Qiskit Machine Learning; the environment says which cloud."""

from __future__ import annotations

import math

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import RealAmplitudes, ZZFeatureMap, zz_feature_map
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_machine_learning.algorithms import QSVC, VQC
from qiskit_machine_learning.circuit.library import raw_feature_vector
from qiskit_machine_learning.datasets import ad_hoc_data
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
from qiskit_machine_learning.kernels import FidelityQuantumKernel
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.optimizers import SPSA
from qiskit_machine_learning.state_fidelities import ComputeUncompute
from qiskit_machine_learning.utils import algorithm_globals

from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider, OqtopusSampler

SHOTS = 10_000
PRECISION = 0.02


def main() -> None:
    """Do what its tutorials do, one after the other."""
    algorithm_globals.random_seed = 11
    with OqtopusProvider() as provider:
        backend = provider.get_backend("qulacs")
        sampler = OqtopusSampler(backend, default_shots=SHOTS)
        kernel(sampler)
        network(OqtopusEstimator(backend, default_precision=PRECISION))
        raw_features(sampler)
        classifier(sampler)


def kernel(sampler: OqtopusSampler) -> None:
    """Each entry of a kernel's matrix, within six standard errors; and the classifier that learns by it."""
    training, labels, *_ = ad_hoc_data(training_size=3, test_size=0, n=2, gap=0.3, one_hot=False)
    features = zz_feature_map(2, reps=2, entanglement="linear")
    found = FidelityQuantumKernel(feature_map=features, fidelity=ComputeUncompute(sampler=sampler))
    states = [Statevector(features.assign_parameters(row)) for row in training]
    exact = np.array([[abs(left.inner(right)) ** 2 for left in states] for right in states])
    matrix = found.evaluate(x_vec=training)
    worst = np.max(np.abs(matrix - exact))
    print("kernel", matrix.shape, "worst", worst)
    assert worst < 6 * math.sqrt(0.25 / SHOTS), (matrix, exact)
    assert QSVC(quantum_kernel=found).fit(training, labels).score(training, labels) == 1


def network(estimator: OqtopusEstimator) -> None:
    """A network's value and its gradients are those of the state vector, within six standard errors."""
    features, ansatz = ZZFeatureMap(2, reps=1), RealAmplitudes(2, reps=1)
    circuit = QuantumCircuit(2)
    circuit.compose(features, inplace=True)
    circuit.compose(ansatz, inplace=True)
    observable = SparsePauliOp("ZZ")
    qnn = EstimatorQNN(
        circuit=circuit,
        observables=observable,
        input_params=features.parameters,
        weight_params=ansatz.parameters,
        estimator=estimator,
        gradient=ParamShiftEstimatorGradient(estimator),
        default_precision=PRECISION,
    )
    inputs, weights = np.array([0.2, 0.7]), np.array([0.1, 0.5, -0.4, 1.1])

    def exact(moved: np.ndarray) -> float:
        values = dict(zip((*features.parameters, *ansatz.parameters), (*inputs, *moved), strict=True))
        return Statevector(circuit.assign_parameters(values)).expectation_value(observable).real

    steps = np.eye(4) * math.pi / 2
    gradients = [(exact(weights + step) - exact(weights - step)) / 2 for step in steps]
    (value,) = qnn.forward(inputs, weights)[0]
    _, found = qnn.backward(inputs, weights)
    print("network", value, exact(weights), found.ravel(), gradients)
    assert abs(value - exact(weights)) < 6 * PRECISION
    assert np.allclose(found.ravel(), gradients, rtol=0, atol=6 * PRECISION), (found, gradients)


def raw_features(sampler: OqtopusSampler) -> None:
    """Amplitudes as features: the circuit begins with `initialize`, the resets of which find qubits untouched."""
    features, ansatz = raw_feature_vector(4), RealAmplitudes(2, reps=1)
    circuit = features.compose(ansatz)
    qnn = SamplerQNN(
        circuit=circuit, input_params=features.parameters, weight_params=ansatz.parameters, sampler=sampler
    )
    inputs, weights = np.array([0.1, 0.5, 0.7, 0.5]), np.array([0.1, 0.5, -0.4, 1.1])
    prepared = Statevector(inputs / np.linalg.norm(inputs)).evolve(ansatz.assign_parameters(weights))
    found = qnn.forward(inputs, weights)[0]
    print("raw features", found, prepared.probabilities())
    assert np.allclose(found, prepared.probabilities(), rtol=0, atol=6 * math.sqrt(0.25 / SHOTS))


def classifier(sampler: OqtopusSampler) -> None:
    """The README's classifier, on fewer points and with fewer steps: the odds it gives, within six standard errors."""
    training, labels, *_ = ad_hoc_data(training_size=2, test_size=0, n=2, gap=0.3)
    features, ansatz = zz_feature_map(2, reps=2, entanglement="linear"), RealAmplitudes(2, reps=1)
    optimizer = SPSA(maxiter=3, learning_rate=0.3, perturbation=0.2)
    vqc = VQC(feature_map=features, ansatz=ansatz, optimizer=optimizer, sampler=sampler)
    vqc.fit(training, labels)
    circuit = features.compose(ansatz)
    for point, odds in zip(training, vqc.neural_network.forward(training, vqc.weights), strict=True):
        values = dict(zip((*features.parameters, *ansatz.parameters), (*point, *vqc.weights), strict=True))
        exact = Statevector(circuit.assign_parameters(values)).probabilities()
        classes = exact[0::2].sum(), exact[1::2].sum()  # the remainder of what is measured
        print("classifier", odds, classes)
        assert np.allclose(odds, classes, rtol=0, atol=6 * math.sqrt(0.25 / SHOTS)), (odds, classes)


if __name__ == "__main__":
    main()
