"""Qiskit's own sampler and estimator on our backend against exact results, for 500 random circuits each."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from qiskit.circuit import Clbit, Parameter
from qiskit.circuit.random import random_circuit
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.quantum_info import SparsePauliOp, Statevector

from qiskit_oqtopus import OqtopusBackend
from tests.support.statistics import SHOTS, exact_distribution, joint_counts, p_value

CIRCUITS = 500
many = pytest.mark.parametrize("number", [10, pytest.param(CIRCUITS, marks=pytest.mark.campaign)])

FALSE_ALARM = 1e-7
"""Chance that a right circuit fails its test, at most; that any of 500 does, at most 5e-5."""


def random_gates(rng: np.random.Generator) -> tuple[QuantumCircuit, list[float]]:
    """Gates of every kind on one to five qubits, up to two with a parameter; and values of the parameters."""
    n = int(rng.integers(1, 6))
    circuit = random_circuit(n, int(rng.integers(1, 5)), max_operands=min(n, 3), seed=int(rng.integers(2**31)))
    for i in range(int(rng.integers(3))):
        circuit.ry(Parameter(f"angle{i}"), int(rng.integers(n)))
    return circuit, rng.uniform(-7, 7, circuit.num_parameters).tolist()


def transpiled(circuits: list[QuantumCircuit], backend: OqtopusBackend) -> list[QuantumCircuit]:
    """One of five at each of Qiskit's four levels; the fifth is left to the server."""
    sent = list(circuits)
    for level in range(4):
        sent[level::5] = transpile(sent[level::5], backend, optimization_level=level, seed_transpiler=level)
    return sent


# --- the sampler


def measure(circuit: QuantumCircuit, rng: np.random.Generator) -> dict[int, int]:
    """Measure into registers with loose bits between them, in any order, at times twice into the same bit.

    The bits of a register are consecutive, as Qiskit's sampler takes them to be.

    Returns:
        For each measured bit the qubit that it tells.
    """
    for i in range(int(rng.integers(1, 4))):
        circuit.add_bits([Clbit() for _ in range(int(rng.integers(3)))])
        circuit.add_register(ClassicalRegister(int(rng.integers(1, 5)), f"r{i}"))
    measured = {}
    for clbit in rng.integers(circuit.num_clbits, size=int(rng.integers(1, 9))).tolist():
        measured[clbit] = int(rng.integers(circuit.num_qubits))
        circuit.measure(measured[clbit], clbit)
    return measured


def sampled(number: int = CIRCUITS) -> tuple[list[QuantumCircuit], list[list[float]], list[dict[int, int]]]:
    """The circuits to sample, values of their parameters, and what their bits tell."""
    rng = np.random.default_rng(2026)
    circuits, values = map(list, zip(*(random_gates(rng) for _ in range(number)), strict=True))
    return circuits, values, [measure(circuit, rng) for circuit in circuits]


def alarming(counts: dict[str, int], distribution: dict[str, float]) -> bool:
    """Whether an outcome is impossible, or seen too often or too rarely."""
    impossible = any(distribution.get(key, 0.0) < 1e-12 for key in counts)
    return impossible or p_value(counts, distribution) < FALSE_ALARM


@many
def test_sampler(backend: OqtopusBackend, number: int) -> None:
    """The joint counts of each circuit's registers follow their exact distribution."""
    circuits, values, measured = sampled(number)
    pubs = list(zip(transpiled(circuits, backend), values, strict=True))
    results = BackendSamplerV2(backend=backend).run(pubs, shots=SHOTS).result()
    for circuit, numbers, told, result in zip(circuits, values, measured, results, strict=True):
        distribution = exact_distribution(circuit.assign_parameters(numbers), told)
        assert not alarming(joint_counts(result.data), distribution), circuit


@pytest.mark.campaign
def test_sampler_notices() -> None:
    """Had qubits been taken in the reverse order, more than half of the circuits would have given the alarm."""
    alarms = 0
    for circuit, numbers, told in zip(*sampled(), strict=True):
        bound = circuit.assign_parameters(numbers)
        wrong = exact_distribution(bound, {clbit: circuit.num_qubits - 1 - qubit for clbit, qubit in told.items()})
        counts = {key: round(probability * SHOTS) for key, probability in wrong.items() if probability * SHOTS >= 1}
        alarms += alarming(counts, exact_distribution(bound, told))

    assert alarms > CIRCUITS / 2


# --- the estimator

PRECISION = 1 / 64
"""The default of Qiskit's estimator, which is 4096 shots."""


def random_observable(n: int, rng: np.random.Generator) -> SparsePauliOp:
    """One to three Paulis, the identity perhaps among them."""
    labels = ["".join(rng.choice(list("IXYZ"), n)) for _ in range(int(rng.integers(1, 4)))]
    return SparsePauliOp(labels, rng.normal(size=len(labels)))


def estimated(number: int = CIRCUITS) -> tuple[list[QuantumCircuit], list[list[float]], list[SparsePauliOp]]:
    """The circuits, values of their parameters, and observables; every third circuit has an idle register."""
    rng = np.random.default_rng(5)
    circuits, values = map(list, zip(*(random_gates(rng) for _ in range(number)), strict=True))
    for circuit in circuits[::3]:
        circuit.add_register(ClassicalRegister(int(rng.integers(1, 4)), "idle"))
    return circuits, values, [random_observable(circuit.num_qubits, rng) for circuit in circuits]


def bound_of(observable: SparsePauliOp) -> float:
    """How far an estimate may be off, by Hoeffding's inequality.

    It is the mean of 4096 independent numbers between plus and minus the sum of the coefficients' absolute values.
    """
    return float(np.abs(observable.coeffs).sum() * PRECISION * math.sqrt(2 * math.log(2 / FALSE_ALARM))) + 1e-9


def exact_value(circuit: QuantumCircuit, values: list[float], observable: SparsePauliOp) -> float:
    """The expectation value, from the state vector."""
    return float(Statevector(circuit.assign_parameters(values)).expectation_value(observable).real)


@many
def test_estimator(backend: OqtopusBackend, number: int) -> None:
    """Each estimate is as near to the exact value as it has to be."""
    circuits, values, observables = estimated(number)
    pubs = [
        (isa, observable if isa.layout is None else observable.apply_layout(isa.layout), numbers)
        for isa, observable, numbers in zip(transpiled(circuits, backend), observables, values, strict=True)
    ]
    results = BackendEstimatorV2(backend=backend).run(pubs, precision=PRECISION).result()
    for circuit, numbers, observable, result in zip(circuits, values, observables, results, strict=True):
        off = abs(result.data.evs - exact_value(circuit, numbers, observable))
        assert off < bound_of(observable), circuit


@pytest.mark.campaign
def test_estimator_notices() -> None:
    """Had qubits been taken in the reverse order, one of five estimates would have been too far off."""
    alarms = 0
    for circuit, numbers, observable in zip(*estimated(), strict=True):
        wrong = SparsePauliOp([label[::-1] for label in observable.paulis.to_labels()], observable.coeffs)
        right, estimate = (exact_value(circuit, numbers, each) for each in (observable, wrong))
        alarms += abs(right - estimate) > bound_of(observable)

    assert alarms > CIRCUITS / 5
