"""Qiskit's own tests of `BackendEstimatorV2`, on our backend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BackendEstimatorV2, PrimitiveResult, PubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import SparsePauliOp, Statevector

from qiskit_oqtopus import OqtopusBackend
from tests.support.backends import one_at_a_time
from tests.support.statistics import FALSE_ALARM

if TYPE_CHECKING:
    from tests.support.recorded_cloud import RecordedCloud

PI = np.pi
PRECISION = 1 / 32
H1 = SparsePauliOp.from_list([("II", 1), ("IZ", 2), ("XI", 3)])
H2 = SparsePauliOp("IZ")
H3 = SparsePauliOp.from_list([("ZI", 1), ("ZZ", 1)])


@pytest.fixture(params=[True, False], ids=["grouped", "apart"])
def estimator(request: pytest.FixtureRequest, backend: OqtopusBackend) -> BackendEstimatorV2:
    """Qiskit's estimator with 1024 shots, measuring Paulis together or one by one."""
    options = {"default_precision": PRECISION, "abelian_grouping": request.param, "seed_simulator": 12}
    return BackendEstimatorV2(backend=backend, options=options)


def ansatz(reps: int = 2) -> QuantumCircuit:
    """Return a two-qubit circuit whose parameters all affect the result."""
    return real_amplitudes(2, reps=reps)


def values(circuit: QuantumCircuit, seed: int = 1) -> np.ndarray:
    """Return values of its parameters."""
    return np.random.default_rng(seed).uniform(-3, 3, circuit.num_parameters)


def agree(evs: Any, expected: Any, *observables: SparsePauliOp, precision: float = PRECISION) -> bool:
    """Return whether values agree within the bound of Hoeffding's inequality for a probability of 1e-7."""
    norm = max(float(np.abs(observable.coeffs).sum()) for observable in observables)
    return bool(
        np.all(np.abs(np.asarray(evs) - expected) < norm * precision * math.sqrt(2 * math.log(2 / FALSE_ALARM)))
    )


def exact(circuit: QuantumCircuit, observable: SparsePauliOp, row: Any = ()) -> float:
    """Return the expectation value, from the state vector."""
    return float(Statevector(circuit.assign_parameters(row)).expectation_value(observable).real)


@pytest.mark.parametrize("is_isa", [False, True])
def test_pubs(backend: OqtopusBackend, estimator: BackendEstimatorV2, is_isa: bool) -> None:
    """One or several observables and bindings are estimated, transpiled here or on the server."""
    psi1, psi2 = ansatz(2), ansatz(3)
    sent1, sent2 = transpile([psi1, psi2], backend, optimization_level=0) if is_isa else (psi1, psi2)
    h1, h2, h3 = (h.apply_layout(sent1.layout) for h in (H1, H2, H3)) if is_isa else (H1, H2, H3)
    theta1, theta2, theta3 = values(psi1, 1), values(psi2, 2), values(psi1, 3)
    result = estimator.run(
        [
            (sent1, h1, [theta1]),
            (sent2, h1, theta2),
            (sent1, [h2, h3], theta1),
            (sent1, [h1, h3], [theta1, theta3]),
            (sent2, h2, theta2),
        ]
    ).result()

    assert isinstance(result, PrimitiveResult)
    assert all(isinstance(pub, PubResult) for pub in result)
    assert [pub.data.evs.shape for pub in result] == [pub.data.stds.shape for pub in result]
    assert [pub.data.evs.shape for pub in result] == [(1,), (), (2,), (2,), ()]
    assert agree(result[0].data.evs, exact(psi1, H1, theta1), H1)
    assert agree(result[1].data.evs, exact(psi2, H1, theta2), H1)
    assert agree(result[2].data.evs, [exact(psi1, h, theta1) for h in (H2, H3)], H2, H3)
    assert agree(result[3].data.evs, [exact(psi1, H1, theta1), exact(psi1, H3, theta3)], H1, H3)
    assert agree(result[4].data.evs, exact(psi2, H2, theta2), H2)


