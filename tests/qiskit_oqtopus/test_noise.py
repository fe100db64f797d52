"""Noise models of devices, compared with exact channels and with emulated devices.

Statistical bounds are those of a false alarm of 1e-6; simulators are seeded.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from functools import reduce
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Delay
from qiskit.quantum_info import Pauli, SuperOp, average_gate_fidelity
from qiskit_aer import AerSimulator
from scipy import stats

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator import Emulator
from oqtopus_client.emulator.device_files import EmulatedDevice
from oqtopus_client.emulator.lattice import square_lattice
from oqtopus_client.emulator.noise import delay_nanoseconds, noisy_operations
from oqtopus_client.emulator.simulation.operations import Operation, Part
from oqtopus_client.emulator.simulation.parts import operations_of
from qiskit_oqtopus import OqtopusProvider
from qiskit_oqtopus.noise import aer_noise_model
from qiskit_oqtopus.target import target_from_device
from tests.support.backends import as_backend
from tests.support.chips import NOT_CALIBRATED, QUBIT, WORSE, chip, device, pair
from tests.support.circuits import used_qubits
from tests.support.parts import exact_probabilities, superoperator

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel

FALSE_ALARM = 1e-6
SHOTS = 20_000


def channel(model: NoiseModel, gate: str, *qubits: int) -> SuperOp:
    """Return the noise of a gate on these qubits."""
    return SuperOp(model._local_quantum_errors[gate][qubits])


def readout(model: NoiseModel, qubit: int) -> Any:
    """Return a qubit's readout probabilities: a row for each state, a column for each outcome."""
    error = model._local_readout_errors.get((qubit,))
    return error.probabilities if error else np.eye(2)


def depolarizing(probability: float, n_qubits: int) -> SuperOp:
    """Return full depolarization with this probability, as the mean over all Paulis."""
    paulis = [SuperOp(Pauli("".join(letters))) for letters in product("IXYZ", repeat=n_qubits)]
    return (1 - probability) * paulis[0] + probability * reduce(SuperOp.__add__, paulis) / len(paulis)


def relaxing(nanoseconds: float, t1: float, t2: float) -> SuperOp:
    """Return the relaxation of a qubit, with lifetimes in microseconds, on the column-stacked density matrix."""
    a, b = math.exp(-nanoseconds * 1e-3 / t1), math.exp(-nanoseconds * 1e-3 / t2)
    return SuperOp(np.array([[1, 0, 0, 1 - a], [0, b, 0, 0], [0, 0, b, 0], [0, 0, 0, a]]))


def same(one: SuperOp, other: SuperOp) -> bool:
    """Return whether two channels are equal, up to the difference of 1e-8 between Pauli errors for Aer's sake."""
    return bool(np.allclose(one.data, other.data, atol=1e-8))


def lattice(rows: int, columns: int) -> OqtopusDevice:
    """Return a noisy chip of this size."""
    return OqtopusDevice(square_lattice("lattice", rows, columns, seed=5).info(n_pending_jobs=0))


def test_gates_have_the_published_fidelities() -> None:
    """Each gate has its average fidelity on its qubits, on a chip of a thousand; the others are ideal."""
    described = lattice(25, 40)
    info: Any = described.device_info
    qubits = [500, 501, 541]
    model = aer_noise_model(target_from_device(described), qubits)
    fidelities = {("x", (q,)): info["qubits"][q]["fidelity"] for q in qubits}
    fidelities |= {("sx", place): fidelity for (_, place), fidelity in fidelities.items()}
    fidelities |= {
        ("cx", (c["control"], c["target"])): c["fidelity"]
        for c in info["couplings"]
        if {c["control"], c["target"]} <= set(qubits)
    }
    found = {
        (gate, place): average_gate_fidelity(SuperOp(error))
        for gate, places in model._local_quantum_errors.items()
        for place, error in places.items()
    }

    assert len(fidelities) == 8
    assert found == pytest.approx(fidelities, abs=1e-12)
    assert sorted(model._local_readout_errors) == [(500,), (501,), (541,)]


def test_depolarization() -> None:
    """Without lifetimes, gates depolarize with 1 - p = (d F - 1) / (d - 1)."""
    target = target_from_device(chip({"fidelity": 0.999}, {"fidelity": 0.99}, couplings=[pair(0, 1, 0.97, rzx90=200)]))
    model = aer_noise_model(target)

    for gate in ("x", "sx"):
        assert same(channel(model, gate, 0), depolarizing(0.001 * 2, 1))
        assert same(channel(model, gate, 1), depolarizing(0.01 * 2, 1))
    assert same(channel(model, "cx", 0, 1), depolarizing(0.03 * 4 / 3, 2))
    assert model.noise_instructions == ["cx", "sx", "x"]


