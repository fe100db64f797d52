"""The noise of emulated devices, compared with the calibration, exactly and in counts.

Statistical bounds are those of a false alarm of 1e-6; the seeds are fixed.
"""

from __future__ import annotations

import dataclasses
import math
import tracemalloc
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Delay
from qiskit.quantum_info import SuperOp, average_gate_fidelity
from qiskit_aer import AerSimulator
from scipy import stats

from oqtopus_client.emulator.calibration import calibration
from oqtopus_client.emulator.device_files import EmulatedDevice, built_in_devices
from oqtopus_client.emulator.lattice import square_lattice
from oqtopus_client.emulator.noise import delay_nanoseconds, noisy_operations
from oqtopus_client.emulator.simulation import methods, sampling
from oqtopus_client.emulator.simulation.aer import aer_circuit, gate_error
from oqtopus_client.emulator.simulation.operations import Operation, Part
from oqtopus_client.emulator.simulation.parts import operations_of
from oqtopus_client.emulator.simulation.sampling import sample
from oqtopus_client.physics import relaxation_fidelity
from tests.support.parts import exact_probabilities, superoperator

FALSE_ALARM = 1e-6
SHOTS = 20_000

lifetimes = st.tuples(st.floats(5, 100), st.floats(0.05, 2)).map(lambda t: (t[0], t[0] * t[1]))


METHODS = {method.name: method for method in (*methods.EXACT, methods.TWIRLED)}


def run(
    circuit: QuantumCircuit,
    device: dict[str, Any],
    qubits: list[int],
    method: str = "density matrix",
    shots: int = SHOTS,
) -> dict[str, int]:
    """Return the counts of a circuit on some of a device's qubits, by a method."""
    placed = QuantumCircuit(len(device["qubits"]), circuit.num_clbits)
    placed.compose(circuit, qubits, range(circuit.num_clbits), inplace=True)
    emulated = dataclasses.replace(EmulatedDevice.from_device_info(device, device_id="chip"), idle_noise=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "EXACT", (METHODS[method],))
        return sample(placed, emulated, shots, np.random.default_rng(1)).counts


def assert_probability(hits: int, probability: float, shots: int = SHOTS) -> None:
    """Check a count against a binomial distribution, by its two-sided exact test."""
    assert stats.binomtest(hits, shots, probability).pvalue > FALSE_ALARM


def relaxation(time: float, t1: float, t2: float) -> np.ndarray:
    """Return the superoperator of a relaxing qubit on the column-stacked density matrix."""
    a, b = math.exp(-time / t1), math.exp(-time / t2)
    return np.array([[1, 0, 0, 1 - a], [0, b, 0, 0], [0, 0, b, 0], [0, 0, 0, a]])


def ideal_chip(n_qubits: int = 3, **changes: Any) -> dict[str, Any]:
    """Return a line of perfect qubits, with changes to the last one."""
    device = calibration({"qubits": [{"id": i} for i in range(n_qubits)]})
    changed = calibration({"qubits": [{"id": 0, **changes}]})["qubits"]
    return {"qubits": [*device["qubits"][:-1], {**changed[0], "id": n_qubits - 1}], "couplings": []}


@settings(deadline=None, max_examples=60)
@given(st.floats(0.26, 1), st.floats(0, 500), st.lists(lifetimes, min_size=1, max_size=2))
def test_average_fidelity_is_the_calibrated_one(
    fidelity: float, duration: float, times: list[tuple[float, float]]
) -> None:
    """A gate has its calibrated fidelity with any lifetimes, even if relaxation alone would be worse."""
    floor = 1 / 2 ** len(times)
    channel = SuperOp(gate_error(fidelity, duration, times))

    assert average_gate_fidelity(channel) == pytest.approx(max(fidelity, floor), abs=1e-9)
    assert channel.is_cptp()


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 2000), st.lists(lifetimes, min_size=1, max_size=3))
def test_fidelity_of_relaxation(duration: float, times: list[tuple[float, float]]) -> None:
    """The formula for the fidelity of relaxation agrees with the channel's."""
    channel = reduce(SuperOp.tensor, [SuperOp(relaxation(duration * 1e-3, t1, t2)) for t1, t2 in times])

    assert relaxation_fidelity(duration, times) == pytest.approx(average_gate_fidelity(channel), abs=1e-12)


