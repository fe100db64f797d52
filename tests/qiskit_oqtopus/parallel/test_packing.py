"""Circuits side by side in as few programs as possible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import HamiltonianGate
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector

from oqtopus_client import OqtopusDevice
from oqtopus_client.angles import reduced
from oqtopus_client.emulator import square_lattice
from oqtopus_client.emulator.device_files import built_in_devices
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.parallel import packing
from qiskit_oqtopus.parallel.chip import Chip
from qiskit_oqtopus.parallel.embedding import Embedder
from qiskit_oqtopus.parallel.merging import parts_of
from qiskit_oqtopus.parallel.packing import most_replicas, pack, placements, shares
from qiskit_oqtopus.qasm import to_template
from tests.support.backends import as_backend
from tests.support.chips import QUBIT, chip, device, pair
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


def measurements(circuit: QuantumCircuit) -> list[tuple[int, int]]:
    """The qubit and the classical bit of each measurement, by qubit."""
    return sorted(
        (circuit.find_bit(item.qubits[0]).index, circuit.find_bit(item.clbits[0]).index)
        for item in circuit.data
        if item.name == "measure"
    )


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
        circuit = part.program.to_circuit()
        assert_same(circuit, circuits[part.index])
        measured = [qubit for qubit, _ in sorted(measurements(circuits[part.index]), key=lambda pair: pair[1])]
        assert measurements(circuit) == sorted((qubit, bit) for bit, qubit in enumerate(measured))
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


def test_bindings_in_turned_places() -> None:
    """Each binding has its own angles, in whichever direction its couplings are."""
    angles = ParameterVector("angle", 3)
    circuit = QuantumCircuit(3, name="sweep")
    circuit.ry(angles[2], 0)
    circuit.cx(0, 1)
    circuit.crz(angles[0] - 2 * angles[1], 1, 2)
    circuit.cx(1, 2)
    circuit.rx(angles[1], 0)
    circuit.measure_all()
    values = np.random.default_rng(1).uniform(-4, 4, (12, 3))
    embedder, template = Embedder(CHIP, BACKEND.target), to_template(circuit, BACKEND.target)
    parts = [
        part
        for program in pack(embedder.items(template, values, index=5), CHIP, Settings(spacing=0))
        for part in parts_of(program)
    ]

    assert sorted(part.index for part in parts) == list(range(5, 17))
    for part in parts:
        assert_same(part.program.to_circuit(), circuit.assign_parameters(values[part.index - 5]))


def test_gates_that_need_values() -> None:
    """A circuit that cannot be written before it is bound has a place for each binding."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(1)
    circuit.append(HamiltonianGate(np.array([[0, 1], [1, 0]]), angle), [0])
    circuit.measure_all()
    embedder, template = Embedder(CHIP, BACKEND.target), to_template(circuit, BACKEND.target)
    (program,) = pack(embedder.items(template, np.array([[0.3], [1.2]]), index=0), CHIP, Settings())

    for part, value in zip(parts_of(program), (0.3, 1.2), strict=True):
        assert distribution(part.program.to_circuit())["1"] == pytest.approx(np.sin(value) ** 2)


def complete(width: int) -> QuantumCircuit:
    """A circuit with a gate between any two of its qubits, which no lattice couples."""
    circuit = QuantumCircuit(width, name="complete")
    circuit.h(range(width))
    for i in range(width):
        for j in range(i):
            circuit.cp(0.3 * (i + j) + 0.1, i, j)
    circuit.h(range(width))
    circuit.measure_all()
    return circuit


def test_circuits_that_fit_nowhere() -> None:
    """Gates are added to circuits whose qubits no place couples, once, so that copies are alike."""
    programs = packed([complete(5)], replicas=2)
    parts = [part for program in programs for part in parts_of(program)]

    for part in parts:
        assert_same(part.program.to_circuit(), complete(5))
    assert len({part.program.body.count("sx") for part in parts}) <= 2


def test_circuits_wider_than_what_works() -> None:
    """A circuit that needs more qubits than the chip has without the broken ones is refused by name."""
    info = square_lattice("tiny", 2, 3, seed=1).calibration
    info["qubits"][0]["meas_error"] = None
    with pytest.raises(CircuitError, match="'complete' needs 6 qubits, but chip has only 5 that are calibrated"):
        as_backend(device(info, n_qubits=6)).placements([bell(), complete(6)])


def waiting(duration: float, *, qubits: int = 1, angle: float = 0.5) -> QuantumCircuit:
    """A circuit with a delay."""
    circuit = QuantumCircuit(qubits, name=f"wait {duration}")
    circuit.sx(range(qubits))
    if qubits > 1:
        circuit.cx(0, 1)
    circuit.delay(duration, 0, unit="ns")
    circuit.rz(angle, 0)
    circuit.sx(0)
    circuit.measure_all()
    return circuit


def test_delays() -> None:
    """Circuits with the same delays in the same gates share a program, and no others."""
    circuits = [
        waiting(100),
        waiting(100, angle=0.7),
        waiting(200),
        bell(),
        waiting(100, qubits=2),
        waiting(100),
        transpile(waiting(100), BACKEND, initial_layout=[9], optimization_level=0),
    ]
    found = {each.circuit: each.program for each in placements(packed(circuits))}

    assert len({found[i] for i in (0, 1, 5, 6)}) == 1
    assert len({*found.values()}) == 4
    for program in packed([waiting(100, qubits=2)] * 4):
        assert "cx" in program.body
        assert program.body.count("sx q[") == 3 * len(program.header.parts)  # no cx is turned


