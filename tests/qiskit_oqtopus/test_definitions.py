"""Operations are written by type and definition, whatever their names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, qasm3, transpile
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    Gate,
    Instruction,
    InverseModifier,
    Measure,
    Parameter,
    PowerModifier,
)
from qiskit.circuit.equivalence_library import SessionEquivalenceLibrary
from qiskit.circuit.library import (
    CHGate,
    CXGate,
    HamiltonianGate,
    HGate,
    IGate,
    Isometry,
    PermutationGate,
    RVGate,
    RXGate,
    RZGate,
    XGate,
)
from qiskit.quantum_info import Operator, random_unitary

from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusEstimator, OqtopusSampler
from qiskit_oqtopus.qasm import BindingTemplate, to_program, to_template
from tests.support.chips import TARGET

if TYPE_CHECKING:
    from qiskit.circuit import Operation

    from tests.support.recorded_cloud import RecordedCloud

X, Y = Parameter("x"), Parameter("y")


def flipping(name: str, num_qubits: int = 1, num_clbits: int = 0) -> Instruction:
    """Return an instruction that flips its qubits and measures one per bit."""
    parts = QuantumCircuit(num_qubits, num_clbits, name=name)
    parts.x(range(num_qubits))
    parts.measure(range(num_clbits), range(num_clbits))
    return parts.to_instruction()


NAMES = ["measure", "reset", "initialize", "barrier", "delay", "if_else", "x", "sx", "rz", "cx", "unitary"]


@pytest.mark.filterwarnings("ignore:The property .*duration:DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_qubits", [1, 2])
def test_instructions_named_as_others(backend: OqtopusBackend, name: str, num_qubits: int) -> None:
    """Instructions are decomposed, on untouched qubits and then on used ones."""
    circuit = QuantumCircuit(3, 3)
    circuit.append(flipping(name, num_qubits), range(num_qubits))
    circuit.append(flipping(name), [0])
    circuit.measure(range(3), range(3))
    expected = {1: "000", 2: "010"}[num_qubits]

    assert not backend.programs(circuit)[0].is_isa
    assert backend.run(circuit, shots=10).result().get_counts() == {expected: 10}


def test_measurements_inside_instructions(backend: OqtopusBackend) -> None:
    """Measurements inside instructions of any name and depth write the right bits."""
    outer = QuantumCircuit(3, 3, name="outer")
    outer.append(flipping("measure", 2, 1), [2, 0], [1])
    outer.append(flipping("barrier", 1, 1), [1], [2])
    circuit = QuantumCircuit(3, 4)
    circuit.append(outer, [0, 1, 2], [3, 1, 0])
    circuit.measure(0, 3)

    assert backend.run(circuit, shots=10).result().get_counts() == {"1011": 10}


class Flipped(Measure):
    """A measurement that flips the qubit first."""

    def __init__(self) -> None:
        super().__init__()
        self.definition = QuantumCircuit(1, 1)
        self.definition.x(0)
        self.definition.measure(0, 0)


class Marked(Measure):
    """A measurement."""


@pytest.mark.parametrize(("measure", "counts"), [(Flipped, {"1": 9}), (Marked, {"0": 9})])
def test_kinds_of_measurements(backend: OqtopusBackend, measure: type[Measure], counts: dict[str, int]) -> None:
    """A subclass of `Measure` counts as a measurement unless it has a definition."""
    circuit = QuantumCircuit(1, 1)
    circuit.append(measure(), [0], [0])

    assert backend.run(circuit, shots=9).result().get_counts() == counts


@pytest.mark.parametrize("name", ["measure", "barrier"])
@pytest.mark.parametrize("route", ["sampling", "estimation"])
def test_estimators_keep_gates_named_as_measurements(backend: OqtopusBackend, name: str, route: Any) -> None:
    """Only final measurements are replaced, including those before gates on other qubits."""
    circuit = QuantumCircuit(2)
    circuit.x(1)
    circuit.append(flipping(name), [0])
    circuit.measure_all()
    evs = OqtopusEstimator(backend, route=route).run([(circuit, ["IZ", "ZI", "ZZ"])], shots=10).result()[0].data.evs

    assert evs.tolist() == [-1, -1, 1]


SESSION = Gate("known_to_the_session", 2, [X])
KNOWN = QuantumCircuit(2)
KNOWN.rzz(X, 0, 1)
KNOWN.sx(1)


def known(angle: float) -> Gate:
    """A gate that only the session's equivalence library defines."""
    if not SessionEquivalenceLibrary.has_entry(SESSION):
        SessionEquivalenceLibrary.add_equivalence(SESSION, KNOWN)
    return Gate(SESSION.name, 2, [angle])


