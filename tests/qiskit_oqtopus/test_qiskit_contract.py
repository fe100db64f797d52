"""Undocumented requirements of Qiskit on backends, and cases where it silently goes wrong.

First what Qiskit's primitives make of `backend.run`, then the traps of exporting, transpiling and copying.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Clbit, Gate
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.device_files import built_in_devices
from qiskit_oqtopus import CircuitError, OqtopusBackend, OqtopusSampler
from qiskit_oqtopus.qasm import to_program
from qiskit_oqtopus.target import target_from_device
from tests.support.circuits import bell, keyed
from tests.support.statistics import only_outcomes

if TYPE_CHECKING:
    from tests.support.recorded_cloud import RecordedCloud

TARGETS = {
    name: target_from_device(OqtopusDevice(device.info(n_pending_jobs=0)))
    for name, device in built_in_devices().items()
}


def two_registers() -> QuantumCircuit:
    """Return a circuit with the only outcome 01 in register `a` of two bits and 1 in register `b` of one."""
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(2, "a"), ClassicalRegister(1, "b"))
    circuit.x([0, 2])
    circuit.measure(range(3), range(3))
    return circuit


# --- what Qiskit's primitives make of `backend.run`


@pytest.mark.parametrize("seed", [None, 7])
def test_call_of_the_primitives(backend: OqtopusBackend, seed: int | None) -> None:
    """The options that Qiskit's primitives pass are accepted without a warning."""
    assert backend.run([bell()], shots=5, seed_simulator=seed).result().results[0].shots == 5
    assert len(backend.run([bell()], memory=True, shots=5, seed_simulator=seed).result().get_memory()) == 5


def test_memory_is_honoured(backend: OqtopusBackend) -> None:
    """`memory` is honoured, as Qiskit's sampler would otherwise read every bit as 0."""
    (result,) = BackendSamplerV2(backend=backend).run([two_registers()], shots=5).result()

    assert result.data.a.get_counts() == {"01": 5}
    assert result.data.b.get_counts() == {"1": 5}


@pytest.mark.parametrize("bit", [0, 7, 8, 63, 64, 99])
def test_memory_is_hexadecimal(backend: OqtopusBackend, bit: int) -> None:
    """Shots are hexadecimal numbers over all classical bits, of any number."""
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(100, "wide"))
    circuit.x(0)
    circuit.measure(0, bit)
    memory = backend.run(circuit, shots=3, memory=True).result().data()["memory"]
    (result,) = BackendSamplerV2(backend=backend).run([circuit], shots=3).result()

    assert memory == [hex(1 << bit)] * 3
    assert result.data.wide.get_int_counts() == {1 << bit: 3}


def test_header_has_the_registers(backend: OqtopusBackend) -> None:
    """`creg_sizes` and `memory_slots` give keys in words, with leading zeros."""
    result = backend.run(two_registers(), shots=5, memory=True).result()

    assert result.get_counts() == {"1 01": 5}
    assert result.get_memory() == ["1 01"] * 5
    assert backend.run(keyed(1), shots=5).result().get_counts() == {"00001": 5}


@pytest.mark.parametrize("measured", [False, True])
def test_estimator_on_circuits_with_registers(backend: OqtopusBackend, measured: bool) -> None:
    """Qiskit's estimator reads the leftmost word of a key, which requires `creg_sizes`."""
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "c"))
    circuit.x(0)
    if measured:
        circuit.measure(0, 0)
    observables = [SparsePauliOp("ZI"), SparsePauliOp("IZ"), SparsePauliOp("ZZ")]
    (result,) = BackendEstimatorV2(backend=backend).run([(circuit, observables)]).result()

    assert result.data.evs.tolist() == [1, -1, -1]


def test_scattered_registers(backend: OqtopusBackend) -> None:
    """Counts, memory and our sampler are right for registers that Qiskit's sampler misreads."""
    bits = [Clbit() for _ in range(3)]
    circuit = QuantumCircuit(
        QuantumRegister(2),
        bits,
        ClassicalRegister(name="a", bits=[bits[0], bits[2]]),
        ClassicalRegister(name="b", bits=bits[1:]),
    )
    circuit.x(1)
    circuit.measure([0, 1], [0, 2])
    result = backend.run(circuit, shots=3, memory=True).result()
    (sampled,) = OqtopusSampler(backend).run([circuit], shots=3).result()

    assert result.get_counts() == {"100": 3}
    assert result.get_memory() == ["100"] * 3
    assert sampled.data.a.get_counts() == sampled.data.b.get_counts() == {"10": 3}


