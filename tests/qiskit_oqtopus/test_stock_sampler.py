"""Qiskit's own tests of `BackendSamplerV2`, on our backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import UnitaryGate, real_amplitudes
from qiskit.primitives import BackendSamplerV2, BitArray, DataBin, PrimitiveResult, PubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import JobStatus

from qiskit_oqtopus import CircuitError, OqtopusBackend
from tests.support.backends import one_at_a_time
from tests.support.circuits import bell, flips, keyed
from tests.support.statistics import FALSE_ALARM, SHOTS, exact_distribution, joint_counts, only_outcomes, p_value

if TYPE_CHECKING:
    from tests.support.recorded_cloud import RecordedCloud

PI = np.pi


@pytest.fixture
def sampler(backend: OqtopusBackend) -> BackendSamplerV2:
    """Qiskit's sampler with 20 shots."""
    return BackendSamplerV2(backend=backend, options={"default_shots": 20, "seed_simulator": 123})


def agrees(result: PubResult, distribution: dict[str, float]) -> bool:
    """Return whether counts of `SHOTS` shots follow a distribution."""
    return p_value(joint_counts(result.data), distribution) > FALSE_ALARM


def ansatz(reps: int = 2) -> QuantumCircuit:
    """Return a two-qubit circuit whose parameters all affect the result."""
    circuit = QuantumCircuit(2)
    circuit.append(real_amplitudes(2, reps=reps), [0, 1])
    circuit.measure_all()
    return circuit


def exact(circuit: QuantumCircuit) -> dict[str, float]:
    """Return the distribution of a circuit that ends in `measure_all()`."""
    return exact_distribution(circuit, {qubit: qubit for qubit in range(circuit.num_qubits)})


@pytest.mark.parametrize("is_isa", [False, True])
def test_classes(backend: OqtopusBackend, sampler: BackendSamplerV2, is_isa: bool) -> None:
    """Jobs and results have Qiskit's classes, for circuits transpiled here or on the server."""
    circuit = transpile(bell(), backend) if is_isa else bell()
    job = sampler.run([circuit], shots=SHOTS)
    result = job.result()

    assert job.status() is JobStatus.DONE
    assert isinstance(result, PrimitiveResult)
    assert isinstance(result.metadata, dict)
    assert len(result) == 1
    assert isinstance(result[0], PubResult)
    assert isinstance(result[0].data, DataBin)
    assert isinstance(result[0].data.meas, BitArray)
    assert agrees(result[0], {"00": 0.5, "11": 0.5})


def test_the_same_again(sampler: BackendSamplerV2) -> None:
    """One sampler runs one circuit repeatedly, in one call or several, with right results."""
    results = [*sampler.run([bell()] * 3, shots=SHOTS).result(), *sampler.run([bell()], shots=SHOTS).result()]

    assert len(results) == 4
    assert all(agrees(result, {"00": 0.5, "11": 0.5}) for result in results)


@pytest.mark.parametrize("qubits", [1, 2])
def test_order_of_bits(sampler: BackendSamplerV2, qubits: int) -> None:
    """Qubit 0 is rightmost; results are in the order of the PUBs."""
    results = sampler.run([keyed(number, qubits) for number in range(2**qubits)]).result()

    assert [only_outcomes(result) for result in results] == [f"{n:0{qubits}b}" for n in range(2**qubits)]


def test_measured_in_reverse(sampler: BackendSamplerV2) -> None:
    """Bits are in the circuit's registers."""
    circuit, x, y = QuantumCircuit(3, 3), Parameter("x"), Parameter("y")
    circuit.rx(x, 0)
    circuit.rx(y, 1)
    circuit.x(2)
    circuit.measure([0, 1, 2], [2, 1, 0])
    results = sampler.run([(circuit, [0, 0]), (circuit, [PI, 0]), (circuit, [PI / 2, 0])], shots=SHOTS).result()

    assert [only_outcomes(result, "c") for result in results[:2]] == ["001", "101"]
    assert agrees(results[2], {"001": 0.5, "101": 0.5})