def test_relaxation() -> None:
    """Without fidelities, qubits relax for a gate's duration; a t2 above 2 t1 is limited."""
    qubits = [
        {"qubit_lifetime": {"t1": 20, "t2": 30}, "gate_duration": {"x": 24, "sx": 16}},
        {"qubit_lifetime": {"t1": 30, "t2": 90}, "gate_duration": {"x": 28, "sx": 20}},
    ]
    model = aer_noise_model(target_from_device(chip(*qubits, couplings=[pair(0, 1, rzx90=200)])))

    assert same(channel(model, "x", 0), relaxing(24, 20, 30))
    assert same(channel(model, "sx", 1), relaxing(20, 30, 60))
    assert same(channel(model, "cx", 0, 1), relaxing(220, 30, 60).tensor(relaxing(220, 20, 30)))


@pytest.mark.parametrize(("t1", "t2"), [(20, 15), (20, 30), (20, None), (None, 30)])
@pytest.mark.parametrize(("duration", "unit"), [(5000, "ns"), (5, "us"), (2500, "dt")])
def test_relaxation_in_delays(duration: int, unit: str, t1: float | None, t2: float | None) -> None:
    """Delays relax exactly, in every unit of time; an unknown t2 counts as 2 t1."""
    model = aer_noise_model(target_from_device(chip({"qubit_lifetime": {"t1": t1, "t2": t2}})))
    circuit = QuantumCircuit(1)
    circuit.delay(duration, 0, unit=unit)
    circuit.save_superop()
    found = AerSimulator(method="superop", noise_model=model).run(circuit).result().data()["superop"]
    forever = t1 or math.inf

    assert same(found, relaxing(5000, forever, t2 or 2 * forever))


def test_readout() -> None:
    """Each qubit has both of its readout probabilities."""
    model = aer_noise_model(target_from_device(chip(QUBIT, WORSE)))

    assert readout(model, 0) == pytest.approx(np.array([[0.98, 0.02], [0.03, 0.97]]))
    assert readout(model, 1) == pytest.approx(np.array([[0.99, 0.01], [0.07, 0.93]]))


def errors(emulator: EmulatedDevice, *operations: Operation) -> SuperOp:
    """Return what happens on an emulated device after the last of these operations on the same qubits."""
    emulator = dataclasses.replace(emulator, idle_noise=False)
    before = noisy_operations(operations[:-1], operations[0].qubits, emulator)
    after = noisy_operations(operations, operations[0].qubits, emulator)[len(before) :]
    qubits = operations[0].qubits
    channel = SuperOp(np.eye(4 ** len(qubits)))
    for each in after if operations[-1].name == "delay" else after[1:]:
        times = [tuple(qubit["qubit_lifetime"].values()) for qubit in emulator.calibration["qubits"]]
        channel = channel.compose(superoperator(each, times), [qubits.index(qubit) for qubit in each.qubits])
    return channel


def assert_same_noise(emulator: EmulatedDevice) -> None:
    """A backend's noise model has the emulated device's channels for each gate, measurement and delay."""
    couplings = {(c["control"], c["target"]) for c in emulator.calibration["couplings"]}
    backend = as_backend(OqtopusDevice(emulator.info(n_pending_jobs=0)))
    model = backend.noise_model()
    gates = [Operation(name, (qubit,)) for qubit in range(emulator.n_qubits) for name in ("x", "sx")]

    assert set(backend.target.get("cx", {})) == couplings
    for gate in [*gates, *(Operation("cx", ends) for ends in couplings)]:
        found = model._local_quantum_errors.get(gate.name, {}).get(gate.qubits, np.eye(4 ** len(gate.qubits)))
        assert same(SuperOp(found), errors(emulator, gate))
    (noise_pass,) = model._custom_noise_passes
    for qubit, place in enumerate(emulator.calibration["qubits"]):
        p10, p01 = place["meas_error"]["prob_meas1_prep0"], place["meas_error"]["prob_meas0_prep1"]
        assert readout(model, qubit) == pytest.approx(np.array([[1 - p10, p10], [p01, 1 - p01]]))
        delay = Delay(3.5 * 10**qubit, "ns")
        noise = noise_pass._func(delay, [qubit])
        waiting = Operation("delay", (qubit,), delay_nanoseconds(delay))
        assert same(SuperOp(np.eye(4) if noise is None else noise), errors(emulator, gates[2 * qubit], waiting))


def gaps(random: Random, *usual: float) -> Any:
    """Draw a published value or a placeholder for an unknown one."""
    return random.choice([*usual, *usual, None, math.nan, math.inf, 0.0])


