"""Classical registers of every shape: scattered, shared, partly measured, never measured, empty."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit
from qiskit.providers import BackendV2

from qiskit_oqtopus import OqtopusBackend, OqtopusSampler
from tests.support.statistics import FALSE_ALARM, SHOTS, exact_distribution, joint_counts, only_outcomes, p_value

UNMEASURED = pytest.mark.filterwarnings(r"ignore:The circuit of PUB \d+ measures nothing:UserWarning")


@st.composite
def circuits(draw: st.DrawFn) -> tuple[QuantumCircuit, dict[int, int]]:
    """A circuit of up to four qubits, and the qubit that each of its measured bits reads.

    Each register takes any of up to nine bits, in any order, whether or not another has them.
    """
    n = draw(st.integers(1, 4))
    circuit = QuantumCircuit(QuantumRegister(n, "q"))
    for qubit in range(n):
        circuit.ry(draw(st.integers(0, 8)) / 4, qubit)
        circuit.cx(qubit, (qubit + 1) % n) if n > 1 else None
    bits = [Clbit() for _ in range(draw(st.integers(1, 9)))]
    circuit.add_bits(bits)
    for i in range(draw(st.integers(1, 4))):
        places = draw(st.lists(st.integers(0, len(bits) - 1), unique=True, max_size=len(bits)))
        circuit.add_register(ClassicalRegister(name=f"r{i}", bits=[bits[place] for place in places]))
    measured = {}
    for clbit in draw(st.lists(st.integers(0, len(bits) - 1), max_size=9)):
        measured[clbit] = draw(st.integers(0, n - 1))
        circuit.measure(measured[clbit], clbit)
    return circuit, measured


@UNMEASURED
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=circuits())
def test_registers_follow_the_exact_distribution(
    backend: OqtopusBackend, case: tuple[QuantumCircuit, dict[int, int]]
) -> None:
    """Any registers follow the exact distribution, and a shot has the same index in all of them."""
    circuit, measured = case
    (pub,) = OqtopusSampler(backend).run([circuit], shots=SHOTS).result()
    counts = joint_counts(pub.data)
    distribution = exact_distribution(circuit, measured)

    assert [(name, pub.data[name].num_bits) for name in pub.data] == [(r.name, r.size) for r in circuit.cregs]
    assert all(distribution.get(key, 0.0) > 1e-12 for key in counts)
    assert p_value(counts, distribution) > FALSE_ALARM


def test_several_registers(anywhere: BackendV2) -> None:
    """Registers may be whole, partly measured, never measured or empty, side by side."""
    cregs = [ClassicalRegister(size, name) for name, size in [("a", 2), ("b", 3), ("c", 2), ("d", 9), ("e", 0)]]
    circuit = QuantumCircuit(QuantumRegister(3), *cregs)
    circuit.x([0, 2])
    circuit.measure([0, 1], cregs[0])
    circuit.measure(2, cregs[1][1])
    circuit.measure([0, 2], [cregs[3][8], cregs[3][0]])
    (pub,) = OqtopusSampler(anywhere).run([circuit], shots=6).result()

    names = ["a", "b", "c", "d"]
    assert list(pub.data) == [*names, "e"]
    assert [only_outcomes(pub, name) for name in names] == ["01", "010", "00", "100000001"]
    assert (pub.data.e.num_shots, pub.data.e.num_bits, pub.data.e.array.shape) == (6, 0, (6, 0))


def test_nothing_measured(anywhere: BackendV2) -> None:
    """Registers that are never written are 0, which needs no program, and gives a warning."""
    circuit = QuantumCircuit(2, 3)
    circuit.x(0)
    with pytest.warns(UserWarning, match=r"PUB 0 measures nothing, so all its bits will be 0"):
        job = OqtopusSampler(anywhere).run([circuit], shots=6)

    assert only_outcomes(job.result()[0], "c") == "000"
    assert job.job_ids == []


@pytest.mark.parametrize("measured", [False, True])
def test_no_registers(anywhere: BackendV2, measured: bool) -> None:
    """A circuit without registers gives a warning and an empty result, and needs no program."""
    circuit = QuantumCircuit(QuantumRegister(1), [Clbit()])
    if measured:
        circuit.measure(0, 0)
    with pytest.warns(UserWarning, match="circuit of PUB 0 has no classical registers, so its result will be empty"):
        job = OqtopusSampler(anywhere).run([circuit])

    assert len(job.result()[0].data) == 0
    assert job.job_ids == []


@UNMEASURED
def test_several_shapes_together(anywhere: BackendV2) -> None:
    """PUBs without programs do not shift the results of others."""
    silent = QuantumCircuit(1, 1)
    spoken = QuantumCircuit(1, 1)
    spoken.x(0)
    spoken.measure(0, 0)
    result = OqtopusSampler(anywhere).run([silent, spoken, silent, spoken], shots=4).result()

    assert [only_outcomes(pub, "c") for pub in result] == ["0", "1", "0", "1"]