@pytest.mark.parametrize("device", ["lattice64", "lattice144"])
def test_trajectories(device: str) -> None:
    """Aer can draw the errors of every coupling for a state vector, which takes their Kraus operators.

    A channel of equal eigenvalues has none for it. In one thread that is an error; in several it would end the process.
    """
    emulated = built_in_devices()[device]
    lifetimes = [tuple(qubit["qubit_lifetime"].values()) for qubit in emulated.calibration["qubits"]]
    simulator = AerSimulator(method="statevector", max_parallel_threads=1)
    for coupling in emulated.calibration["couplings"]:
        ends = coupling["control"], coupling["target"]
        circuit = aer_circuit(Part(noisy_operations([Operation("cx", ends)], ends, emulated), ends, lifetimes))
        circuit.add_register(ClassicalRegister(2))
        circuit.measure(ends, range(2))
        result = simulator.run(circuit, shots=1).result()

        assert result.success, (coupling, result.status)


def test_gates_of_a_device_have_their_fidelities() -> None:
    """What follows a gate has the fidelity of its own qubit or coupling."""
    emulated = square_lattice("lattice", 2, 3, seed=3)
    qubits, couplings = emulated.calibration["qubits"], emulated.calibration["couplings"]
    lifetimes = [tuple(qubit["qubit_lifetime"].values()) for qubit in qubits]
    gates = {Operation(name, (qubit["id"],)): qubit["fidelity"] for qubit in qubits for name in ("x", "sx")}
    gates |= {Operation("cx", (pair["control"], pair["target"])): pair["fidelity"] for pair in couplings}
    for gate, fidelity in gates.items():
        first, *errors = noisy_operations([gate], gate.qubits, emulated)
        channel = SuperOp(np.eye(4 ** len(gate.qubits)))
        for error in errors:
            places = [gate.qubits.index(qubit) for qubit in error.qubits]
            channel = channel.compose(superoperator(error, lifetimes), places)

        assert first == gate
        assert average_gate_fidelity(channel) == pytest.approx(fidelity, abs=1e-9)


@pytest.mark.parametrize("method", ["density matrix", "twirled Clifford"])
@pytest.mark.parametrize("repetitions", [4, 40, 200])
def test_survival_after_many_gates(method: str, repetitions: int) -> None:
    """Depolarization with 1 - p = 2F - 1 a gate: (1 + (2F - 1)^m) / 2 survive m gates that undo each other."""
    fidelity = 0.995
    circuit = QuantumCircuit(1, 1)
    for _ in range(repetitions):
        circuit.sx(0)
    circuit.measure(0, 0)
    counts = run(circuit, ideal_chip(fidelity=fidelity), [2], method, shots=4000)

    assert_probability(counts["0"], (1 + (2 * fidelity - 1) ** repetitions) / 2, shots=4000)


@pytest.mark.parametrize("method", ["density matrix", "twirled Clifford"])
def test_survival_after_many_cx(method: str) -> None:
    """Survival after many `cx`: as above, with 1 - p = (4F - 1) / 3."""
    fidelity, repetitions = 0.98, 20
    coupling = {"control": 1, "target": 0, "fidelity": fidelity}
    device = calibration({"qubits": [{"id": 0}, {"id": 1}], "couplings": [coupling]})
    circuit = QuantumCircuit(2, 2)
    for _ in range(repetitions):
        circuit.cx(1, 0)
    circuit.measure([0, 1], [0, 1])

    survive = 1 / 4 + 3 / 4 * ((4 * fidelity - 1) / 3) ** repetitions
    assert_probability(run(circuit, device, [0, 1], method)["00"], survive)


@pytest.mark.parametrize("method", ["density matrix", "twirled Clifford"])
def test_readout_errs_differently_for_zero_and_one(method: str) -> None:
    """Readout errors are those of the qubit, whichever bit it is read into."""
    device = ideal_chip(meas_error={"prob_meas1_prep0": 0.02, "prob_meas0_prep1": 0.2})
    for prepared, error in (("0", 0.02), ("1", 0.2)):
        circuit = QuantumCircuit(2, 2)
        if prepared == "1":
            circuit.x(1)
        circuit.measure([0, 1], [1, 0])
        counts = run(circuit, device, [0, 2], method)

        assert counts.keys() == {"00", "01"}
        assert_probability(counts[f"0{1 - int(prepared)}"], error)