def chip_with_gaps(random: Random) -> dict[str, Any]:
    """Draw a calibration with any of its fields missing."""
    n_qubits, number = random.randint(1, 3), random.choice([int, str, float])

    def some(**fields: Any) -> Any:
        kept = {name: value for name, value in fields.items() if random.random() < 0.8}
        return random.choice([kept, kept, kept, None])

    def durations(*names: str) -> Any:
        return some(**{name: gaps(random, random.uniform(10, 400)) for name in names})

    qubits = [
        {
            "id": number(i),
            "fidelity": gaps(random, random.uniform(0.8, 1), 1),
            "meas_error": some(
                prob_meas1_prep0=gaps(random, random.random()),
                prob_meas0_prep1=gaps(random, random.random()),
                readout_assignment_error=gaps(random, random.random()),
            ),
            "qubit_lifetime": some(t1=gaps(random, random.uniform(1, 50)), t2=gaps(random, random.uniform(1, 150))),
            "gate_duration": durations("x", "sx", "rz", "measure"),
        }
        for i in range(n_qubits)
    ]
    pairs = [(i, j) for i in range(n_qubits) for j in range(n_qubits) if i != j and random.random() < 0.7]
    couplings = [
        {
            "control": number(i),
            "target": number(j),
            "fidelity": gaps(random, random.uniform(0.5, 1)),
            "gate_duration": durations("cx", "rzx90"),
        }
        for i, j in pairs
    ]
    return {"name": "chip", "qubits": random.sample(qubits, n_qubits), "couplings": couplings or None}


@pytest.mark.parametrize("seed", range(40))
def test_same_noise_as_the_emulated_device(seed: int) -> None:
    """Noise models and emulated devices agree for any missing or invalid field."""
    assert_same_noise(EmulatedDevice.from_device_info(chip_with_gaps(Random(seed))))


@pytest.mark.parametrize(
    "qubit",
    [
        {"qubit_lifetime": {"t1": 0.01, "t2": 0.01}, "fidelity": 0.3, "gate_duration": {"x": 1e9, "sx": 1e308}},
        {"qubit_lifetime": {"t1": 5e-324, "t2": 1e308}, "fidelity": 5e-324, "gate_duration": {"x": 5e-324}},
        {"qubit_lifetime": {"t1": 1e308, "t2": 1e-6}, "fidelity": 1 - 2**-53, "gate_duration": {"x": 1}},
        {"qubit_lifetime": {"t1": 1e-6}, "fidelity": 1, "gate_duration": {"x": 1e308}},
        {"meas_error": {"readout_assignment_error": 0.1}},
    ],
)
def test_extreme_numbers(qubit: dict[str, Any]) -> None:
    """Improbable finite values result in the same noise as on emulated devices."""
    qubits = [{"id": i, **qubit} for i in range(2)]
    coupling = {"control": 1, "target": 0, "fidelity": 1e-300, "gate_duration": {"rzx90": 1e308}}
    assert_same_noise(EmulatedDevice.from_device_info({"name": "chip", "qubits": qubits, "couplings": [coupling]}))


def test_same_probabilities_as_the_emulated_device() -> None:
    """The exact distribution is the same with slow gates, gaps in the calibration, and delays."""
    slow = {"fidelity": 0.98, "qubit_lifetime": {"t1": 20, "t2": 15}, "gate_duration": {"x": 500, "sx": 2000}}
    info = {
        "name": "chip",
        "qubits": [{"id": 0, **slow}, {"id": 1, "fidelity": 0}, {"id": 2, "qubit_lifetime": {"t1": 9, "t2": 0.0}}],
        "couplings": [pair(0, 1, 0.7, rzx90=900), pair(1, 2)],
    }
    emulator = EmulatedDevice.from_device_info(info)
    model = as_backend(OqtopusDevice(emulator.info(n_pending_jobs=0))).noise_model()
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.sx(qubit)
        circuit.rz(0.7 + qubit, qubit)
        circuit.delay(501, qubit, unit="ns")
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.sx(range(3))
    calibrated = emulator.calibration["qubits"]
    times = [tuple(qubit["qubit_lifetime"].values()) for qubit in calibrated]
    emulator = dataclasses.replace(emulator, idle_noise=False)
    expected = exact_probabilities(
        Part(noisy_operations(operations_of(circuit, timed=True), range(3), emulator), range(3), times)
    )
    circuit.save_density_matrix()
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    state = simulator.run(circuit).result().data()["density_matrix"]

    assert state.probabilities() == pytest.approx(expected, abs=1e-9)
    assert abs(state.purity()) < 0.5


