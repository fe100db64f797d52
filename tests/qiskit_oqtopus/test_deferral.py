"""Deferred measurements: the exact distribution of circuits that measure and reset in the middle."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Barrier, Clbit, Delay, Measure, Parameter, Qubit, Reset
from qiskit.quantum_info import Operator, Statevector

from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusProvider, OqtopusSampler, defer_measurements

if TYPE_CHECKING:
    from tests.support.recorded_cloud import RecordedCloud


def distribution(circuit: QuantumCircuit) -> dict[str, float]:
    """Return the exact probability of each outcome, by following all outcomes of each measurement and reset."""
    branches = [(Statevector.from_int(0, 2**circuit.num_qubits), ("0",) * circuit.num_clbits)]
    for item in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        if isinstance(item.operation, Measure | Reset):
            clbit = circuit.find_bit(item.clbits[0]).index if item.clbits else None
            branches = [
                (state.evolve(Operator(projector(outcome, item.operation)), qubits), written(bits, clbit, outcome))
                for state, bits in branches
                for outcome in (0, 1)
            ]
            branches = [(state, bits) for state, bits in branches if np.linalg.norm(state.data) > 1e-9]
        elif not isinstance(item.operation, Barrier | Delay):
            branches = [(state.evolve(item.operation, qubits), bits) for state, bits in branches]
    chances: dict[str, float] = defaultdict(float)
    for state, bits in branches:
        chances["".join(reversed(bits))] += float(np.linalg.norm(state.data)) ** 2
    return chances


def projector(outcome: int, operation: Any) -> list[list[int]]:
    """Return the operator that an outcome applies to a qubit; a reset also turns it back to 0."""
    if isinstance(operation, Reset):
        return [[1 - outcome, outcome], [0, 0]]
    return [[1 - outcome, 0], [0, outcome]]


def written(bits: tuple[str, ...], clbit: int | None, outcome: int) -> tuple[str, ...]:
    """Return the bits after a measurement."""
    return bits if clbit is None else (*bits[:clbit], str(outcome), *bits[clbit + 1 :])


def is_final(circuit: QuantumCircuit) -> bool:
    """Return whether a circuit has no resets and uses no qubit after measuring it."""
    measured = set[Qubit]()
    for item in circuit.data:
        if isinstance(item.operation, Measure):
            measured.update(item.qubits)
        elif isinstance(item.operation, Reset) or not (
            isinstance(item.operation, Barrier | Delay) or measured.isdisjoint(item.qubits)
        ):
            return False
    return True


@st.composite
def circuits(draw: st.DrawFn) -> QuantumCircuit:
    """Draw circuits of 3 qubits, with and without registers, that measure and reset anywhere, also in instructions."""
    circuit = QuantumCircuit([Qubit()], QuantumRegister(2, "spare"), [Clbit()], ClassicalRegister(2, "c"))
    inner = QuantumCircuit(2, 1, name="measure")
    inner.h(0)
    inner.measure(0, 0)
    inner.cx(0, 1)
    deferred = 0
    for _ in range(draw(st.integers(0, 10))):
        kind = draw(st.sampled_from(["h", "ry", "cx", "measure", "reset", "barrier", "delay", "inner"]))
        first, second = draw(st.permutations(range(3)))[:2]
        clbit = draw(st.integers(0, 2))
        deferred += kind in {"measure", "reset", "inner"}
        if deferred > 5:
            break
        if kind == "inner":
            circuit.append(inner, [first, second], [clbit])
        elif kind == "measure":
            circuit.measure(first, clbit)
        elif kind == "cx":
            circuit.cx(first, second)
        elif kind == "ry":
            circuit.ry(draw(st.sampled_from([0.3, 1.1, 2.0])), first)
        elif kind == "delay":
            circuit.delay(10, first, unit="ns")
        elif kind == "barrier":
            circuit.barrier()
        else:
            getattr(circuit, kind)(first)
    return circuit


@settings(max_examples=150)
@given(circuits())
def test_deferred_circuits_have_the_same_distribution(circuit: QuantumCircuit) -> None:
    """Deferral keeps the exact distribution for any order of gates, measurements and resets."""
    deferred = defer_measurements(circuit)
    expected, found = distribution(circuit.decompose("measure")), distribution(deferred)

    assert is_final(deferred)
    assert deferred.clbits == circuit.clbits
    assert deferred.cregs == circuit.cregs
    assert deferred.qubits[:3] == circuit.qubits
    for key in {*expected, *found}:
        assert found.get(key, 0) == pytest.approx(expected.get(key, 0), abs=1e-9)


def mid_circuit() -> QuantumCircuit:
    """Return a circuit that measures a qubit in state 1 twice and uses it after a reset."""
    circuit = QuantumCircuit(2, 3, name="mid", metadata={"kind": 1})
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.delay(100, 0, unit="ns")
    circuit.x(0)
    circuit.measure(0, 1)
    circuit.x(0)
    circuit.reset(0)
    circuit.measure(0, 2)
    return circuit


def test_spare_qubits() -> None:
    """Unused qubits are taken first, then new ones; name, metadata and delays are kept."""
    deferred = defer_measurements(mid_circuit())

    assert (deferred.name, deferred.metadata) == ("mid", {"kind": 1})
    assert [(register.name, register.size) for register in deferred.qregs] == [("q", 2), ("spare", 2)]
    assert dict(deferred.count_ops()) == {"x": 3, "measure": 3, "cx": 2, "delay": 1}
    assert [item.operation.name for item in deferred.data][:4] == ["x", "cx", "delay", "x"]


def test_nothing_to_defer() -> None:
    """A circuit with final measurements needs no additional qubits."""
    circuit = QuantumCircuit(2, 2)
    circuit.reset(0)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.h(1)
    circuit.measure(1, 0)

    assert dict(defer_measurements(circuit).count_ops()) == {"h": 2, "measure": 1}
    assert defer_measurements(circuit).num_qubits == 2


def test_run(backend: OqtopusBackend) -> None:
    """Runs, backend options, sweeps and samplers accept it; registers and metadata are kept."""
    circuit = mid_circuit()
    job = backend.run(circuit, shots=10, defer_measurements=True)
    angle = Parameter("angle")
    swept = QuantumCircuit(1, 2)
    swept.rx(angle, 0)
    swept.measure(0, 0)
    swept.x(0)
    swept.measure(0, 1)
    counts = backend.run(swept, parameter_values=[[0], [np.pi]], shots=10, defer_measurements=True).result()
    sampled = OqtopusSampler(backend, defer_measurements=True).run([circuit], shots=10).result()[0]

    assert job.result().get_counts() == {"001": 10}
    assert job.circuits() == [circuit]
    assert counts.get_counts() == [{"10": 10}, {"01": 10}]
    assert sampled.data.c.get_counts() == {"001": 10}
    assert sampled.metadata["circuit_metadata"] == {"kind": 1}


def test_backend_options(provider: OqtopusProvider) -> None:
    """The backend's default applies to samplers, which can override it."""
    backend = provider.get_backend("qulacs")
    backend.set_options(defer_measurements=True)

    assert backend.run(mid_circuit(), shots=10).result().get_counts() == {"001": 10}
    assert OqtopusSampler(backend).run([mid_circuit()], shots=10).result()[0].data.c.get_counts() == {"001": 10}
    with pytest.raises(CircuitError, match="defer_measurements=True"):
        OqtopusSampler(backend, defer_measurements=False).run([mid_circuit()])