@pytest.mark.parametrize("method", ["density matrix", "twirled Clifford"])
@pytest.mark.parametrize("t2", [15, 30])
def test_relaxation_during_delays(method: str, t2: float) -> None:
    """exp(-t/t1) of the excited stay so, and exp(-t/t2) of the phase; twirled, as many are excited as decay."""
    device = ideal_chip(qubit_lifetime={"t1": 20, "t2": t2})
    decay, dephasing = QuantumCircuit(1, 1), QuantumCircuit(1, 1)
    decay.x(0)
    decay.delay(5, 0, unit="us")
    dephasing.sx(0)
    dephasing.delay(5000, 0, unit="ns")
    dephasing.sx(0)
    for circuit in (decay, dephasing):
        circuit.measure(0, 0)

    kept = math.exp(-5 / 20)
    excited = (1 + kept) / 2 if method == "twirled Clifford" else kept
    assert_probability(run(decay, device, [2], method)["1"], excited)
    assert_probability(run(dephasing, device, [2], method)["1"], (1 + math.exp(-5 / t2)) / 2)


@pytest.mark.parametrize(
    ("duration", "unit"),
    [(100, "ns"), (99.0, "ns"), (0.1, "us"), (1e-4, "ms"), (1e-7, "s"), (98_001.0, "ps"), (50, "dt")],
)
def test_units_of_delays(duration: float, unit: str) -> None:
    """Delays of 100 ns in all units, on a clock of 2 ns, are equal."""
    assert delay_nanoseconds(Delay(duration, unit)) == 100


def test_longest_delays() -> None:
    """The longest delays leave nothing of the state."""
    relax = Operation("relax", (0,), delay_nanoseconds(Delay(1e308, "s")))
    channel = aer_circuit(Part([relax], [], [(20, 30)])).data[0].operation

    assert np.allclose(SuperOp(channel).data, relaxation(1e9, 20, 30), atol=1e-12)


def test_delays_take_time() -> None:
    """Devices refuse a delay of nothing."""
    with pytest.raises(ValueError, match=r"a delay of 0(\.0)? ns is not longer than zero"):
        delay_nanoseconds(Delay(0, "ns"))


@pytest.mark.parametrize("noisy", [True, False])
def test_only_active_qubits_are_simulated(noisy: bool) -> None:
    """Only active qubits are simulated, not those with only barriers and delays; bits keep their indices."""
    chip = {"qubits": [{"id": i} for i in range(1000)], "couplings": [{"control": 700, "target": 20}]}
    device = EmulatedDevice.from_device_info(chip, device_id="wide", noisy=noisy)
    circuit = QuantumCircuit(1000, 3)
    circuit.x(700)
    circuit.barrier()
    circuit.delay(10, 400, unit="ns")
    circuit.cx(700, 20)
    circuit.measure([20, 700, 999], [1, 2, 0])

    assert sample(circuit, device, 10).counts == {"110": 10}


def ghz(path: list[int], couplings: list[dict[str, Any]], n_qubits: int) -> QuantumCircuit:
    """Return a GHZ state along a path of a device's qubits, in its gates; bit i is read from the path's qubit i."""
    circuit = QuantumCircuit(n_qubits, len(path))
    directions = {(c["control"], c["target"]) for c in couplings}

    def hadamard(qubit: int) -> None:
        circuit.rz(math.pi / 2, qubit)
        circuit.sx(qubit)
        circuit.rz(math.pi / 2, qubit)

    hadamard(path[0])
    for control, target in pairwise(path):
        if (control, target) in directions:
            circuit.cx(control, target)
            continue
        for qubit in (control, target):
            hadamard(qubit)
        circuit.cx(target, control)
        for qubit in (control, target):
            hadamard(qubit)
    circuit.measure(path, range(len(path)))
    return circuit


