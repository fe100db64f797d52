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
"""Maximum probability that a correct circuit fails its test; for any of 500, at most 5e-5."""


def random_gates(rng: np.random.Generator) -> tuple[QuantumCircuit, list[float]]:
    """Return a circuit of any gates on one to five qubits, with up to two parameters, and their values."""
    n = int(rng.integers(1, 6))
    circuit = random_circuit(n, int(rng.integers(1, 5)), max_operands=min(n, 3), seed=int(rng.integers(2**31)))
    for i in range(int(rng.integers(3))):
        circuit.ry(Parameter(f"angle{i}"), int(rng.integers(n)))
    return circuit, rng.uniform(-7, 7, circuit.num_parameters).tolist()


def transpiled(circuits: list[QuantumCircuit], backend: OqtopusBackend) -> list[QuantumCircuit]:
    """Transpile one of five circuits at each of Qiskit's four levels; the server transpiles the fifth."""
    sent = list(circuits)
    for level in range(4):
        sent[level::5] = transpile(sent[level::5], backend, optimization_level=level, seed_transpiler=level)
    return sent


# --- the sampler


def measure(circuit: QuantumCircuit, rng: np.random.Generator) -> dict[int, int]:
    """Measure into registers with loose bits between them, in any order, at times twice into the same bit.

    The bits of a register are consecutive, as Qiskit's sampler takes them to be.

    Returns:
        The qubit that each measured bit reads.
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
    """Return the circuits to sample, values of their parameters, and the qubit of each bit."""
    rng = np.random.default_rng(2026)
    circuits, values = map(list, zip(*(random_gates(rng) for _ in range(number)), strict=True))
    return circuits, values, [measure(circuit, rng) for circuit in circuits]


def alarming(counts: dict[str, int], distribution: dict[str, float]) -> bool:
    """Return whether an outcome is impossible, too frequent or too rare."""
    impossible = any(distribution.get(key, 0.0) < 1e-12 for key in counts)
    return impossible or p_value(counts, distribution) < FALSE_ALARM


@many
def test_sampler(backend: OqtopusBackend, number: int) -> None:
    """The joint counts of each circuit's registers follow the exact distribution."""
    circuits, values, measured = sampled(number)
    pubs = list(zip(transpiled(circuits, backend), values, strict=True))
    results = BackendSamplerV2(backend=backend).run(pubs, shots=SHOTS).result()
    for circuit, numbers, told, result in zip(circuits, values, measured, results, strict=True):
        distribution = exact_distribution(circuit.assign_parameters(numbers), told)
        assert not alarming(joint_counts(result.data), distribution), circuit


@pytest.mark.campaign
def test_sampler_notices() -> None:
    """With qubits in reverse order, more than half of the circuits would fail the test."""
    alarms = 0
    for circuit, numbers, told in zip(*sampled(), strict=True):
        bound = circuit.assign_parameters(numbers)
        wrong = exact_distribution(bound, {clbit: circuit.num_qubits - 1 - qubit for clbit, qubit in told.items()})
        counts = {key: round(probability * SHOTS) for key, probability in wrong.items() if probability * SHOTS >= 1}
        alarms += alarming(counts, exact_distribution(bound, told))

    assert alarms > CIRCUITS / 2


# --- the estimator

PRECISION = 1 / 64
"""The default precision of Qiskit's estimator, equal to 4096 shots."""


def random_observable(n: int, rng: np.random.Generator) -> SparsePauliOp:
    """Return an observable of one to three Paulis, possibly including the identity."""
    labels = ["".join(rng.choice(list("IXYZ"), n)) for _ in range(int(rng.integers(1, 4)))]
    return SparsePauliOp(labels, rng.normal(size=len(labels)))


def estimated(number: int = CIRCUITS) -> tuple[list[QuantumCircuit], list[list[float]], list[SparsePauliOp]]:
    """Return circuits, values of their parameters, and observables; every third circuit has an idle register."""
    rng = np.random.default_rng(5)
    circuits, values = map(list, zip(*(random_gates(rng) for _ in range(number)), strict=True))
    for circuit in circuits[::3]:
        circuit.add_register(ClassicalRegister(int(rng.integers(1, 4)), "idle"))
    return circuits, values, [random_observable(circuit.num_qubits, rng) for circuit in circuits]


def bound_of(observable: SparsePauliOp) -> float:
    """Return the maximum error of an estimate, by Hoeffding's inequality.

    It is the mean of 4096 independent numbers between plus and minus the sum of the coefficients' absolute values.
    """
    return float(np.abs(observable.coeffs).sum() * PRECISION * math.sqrt(2 * math.log(2 / FALSE_ALARM))) + 1e-9


def exact_value(circuit: QuantumCircuit, values: list[float], observable: SparsePauliOp) -> float:
    """Return the expectation value, from the state vector."""
    return float(Statevector(circuit.assign_parameters(values)).expectation_value(observable).real)


@many
def test_estimator(backend: OqtopusBackend, number: int) -> None:
    """Each estimate is within the bound of the exact value."""
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
    """With qubits in reverse order, one of five estimates would exceed the bound."""
    alarms = 0
    for circuit, numbers, observable in zip(*estimated(), strict=True):
        wrong = SparsePauliOp([label[::-1] for label in observable.paulis.to_labels()], observable.coeffs)
        right, estimate = (exact_value(circuit, numbers, each) for each in (observable, wrong))
        alarms += abs(right - estimate) > bound_of(observable)

    assert alarms > CIRCUITS / 5