# --- parameters


@pytest.mark.parametrize("nothing", [None, {}, []])
def test_no_parameters(sampler: BackendSamplerV2, nothing: Any) -> None:
    """All forms of empty parameter values are accepted."""
    assert only_outcomes(sampler.run([(keyed(5, 3), nothing)]).result()[0]) == "101"


def test_one_parameter(sampler: BackendSamplerV2) -> None:
    """Parameters may be given by name or object, with a number or an array."""
    circuit, angle = QuantumCircuit(1, 1, name="X gate"), Parameter("x")
    circuit.ry(angle, 0)
    circuit.measure(0, 0)
    values = [PI, np.array(PI), [PI], np.array([PI])]
    results = sampler.run([(circuit, {key: value}) for key in ("x", angle) for value in values]).result()

    assert [only_outcomes(result, "c") for result in results] == ["1"] * 4 + ["1"] * 4


@pytest.mark.parametrize(
    ("values", "outcomes"),
    [
        ([0, PI], "10"),
        ((0, PI), "10"),
        (np.array([0, PI]), "10"),
        ([[0, PI]], ["10"]),
        (([0, PI],), ["10"]),
        (np.array([[0, PI]]), ["10"]),
        ({("flip[0]", "flip[1]"): [0, PI]}, "10"),
        ({("flip[0]", "flip[1]"): [[0, PI], [0, 0], [PI, 0]]}, ["10", "00", "01"]),
        (np.array([[[0, 0], [PI, 0]], [[0, PI], [PI, PI]]]), [["00", "01"], ["10", "11"]]),
    ],
)
def test_several_parameters(sampler: BackendSamplerV2, values: Any, outcomes: Any) -> None:
    """Values may be lists, tuples, arrays or mappings, in one or more dimensions."""
    assert only_outcomes(sampler.run([(flips(), values)]).result()[0]) == outcomes


@pytest.mark.parametrize("reps", [2, 3])
def test_values_of_an_ansatz(sampler: BackendSamplerV2, reps: int) -> None:
    """An array of bindings has the exact distributions, also one by one, transpiled or not."""
    circuit = ansatz(reps)
    values = np.linspace(0, 6, 5 * circuit.num_parameters).reshape(5, -1)
    isa = transpile(circuit, sampler.backend, optimization_level=0)
    together, *apart = sampler.run([(circuit, values), *((isa, row) for row in values)], shots=SHOTS).result()

    assert together.data.meas.shape == (5,)
    for i, row in enumerate(values):
        distribution = exact(circuit.assign_parameters(row))
        assert p_value(together.data.meas.get_counts(i), distribution) > FALSE_ALARM
        assert agrees(apart[i], distribution)


def test_nothing_but_measurements(sampler: BackendSamplerV2) -> None:
    """Circuits may have more qubits than classical bits."""
    circuit = QuantumCircuit(5, 4)
    circuit.measure(range(4), range(4))

    assert [only_outcomes(result, "c") for result in sampler.run([circuit, circuit]).result()] == ["0000", "0000"]


# --- mistakes


@pytest.mark.parametrize(
    ("pubs", "shots", "message"),
    [
        ([(keyed(1, 3), [1e2])], None, "inconsistent with last dimension"),
        ([flips()], None, "does not match the number of parameters"),
        ([(flips(), [])], None, "inconsistent with last dimension"),
        ([(flips(), None)], None, "does not match the number of parameters"),
        ([(flips(), [1e2])], None, "inconsistent with last dimension"),
        ([(flips(), [1e2] * 100)], None, "inconsistent with last dimension"),
        ([keyed(1, 3)], -1, "shots"),
        ([keyed(1, 3)], 0, "shots"),
        ([(keyed(1, 3), None, -1)], None, "shots"),
        ([(keyed(1, 3), None, 0)], None, "shots"),
        (keyed(1, 3), None, "An invalid Sampler pub-like was given"),
        ((flips(), [0, 1]), None, "Note that if you want to run a single pub,"),
    ],
)
def test_mistakes(sampler: BackendSamplerV2, cloud: RecordedCloud, pubs: Any, shots: int | None, message: str) -> None:
    """Invalid PUBs raise Qiskit's errors before any request."""
    with pytest.raises(ValueError, match=message):
        sampler.run(pubs, shots=shots).result()

    assert cloud.requests == []


