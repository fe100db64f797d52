"""One circuit, many parameter values: `run(circuit, parameter_values=...)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from qiskit import QuantumCircuit, qasm3, transpile
from qiskit.circuit import (
    AnnotatedOperation,
    InverseModifier,
    Operation,
    Parameter,
    ParameterExpression,
    ParameterVector,
)
from qiskit.circuit.library import CU3Gate, CUGate, GlobalPhaseGate, RGate, U2Gate, XXPlusYYGate
from qiskit.quantum_info import Operator

from oqtopus_client.angles import reduced
from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusProvider
from qiskit_oqtopus.expressions import evaluate
from qiskit_oqtopus.qasm import to_program, to_template
from tests.support.chips import TARGET

if TYPE_CHECKING:
    from tests.support.recorded_cloud import RecordedCloud

X, Y = Parameter("x"), Parameter("y")
EXPRESSIONS: list[ParameterExpression] = [
    X,
    2 * X,
    X + np.pi,
    X / 3 + Y - 1,
    -(X - Y),
    X - X + 3 + Y,
    (X + Y) * (X - Y),
    X * Y,
    X.sin(),
    X.exp(),
    abs(X),
    X**3,
    (X * X + 1).log(),
    1e-20 * X + 1e20,
]


def ansatz() -> QuantumCircuit:
    """Return a circuit with parameters in all kinds of gates, in expressions, definitions and a delay."""
    circuit = QuantumCircuit(3, name="ansatz")
    theta = ParameterVector("theta", 4)
    circuit.rx(theta[0], 0)
    circuit.u(theta[1], 0.5, -theta[2], 1)
    circuit.cp(theta[0] * 2 + 0.1, 0, 1)
    circuit.rzz(theta[3] - theta[1], 1, 2)
    circuit.append(XXPlusYYGate(theta[2], theta[3] / 2), [0, 2])
    circuit.append(named_rotation(theta[1]), [2])
    circuit.delay(theta[0], 0, unit="us")
    circuit.measure_all()
    return circuit


def named_rotation(angle: ParameterExpression) -> Any:
    """A custom gate."""
    inner = QuantumCircuit(1, name="my 100% gate")
    inner.ry(angle / 3, 0)
    return inner.to_gate()


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.just(2)), elements=st.floats(-20, 20)))
def test_expressions(values: np.ndarray) -> None:
    """Evaluation agrees with Qiskit's binding to the last digits."""
    found = evaluate(EXPRESSIONS, [X, Y], values)
    expected = [
        [float(e.bind({p: {X: x, Y: y}[p] for p in e.parameters})) for e in EXPRESSIONS] for x, y in values.tolist()
    ]

    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("values", [(1e17, 0.3), (-3e12, 2e11), (2.5e15, 1e3), (1e5, -1e9)])
def test_expressions_of_large_values(values: tuple[float, float]) -> None:
    """Large sums are rounded in Qiskit's order, so that sweeps equal bound circuits."""
    found = evaluate(EXPRESSIONS[:8], [X, Y], np.array([values]))
    bindings = dict(zip((X, Y), values, strict=True))
    expected = [[float(e.bind({p: bindings[p] for p in e.parameters})) for e in EXPRESSIONS[:8]]]

    np.testing.assert_allclose(np.cos(found), np.cos(expected), rtol=0, atol=1e-9)


def test_large_angles_of_sweeps() -> None:
    """Large angles are reduced as in bound circuits; durations are not."""
    circuit = QuantumCircuit(1, 1)
    circuit.rz(X, 0)
    circuit.delay(Y, 0, unit="ns")
    circuit.measure(0, 0)
    (program,) = to_template(circuit, TARGET).bind(np.array([[1e17, 5e4]]))

    assert f"rz({reduced(1e17)!r}) q[0];\ndelay[50000.0ns] q[0];" in program.body


@pytest.mark.parametrize(
    "gate",
    [
        RGate(X, Y),
        CU3Gate(0.5, X, Y),
        U2Gate(X, Y).control(1),
        RGate(X, Y).control(1, ctrl_state=0),
        CUGate(X, Y, 0.3, X, ctrl_state=0).control(1),
        AnnotatedOperation(RGate(X, Y), [InverseModifier()]),
        GlobalPhaseGate(X).control(1),
    ],
)
def test_large_angles_of_gates_that_are_taken_apart(gate: Operation) -> None:
    """Large angles of decomposed gates keep their phase."""
    circuit, small = (QuantumCircuit(gate.num_qubits) for _ in range(2))
    circuit.append(gate, range(gate.num_qubits))
    large = {X: 1e17, Y: -3e22}
    small.append(gate, range(gate.num_qubits))
    small = small.assign_parameters({each: reduced(large[each]) for each in circuit.parameters})
    circuit.measure_all()
    values = np.array([[large[each] for each in circuit.parameters]])
    (swept,) = to_template(circuit, TARGET).bind(values)
    bound = to_program(circuit.assign_parameters(values[0]), TARGET)
    read = qasm3.loads(swept.body)
    read.remove_final_measurements()

    assert swept.body == bound.body
    assert Operator(read).equiv(Operator(small))


@given(hnp.arrays(np.float64, (3, 4), elements=st.floats(0, 10)))
def test_programs_are_those_of_bound_circuits(values: np.ndarray) -> None:
    """Sweeps equal bound circuits statement by statement, up to the last digit of numbers."""
    circuit = ansatz()
    for program, row in zip(to_template(circuit, TARGET).bind(values), values, strict=True):
        bound = circuit.assign_parameters(row)
        bound.name = circuit.name
        expected = to_program(bound, TARGET)
        assert program.header == expected.header
        for statement, wanted in zip(program.body.split(), expected.body.split(), strict=True):
            assert statement == wanted or numbers(statement) == pytest.approx(numbers(wanted), rel=1e-14, abs=1e-14)