OPERATIONS: list[Operation] = [
    PermutationGate([2, 0, 3, 1]),
    AnnotatedOperation(IGate(), [ControlModifier(1)]),
    AnnotatedOperation(IGate(), [InverseModifier(), PowerModifier(0.5)]),
    AnnotatedOperation(PermutationGate([1, 0]), [ControlModifier(2)]),
    AnnotatedOperation(RXGate(0.7), [PowerModifier(0.5), ControlModifier(1, 0)]),
    # Its own qubits must not be taken for ones that are in |0>.
    AnnotatedOperation(CHGate(), [ControlModifier(3)]),
    XGate().control(3, annotated=True),
    Isometry(random_unitary(4, seed=3).data, 0, 0),
    RVGate(0.1, 0.2, 0.3),
    HamiltonianGate(np.array([[1, 0.2], [0.2, -1]]), 0.7),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_whatever_the_transpiler_takes_apart(operation: Operation) -> None:
    """The gate is written with the same unitary."""
    circuit = QuantumCircuit(operation.num_qubits)
    circuit.append(operation, range(operation.num_qubits))
    check_written(circuit, Operator(circuit))


def test_gates_known_to_the_session() -> None:
    """The gate is written with bound parameters and in a sweep."""
    circuit = QuantumCircuit(2)
    circuit.append(known(0.3), [1, 0])
    check_written(circuit, Operator(KNOWN.assign_parameters([0.3]).reverse_bits()))


def check_written(circuit: QuantumCircuit, unitary: Operator) -> None:
    """Check that the program consists of standard gates and has this unitary."""
    measured = circuit.copy()
    measured.add_register(ClassicalRegister(circuit.num_qubits))
    measured.measure(range(circuit.num_qubits), range(circuit.num_qubits))
    read = qasm3.loads(to_program(measured, TARGET).body)
    read.remove_final_measurements()

    assert Operator(read).equiv(unitary)


class Sine(Gate):
    """A gate whose definition requires numeric parameters."""

    def __init__(self, angle: Any) -> None:
        super().__init__("sine", 1, [angle])

    def _define(self) -> None:
        self.definition = QuantumCircuit(1)
        self.definition.rx(math.sin(self.params[0]), 0)


NEED_VALUES: list[Operation] = [
    Sine(X),
    HamiltonianGate(np.array([[1, 0.2], [0.2, -1]]), X + Y),
    RVGate(X, 0.2, Y),
    AnnotatedOperation(RXGate(X * 2), [PowerModifier(0.5)]),
    AnnotatedOperation(Sine(X), [ControlModifier(1)]),
]


def with_operation(operation: Operation) -> QuantumCircuit:
    """Return a circuit with two parameters and this operation, also inside another instruction."""
    inner = QuantumCircuit(2, name="inner")
    inner.append(operation, range(operation.num_qubits))
    circuit = QuantumCircuit(2, name="needs values")
    circuit.h(0)
    circuit.append(operation, range(operation.num_qubits))
    circuit.append(inner, [1, 0])
    circuit.ry(X, 0)
    circuit.rx(Y, 1)
    return circuit


def kept(operation: Operation) -> tuple[list[Any], object]:
    """Return a gate's parameters and the definition that Qiskit caches in it."""
    base = operation.base_op if isinstance(operation, AnnotatedOperation) else operation
    return list(base.params), base._definition


@pytest.mark.parametrize("operation", NEED_VALUES, ids=lambda operation: operation.name)
def test_gates_that_need_values(operation: Operation) -> None:
    """Each row of a sweep is written separately, and gates are not modified."""
    circuit = with_operation(operation)
    measured = circuit.measure_all(inplace=False)
    before = kept(operation)
    template = to_template(measured, TARGET)
    rows = np.array([[0.3, -0.4], [2.1, 0.9]])
    programs = template.bind(rows)

    assert isinstance(template, BindingTemplate)
    for row, program in zip(rows, programs, strict=True):
        read = qasm3.loads(program.body)
        read.remove_final_measurements()
        bound = transpile(circuit.assign_parameters(row), basis_gates=["u", "cx"], optimization_level=0)
        assert Operator(read).equiv(Operator(bound))
        assert program.header.name == "needs values"
    assert kept(operation) == before


def test_gates_that_need_values_run(backend: OqtopusBackend) -> None:
    """Such gates work in sweeps and in both primitives, on both routes."""
    circuit = QuantumCircuit(2)
    circuit.append(HamiltonianGate(np.array([[0, 1], [1, 0]]), X), [0])
    rows = [[0.0], [np.pi / 2]]
    measured = circuit.measure_all(inplace=False)
    swept = backend.run(measured, parameter_values=rows, shots=10).result()
    sampled = OqtopusSampler(backend).run([(measured, rows)], shots=10).result()[0].data.meas

    assert swept.get_counts() == [{"00": 10}, {"01": 10}]
    assert [sampled.get_counts(i) for i in range(2)] == [{"00": 10}, {"01": 10}]
    for route in ("sampling", "estimation"):
        estimated = OqtopusEstimator(backend, route=route).run([(circuit, "IZ", rows)], shots=10).result()[0]
        np.testing.assert_allclose(estimated.data.evs, [1, -1], atol=1e-9)


def test_gates_changed_between_runs(backend: OqtopusBackend) -> None:
    """A run does not cache in a gate a definition that a change of parameters would invalidate."""
    gate = Sine(0.0)
    circuit = QuantumCircuit(1, 1)
    circuit.append(gate, [0])
    circuit.measure(0, 0)
    first = backend.programs(circuit)[0].body
    circuit.data[0].operation.params[0] = 1.0

    assert "rx(0.0)" in first
    assert f"rx({math.sin(1.0)})" in backend.programs(circuit)[0].body


class Broken(Gate):
    """A gate whose definition raises an error."""

    def _define(self) -> None:
        raise KeyError("no recipe")


class Endless(Gate):
    """A gate whose definition contains itself."""

    def _define(self) -> None:
        self.definition = QuantumCircuit(1)
        self.definition.append(Endless("endless", 1, []), [0])


class Root(Gate):
    """A gate that accepts positive numbers only."""

    def _define(self) -> None:
        self.definition = QuantumCircuit(1)
        self.definition.rx(math.sqrt(self.params[0]), 0)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (
            Broken("broken", 1, []),
            "'bad' has the instruction 'broken', which cannot be decomposed into gates (KeyError: ",
        ),
        (Gate("cx", 1, []), "'bad' has the instruction 'cx', which cannot be decomposed into gates."),
        (
            Instruction("apparatus", 1, 0, []),
            "'bad' has the instruction 'apparatus', which cannot be decomposed into gates.",
        ),
        (Endless("endless", 1, []), "'bad' has the instruction 'endless', whose definition contains itself."),
    ],
)
def test_bad_gates(gate: Operation, message: str) -> None:
    """The message names the circuit, the gate and the gate's error."""
    circuit = QuantumCircuit(1, 1, name="bad")
    circuit.append(gate, [0])
    circuit.measure(0, 0)
    with pytest.raises(CircuitError) as caught:
        to_program(circuit, TARGET)

    assert message in str(caught.value)