def test_explicit_pubs(estimator: BackendEstimatorV2) -> None:
    """Observables and bindings may be Qiskit's container objects."""
    psi1, psi2 = ansatz(2), ansatz(3)
    thetas, theta2 = [values(psi1, 1), values(psi1, 3)], values(psi2, 2)
    pubs = [
        EstimatorPub(psi, ObservablesArray.coerce(observables), BindingsArray.coerce({tuple(psi.parameters): numbers}))
        for psi, observables, numbers in [(psi1, [H1, H3], thetas), (psi2, H2, theta2)]
    ]
    first, second = estimator.run(pubs).result()

    assert agree(first.data.evs, [exact(psi1, h, theta) for h, theta in zip([H1, H3], thetas, strict=True)], H1, H3)
    assert agree(second.data.evs, exact(psi2, H2, theta2), H2)


def test_no_parameters(estimator: BackendEstimatorV2) -> None:
    """All forms of empty parameter values are accepted."""
    circuit = QuantumCircuit(1)
    circuit.x(0)
    nothing = [None, [], [[]], np.array([]), np.array([[]]), [np.array([])]]
    results = estimator.run([(circuit, SparsePauliOp("Z")), *((circuit, SparsePauliOp("Z"), no) for no in nothing)])

    for result in results.result():
        assert np.all(result.data.evs == -1)
        assert np.all(result.data.stds == 0)
        assert result.metadata["target_precision"] == PRECISION


@pytest.mark.parametrize("numbers", [[PI], np.array([PI])])
def test_one_parameter(estimator: BackendEstimatorV2, numbers: Any) -> None:
    """A single value may be a list or an array."""
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("x"), 0)
    (result,) = estimator.run([(circuit, SparsePauliOp("Z"), numbers)]).result()

    assert np.all(result.data.evs == -1)
    assert result.metadata["target_precision"] == PRECISION


def test_several_parameters(estimator: BackendEstimatorV2) -> None:
    """Values may be lists, arrays or lists of arrays, in one or two dimensions."""
    circuit = ansatz()
    theta = values(circuit).tolist()
    forms = [theta, [theta], np.array(theta), np.array([theta]), [np.array(theta)]]
    results = estimator.run([(circuit, H1, form) for form in forms]).result()

    assert all(agree(result.data.evs, exact(circuit, H1, theta), H1) for result in results)
    assert [result.data.evs.shape for result in results] == [(), (1,), (), (1,), (1,)]


@pytest.mark.parametrize("form", [np.asarray, list, np.ndarray.tolist])
def test_arrays_of_values(estimator: BackendEstimatorV2, form: Any) -> None:
    """Bindings of one or two dimensions are broadcast against observables."""
    circuit = ansatz(1)
    rows = np.random.default_rng(3).uniform(-3, 3, (3, 2, circuit.num_parameters))
    observable = SparsePauliOp.from_list([("IZ", 1), ("XI", 2), ("ZY", -1)])
    pair = [SparsePauliOp("IX"), SparsePauliOp("YI")]
    line, table = estimator.run([(circuit, observable, form(rows[:, 0])), (circuit, pair, form(rows))]).result()

    assert (line.data.evs.shape, table.data.evs.shape) == ((3,), (3, 2))
    assert agree(line.data.evs, [exact(circuit, observable, row) for row in rows[:, 0]], observable)
    assert agree(table.data.evs, [[exact(circuit, pair[i], row[i]) for i in range(2)] for row in rows], *pair)


def test_one_qubit(estimator: BackendEstimatorV2) -> None:
    """The identity is estimated."""
    plain, flipped = QuantumCircuit(1), QuantumCircuit(1)
    flipped.x(0)
    pubs = [(circuit, SparsePauliOp(pauli)) for circuit in (plain, flipped) for pauli in "IZ"]

    assert [float(result.data.evs) for result in estimator.run(pubs).result()] == [1, 1, 1, -1]