@pytest.mark.parametrize("idle_noise", [True, False])
def test_counts_agree_with_the_emulated_device(*, idle_noise: bool) -> None:
    """A transpiled circuit has the same counts as on the emulated device, up to statistics."""
    with Emulator(":memory:", seed=1, idle_noise=idle_noise) as emulator, OqtopusProvider(emulator.config) as provider:
        backend = provider.get_backend("lattice144")
        circuit = QuantumCircuit(4)
        circuit.h(0)
        for qubit in range(3):
            circuit.cx(qubit, qubit + 1)
            circuit.delay(2, qubit, unit="us")
        circuit.measure_all()
        isa = transpile(circuit, backend, seed_transpiler=1)
        there = backend.run(isa, shots=SHOTS).result().get_counts()
        model = None if idle_noise else backend.noise_model(used_qubits(isa))
        simulator = AerSimulator(noise_model=model, seed_simulator=1)
        here = simulator.run(backend.noisy(isa) if idle_noise else isa, shots=SHOTS).result().get_counts()
    seen = sorted(there.keys() | here.keys())
    table = [[counts.get(key, 0) for key in seen] for counts in (there, here)]

    assert len(seen) == 16  # errors included
    assert stats.chi2_contingency(table).pvalue > FALSE_ALARM


def test_qubits_without_noise() -> None:
    """Qubits not requested, and couplings to them, are ideal."""
    described = lattice(2, 2)
    model = aer_noise_model(target_from_device(described), iter([0, 3]))

    assert model.noise_qubits == [0, 3]
    assert model.noise_instructions == ["measure", "sx", "x"]
    assert set(model.basis_gates) == {"cx", "delay", "measure", "reset", "rz", "sx", "x"}


def test_what_nobody_publishes_makes_no_noise() -> None:
    """Whatever else there is."""
    assert aer_noise_model(target_from_device(chip({}, {}, couplings=[pair(0, 1)]))).noise_instructions == []
    assert aer_noise_model(target_from_device(chip({"fidelity": 0.9}))).noise_instructions == ["sx", "x"]
    assert aer_noise_model(target_from_device(chip({"meas_error": WORSE["meas_error"]}))).noise_instructions == [
        "measure"
    ]


@pytest.mark.parametrize("qubit", [-1, 4])
def test_unknown_qubits(qubit: int) -> None:
    """The message contains the unknown qubit and the valid range."""
    with pytest.raises(ValueError, match=f"lattice has no qubit {qubit}; it has 0 to 3."):
        as_backend(lattice(2, 2)).noise_model([0, qubit])


@pytest.mark.parametrize("qubit", ["0", 0.5])
def test_not_a_qubit(qubit: Any) -> None:
    """A qubit is given by an integer."""
    with pytest.raises(TypeError, match=f"A qubit must be given by its index, such as 0, not {qubit!r}."):
        as_backend(lattice(2, 2)).noise_model([0, qubit])


@pytest.mark.parametrize("info", NOT_CALIBRATED)
def test_no_calibration_no_model(info: object) -> None:
    """A device without a calibration raises an error, as a noiseless model would be wrong."""
    with pytest.raises(ValueError, match=r"chip publishes no calibration, so its noise is unknown."):
        as_backend(device(info)).noise_model()


def test_aer_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Qiskit Aer, the message contains the command to install it."""
    monkeypatch.setitem(sys.modules, "qiskit_aer.noise", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"A noise model needs Qiskit Aer: pip install 'oqtopus-client\[emulator\]'"
    ):
        as_backend(lattice(2, 2)).noise_model()


def test_aers_own_model_of_a_backend() -> None:
    """`AerSimulator.from_backend` works, with asymmetric readout errors."""
    backend = as_backend(lattice(8, 8))
    info: Any = backend.device.device_info
    errors = [qubit["meas_error"] for qubit in info["qubits"]]
    simulator = AerSimulator.from_backend(backend, seed_simulator=1)
    circuit = QuantumCircuit(64, 2)
    circuit.x(40)
    circuit.measure([40, 41], [0, 1])
    counts = simulator.run(circuit, shots=SHOTS).result().get_counts()

    for qubit, (p10, p01) in enumerate((e["prob_meas1_prep0"], e["prob_meas0_prep1"]) for e in errors):
        expected = np.array([[1 - p10, p10], [p01, 1 - p01]])
        assert readout(simulator.options.noise_model, qubit) == pytest.approx(expected)
    misread = sum(n for key, n in counts.items() if key[0] == "1")
    assert stats.binomtest(misread, SHOTS, errors[41]["prob_meas1_prep0"]).pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    "qubit",
    [{}, {"fidelity": 0.99}, {"qubit_lifetime": {"t1": 10, "t2": 90}, "gate_duration": {"sx": 20}}, {"meas_error": {}}],
)
def test_aers_own_model_of_little_calibration(qubit: dict[str, Any]) -> None:
    """Impossible lifetimes and missing fields do not break `from_backend`."""
    backend = as_backend(chip(qubit, qubit, couplings=[pair(0, 1)]))
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    circuit.cx(0, 1)
    circuit.measure_all()

    assert sum(AerSimulator.from_backend(backend).run(circuit, shots=10).result().get_counts().values()) == 10