@pytest.mark.parametrize("shots", [-1, 0])
def test_impossible_pubs(shots: int) -> None:
    """An invalid PUB object cannot be created."""
    with pytest.raises(ValueError, match="shots"):
        SamplerPub(keyed(1, 3), shots=shots)


# --- shots


def test_shots(sampler: BackendSamplerV2) -> None:
    """The PUB's shots override the run's, which override the default; PUBs may differ."""
    circuit = keyed(5, 3)

    def shots(pubs: list[Any], **keyword: Any) -> list[int]:
        results = sampler.run(pubs, **keyword).result()
        assert [only_outcomes(result) for result in results] == ["101"] * len(pubs)
        return [result.data.meas.num_shots for result in results]

    assert shots([circuit]) == [20]
    assert shots([circuit], shots=30) == [30]
    pubs = [(circuit, None, 40), SamplerPub(circuit, shots=50), (circuit,), (circuit, None, 41)]
    assert shots(pubs, shots=30) == [40, 50, 30, 41]
    sampler.options.default_shots = 60
    assert shots([circuit]) == [60]


def test_every_shot_is_listed(sampler: BackendSamplerV2) -> None:
    """No shot is lost among as many outcomes as shots."""
    circuit = QuantumCircuit(7)
    circuit.h(range(7))
    circuit.measure_all()
    (result,) = sampler.run([circuit], shots=SHOTS).result()

    assert result.data.meas.num_shots == SHOTS
    assert agrees(result, dict.fromkeys((f"{number:07b}" for number in range(128)), 1 / 128))


# --- circuits


def test_unitary_gates(backend: OqtopusBackend, sampler: BackendSamplerV2) -> None:
    """Unitary matrices run, transpiled or not."""
    circuits = []
    for matrix in (np.eye(2), [[0, 1], [1, 0]]):
        circuit = QuantumCircuit(1)
        circuit.append(UnitaryGate(matrix), [0])
        circuit.measure_all()
        circuits += [transpile(circuit, backend, optimization_level=0), circuit]

    assert [only_outcomes(result) for result in sampler.run(circuits).result()] == ["0", "0", "1", "1"]


@pytest.mark.parametrize(
    ("sizes", "qubits", "clbits"),
    [
        ((1, 2, 3), [0, 1, 2, 2], [0, 2, 4, 5]),
        ((1, 5, 3), [0, 1, 2, 2], [0, 2, 4, 5]),
        ((1, 2, 3), [1], [5]),
        ((1, 2, 3), [0, 1, 2], [5, 5, 5]),
    ],
    ids=["all", "two of three", "the last", "the last, thrice"],
)
def test_several_registers(
    backend: OqtopusBackend, sampler: BackendSamplerV2, sizes: tuple[int, ...], qubits: list[int], clbits: list[int]
) -> None:
    """Each register has its bits, shot by shot, with zeros for unmeasured ones."""
    registers = [ClassicalRegister(size, name) for size, name in zip(sizes, "abc", strict=True)]
    circuit = QuantumCircuit(QuantumRegister(3), *registers)
    circuit.h(range(3))
    circuit.measure(qubits, clbits)
    distribution = exact_distribution(circuit, dict(zip(clbits, qubits, strict=True)))
    results = sampler.run([transpile(circuit, backend, optimization_level=0), circuit], shots=SHOTS).result()

    for result in results:
        assert [(name, result.data[name].num_bits) for name in result.data] == list(zip("abc", sizes, strict=True))
        assert agrees(result, distribution)


