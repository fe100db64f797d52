"""`OqtopusEstimator`: what it shares with Qiskit's own estimators, and what it adds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2, real_amplitudes
from qiskit.primitives import PrimitiveResult, StatevectorEstimator
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.providers import JobStatus
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator, Pauli, SparsePauliOp, Statevector, random_clifford
from qiskit_aer import AerSimulator

from oqtopus_client import OqtopusConfig
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.device_files import EmulatedDevice
from qiskit_oqtopus import OqtopusBackend, OqtopusEstimator, OqtopusJobError, OqtopusPrimitiveJob, OqtopusProvider
from qiskit_oqtopus.primitives import expectation
from qiskit_oqtopus.primitives.broadcasting import Broadcast
from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.estimator_pubs import MeasuredPub
from qiskit_oqtopus.primitives.observables import Observable, grouped_measurements, is_measured_by
from tests.support.server_process import last_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from qiskit.providers import BackendV2

    from tests.support.recorded_cloud import RecordedCloud

ROUTES = ("sampling", "estimation", "auto")
H2 = SparsePauliOp.from_list(
    [("II", -1.05), ("IZ", 0.39), ("ZI", -0.39), ("ZZ", -0.01), ("XX", 0.18)],
)
STATES = {
    "0": [1, 0],
    "1": [0, 1],
    "+": [math.sqrt(0.5), math.sqrt(0.5)],
    "-": [math.sqrt(0.5), -math.sqrt(0.5)],
    "r": [math.sqrt(0.5), 1j * math.sqrt(0.5)],
    "l": [math.sqrt(0.5), -1j * math.sqrt(0.5)],
}


def matrix(label: str) -> np.ndarray:
    """Return the matrix of a product of Paulis and projectors."""
    product = np.eye(1)
    for letter in label:
        factor = np.outer(STATES[letter], np.conj(STATES[letter])) if letter in STATES else Pauli(letter).to_matrix()
        product = np.kron(product, factor)
    return product


def exact(circuit: QuantumCircuit, observable: dict[str, float]) -> float:
    """Return the expectation value, from the state vector."""
    total = sum(c * matrix(label) for label, c in observable.items())
    return float(np.real(Statevector(circuit).expectation_value(Operator(total))))


def agree(result: Any, expected: Any) -> bool:
    """Whether all values are within five standard errors.

    Errors are estimated from the shots, and too small where rare outcomes were seen less often than they should have
    been; so two errors of an observable of norm 1 come on top.
    """
    return bool(
        np.all(np.abs(result.data.evs - expected) <= 5 * result.data.stds + 2 / math.sqrt(result.metadata["shots"]))
    )


# --- as Qiskit's own


@pytest.mark.parametrize("route", ROUTES)
def test_pubs_of_every_form(backend: OqtopusBackend, route: str) -> None:
    """Circuits with and without parameters, several PUBs and an iterator of PUBs give the right values."""
    psi = [real_amplitudes(2, reps=reps) for reps in (2, 3)]
    theta = [[0, 1, 1, 2, 3, 5], [1, 2, 3, 4, 5, 6, 7, 8]]
    bound = psi[0].assign_parameters(theta[0])
    estimator = OqtopusEstimator(backend, route=route, default_precision=0.02)
    pubs = [(psi[0], H2, [theta[0]]), (psi[1], [H2, "ZZ"], theta[1]), (bound, H2), (bound, H2, None), (bound, H2, [])]
    expected = StatevectorEstimator().run(pubs).result()
    for given in (pubs, iter(pubs)):
        result = estimator.run(given).result()
        assert [r.data.evs.shape for r in result] == [(1,), (2,), (), (), ()]
        assert all(agree(r, e.data.evs) for r, e in zip(result, expected, strict=True))
    assert isinstance(result, PrimitiveResult)
    assert result.metadata == {"version": 2}


@pytest.mark.parametrize("route", ["sampling", "estimation"])
def test_endianness(backend: OqtopusBackend, route: str) -> None:
    """Qubit 0 is rightmost."""
    circuit = QuantumCircuit(2)
    circuit.x(0)
    observables = ["IZ", "ZI", "ZZ", {"ZI": 2.0, "IZ": 1.0}]
    result = OqtopusEstimator(backend, route=route).run([(circuit, observables)], shots=10).result()[0]

    assert result.data.evs.tolist() == [-1, 1, -1, 1]
    assert result.data.stds.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("route", ["sampling", "estimation"])
def test_one_qubit(backend: OqtopusBackend, route: str) -> None:
    """Servers cannot estimate for a program of one qubit, so the program includes the device's other qubits."""
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    result = OqtopusEstimator(backend, route=route).run([(circuit, ["X", "Y", "Z"])], shots=1000).result()[0]

    assert result.data.evs[1] == -1
    assert agree(result, [0, -1, 0])


