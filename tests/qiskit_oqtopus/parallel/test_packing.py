"""Circuits side by side in as few programs as possible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector

from oqtopus_client import OqtopusDevice
from oqtopus_client.angles import reduced
from oqtopus_client.emulator.device_files import built_in_devices
from qiskit_oqtopus.parallel.chip import Chip
from qiskit_oqtopus.parallel.embedding import Embedder
from qiskit_oqtopus.parallel.merging import parts_of
from qiskit_oqtopus.parallel.packing import pack, placements
from qiskit_oqtopus.qasm import to_template
from tests.support.backends import as_backend
from tests.support.circuits import bell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit_oqtopus.parallel.embedding import Item
    from qiskit_oqtopus.programs import Program

DEVICE = OqtopusDevice(built_in_devices()["lattice64"].info(n_pending_jobs=0))
BACKEND = as_backend(DEVICE)
CHIP = Chip.of(DEVICE, BACKEND.target)
COUPLINGS = {(each.control, each.target): each.gate_error for each in DEVICE.calibration.couplings}


@dataclass
class Settings:
    """The options that matter here."""

    parallel: bool | int = True
    spacing: int = 1
    max_error: float = 0.1


def items(circuits: Sequence[QuantumCircuit], **options: Any) -> list[Item]:
    """The items of bound circuits."""
    embedder = Embedder(CHIP, BACKEND.target, **options)
    return [
        item
        for i, circuit in enumerate(circuits)
        for item in embedder.items(
            to_template(circuit, BACKEND.target), np.empty((1, 0)), index=i, has_layout=circuit.layout is not None
        )
    ]


def packed(circuits: Sequence[QuantumCircuit], replicas: int = 1, **settings: Any) -> list[Program]:
    """The programs of bound circuits."""
    return pack(items(circuits), CHIP, Settings(**settings), replicas)


def distribution(circuit: QuantumCircuit) -> dict[str, float]:
    """The exact distribution of the classical bits of a circuit with final measurements."""
    sources = {}
    gates = QuantumCircuit(circuit.num_qubits)
    for item in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        if item.name == "measure":
            sources[circuit.find_bit(item.clbits[0]).index] = qubits[0]
        elif item.name not in ("barrier", "delay"):
            gates.append(item.operation, qubits)
    busy = sorted({*sources.values(), *(gates.find_bit(qubit).index for item in gates.data for qubit in item.qubits)})
    small = QuantumCircuit(len(busy))
    for item in gates.data:
        small.append(item.operation, [busy.index(gates.find_bit(qubit).index) for qubit in item.qubits])
    order = [busy.index(sources[clbit]) for clbit in sorted(sources)]
    found = Statevector(small).probabilities_dict(order, decimals=9)
    return {key: value for key, value in found.items() if value > 1e-9}


def assert_same(found: QuantumCircuit, expected: QuantumCircuit) -> None:
    """Circuits have the same distribution of their measured bits."""
    one, other = distribution(found), distribution(expected)
    assert one.keys() == other.keys()
    assert all(math.isclose(one[key], other[key], abs_tol=1e-7) for key in one)


def random_set(seed: int) -> list[QuantumCircuit]:
    """Circuits of one to five qubits with any gates, some with idle qubits, some on the device's qubits."""
    rng = np.random.default_rng(seed)
    circuits = []
    for i in range(int(rng.integers(2, 9))):
        width = int(rng.integers(1, 6))
        gates = random_circuit(width, int(rng.integers(1, 4)), max_operands=3, seed=int(rng.integers(1 << 30)))
        circuit = QuantumCircuit(QuantumRegister(width + i % 2), ClassicalRegister(width + 1), name=f"circuit {i}")
        qubits = [int(qubit) for qubit in rng.permutation(width + i % 2)[:width]]
        circuit.compose(gates, qubits, inplace=True)
        for clbit, qubit in enumerate(rng.permutation(qubits)[: int(rng.integers(1, width + 1))]):
            circuit.measure(int(qubit), clbit + 1)
        if rng.random() < 0.3:
            circuit = transpile(circuit, BACKEND, optimization_level=1, seed_transpiler=seed)
        circuits.append(circuit)
    return circuits


@pytest.mark.parametrize("seed", range(12))
def test_random_sets(seed: int) -> None:
    """Each part has its circuit's distribution, on qubits of its own and in the direction of the couplings."""
    circuits = random_set(seed)
    programs = packed(circuits, max_error=1.0)
    parts = [part for program in programs for part in parts_of(program)]

    assert sorted(part.index for part in parts) == list(range(len(circuits)))
    for part in parts:
        assert_same(part.program.to_circuit(), circuits[part.index])
    for program in programs:
        assert program.is_isa
        used = [qubit for part in program.header.parts for qubit in part.qubits if qubit is not None]
        assert len(used) == len(set(used))
        for item in program.to_circuit().data:
            qubits = tuple(int(qubit._index) for qubit in item.qubits)
            assert item.name in ("rz", "sx", "x", "measure", "barrier") or (item.name == "cx" and qubits in COUPLINGS)


def test_gates_of_the_user_stay() -> None:
    """Native gates are neither merged nor removed, and angles too large for sums of floats keep their value."""
    circuit = QuantumCircuit(1, name="repeated")
    for _ in range(3):
        circuit.x(0)
    circuit.measure_all()
    (program,) = packed([circuit])

    assert program.body.count("x q[") == 3


@pytest.mark.parametrize("value", [0.3, -2e12, 1e300])
def test_large_angles(value: float) -> None:
    """Angles that are too large to be added as floats keep their value."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    circuit.crx(2 * angle, 0, 1)
    circuit.rz(angle, 1)
    circuit.measure_all()
    embedder, template = Embedder(CHIP, BACKEND.target), to_template(circuit, BACKEND.target)
    (program,) = pack(embedder.items(template, np.array([[value]]), index=0), CHIP, Settings())
    (part,) = parts_of(program)

    expected = QuantumCircuit(2)
    expected.sx(0)
    expected.crx(reduced(2 * value), 0, 1)
    expected.measure_all()
    assert_same(part.program.to_circuit(), expected)


def test_circuits_on_the_device_stay() -> None:
    """Circuits that the user has transpiled keep their qubits; those that overlap have programs of their own."""
    places = [(3, 11), (4, 12), (11, 12)]
    fixed = [transpile(bell(), BACKEND, initial_layout=place) for place in places]
    programs = packed([*fixed, bell()])
    found = placements(programs)

    for place, placement in zip(places, found, strict=False):
        assert {qubit for qubit in placement.qubits if qubit is not None} == set(place)
        assert placement.is_fixed
        assert placement.best_fidelity is None
    assert [placement.program for placement in found] == [0, 0, 1, 0]
    assert not found[3].is_fixed
    assert len(programs) == 2