def test_bad_values_of_a_gate(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """The message names the binding, before any request."""
    circuit = QuantumCircuit(1, 1, name="bad")
    circuit.append(Root("root", 1, [X]), [0])
    circuit.measure(0, 0)
    with pytest.raises(CircuitError) as caught:
        backend.run(circuit, parameter_values=[[1.0], [-1.0]])

    assert str(caught.value) == (
        "Circuit 'bad' has the instruction 'root', which cannot be decomposed into gates (ValueError: math domain "
        "error); with the parameter values [-1.0] (binding 1)."
    )
    with pytest.raises(CircuitError, match="'bad' has unbound parameters: x"):
        backend.run(circuit)
    with pytest.raises(CircuitError, match=r"with the parameter values \[nan\] \(binding 0\)"):
        backend.run(circuit, parameter_values=[[np.nan]])
    assert cloud.requests == []


def test_subclasses_of_standard_gates() -> None:
    """Subclasses of standard gates count as their base class, as in Qiskit."""

    class Named(RZGate):
        """A custom gate."""

    circuit = QuantumCircuit(2)
    circuit.append(Named(0.3), [0])
    circuit.append(CXGate(ctrl_state=0), [0, 1])
    circuit.append(HGate(label="cx"), [1])
    check_written(circuit, Operator(circuit))


def test_clean_qubits_from_the_circuit() -> None:
    """Decompositions may use further qubits of the circuit."""
    library = pytest.importorskip("qiskit.circuit.library")
    if not hasattr(library, "WeightedSumGate"):
        pytest.skip("Qiskit 1.4 has none")
    circuit = QuantumCircuit(6, name="sum", metadata={"kind": 1})
    circuit.x([0, 1])
    circuit.append(library.WeightedSumGate(2, [1, 1]), range(4))
    circuit.measure_all()
    program = to_program(circuit, TARGET)
    read = qasm3.loads(program.body)
    read.remove_final_measurements()

    assert (program.header.name, program.header.metadata) == ("sum", {"kind": 1})
    assert np.abs(Operator(read).data[0b001011, 0]) == pytest.approx(1)