def test_device_of_one_qubit() -> None:
    """A server cannot estimate on such a device, so `auto` samples, and `estimation` is refused."""
    device = EmulatedDevice.from_device_info({"qubits": [{"id": 0}], "couplings": []}, device_id="dot", noisy=False)
    with Emulator(":memory:", devices=[device]) as emulator, OqtopusProvider(emulator.config) as provider:
        dot = provider.get_backend("dot")
        circuit = QuantumCircuit(1)
        circuit.sx(0)
        assert OqtopusEstimator(dot).run([(circuit, {"X": 1.0, "Y": 1.0})]).result()[0].metadata["route"] == "sampling"
        with pytest.raises(ValueError, match="cannot be used: servers cannot estimate on a single qubit, and dot has"):
            OqtopusEstimator(dot, route="estimation").run([(circuit, "Z")])


@pytest.mark.parametrize(
    ("values", "shape"),
    [([0.5], ()), (np.array([[0.5], [1.0]]), (2,)), (np.ones((3, 2, 1)), (3, 2)), ({"t": [0.5, 1.0, 1.5]}, (3,))],
)
def test_values_of_every_form(backend: OqtopusBackend, values: Any, shape: tuple[int, ...]) -> None:
    """Values may be lists, arrays or mappings of any shape."""
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("t"), 0)
    result = OqtopusEstimator(backend).run([(circuit, "IZ", values)], precision=0.03).result()[0]
    angles = np.asarray(next(iter(values.values())) if isinstance(values, dict) else np.asarray(values)[..., 0])

    assert result.data.evs.shape == result.data.stds.shape == shape
    assert agree(result, np.cos(angles))


@pytest.mark.parametrize(
    ("bindings", "observables", "shape"),
    [
        ((3, 1), (2,), (3, 2)),
        ((2,), (2,), (2,)),
        ((1,), (4,), (4,)),
        ((), (2, 2), (2, 2)),
        ((2, 1, 2), (3, 1), (2, 3, 2)),
    ],
)
@pytest.mark.parametrize("route", ["sampling", "estimation"])
def test_broadcasting(
    backend: OqtopusBackend, bindings: tuple[int, ...], observables: tuple[int, ...], shape: tuple[int, ...], route: str
) -> None:
    """Shapes broadcast as in numpy, and each element has its own value."""
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    circuit.ry(Parameter("b"), 1)
    rng = np.random.default_rng(7)
    values = rng.uniform(0, 3, (*bindings, 2))
    labels = np.array(["IZ", "ZI", "ZZ", "XI", "IX", "XZ"])[np.arange(np.prod(observables, dtype=int))]
    pub = (circuit, labels.reshape(observables).tolist() if observables else str(labels[0]), values)
    result = OqtopusEstimator(backend, route=route).run([pub], precision=0.03).result()[0]

    assert result.data.evs.shape == shape
    assert agree(result, StatevectorEstimator().run([pub]).result()[0].data.evs)


@pytest.mark.parametrize("route", ["sampling", "estimation"])
def test_observables_measured_alike(backend: OqtopusBackend, cloud: RecordedCloud, route: str) -> None:
    """Bindings with different observables that share measurements get their own values."""
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    circuit.cx(0, 1)
    angles = np.array([0.3, 1.1, 2.0, 2.8])
    observables = [{"XX": 1.0, "IZ": float(i)} for i in range(1, 5)]
    job = OqtopusEstimator(backend, route=route).run([(circuit, observables, angles[:, np.newaxis])], precision=0.03)

    assert cloud.routes.count("POST /jobs") == (8 if route == "sampling" else 4)
    assert agree(job.result()[0], np.sin(angles) + np.arange(1, 5) * np.cos(angles))


def overflowed() -> SparsePauliOp:
    """Return an observable whose coefficient has overflowed, without the warning of the product."""
    observable = SparsePauliOp("ZZ")
    observable.coeffs = np.array([complex(math.inf, math.nan)])
    return observable