def test_jobs_of_primitives_can_be_found(backend: OqtopusBackend) -> None:
    """One call of a Qiskit primitive is one batch, found by its tags."""
    backend.set_options(job_tags=["night", "shift"])
    sampler, estimator = BackendSamplerV2(backend=backend), BackendEstimatorV2(backend=backend)
    sampler.run([keyed(1), keyed(2)], shots=5).result()
    estimator.run([(QuantumCircuit(2), [SparsePauliOp("ZZ"), SparsePauliOp("XX")])], precision=0.5).result()
    estimated, sampled = backend.provider.jobs(tags=["shift", "night"])

    assert sampled.result().get_counts() == [{"00001": 5}, {"00010": 5}]
    assert [sum(counts.values()) for counts in estimated.result().get_counts()] == [4, 4]


def test_one_call_is_one_batch(backend: OqtopusBackend, cloud: RecordedCloud) -> None:
    """Without `max_circuits`, all circuits are submitted concurrently before any result is awaited."""
    BackendSamplerV2(backend=backend).run([keyed(number) for number in range(20)], shots=5).result()
    submissions = [place for place, route in enumerate(cloud.routes) if route == "POST /jobs/{id}/submit"]
    readings = [place for place, route in enumerate(cloud.routes) if route.startswith("GET ")]

    assert backend.max_circuits is None
    assert len(submissions) == 20
    assert max(submissions) < min(readings)
    assert cloud.most_at_once > 1


@pytest.mark.parametrize("precision", [1e-4, 3e-4])
def test_precision_beyond_the_limit(backend: OqtopusBackend, cloud: RecordedCloud, precision: float) -> None:
    """Qiskit's estimator converts the precision to shots without a limit; too many are refused."""
    shots = math.ceil(1 / precision**2)
    with pytest.raises(ValueError, match=f"shots must be an integer from 1 to 10,000,000, not {shots}") as caught:
        BackendEstimatorV2(backend=backend).run([(QuantumCircuit(1), SparsePauliOp("Z"))], precision=precision).result()

    assert type(caught.value) is ValueError
    assert cloud.requests == []


@pytest.mark.parametrize(("shots", "asked"), [(1000, 1001), (8192, 8193), (4096, 4096)])
def test_precision_of_a_number_of_shots(backend: OqtopusBackend, shots: int, asked: int) -> None:
    """Qiskit's estimator may request one shot too many because of rounding; it gets as many as it requests."""
    pub = (QuantumCircuit(1), SparsePauliOp("Z"))
    (result,) = BackendEstimatorV2(backend=backend).run([pub], precision=1 / math.sqrt(shots)).result()
    (job,) = backend.provider.jobs(limit=1)

    assert result.metadata["shots"] == asked
    assert job.result().results[0].shots == asked


# --- exporting


def test_loose_bits_between_registers(backend: OqtopusBackend) -> None:
    """Loose bits between registers keep their indices in keys, although exporters declare them first."""
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, "a"))
    circuit.add_bits([Clbit()])
    circuit.add_register(ClassicalRegister(2, "b"))
    circuit.x(0)
    circuit.measure([0, 0], [0, 2])
    (result,) = BackendSamplerV2(backend=backend).run([circuit], shots=5).result()

    assert backend.run(circuit, shots=5).result().get_counts() == {"01 0 1": 5}
    assert [only_outcomes(result, name) for name in "ab"] == ["1", "01"]