def test_stim_agrees_with_density_matrices() -> None:
    """The same noise, without relaxation, on a GHZ state of four qubits: exact probabilities, and counts."""
    device = square_lattice("lattice", 2, 2, seed=9).calibration
    for qubit in device["qubits"]:
        qubit["qubit_lifetime"] = {"t1": 1e9, "t2": 1e9}
    circuit, qubits = ghz([0, 1, 3, 2], device["couplings"], 4), [0, 1, 2, 3]
    emulated = dataclasses.replace(EmulatedDevice.from_device_info(device, device_id="chip"), idle_noise=False)
    noisy = noisy_operations(operations_of(circuit, timed=True), qubits, emulated)
    probabilities = exact_probabilities(Part(noisy, [0, 1, 3, 2], [(1e9, 1e9)] * 4))
    for bit, qubit in enumerate([0, 1, 3, 2]):
        error = device["qubits"][qubit]["meas_error"]
        p10, p01 = error["prob_meas1_prep0"], error["prob_meas0_prep1"]
        axis = 3 - bit
        tensor = np.tensordot([[1 - p10, p01], [p10, 1 - p01]], probabilities.reshape((2,) * 4), axes=(1, axis))
        probabilities = np.moveaxis(tensor, 0, axis).ravel()
    counts = run(circuit, device, qubits, "twirled Clifford")
    observed = [counts.get(format(outcome, "04b"), 0) for outcome in range(16)]

    assert stats.chisquare(observed, probabilities / probabilities.sum() * SHOTS).pvalue > FALSE_ALARM


def test_wide_clifford_circuits() -> None:
    """A GHZ state of 64 qubits, with noise: most shots have errors, and ones and zeros still come together."""
    device = square_lattice("lattice", 8, 8, seed=1).calibration
    path = [8 * row + (column if row % 2 == 0 else 7 - column) for row in range(8) for column in range(8)]
    counts = run(ghz(path, device["couplings"], 64), device, list(range(64)), "twirled Clifford", shots=100)
    neighbours = np.mean([a == b for outcome in counts for a, b in pairwise(outcome)])

    assert sum(counts.values()) == 100
    assert counts.get("0" * 64, 0) + counts.get("1" * 64, 0) < 50
    assert neighbours > 0.85


LARGE = [1e15, 1e17, -1e17, -3e22, 1e100, 1.7e300]


@pytest.mark.parametrize("n_qubits", [1, 17])
@pytest.mark.parametrize("angle", LARGE[1:4])
def test_large_angles_on_any_number_of_qubits(angle: float, n_qubits: int) -> None:
    """Large angles are exact on any number of qubits, and not taken for Clifford gates."""
    circuit = QuantumCircuit(n_qubits, 1)
    for name, angles in (("sx", []), ("rz", [angle]), ("sx", [])):
        getattr(circuit, name)(*angles, 0)
    for qubit in range(1, n_qubits):
        circuit.x(qubit)
    circuit.measure(0, 0)
    counts = sample(circuit, dataclasses.replace(built_in_devices()["lattice64"], noisy=False), SHOTS).counts

    assert_probability(counts["0"], math.sin(angle / 2) ** 2)


def test_memory_of_many_shots_is_that_of_few() -> None:
    """Wide Clifford circuits are sampled in portions, so many shots take no more memory than few."""
    device = EmulatedDevice.from_device_info(
        {"qubits": [{"id": i, "meas_error": {"readout_assignment_error": 1e-9}} for i in range(64)]}, device_id="wide"
    )
    circuit = QuantumCircuit(64, 64)
    circuit.x(range(64))
    circuit.measure(range(64), range(64))
    sample(circuit, device, 1)
    tracemalloc.start()
    counts = sample(circuit, device, 100_000).counts
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sum(counts.values()) == 100_000
    assert counts["1" * 64] > 99_000
    assert peak < 100e6


def test_portions_are_all_of_the_shots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions, the last one smaller, add up to all shots, and bits keep their indices."""
    monkeypatch.setattr(sampling, "_PORTION", 3 * 7)
    circuit = QuantumCircuit(17, 3)
    circuit.x(range(17))
    circuit.sx(5)
    circuit.measure([16, 5], [2, 0])
    device = dataclasses.replace(built_in_devices()["lattice64"], noisy=False)
    counts = sample(circuit, device, 4000).counts

    assert counts.keys() == {"100", "101"}
    assert sum(counts.values()) == 4000
    assert_probability(counts["100"], 0.5, shots=4000)