@pytest.mark.parametrize(
    ("pubs", "error", "message"),
    [
        (
            [(QuantumCircuit(2), "Z")],
            ValueError,
            "PUB 0: The number of qubits of the circuit (2) does not match",
        ),
        (
            [(QuantumCircuit(2), "ZZ", [1.0])],
            ValueError,
            "PUB 0: Length of () inconsistent with last dimension of [1.]. A PUB is (circuit, obs",
        ),
        (
            [(QuantumCircuit(2), "ZZ"), (real_amplitudes(2, reps=1), "ZZ")],
            ValueError,
            "PUB 1: The number of values (0) ",
        ),
        ([(QuantumCircuit(2), 1j * SparsePauliOp("ZZ"))], ValueError, "PUB 0: "),
        ([(QuantumCircuit(2), overflowed())], ValueError, "PUB 0: Non-Hermitian or not finite "),
        ([(QuantumCircuit(2), {"ZZ": math.nan})], ValueError, "PUB 0: An observable has the coefficient nan for ZZ;"),
        ([(QuantumCircuit(2), {"ZZ": math.inf})], ValueError, "PUB 0: An observable has the coefficient inf for ZZ;"),
        ([QuantumCircuit(2)], ValueError, "PUB 0: An invalid Estimator pub-like was given"),
        ((QuantumCircuit(2), "ZZ"), ValueError, "PUB 0: An invalid Estimator pub-like was given"),
        ([(QuantumCircuit(2), "ZZ", None, 0)], ValueError, "PUB 0 has the precision 0; it must be a positive number."),
        ([(QuantumCircuit(2), "ZZ", None, -1.0)], ValueError, "PUB 0: precision must be non-negative"),
        (
            [(real_amplitudes(1, reps=0), "Z", [math.nan])],
            ValueError,
            "PUB 0 has the value nan for 'θ[0]' (binding ())",
        ),
        ([(QuantumCircuit(17), "Z" * 17)], ValueError, "Circuit "),
        ([(real_amplitudes(1, reps=0), "Z", np.array([1j]))], TypeError, "PUB 0: 1j is not a real number. A PUB is "),
        ([(real_amplitudes(1, reps=0), "Z", {"θ": [[1j]]})], TypeError, "PUB 0: 1j is not a real number. A PUB is "),
        ([(real_amplitudes(1, reps=0), "Z", ["1"])], ValueError, "PUB 0: '1' is text, not a real number. A PUB is "),
        (3, TypeError, "run() takes a list of PUBs, not 3. A PUB is (circuit, observables, values, precision)"),
    ],
)
def test_bad_pubs(
    backend: OqtopusBackend, cloud: RecordedCloud, pubs: Any, error: type[Exception], message: str
) -> None:
    """An invalid PUB raises Qiskit's message with the PUB's index, or ours, before any request."""
    with pytest.raises(error) as caught:
        OqtopusEstimator(backend).run(pubs)

    assert str(caught.value).startswith(message)
    assert cloud.requests == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"precision": -1.0}, ValueError, "precision must be non-negative"),
        ({"precision": 0.0}, ValueError, "PUB 0 has the precision 0.0; it must be a positive number."),
        ({"precision": math.nan}, ValueError, "PUB 0 has the precision nan; it must be a positive number."),
        (
            {"precision": 1e-6},
            ValueError,
            "PUB 0 has the precision 1e-06, for which each measurement would take 1e+12 shots; the finest is 3.2e-05, "
            "for 1,000,000,000 shots.",
        ),
        ({"shots": 10**9 + 10}, ValueError, "would take 1e+09 shots; the finest is 3.2e-05"),
        ({"precision": "fine"}, TypeError, "precision must be a real number"),
        ({"shots": 0}, ValueError, "shots must be a positive integer, not 0."),
        ({"shots": 1.5}, TypeError, "shots must be a positive integer, not 1.5."),
        ({"shots": 5, "precision": 0.1}, ValueError, "Give precision or shots, not both: precision=0.1, shots=5."),
    ],
)
def test_bad_precisions(
    backend: OqtopusBackend, cloud: RecordedCloud, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Precisions that are too fine or not valid are refused."""
    with pytest.raises(error) as caught:
        OqtopusEstimator(backend).run([(QuantumCircuit(2), "ZZ")], **options)

    assert message in str(caught.value)
    assert cloud.requests == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rout": "auto"}, TypeError, "OqtopusEstimator has no option 'rout'. Did you mean 'route'?"),
        ({"route": "both"}, ValueError, "route must be 'auto', 'sampling' or 'estimation', not 'both'."),
        ({"default_precision": 0.0}, ValueError, "default_precision must be greater than 0, not 0.0."),
        ({"max_shots": 10_000_001}, ValueError, "shots must be an integer from 1 to 10,000,000, not 10000001."),
    ],
)
def test_bad_options(backend: OqtopusBackend, options: dict[str, Any], error: type[Exception], message: str) -> None:
    """Invalid options are refused at construction."""
    with pytest.raises(error) as caught:
        OqtopusEstimator(backend, **options)

    assert str(caught.value) == message
    with pytest.raises(TypeError, match="mode must be a backend"):
        OqtopusEstimator("qulacs")  # type: ignore[arg-type]


def test_assigned_options(backend: OqtopusBackend) -> None:
    """Assigned options are checked, and the default precision is where libraries look for it."""
    estimator = OqtopusEstimator(backend)
    estimator.options = {"default_precision": 0.5}  # type: ignore[assignment]
    assert estimator.default_precision == 0.5
    with pytest.raises(TypeError, match="has no option 'default_shots'"):
        estimator.options = {"default_shots": 5}  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"options must be EstimatorOptions\(\.\.\.\) or a mapping"):
        estimator.options = 5  # type: ignore[assignment]

    assert estimator.options.default_precision == 0.5


def test_precisions(backend: OqtopusBackend) -> None:
    """A PUB's precision overrides the run's, which overrides the option; 1/sqrt(1000) is exactly 1,000 shots."""
    circuit = QuantumCircuit(2)
    pubs = [
        (circuit, "ZZ"),
        (circuit, "ZZ", None, 0.5),
        EstimatorPub.coerce((circuit, "ZZ", None, 1 / math.sqrt(1000))),
    ]

    def shots(estimator: OqtopusEstimator, **run: Any) -> list[int]:
        return [result.metadata["shots"] for result in estimator.run(pubs, **run).result()]

    estimator = OqtopusEstimator(backend, options={"default_precision": 0.25})
    assert shots(estimator) == [16, 4, 1000]
    assert shots(estimator, precision=0.1) == [100, 4, 1000]
    assert shots(estimator, shots=30) == [30, 4, 1000]
    estimator.options.default_precision = 0.2
    assert shots(estimator) == [25, 4, 1000]
    assert [result.metadata["target_precision"] for result in estimator.run(pubs[:2]).result()] == [0.2, 0.5]
    assert shots(OqtopusEstimator(backend)) == [4096, 4, 1000]


def test_metadata(backend: OqtopusBackend) -> None:
    """Metadata contain the circuit's own and how the values were obtained."""
    circuit = QuantumCircuit(2, metadata={"point": 3})
    result = OqtopusEstimator(backend).run([(circuit, "ZZ")], precision=0.1).result()[0]

    assert result.metadata == {
        "target_precision": 0.1,
        "shots": 100,
        "circuit_metadata": {"point": 3},
        "route": "sampling",
    }


# --- observables


@pytest.mark.parametrize("label", ["0Z", "1+", "-r", "lX", "01", "Y0"])
@pytest.mark.parametrize("route", ["sampling", "estimation"])
def test_projectors(backend: OqtopusBackend, label: str, route: str) -> None:
    """Observables may contain projectors, which Qiskit's estimators refuse."""
    circuit = QuantumCircuit(2)
    circuit.ry(0.7, 0)
    circuit.cx(0, 1)
    circuit.rx(0.4, 1)
    circuit.rz(0.3, 0)
    observable = {label: 0.8, "ZZ": -0.3, "II": 0.1}
    result = OqtopusEstimator(backend, route=route).run([(circuit, observable)], shots=20_000).result()[0]

    assert agree(result, exact(circuit, observable))


def test_projectors_cost_no_terms(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """One measurement determines a product of fourteen projectors, which would be 16,384 Paulis."""
    circuit = QuantumCircuit(14)
    circuit.x(0)
    result = OqtopusEstimator(backend).run([(circuit, "0" * 13 + "1")], shots=100).result()[0]

    assert result.data.evs == 1
    assert cloud.routes.count("POST /jobs") == 1
    with pytest.raises(ValueError, match="has 14 projectors, which as Paulis are 16,384 terms; use route='sampling'"):
        OqtopusEstimator(backend, route="estimation").run([(circuit, "0" * 13 + "1")])


def test_identity_is_free(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """A constant observable needs no device."""
    job = OqtopusEstimator(backend).run([(QuantumCircuit(2), [{"II": 2.5}, "II"])])
    result = job.result()[0]

    assert (result.data.evs.tolist(), result.data.stds.tolist()) == ([2.5, 1], [0, 0])
    assert (job.status(), job.job_ids, cloud.requests) == (JobStatus.DONE, [], [])


def test_shared_measurements(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Observables that are determined by one measurement share it."""
    circuit = QuantumCircuit(3)
    observables = ["ZII", "IZI", "IIZ", "ZZZ", {"ZZI": 1.0, "XII": 1.0}, "XXX"]
    result = OqtopusEstimator(backend).run([(circuit, observables)], shots=500).result()[0]

    assert cloud.routes.count("POST /jobs") == 2
    assert result.metadata["route"] == "sampling"
    assert agree(result, [1, 1, 1, 1, 1, 0])


def test_circuits_with_classical_bits(backend: OqtopusBackend) -> None:
    """Final measurements are replaced, and classical registers are allowed."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    measured = circuit.copy()
    measured.add_register(ClassicalRegister(3, "spare"))
    measured.measure_all()
    for route in ("sampling", "estimation"):
        result = OqtopusEstimator(backend, route=route).run([(measured, ["XX", "ZZ"])], shots=100).result()[0]
        assert result.data.evs.tolist() == [1, 1]


def test_registers_of_any_name(backend: OqtopusBackend) -> None:
    """The added register has a new name, different also from the next names that Qiskit generates."""
    circuit = QuantumCircuit(2)
    following = int(ClassicalRegister(1).name.removeprefix("c")) + 1
    for name in ["observables", *(f"c{following + i}" for i in range(6))]:
        circuit.add_register(ClassicalRegister(1, name))
    result = OqtopusEstimator(backend).run([(circuit, "ZZ")], shots=10).result()[0]

    assert result.data.evs == 1


def test_measurements_that_matter() -> None:
    """A measurement that controls a gate is kept: the other qubit follows the first."""
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    result = OqtopusEstimator(AerSimulator(), seed=1).run([(circuit, ["ZZ", "IZ"])], shots=1000).result()[0]

    assert result.data.evs[0] == 1
    assert agree(result, [1, 0])


def test_layout(backend: OqtopusBackend) -> None:
    """A transpiled circuit runs unchanged, with the observable laid out by Qiskit."""
    circuit = efficient_su2(4, reps=1)
    values = np.linspace(0, 2, circuit.num_parameters)
    observable = SparsePauliOp.from_list([("XXII", 0.5), ("IZZI", 1.0), ("IIIY", -0.7)])
    expected = StatevectorEstimator().run([(circuit, observable, values)]).result()[0].data.evs
    isa = transpile(circuit, backend, optimization_level=2, seed_transpiler=3)
    laid_out = observable.apply_layout(isa.layout)
    for route in ("sampling", "estimation"):
        job = OqtopusEstimator(backend, route=route, transpile="none").run([(isa, laid_out, values)], shots=5000)
        assert agree(job.result()[0], expected)


# --- errors of the mean


def random_pub(rng: np.random.Generator) -> tuple[QuantumCircuit, list[dict[str, float]], np.ndarray]:
    """Return a circuit, observables of which some share measurements, and bindings."""
    n = int(rng.integers(2, 5))
    circuit = QuantumCircuit(n)
    circuit.append(random_clifford(n, seed=rng).to_circuit(), range(n))
    parameters = [Parameter(f"p{i}") for i in range(n)]
    for qubit, parameter in enumerate(parameters):
        circuit.ry(parameter, qubit)
        circuit.rz(parameter * 2, qubit)
    for qubit in range(n - 1):
        circuit.cx(qubit, qubit + 1)
    letters = np.array(list("IIXYZ01+-rl"))
    observables = [
        {"".join(rng.choice(letters, n)): float(rng.normal()) for _ in range(rng.integers(1, 6))} for _ in range(2)
    ]
    return circuit, observables, rng.uniform(-3, 3, (1, n))


@pytest.mark.campaign
@pytest.mark.parametrize("seed", [11])
def test_errors_are_what_they_say(backend: OqtopusBackend, seed: int) -> None:
    """Of 300 PUBs, no value is off by five standard errors, and about 68 % are within one."""
    rng = np.random.default_rng(seed)
    pubs = [random_pub(rng) for _ in range(300)]
    results = OqtopusEstimator(backend, route="sampling").run(pubs, shots=500).result(timeout=250)
    deviations, within = [], []
    for (circuit, observables, values), result in zip(pubs, results, strict=True):
        bound = circuit.assign_parameters(values[0])
        for value, error, observable in zip(result.data.evs, result.data.stds, observables, strict=True):
            off = abs(value - exact(bound, observable))
            # An error that was estimated from a few rare outcomes may be far too small.
            floor = 0.2 * sum(map(abs, observable.values())) / math.sqrt(500)
            deviations.append(off / max(error, floor))
            if error > 1e-9:
                within.append(off < error)
    # Of samples of 500 they are nearly normal: each is above five with a chance of 1e-6, above 6.5 of 1e-10.
    assert max(deviations) < 6.5
    assert np.mean(np.array(deviations) > 5) < 0.005
    assert 0.60 < np.mean(within) < 0.76


def test_routes_agree(backend: OqtopusBackend) -> None:
    """Both routes agree; the server's errors are sums over terms, and smaller than ours only by chance."""
    rng = np.random.default_rng(5)
    pubs = [random_pub(rng) for _ in range(20)]
    ours, theirs = (
        OqtopusEstimator(backend, route=route).run(pubs, shots=2000).result(timeout=250)
        for route in ("sampling", "estimation")
    )
    for a, b in zip(ours, theirs, strict=True):
        assert np.all(np.abs(a.data.evs - b.data.evs) <= 6 * np.hypot(a.data.stds, b.data.stds) + 0.05)
        assert np.all(a.data.stds <= 1.1 * b.data.stds + 1e-3)


def test_covariances_count(backend: OqtopusBackend) -> None:
    """Covariances of terms count: in a Bell state, ZI and IZ fluctuate together, and ZI and -IZ cancel."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    observables = [{"ZI": 1.0, "IZ": 1.0}, {"ZI": 1.0, "IZ": -1.0}]
    result = OqtopusEstimator(backend).run([(circuit, observables)], shots=10_000).result()[0]

    assert result.data.stds[0] == pytest.approx(2 / 100, rel=0.01)
    assert (result.data.evs[1], result.data.stds[1]) == (0, 0)


def test_error_of_one_shot(backend: OqtopusBackend) -> None:
    """The error of a single shot is unknown, not zero."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    result = OqtopusEstimator(backend).run([(circuit, "IZ")], shots=1).result()[0]

    assert abs(result.data.evs) == 1
    assert math.isinf(result.data.stds)


@pytest.mark.parametrize("route", ["sampling", "estimation"])
def test_shots_above_the_cap(backend: OqtopusBackend, cloud: RecordedCloud, route: str) -> None:
    """Shots above the cap are split across jobs, and their outcomes combined."""
    circuit = QuantumCircuit(2)
    circuit.ry(1.0, 0)
    estimator = OqtopusEstimator(backend, route=route, max_shots=300)
    job = estimator.run([(circuit, "IZ")], shots=1000)
    result = job.result()[0]

    assert cloud.routes.count("POST /jobs") == len(job.job_ids) == 4
    assert sorted(row.shots for row in job._run.batch.jobs()) == [250] * 4  # type: ignore[attr-defined]
    assert result.data.stds == pytest.approx(math.sin(1.0) / math.sqrt(1000), rel=0.1)
    assert agree(result, math.cos(1.0))


# --- jobs


def test_route_of_fewer_jobs(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """`auto` prefers one server job to three measurements, and one measurement to three server jobs."""
    circuit = real_amplitudes(2, reps=1)
    values = np.zeros((3, circuit.num_parameters))
    job = OqtopusEstimator(backend).run(
        [(circuit, {"XX": 1.0, "YY": 1.0, "ZZ": 1.0}, values), (circuit, [["ZI"], ["IZ"], ["ZZ"]], values)], shots=50
    )
    first, second = job.result()

    assert (first.metadata["route"], second.metadata["route"]) == ("estimation", "sampling")
    assert cloud.routes.count("POST /jobs") == len(job.job_ids) == 3 + 3
    assert [row.job_type for row in job._run.batch.jobs()] == ["estimation"] * 3 + ["sampling"] * 3  # type: ignore[attr-defined]


def test_route_where_readout_errors_are_mitigated(backend: OqtopusBackend) -> None:
    """A server that transpiles reports the measured qubits, so the client can mitigate its counts."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    isa = transpile(circuit, backend)
    pubs = [(circuit, "ZZ"), (isa, SparsePauliOp("ZZ").apply_layout(isa.layout))]

    def routes(**options: Any) -> list[str]:
        results = OqtopusEstimator(backend, **options).run(pubs, shots=10).result()
        return [result.metadata["route"] for result in results]

    assert routes() == ["sampling", "sampling"]
    assert routes(mitigation="pseudo_inverse") == ["sampling", "sampling"]
    assert routes(mitigation="pseudo_inverse", transpile="server") == ["sampling", "sampling"]
    backend.set_options(mitigation="pseudo_inverse")
    assert routes() == ["sampling", "sampling"]


def test_route_of_many_projectors(backend: OqtopusBackend) -> None:
    """An observable that is too long as a sum of Paulis is sampled, even if that takes more jobs."""
    result = OqtopusEstimator(backend).run([(QuantumCircuit(14), {"0" * 14: 1.0, "X" * 14: 1.0})], shots=99).result()[0]

    assert result.metadata["route"] == "sampling"
    assert agree(result, 1.0)


SUBMIT_AND_DIE = """
import os, signal
import numpy as np
from qiskit.circuit.library import real_amplitudes
from qiskit_oqtopus import OqtopusEstimator, OqtopusProvider

circuit = real_amplitudes(2, reps=1)
circuit.metadata = {"who": "first"}
estimator = OqtopusEstimator(OqtopusProvider().get_backend("qulacs"))
values = np.zeros((2, 1, circuit.num_parameters))
pubs = [(circuit, ["ZZ", {"0I": 3.0, "II": 1.0}], values), (circuit, {"XX": 1.0, "ZZ": 1.0}, values)]
job = estimator.run(pubs, shots=100)
print(job.job_id(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_in_another_process(server: dict[str, str]) -> None:
    """The job of a killed process gives the primitive's result in another process."""
    job_id = last_words(SUBMIT_AND_DIE, server)
    with OqtopusProvider(OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])) as provider:
        job = provider.job(job_id)
        assert isinstance(job, OqtopusPrimitiveJob)
        first, second = job.result(timeout=60)
        assert [job.job_id() for job in provider.jobs(limit=1)] == [job_id]

    assert first.data.evs.tolist() == [[1, 4], [1, 4]]
    assert first.metadata["circuit_metadata"] == {"who": "first"}
    assert second.metadata["route"] == "estimation"
    assert second.data.evs.shape == (2, 1)
    assert agree(second, 1.0)


def test_failure(backend: OqtopusBackend, emulator: Emulator) -> None:
    """The error contains the server's message."""
    emulator.inject("fail_job", message="the fridge is warm")
    job = OqtopusEstimator(backend).run([(QuantumCircuit(2), "ZZ")], shots=5)
    with pytest.raises(OqtopusJobError, match="the fridge is warm"):
        job.result()

    assert job.status() is JobStatus.ERROR


@pytest.mark.parametrize("make", [AerSimulator, lambda: GenericBackendV2(4, seed=1)], ids=["Aer", "generic"])
def test_other_backends(make: Callable[[], BackendV2]) -> None:
    """The same code runs on any backend; options that need a server are refused."""
    backend = make()
    circuit = transpile(real_amplitudes(3, reps=1), backend, optimization_level=1, seed_transpiler=1)
    observable = SparsePauliOp.from_list([("ZZI", 0.7), ("XIX", 0.4), ("III", 1.0)])
    if circuit.layout is not None:
        observable = observable.apply_layout(circuit.layout)
    values = np.linspace(0, 1, circuit.num_parameters)
    job = OqtopusEstimator(backend, seed=3).run([(circuit, observable, values)], shots=4000)
    result = job.result()[0]
    expected = StatevectorEstimator().run([(circuit, observable, values)]).result()[0].data.evs

    assert job.done()
    assert result.metadata["route"] == "sampling"
    assert abs(result.data.evs - expected) < 5 * result.data.stds + (
        0.1 if isinstance(backend, GenericBackendV2) else 0
    )
    with pytest.raises(ValueError, match=r"route='estimation' cannot be used: .* is not an OQTOPUS device"):
        OqtopusEstimator(backend, route="estimation").run([(circuit, observable, values)])


class Recording(GenericBackendV2):
    """A backend that records the circuits it is given."""

    def run(self, run_input: list[QuantumCircuit], **options: Any) -> Any:
        """Record and run the circuits."""
        self.given = run_input
        return super().run(run_input, **options)


@pytest.mark.parametrize("basis", [["u", "cz"], ["rz", "rx", "cz"], ["rz", "sx", "cx"]], ids=str)
def test_gates_of_other_backends(basis: list[str]) -> None:
    """Basis changes before a measurement use gates that the backend has."""
    backend = Recording(3, basis_gates=basis, seed=1)
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.sx(2)
    isa = transpile(circuit, backend, seed_transpiler=1)
    laid_out = [SparsePauliOp(label).apply_layout(isa.layout) for label in ("IXX", "IYY", "YII")]
    result = OqtopusEstimator(backend, seed=1).run([(isa, laid_out)], shots=100).result()[0]

    assert result.data.evs == pytest.approx([1, -1, -1], abs=0.2)
    assert {item.name for given in backend.given for item in given.data} <= {*basis, "measure"}


# --- pure parts


def test_every_term_is_measured() -> None:
    """Each term of many observables has a measurement, and each measurement is used."""
    rng = np.random.default_rng(2)
    observables = [
        Observable.of({"".join(rng.choice(list("IXYZ01+-rl"), 5)): 1.0 for _ in range(20)}) for _ in range(5)
    ]
    measured = grouped_measurements(observables)
    terms = [label for observable in observables for label, _ in observable.terms]

    assert all(any(is_measured_by(label, m) for m in measured) for label in terms)
    assert all(any(is_measured_by(label, m) for label in terms) for m in measured)
    assert len(measured) < len(terms)


def test_broadcast() -> None:
    """Elements and groups have flat indices in the order of numpy's broadcasting."""
    assert Broadcast((), ()).elements == [(0, 0)]
    assert Broadcast((2, 1), (3,)).binding_groups == [((0, 1, 2), [0, 1])]
    assert Broadcast((3,), (3,)).binding_groups == [((0,), [0]), ((1,), [1]), ((2,), [2])]
    assert Broadcast((2, 1), (2,)).bindings_by_observable == {0: [0, 1], 1: [0, 1]}


@pytest.mark.parametrize("observable", ["ZZ", SparsePauliOp("ZZ"), [SparsePauliOp("ZZ")], {"ZZ": 1.0}])
def test_observable_without_the_layout(observable: Any) -> None:
    """An observable on the qubits of the circuit before transpilation is refused, and the method to use named."""
    backend = GenericBackendV2(3, seed=1)
    isa = transpile(efficient_su2(2, reps=1), backend)
    with pytest.raises(ValueError, match=r"use observable\.apply_layout\(circuit\.layout\)"):
        OqtopusEstimator(backend).run([(isa, observable, [0] * isa.num_parameters)])


def test_terms_are_assigned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement that determines a term is found once for all bindings with the same measurements."""
    asked: list[tuple[str, str]] = []

    def noted(label: str, measurement: str) -> bool:
        asked.append((measurement, label))
        return is_measured_by(label, measurement)

    monkeypatch.setattr(expectation, "is_measured_by", noted)
    observables = (Observable((("ZI", 2.0), ("XX", 3.0)), 1.0), Observable((("IZ", 4.0),), 0.0))
    pub = MeasuredPub(
        broadcast=Broadcast((3, 1), (2,)),
        observables=observables,
        measurements=(("ZZ", "XX"),),
        shots=4,
        precision=0.5,
    )
    # Of qubits 0 and 1: 00 in every shot of the first binding, then 01, then 11; and in the other basis 00.
    found = [Outcomes(np.array([bits], np.uint8), np.array([4])) for bits in ([0, 0], [0, 1], [1, 1], *[[0, 0]] * 3)]
    data = pub.finish(iter(found)).data

    assert data.evs.tolist() == [[6, 4], [2, 4], [2, -4]]
    assert data.stds.tolist() == [[0, 0]] * 3
    assert asked == [("ZZ", "ZI"), ("ZZ", "XX"), ("XX", "XX"), ("ZZ", "IZ")]