def numbers(statement: str) -> list[float]:
    """Return the numbers between a statement's punctuation."""
    for mark in "()[],;":
        statement = statement.replace(mark, " ")
    return [float(word.removesuffix("us")) for word in statement.split() if word[0] in "-0123456789"]


def test_plain_parameters_are_exact() -> None:
    """A parameter alone is written exactly."""
    circuit = QuantumCircuit(1, 1)
    circuit.rz(X, 0)
    circuit.measure(0, 0)
    values = np.array([[np.nextafter(np.pi, 4)], [1e-300], [0.1]])

    for program, (value,) in zip(to_template(circuit, TARGET).bind(values), values.tolist(), strict=True):
        assert f"rz({value!r}) q[0];" in program.body


def test_run(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Each row is a run with the circuit's name and metadata."""
    circuit = QuantumCircuit(2, name="flip", metadata={"kind": "sweep"})
    circuit.rx(X * np.pi, 0)
    circuit.rx(Y * np.pi, 1)
    circuit.measure_all()
    job = backend.run(circuit, parameter_values=[[0, 0], [1, 0], [0, 1], [1, 1]], shots=10)
    result = job.result()

    assert [result.get_counts(i) for i in range(4)] == [{"00": 10}, {"01": 10}, {"10": 10}, {"11": 10}]
    assert {experiment.to_dict()["header"]["name"] for experiment in result.results} == {"flip"}
    assert result.results[3].to_dict()["header"]["metadata"] == {"kind": "sweep"}
    assert cloud.routes.count("POST /jobs") == 4
    assert backend.run(circuit, parameter_values=[1, 0], shots=5).result().get_counts() == {"01": 5}


def half_turn(*parameters: Parameter) -> QuantumCircuit:
    """Return a circuit with these parameters."""
    circuit = QuantumCircuit(1, name="turn")
    for parameter in parameters:
        circuit.rx(1 / parameter, 0)
    circuit.measure_all()
    return circuit


def waiting() -> QuantumCircuit:
    """Return a circuit with a parameterized delay."""
    circuit = QuantumCircuit(1, name="wait")
    circuit.delay(X, 0, unit="us")
    circuit.measure_all()
    return circuit


def test_sweep_from_no_delay_on(provider: OqtopusProvider) -> None:
    """A delay of zero, at which most experiments start, is left out, as devices refuse it."""
    chip = provider.get_backend("lattice64")
    job = chip.run(transpile(waiting(), chip, initial_layout=[5]), parameter_values=[[0], [-0.0], [0.1]], shots=5)
    job.result()

    assert [program.body.count("delay") for program in job.programs()] == [0, 0, 1]
    assert "delay[100.0ns] q[5];" in job.programs()[2].body


@pytest.mark.parametrize(
    ("circuit", "values", "error", "message"),
    [
        (
            half_turn(X),
            [1, 2],
            ValueError,
            "parameter_values must have the shape (bindings, 1), not (2,): a column for",
        ),
        (
            half_turn(X, Y),
            np.ones((2, 3)),
            ValueError,
            "parameter_values must have the shape (bindings, 2), not (2, 3)",
        ),
        (half_turn(X), np.ones((0, 1)), ValueError, "parameter_values must have the shape (bindings, 1), not (0, 1)"),
        (half_turn(), [[1.0]], ValueError, "parameter_values must have the shape (bindings, 0), not (1, 1): a column"),
        (
            half_turn(X),
            [["a"]],
            ValueError,
            "parameter_values must be an array of real numbers, with a row for each binding: ",
        ),
        (
            half_turn(X),
            [["1"]],
            ValueError,
            "parameter_values must be an array of real numbers, with a row for each binding: '1' is text, not a ",
        ),
        (
            half_turn(X),
            [[1j]],
            ValueError,
            "parameter_values must be an array of real numbers, with a row for each binding: 1j is not a real ",
        ),
        (
            half_turn(X),
            np.array([[1], [1j]]),
            ValueError,
            "parameter_values must be an array of real numbers, with a row for each binding: 1j is ",
        ),
        (
            half_turn(X),
            [[None]],
            ValueError,
            "parameter_values must be an array of real numbers, with a row for each binding: None is not a real ",
        ),
        (
            half_turn(X),
            [[1], [0]],
            CircuitError,
            "Circuit 'turn' has the value nan for 1/x with the parameter values [0",
        ),
        (
            half_turn(X),
            [[np.nan]],
            CircuitError,
            "Circuit 'turn' has the value nan for 1/x with the parameter values [",
        ),
        (waiting(), [[1], [-1]], CircuitError, "Circuit 'wait' has the value -1.0 for "),
        ([half_turn(X)] * 2, [[1]], ValueError, "parameter_values can be used with one circuit only, not with 2."),
    ],
)
def test_bad_values(
    backend: OqtopusBackend, cloud: RecordedCloud, circuit: Any, values: Any, error: type[Exception], message: str
) -> None:
    """Invalid values are refused before any request."""
    with pytest.raises(error) as caught:
        backend.run(circuit, parameter_values=values)

    assert str(caught.value).startswith(message)
    assert cloud.requests == []


def test_looking_at_programs(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """`backend.programs` returns what `run` would send."""
    programs = backend.programs(half_turn(X), parameter_values=[[1], [2]], memory=True)

    assert [str(program).splitlines()[-3] for program in programs] == ["rx(1.0) q[0];", "rx(0.5) q[0];"]
    assert all(program.header.memory for program in programs)
    assert cloud.requests == []