def test_order_of_qubits(estimator: BackendEstimatorV2) -> None:
    """Qubit 0 is rightmost in observables."""
    plain, flipped = QuantumCircuit(2), QuantumCircuit(2)
    flipped.x(0)
    pubs = [(circuit, SparsePauliOp(pauli)) for circuit in (plain, flipped) for pauli in ("II", "ZI", "IZ")]

    assert [float(result.data.evs) for result in estimator.run(pubs).result()] == [1, 1, 1, 1, 1, -1]


# --- mistakes

ONE, TWO = QuantumCircuit(1), QuantumCircuit(2)
I1, I2 = SparsePauliOp("I"), SparsePauliOp("II")


@pytest.mark.parametrize(
    ("pubs", "precision"),
    [
        ([(ONE, I2)], None),
        ([(ONE, I1, [[1e4]])], None),
        ([(TWO, I2, [[1, 2]])], None),
        ([(ONE, [I1, I2], [[1]])], None),
        ([(ONE, 1j * I1)], 0.1),
        ([(ONE, I1)], -1),
        ([(ONE, I1)], 0),
        ([(ONE, I1, None, -1)], None),
        ([(ONE, I1, None, 0)], None),
    ],
)
def test_mistakes(estimator: BackendEstimatorV2, cloud: RecordedCloud, pubs: Any, precision: float | None) -> None:
    """Mismatched qubits, values and precisions are refused before any request."""
    with pytest.raises(ValueError):  # noqa: PT011 - the words are Qiskit's
        estimator.run(pubs, precision=precision).result()

    assert cloud.requests == []


def test_pub_without_a_list(estimator: BackendEstimatorV2, cloud: RecordedCloud) -> None:
    """A PUB outside a list raises an error."""
    with pytest.raises(ValueError, match="An invalid Estimator pub-like was given"):
        estimator.run((ONE, I1)).result()

    assert cloud.requests == []


# --- precision


def test_precisions(estimator: BackendEstimatorV2) -> None:
    """The PUB's precision overrides the run's, which overrides the default."""
    circuit = ansatz()
    theta = values(circuit)
    pub = (circuit, H1, [theta])
    results = [
        *estimator.run([pub, pub]).result(),
        *estimator.run([pub, (*pub, PRECISION * 0.8)], precision=PRECISION / 2).result(),
    ]
    wanted = [PRECISION, PRECISION, PRECISION / 2, PRECISION * 0.8]

    assert [result.metadata["target_precision"] for result in results] == wanted
    assert [result.metadata["shots"] for result in results] == [math.ceil(1 / precision**2) for precision in wanted]
    for result, precision in zip(results, wanted, strict=True):
        assert agree(result.data.evs, exact(circuit, H1, theta), H1, precision=precision)
        assert 0 < result.data.stds[0] < 5 * precision


# --- what else Qiskit asks


def test_iterator_of_pubs(estimator: BackendEstimatorV2) -> None:
    """PUBs may be any iterable."""
    results = estimator.run(iter([(TWO, I2), (TWO, SparsePauliOp("ZZ"))])).result()

    assert [float(result.data.evs) for result in results] == [1, 1]


def test_one_circuit_at_a_time(backend: OqtopusBackend) -> None:
    """`max_circuits` of a backend is respected."""
    limited, runs = one_at_a_time(backend)
    circuit = ansatz()
    observable = SparsePauliOp.from_list([("IZ", 1), ("XI", 2), ("ZY", -1)])
    results = BackendEstimatorV2(backend=limited).run([(circuit, observable, values(circuit))] * 5).result()

    assert runs == [1] * 10
    for result in results:
        assert agree(result.data.evs, exact(circuit, observable, values(circuit)), observable, precision=1 / 64)


def test_metadata(estimator: BackendEstimatorV2) -> None:
    """The metadata have precision, shots, and the circuit's metadata."""
    plain, told = QuantumCircuit(2), QuantumCircuit(2)
    told.metadata = {"a": 1}
    zz = SparsePauliOp("ZZ")
    result = estimator.run([(plain, zz), (told, zz)], precision=0.1).result()

    assert result.metadata == {"version": 2}
    for pub, circuit in zip(result, (plain, told), strict=True):
        assert pub.metadata == {"target_precision": 0.1, "shots": 100, "circuit_metadata": circuit.metadata}