@pytest.mark.filterwarnings("ignore:The property ``qiskit.circuit.instruction:DeprecationWarning")  # Qiskit 1 of itself
def test_bound_delays() -> None:
    """The same holds for delays that are parameters."""
    duration = Parameter("duration")
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.delay(duration, 0, unit="ns")
    circuit.h(0)
    circuit.measure_all()
    embedder, template = Embedder(CHIP, BACKEND.target), to_template(circuit, BACKEND.target)
    values = np.array([[100.0], [200.0], [100.0], [0.0]])
    programs = pack(embedder.items(template, values, index=0), CHIP, Settings())

    assert sorted([part.index for part in program.header.parts] for program in programs) == [[0, 2], [1], [3]]
    assert sorted(program.body.count("delay[") for program in programs) == [0, 1, 2]


def test_fidelities() -> None:
    """The stated fidelity is the product of one minus the error of each gate that is sent."""
    errors = {i: qubit.gate_error for i, qubit in enumerate(DEVICE.calibration.qubits)}
    readouts = {i: qubit.readout_error for i, qubit in enumerate(DEVICE.calibration.qubits)}
    for program in packed([bell(), transpile(bell(), BACKEND, seed_transpiler=1)]):
        for part, header in zip(parts_of(program), program.header.parts, strict=True):
            product = 1.0
            for item in part.program.to_circuit().data:
                qubits = tuple(header.qubits[int(qubit._index)] for qubit in item.qubits)
                if item.name in ("sx", "x", "measure"):
                    product *= 1 - {"measure": readouts}.get(item.name, errors)[qubits[0]]
                elif item.name == "cx":
                    product *= 1 - COUPLINGS[qubits]
            assert header.fidelity == pytest.approx(product, abs=5e-3)


def test_broken_qubits() -> None:
    """Free circuits avoid them; one that is on them runs, with a warning and its low fidelity."""
    info = built_in_devices()["lattice64"].calibration
    info["qubits"][11]["meas_error"] = None
    chip = as_backend(device(info, n_qubits=64))
    fixed = transpile(bell(), chip, initial_layout=[3, 11])
    with pytest.warns(UserWarning, match=r"Circuit 'bell' is on qubits or couplings of chip without .*: 11, 3-11\."):
        found = chip.placements([fixed, *[bell()] * 40], spacing=0)

    assert {qubit for qubit in found[0].qubits if qubit is not None} == {3, 11}
    assert all(11 not in each.qubits for each in found[1:])


def test_simulators() -> None:
    """Devices without calibration are filled by width, in any order, and transpile programs themselves."""
    simulator = as_backend(device(None, n_qubits=7))
    programs = simulator.programs([complete(3), complete(4), complete(4), complete(3)], parallel=True)

    assert len(programs) == 2
    assert not any(program.is_isa for program in programs)
    for program in programs:
        for part in parts_of(program):
            assert_same(part.program.to_circuit(), complete(len(part.qubits)))


def test_limit_of_shots() -> None:
    """Jobs share shots as equally as possible."""
    (program,) = packed([bell()] * 16)
    limit = 4_000_000 // (32 + 8)

    assert shares(program, limit) == [limit]
    assert shares(program, limit + 1) == [limit // 2 + 1, limit // 2]
    assert most_replicas(items([bell()]), CHIP, Settings()) == 16
    assert most_replicas(items([bell()]), CHIP, Settings(parallel=5)) == 5


def test_large_metadata() -> None:
    """Metadata counts towards the size of a program, which servers limit to 4 MiB."""
    circuits = [bell() for _ in range(8)]
    for circuit in circuits:
        circuit.metadata = {"note": f"{circuit.name} " * 200_000}
    programs = packed(circuits)

    assert max(len(program.text) for program in programs) < 4 << 20
    assert sorted(part.index for program in programs for part in program.header.parts) == [*range(8)]


def test_copies_do_not_lengthen_delays() -> None:
    """Copies of a circuit whose delays depend on the directions of its couplings do not share a program."""
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    circuit.delay(300, 0, "ns")
    circuit.cx(1, 0)
    circuit.measure_all()

    assert [len(program.header.parts) for program in packed([circuit], replicas=3)] == [1, 1, 1]


def test_texts_that_are_longer_than_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Circuits of many barriers and of `cx` in the other direction go to further programs, each of limited size."""
    monkeypatch.setattr(packing, "MAX_TEXT", 8_000)
    circuits = []
    for i in range(6):
        circuit = QuantumCircuit(4, name=f"circuit {i}")
        for step in range(20):
            circuit.cx(step % 3, step % 3 + 1)
            circuit.barrier()
        circuit.measure_all()
        circuits.append(circuit)
    programs = packed(circuits)

    assert len(programs) > 1
    assert max(len(program.body) for program in programs) < 11_000
    assert sorted(part.index for program in programs for part in program.header.parts) == list(range(6))
    for program in programs:
        for part in parts_of(program):
            assert_same(part.program.to_circuit(), circuits[part.index])


def test_a_chip_without_usable_qubits() -> None:
    """A circuit of one qubit is refused, too."""
    qubits = [{**QUBIT, "fidelity": 0.4} for _ in range(3)]
    broken = chip(*qubits, couplings=[pair(0, 1), pair(1, 2)])
    target = as_backend(broken).target
    circuit = QuantumCircuit(1, name="lone")
    circuit.h(0)
    circuit.measure_all()
    found = Embedder(Chip.of(broken, target), target).items(to_template(circuit, target), np.empty((1, 0)), index=0)

    with pytest.raises(CircuitError, match="'lone' needs 1 qubits, but chip has only 0 that are calibrated"):
        pack(found, Chip.of(broken, target), Settings())