def test_gates_that_exporters_spoil(backend: OqtopusBackend) -> None:
    """Gates are written correctly where Qiskit's exporter mistakes their definition or name."""
    spoken = Gate("my gate", 1, [0.3])
    spoken.definition = QuantumCircuit(1)
    spoken.definition.rx(0.3, 0)
    circuit = QuantumCircuit(4)
    circuit.append(spoken, [0])
    circuit.rx(-0.3, 0)
    circuit.x(1)
    for angle in (0.3, 0.9, -1.2):
        circuit.rzx(angle, 1, 2)
    circuit.h(3)
    for angle in (0.3, 0.9, math.pi - 1.2):
        circuit.rzz(angle, 0, 3)
    circuit.h(3)
    circuit.measure_all()

    assert backend.run(circuit, shots=50).result().get_counts() == {"1010": 50}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_angles_are_exact(angle: float) -> None:
    """Angles near a multiple of pi are not rounded; each reads back exactly, or reduced."""
    circuit = QuantumCircuit(1, 1)
    circuit.rz(angle, 0)
    circuit.measure(0, 0)
    number = re.search(r"rz\((.*)\) q\[0\];", to_program(circuit, TARGETS["qulacs"]).body)

    assert number is not None
    written = float(number[1])
    assert written == angle or abs(angle) > 4 * math.pi
    assert math.sin(written / 2) == pytest.approx(math.sin(angle / 2), abs=1e-15)
    assert math.cos(written / 2) == pytest.approx(math.cos(angle / 2), abs=1e-15)


@pytest.mark.parametrize("angle", [math.nan, math.inf, -math.inf])
def test_angles_that_are_no_numbers(backend: OqtopusBackend, cloud: RecordedCloud, angle: float) -> None:
    """Non-finite angles, which exporters write, are refused before any request."""
    circuit = QuantumCircuit(1, 1)
    circuit.rx(angle, 0)
    estimation = BackendEstimatorV2(backend=backend).run([(circuit.copy(), SparsePauliOp("Z"))])
    circuit.measure(0, 0)
    for job in (estimation, BackendSamplerV2(backend=backend).run([circuit])):
        with pytest.raises(CircuitError, match=f"has the angle {angle} in 'rx'"):
            job.result()

    assert cloud.requests == []


# --- transpiling


@pytest.mark.parametrize("name", TARGETS)
def test_target_has_qiskits_own_gates(name: str) -> None:
    """The Target has standard gates only, as the transpiler cannot handle others."""
    standard = get_standard_gate_name_mapping()
    for operation in TARGETS[name].operations:
        assert operation.base_class is standard[operation.name].base_class


@pytest.mark.parametrize("level", range(4))
def test_couplings_are_turned_round(backend: OqtopusBackend, level: int) -> None:
    """Transpiled circuits are native and equivalent at every level, for each coupling."""
    circuit = QuantumCircuit(16)
    circuit.x(range(16))
    couplings = sorted(backend.target["cx"])
    for control, target in couplings:
        circuit.cx(target, control)
    circuit.measure_all()
    isa = transpile(circuit, backend, optimization_level=level, initial_layout=range(16), seed_transpiler=1)
    bits = [1] * 16
    for control, target in couplings:
        bits[control] ^= bits[target]

    assert to_program(isa, backend.target).is_isa
    assert backend.run(isa, shots=5).result().get_counts() == {"".join(map(str, reversed(bits))): 5}


def test_layout_does_not_matter(backend: OqtopusBackend) -> None:
    """Programs use the device's qubits with and without a layout, which custom pass managers drop."""
    circuit = bell()
    isa = transpile(circuit, backend, initial_layout=[9, 5], optimization_level=1, seed_transpiler=1)
    again = PassManager([Optimize1qGatesDecomposition(target=backend.target)]).run(isa)
    again.name = isa.name
    programs = backend.programs([isa, again])

    assert isa.layout is not None
    assert programs[0].text == programs[1].text
    assert all(program.is_isa for program in programs)


# --- copying


@dataclasses.dataclass
class LibraryOptions:
    """Options have the type that Qiskit's libraries expect."""

    backend: Any
    limits: dict[str, Any] = dataclasses.field(default_factory=dict)


def test_backends_are_copied(backend: OqtopusBackend) -> None:
    """A deep copy of a backend, as libraries make it, runs circuits."""
    options = LibraryOptions(backend, {"also": backend})
    for copied in (copy.deepcopy(options), LibraryOptions(**dataclasses.asdict(options))):
        for same in (copied.backend, copied.limits["also"]):
            (result,) = BackendSamplerV2(backend=same).run([keyed(3)], shots=np.int64(5)).result()
            assert only_outcomes(result) == "00011"