@pytest.mark.parametrize("level", [0, 3])
def test_before_transpile(provider: OqtopusProvider, level: int) -> None:
    """The transpiler places spare qubits next to couplings."""
    chip = provider.get_backend("lattice64")
    isa = transpile(defer_measurements(mid_circuit()), chip, optimization_level=level, seed_transpiler=1)
    (program,) = chip.programs(isa, transpile="none")

    assert program.is_isa


def too_wide() -> QuantumCircuit:
    """Return a circuit of all the device's qubits with a mid-circuit measurement."""
    circuit = QuantumCircuit(16, 1, name="wide")
    circuit.h(range(16))
    circuit.measure(0, 0)
    circuit.h(0)
    return circuit


def acting() -> QuantumCircuit:
    """Return a circuit with control flow that depends on a measurement."""
    circuit = QuantumCircuit(1, 1, name="acting")
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(0)
    return circuit


@pytest.mark.parametrize(
    ("circuit", "message"),
    [
        (
            too_wide(),
            "Circuit 'wide' needs 1 more qubits to defer its measurements, 17 in total, but qulacs has only 16. "
            "Measure fewer qubits mid-circuit.",
        ),
        (
            acting(),
            "Circuit 'acting' has control flow (if_else); the measurements that control it cannot be deferred.",
        ),
    ],
)
def test_refused(backend: OqtopusBackend, cloud: RecordedCloud, circuit: QuantumCircuit, message: str) -> None:
    """Circuits whose measurements cannot be deferred are refused before any request."""
    with pytest.raises(CircuitError) as caught:
        backend.run(circuit, defer_measurements=True)

    assert str(caught.value) == message
    assert cloud.requests == []


def test_what_is_not_a_circuit() -> None:
    """The error names the type that is expected."""
    with pytest.raises(TypeError, match=r"^circuit must be a QuantumCircuit, not 'x'\.$"):
        defer_measurements("x")  # type: ignore[arg-type]