@pytest.mark.filterwarnings("ignore:Circuit .* has no measurements, so all its bits will be 0:UserWarning")
def test_nothing_measured(sampler: BackendSamplerV2) -> None:
    """Registers that are never written are 0 and do not affect others."""
    registers = ClassicalRegister(1, "a"), ClassicalRegister(7, "b"), ClassicalRegister(8, "c")
    circuit = QuantumCircuit(QuantumRegister(3), *registers)
    circuit.x(range(3))
    silent, spoken = sampler.run([circuit, keyed(6, 3)]).result()

    assert [only_outcomes(silent, name) for name in "abc"] == ["0", "0" * 7, "0" * 8]
    assert only_outcomes(spoken) == "110"


def test_no_registers(sampler: BackendSamplerV2) -> None:
    """A circuit without registers causes both warnings and has an empty result."""
    circuit = QuantumCircuit(2, name="bare")
    with (
        pytest.warns(UserWarning, match="no output classical registers and so the result will be empty"),
        pytest.warns(UserWarning, match=r"Circuit 'bare.*' has no measurements, so all its bits will be 0"),
    ):
        result = sampler.run([circuit]).result()

    assert len(result) == 1
    assert len(result[0].data) == 0


def test_empty_register(sampler: BackendSamplerV2) -> None:
    """An empty register beside another is sampled."""
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(0, "c1"), ClassicalRegister(1, "c2"))
    circuit.x(0)
    circuit.measure(0, 0)
    (result,) = sampler.run([circuit]).result()

    assert result.data.c1.array.shape == (20, 0)
    assert only_outcomes(result, "c2") == "1"


def aliased() -> QuantumCircuit:
    """Registers that share bits are sampled."""
    circuit = QuantumCircuit(5, 5)
    for name, bit in (("c1", 2), ("c2", 4)):
        circuit.add_register(ClassicalRegister(name=name, bits=[circuit.clbits[bit]]))
    circuit.ry(PI / 4, 3)
    circuit.cx(3, 2)
    circuit.cx(0, 2)
    circuit.h(0)
    circuit.measure([0, 2], [2, 4])
    return circuit


def test_aliased_registers(backend: OqtopusBackend, sampler: BackendSamplerV2) -> None:
    """A bit of two registers appears in both."""
    circuit = aliased()
    distribution = exact_distribution(circuit, {2: 0, 4: 2})
    results = sampler.run([transpile(circuit, backend, optimization_level=0), circuit], shots=SHOTS).result()

    assert all(agrees(result, distribution) for result in results)


def test_control_flow(sampler: BackendSamplerV2, cloud: RecordedCloud) -> None:
    """Circuits that OQTOPUS devices do not execute are refused with the reason."""
    circuit = aliased()
    with circuit.if_test((circuit.cregs[1], 1)):
        circuit.z(3)
    with pytest.raises(CircuitError, match="has control flow"):
        sampler.run([circuit]).result()

    assert cloud.requests == []


# --- what else Qiskit asks


def test_one_circuit_at_a_time(backend: OqtopusBackend) -> None:
    """`max_circuits` of a backend is respected."""
    limited, runs = one_at_a_time(backend)
    results = BackendSamplerV2(backend=limited).run([keyed(0, 3), keyed(1, 3)]).result()

    assert [only_outcomes(result) for result in results] == ["000", "001"]
    assert runs == [1, 1]


def test_iterator_of_pubs(sampler: BackendSamplerV2) -> None:
    """PUBs may be any iterable."""
    assert [only_outcomes(result) for result in sampler.run(iter([keyed(0, 3), keyed(1, 3)])).result()] == [
        "000",
        "001",
    ]


def test_metadata(sampler: BackendSamplerV2) -> None:
    """The metadata have the shots and the circuit's metadata."""
    plain, told = keyed(1, 3), keyed(1, 3)
    told.metadata = {"a": 1}
    result = sampler.run([(plain, None, 10), (told, None, 20)]).result()

    assert result.metadata == {"version": 2}
    assert result[0].metadata == {"shots": 10, "circuit_metadata": plain.metadata}
    assert result[1].metadata == {"shots": 20, "circuit_metadata": {"a": 1}}
