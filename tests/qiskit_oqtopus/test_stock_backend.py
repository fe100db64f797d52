"""Qiskit's own tests of backends, applied to ours."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.quantum_info import Operator
from qiskit.result import Result

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.lattice import square_lattice
from qiskit_oqtopus import OqtopusBackend
from qiskit_oqtopus.target import target_from_device
from tests.support.circuits import bell
from tests.support.statistics import FALSE_ALARM, SHOTS, p_value

SENT_AS = pytest.mark.parametrize("is_isa", [True, False], ids=["transpiled", "as it is"])


def counts(backend: OqtopusBackend, circuit: QuantumCircuit, *, is_isa: bool) -> dict[str, int]:
    """Return counts of 100 shots of the circuit, transpiled for the backend or not."""
    sent = transpile(circuit, backend, seed_transpiler=1) if is_isa else circuit
    return backend.run(sent, shots=100, seed_simulator=88).result().get_counts(0)


@SENT_AS
def test_repeated_measurements(backend: OqtopusBackend, is_isa: bool) -> None:
    """One qubit is measured into two bits."""
    circuit = QuantumCircuit(QuantumRegister(2, "qr"), ClassicalRegister(4, "cr"))
    circuit.x(1)
    circuit.measure([0, 1, 1, 0], [0, 1, 2, 3])

    assert counts(backend, circuit, is_isa=is_isa) == {"0110": 100}


@SENT_AS
@pytest.mark.parametrize("qubit", range(5))
def test_single_measurement(backend: OqtopusBackend, qubit: int, is_isa: bool) -> None:
    """Any one of five qubits is measured."""
    circuit = QuantumCircuit(5, 1)
    circuit.x(qubit)
    circuit.measure(qubit, 0)

    assert counts(backend, circuit, is_isa=is_isa) == {"1": 100}


@SENT_AS
def test_partial_measurements(backend: OqtopusBackend, is_isa: bool) -> None:
    """Three of five qubits are measured, one of them twice, with barriers in between."""
    circuit = QuantumCircuit(5, 4)
    circuit.x([1, 3])
    for qubit, clbit in [(3, 1), (1, 0), (0, 2), (3, 3)]:
        circuit.barrier()
        circuit.measure(qubit, clbit)

    assert counts(backend, circuit, is_isa=is_isa) == {"1011": 100}


@SENT_AS
@pytest.mark.parametrize("qubits", range(1, 5))
def test_unitary(backend: OqtopusBackend, qubits: int, is_isa: bool) -> None:
    """Unitary matrices on one to four qubits run."""
    circuit = QuantumCircuit(qubits, qubits)
    circuit.unitary(np.eye(2**qubits)[::-1], range(qubits))
    circuit.measure(range(qubits), range(qubits))

    assert counts(backend, circuit, is_isa=is_isa) == {"1" * qubits: 100}


@SENT_AS
def test_registers_in_keys(backend: OqtopusBackend, is_isa: bool) -> None:
    """Keys have a word for each of two registers, the first rightmost, also for composed circuits."""
    registers = [
        QuantumRegister(2, "q0"),
        QuantumRegister(2, "q1"),
        ClassicalRegister(2, "c0"),
        ClassicalRegister(2, "c1"),
    ]
    flips, measurements = QuantumCircuit(*registers), QuantumCircuit(*registers)
    flips.x([1, 2])
    measurements.measure(range(4), range(4))

    assert counts(backend, flips.compose(measurements), is_isa=is_isa) == {"01 10": 100}


@SENT_AS
def test_found_by_name(backend: OqtopusBackend, is_isa: bool) -> None:
    """Counts are found by the circuit's name and by the circuit."""
    circuit = QuantumCircuit(QuantumRegister(6), ClassicalRegister(3, "c"), ClassicalRegister(3, "d"), name="test")
    circuit.h(range(3))
    circuit.cx(range(3), range(3, 6))
    circuit.barrier(range(3))
    circuit.measure(range(6), range(6))
    sent = transpile(circuit, backend, seed_transpiler=1) if is_isa else circuit
    result = backend.run(sent, shots=SHOTS).result()

    assert p_value(result.get_counts("test"), {f"{i:03b} {i:03b}": 1 / 8 for i in range(8)}) > FALSE_ALARM
    assert result.get_counts(sent) == result.get_counts("test") == result.get_counts()
    assert sum(result.get_counts().values()) == SHOTS


@SENT_AS
def test_memory(backend: OqtopusBackend, is_isa: bool) -> None:
    """Memory has each shot in words of the registers."""
    circuit = QuantumCircuit(QuantumRegister(4, "qr"), ClassicalRegister(2, "cr0"), ClassicalRegister(2, "cr1"))
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.x(3)
    circuit.measure(range(4), range(4))
    sent = transpile(circuit, backend, seed_transpiler=1) if is_isa else circuit
    memory = backend.run(sent, shots=50, memory=True).result().get_memory()

    assert len(memory) == 50
    assert set(memory) == {"10 00", "10 11"}


def test_single_shot(backend: OqtopusBackend) -> None:
    """A single shot runs."""
    result = backend.run(bell(), shots=1).result()

    assert result.success
    assert result.get_counts() in ({"00": 1}, {"11": 1})


def test_fields_of_results(backend: OqtopusBackend) -> None:
    """Results have the job's and circuits' metadata."""
    job = backend.run([bell(), bell()])
    result = job.result()

    assert isinstance(result, Result)
    assert (result.backend_name, result.job_id, result.status) == ("qulacs", job.job_id(), "COMPLETED")
    assert [(run.status, run.success, run.shots) for run in result.results] == [("DONE", True, 1000)] * 2
    assert Result.from_dict(result.to_dict()).get_counts() == result.get_counts()


# --- the Target


def test_qubit_properties(backend: OqtopusBackend) -> None:
    """Subsets of qubits are measured in any order."""
    chip = backend.provider.get_backend("lattice64")
    published = chip.target.qubit_properties
    one, two = chip.qubit_properties(1), chip.qubit_properties([1, 0])

    assert (one.t1, one.t2) == (published[1].t1, published[1].t2)
    assert [qubit.t1 for qubit in two] == [published[1].t1, published[0].t1]
    assert chip.qubit_properties(np.int64(1)).t1 == published[1].t1
    assert published[0].t1 != published[1].t1


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("gate", ["cx", "ecr", "cz"])
def test_transpiled_circuits(gate: str, level: int) -> None:
    """Transpiled circuits have the same unitary, native gates, and the direction of couplings."""
    device = OqtopusDevice(square_lattice("lattice6", 2, 3, seed=1).info(n_pending_jobs=0))
    target = target_from_device(device)
    circuit = QuantumCircuit(6)
    circuit.h(0)
    for pair in [(0, 1), (2, 1), (2, 3), (4, 3), (5, 0)]:
        getattr(circuit, gate)(*pair)
    isa = transpile(circuit, target=target, optimization_level=level, seed_transpiler=1)

    assert Operator.from_circuit(isa).equiv(circuit)
    for item in isa.data:
        assert tuple(isa.find_bit(qubit).index for qubit in item.qubits) in target[item.operation.name]
