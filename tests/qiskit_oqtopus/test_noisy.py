"""Circuits with a device's noise: experiments that measure it, and the emulated devices that have the same noise."""

from __future__ import annotations

import copy
import dataclasses
import math
import sys
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.library import XGate
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDynamicalDecoupling, TimeUnitConversion
from qiskit_aer import AerSimulator

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator import CoherentErrors, EmulatedDevice, Emulator, square_lattice
from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation import density_matrix
from oqtopus_client.emulator.simulation.circuits import measurements, parse
from oqtopus_client.emulator.simulation.sampling import parts_of
from qiskit_oqtopus import OqtopusProvider
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.qasm import to_program
from tests.support.backends import as_backend
from tests.support.chips import NOT_CALIBRATED, device

if TYPE_CHECKING:
    from collections.abc import Callable

    from qiskit_oqtopus import OqtopusBackend

DEVICES = built_in_devices()


def backend_of(emulated: EmulatedDevice) -> OqtopusBackend:
    """Return an emulated device as its clients see it."""
    return as_backend(OqtopusDevice(emulated.info(n_pending_jobs=0)))


LATTICE = backend_of(DEVICES["lattice64"])


def probabilities(noisy: QuantumCircuit) -> dict[str, float]:
    """Return the exact probability of each outcome of a noisy circuit whose bits are all measured."""
    measured = {
        noisy.find_bit(item.clbits[0]).index: noisy.find_bit(item.qubits[0]).index
        for item in noisy.data
        if item.name == "measure"
    }
    saving = noisy.copy_empty_like()
    for item in noisy.data:
        if item.name != "measure":
            saving.append(item)
    saving.save_probabilities_dict([measured[bit] for bit in range(len(measured))])
    data = AerSimulator(method="density_matrix").run(saving, shots=1).result().data()["probabilities"]
    return {format(outcome, f"0{len(measured)}b"): p for outcome, p in data.items()}


def decay(signal: Callable[[int], float], gates: list[int], step: float) -> float:
    """Return the time constant of a signal that decays exponentially with the number of gates on a neighbour."""
    slope, _ = np.polyfit([n * step for n in gates], np.log([abs(signal(n)) for n in gates]), 1)
    return -1 / slope


@pytest.mark.parametrize("qubit", [0, 27, 63])
def test_experiments_on_an_idle_qubit(qubit: int) -> None:
    """T1, Ramsey and echo experiments without delays find the calibrated lifetimes; a neighbour is driven meanwhile."""
    neighbour = qubit + (-1 if qubit % 8 else 1)
    place = DEVICES["lattice64"].calibration["qubits"][qubit]
    step = DEVICES["lattice64"].calibration["qubits"][neighbour]["gate_duration"]["x"]

    def outcome(n: int, *gates: str) -> float:
        """Return the probability of a one; `drive` stands for gates on the neighbour."""
        circuit = QuantumCircuit(64, 1)
        for gate in gates:
            circuit.barrier(qubit, neighbour)
            if gate == "drive":
                for _ in range(n // gates.count("drive")):
                    circuit.x(neighbour)
            elif gate == "z":
                circuit.rz(math.pi, qubit)
            else:
                getattr(circuit, gate)(qubit)
        circuit.measure(qubit, 0)
        return probabilities(LATTICE.noisy(circuit))["1"]

    gates = [0, 200, 400, 800]
    t1 = decay(lambda n: outcome(n, "x", "drive") - outcome(n, "drive"), gates, step)
    ramsey = decay(lambda n: outcome(n, "sx", "drive", "sx") - outcome(n, "sx", "drive", "z", "sx"), gates, step)
    echoed = ["sx", "drive", "x", "drive"]
    echo = decay(lambda n: outcome(n, *echoed, "sx") - outcome(n, *echoed, "z", "sx"), gates, step)

    assert t1 == pytest.approx(place["qubit_lifetime"]["t1"] * 1e3, rel=1e-3)
    assert ramsey == pytest.approx(place["qubit_lifetime"]["t2"] * 1e3, rel=1e-3)
    assert echo == pytest.approx(place["qubit_lifetime"]["t2"] * 1e3, rel=1e-3)


def test_experiments_on_the_emulator() -> None:
    """The counts of the emulated device show the same lifetimes within ten percent, by seven standard errors."""
    with Emulator(":memory:", seed=1) as emulator, OqtopusProvider(emulator.config) as provider:
        backend = provider.get_backend("lattice64")
        place = emulator.devices["lattice64"].calibration["qubits"]
        programs = {}
        for gates in ("x", ""), ("sx", "sx"), ("sx", "z sx"), ("", ""):
            for n in (0, round(1e3 * place[27]["qubit_lifetime"]["t2"] / place[26]["gate_duration"]["x"])):
                circuit = QuantumCircuit(64, 1)
                for gate in (*gates[0].split(), "drive", *gates[1].split()):
                    circuit.barrier(27, 26)
                    if gate == "drive":
                        for _ in range(n):
                            circuit.x(26)
                    elif gate == "z":
                        circuit.rz(math.pi, 27)
                    else:
                        getattr(circuit, gate)(27)
                circuit.measure(27, 0)
                programs[gates, n] = circuit
        results = backend.run(list(programs.values()), shots=50_000).result()
        ones = {key: results.get_counts(i)["1"] for i, key in enumerate(programs)}
    (_, n) = sorted({n for _, n in programs})
    waited = n * place[26]["gate_duration"]["x"]

    def lifetime(one: tuple[str, str], other: tuple[str, str]) -> float:
        return waited / math.log((ones[one, 0] - ones[other, 0]) / (ones[one, n] - ones[other, n]))

    assert lifetime(("x", ""), ("", "")) == pytest.approx(1e3 * place[27]["qubit_lifetime"]["t1"], rel=0.1)
    assert lifetime(("sx", "sx"), ("sx", "z sx")) == pytest.approx(1e3 * place[27]["qubit_lifetime"]["t2"], rel=0.1)


def decoupled(circuit: QuantumCircuit, backend: OqtopusBackend, colours: list[list[int]]) -> QuantumCircuit:
    """Return a circuit with pulses in its delays: two on qubits of the first colour, four on those of the second."""
    target = backend.target
    for pulses, qubits in zip((2, 4), colours, strict=True):
        spacing = [1 / pulses / 2, *[1 / pulses] * (pulses - 1), 1 / pulses / 2]
        passes = [
            TimeUnitConversion(target=target),
            ALAPScheduleAnalysis(target=target),
            PadDynamicalDecoupling(target=target, dd_sequence=[XGate()] * pulses, spacing=spacing, qubits=qubits),
        ]
        circuit = PassManager(passes).run(circuit)
    return circuit


@pytest.mark.parametrize("device_id", ["lattice64", "lattice64c"])
def test_dynamical_decoupling(device_id: str) -> None:
    """Qiskit's passes recover what coherent errors destroy, and cost no more than their pulses where there are none."""
    emulated = DEVICES[device_id]
    backend = backend_of(emulated)
    line = [9, 10, 11, 12]
    plain = QuantumCircuit(64, 4)
    plain.sx(line)
    plain.barrier(line)
    plain.delay(2000, line, unit="ns")
    plain.barrier(line)
    plain.rz(math.pi, line)
    plain.sx(line)
    plain.measure(line, range(4))
    improved = decoupled(plain, backend, [line[::2], line[1::2]])
    before, after = (
        probabilities(backend.noisy(each, coherent=emulated.coherent))["0000"] for each in (plain, improved)
    )
    pulses = sum(item.name == "x" for item in improved.data)
    worst = max(1 - emulated.calibration["qubits"][qubit]["fidelity"] for qubit in line)

    assert pulses == 2 * 2 + 2 * 4
    if emulated.coherent is None:
        assert before - 1.5 * worst * pulses < after < before + 1e-3
    else:
        assert after > before + 0.2


def drawn(random: Random, emulated: EmulatedDevice, n_bits: int) -> QuantumCircuit:
    """Draw a circuit of all native instructions."""
    n_qubits = emulated.n_qubits
    circuit = QuantumCircuit(n_qubits, n_bits)
    couplings = [(c["control"], c["target"]) for c in emulated.calibration["couplings"]]
    for _ in range(20):
        qubit = random.randrange(n_qubits)
        match random.choice(["x", "sx", "rz", "cx", "cx", "delay", "barrier"]):
            case "x":
                circuit.x(qubit)
            case "sx":
                circuit.sx(qubit)
            case "rz":
                circuit.rz(random.uniform(-10, 10), qubit)
            case "cx":
                circuit.cx(*random.choice(couplings))
            case "delay":
                circuit.delay(random.randint(1, 2000), qubit, unit="ns")
            case "barrier":
                circuit.barrier(random.sample(range(n_qubits), 2))
    circuit.measure(random.sample(range(n_qubits), n_bits), range(n_bits))
    return circuit


def distribution(circuit: QuantumCircuit, emulated: EmulatedDevice) -> dict[str, float]:
    """Return the exact probability of each outcome on an emulated device, by its own methods."""
    sent = parse(to_program(circuit, backend_of(emulated).target).body)
    measured = measurements(sent)
    connected = parts_of(sent, emulated, measured.values())
    parts = [(part, on, density_matrix.probabilities(part)) for part, on in connected]
    joint = np.zeros((2,) * len(measured))
    for bits in product((0, 1), repeat=len(measured)):
        of = {qubit: bits[len(bits) - 1 - clbit] for clbit, qubit in measured.items()}
        joint[bits] = 1.0
        for part, on, each in parts:
            joint[bits] *= each[sum(of.pop(on[qubit]) << place for place, qubit in enumerate(part.measured))]
        joint[bits] *= not any(of.values())
    for clbit, qubit in measured.items():
        error = emulated.calibration["qubits"][qubit]["meas_error"]
        p10, p01 = error["prob_meas1_prep0"], error["prob_meas0_prep1"]
        axis = len(measured) - 1 - clbit
        joint = np.moveaxis(np.tensordot([[1 - p10, p01], [p10, 1 - p01]], joint, axes=(1, axis)), 0, axis)
    return {format(outcome, f"0{len(measured)}b"): p for outcome, p in enumerate(joint.ravel())}


@pytest.mark.parametrize("schedule", ["gateway", "alap"])
@pytest.mark.parametrize("idle_noise", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_same_distribution_as_on_the_emulated_device(seed: int, *, idle_noise: bool, schedule: Any) -> None:
    """Outcomes have the probabilities that the emulator computes by other means, with all kinds of noise."""
    random = Random(seed)
    emulated = square_lattice("lattice", 2, 3, seed=seed, coherent=seed % 4 > 0)
    emulated = dataclasses.replace(emulated, idle_noise=idle_noise, schedule=schedule)
    circuit = drawn(random, emulated, n_bits=3)
    noisy = backend_of(emulated).noisy(circuit, idle_noise=idle_noise, schedule=schedule, coherent=emulated.coherent)
    found, expected = probabilities(noisy), distribution(circuit, emulated)

    assert {key: found.get(key, 0.0) for key in expected} == pytest.approx(expected, abs=1e-7)
    assert sum(p > 1e-3 for p in expected.values()) > 3


@pytest.mark.parametrize("seed", range(4))
def test_chips_with_gaps(seed: int) -> None:
    """Calibrations with gaps are completed as on emulated devices."""
    random = Random(seed)
    emulated = square_lattice("lattice", 2, 3, seed=seed)
    info = copy.deepcopy(emulated.description["device_info"])
    for place in info["qubits"] + info["couplings"]:
        for name in list(place):
            if random.random() < 0.3 and name not in ("id", "control", "target"):
                place[name] = random.choice([None, {}]) if isinstance(place[name], dict) else None
    emulated = EmulatedDevice.from_device_info(info)
    circuit = drawn(random, emulated, n_bits=2)
    found, expected = probabilities(backend_of(emulated).noisy(circuit)), distribution(circuit, emulated)

    assert {key: found.get(key, 0.0) for key in expected} == pytest.approx(expected, abs=1e-7)


def test_readout_errors_do_not_depend_on_gates() -> None:
    """Without gates, each qubit has its own probability to be misread; with a flip, the other one."""
    qubits = DEVICES["lattice64"].calibration["qubits"]
    idle = QuantumCircuit(64, 2)
    idle.measure([5, 3], [0, 1])
    found = probabilities(LATTICE.noisy(idle))
    low, high = (qubits[qubit]["meas_error"]["prob_meas1_prep0"] for qubit in (5, 3))

    assert found == pytest.approx(
        {"00": (1 - low) * (1 - high), "01": low * (1 - high), "10": (1 - low) * high, "11": low * high}
    )


def test_registers_and_names_stay() -> None:
    """The circuit keeps its registers, name and metadata, and only its last measurement of each bit."""
    circuit = QuantumCircuit(QuantumRegister(64, "chip"), ClassicalRegister(2, "first"), ClassicalRegister(1, "second"))
    circuit.name, circuit.metadata = "mine", {"number": 3}
    circuit.x(7)
    circuit.measure(6, 2)
    circuit.measure(7, 2)
    noisy = LATTICE.noisy(circuit)
    counts = AerSimulator(seed_simulator=1).run(noisy, shots=100).result().get_counts()

    assert (noisy.name, noisy.metadata, noisy.qregs, noisy.cregs) == (
        "mine",
        {"number": 3},
        circuit.qregs,
        circuit.cregs,
    )
    assert noisy.count_ops()["measure"] == 1
    assert counts["1 00"] > 80
    assert counts.keys() <= {"1 00", "0 00"}


def test_circuits_that_a_device_cannot_run() -> None:
    """Circuits that are not native, and measurements that channels cannot describe, are refused."""
    other, twice, wrong = QuantumCircuit(1), QuantumCircuit(1, 2), QuantumCircuit(2)
    other.h(0)
    twice.measure([0, 0], [0, 1])
    wrong.cx(1, 0)  # the coupling has the other direction
    for circuit, message in ((other, "not native to lattice64"), (twice, "into several bits"), (wrong, "not native")):
        with pytest.raises(CircuitError, match=message):
            LATTICE.noisy(circuit)
    with pytest.raises(TypeError, match="circuit must be a QuantumCircuit, not 'x'"):
        LATTICE.noisy("x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"coherent must be CoherentErrors"):
        LATTICE.noisy(QuantumCircuit(1, 1), coherent={"zz_khz": 50})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"coherent.x has 64, which the device does not have."):
        LATTICE.noisy(QuantumCircuit(1), coherent=CoherentErrors(x={64: 0.1}))


@pytest.mark.parametrize("info", NOT_CALIBRATED)
def test_no_calibration_no_noise(info: object) -> None:
    """A device without a calibration raises an error, as a noiseless circuit would be wrong."""
    with pytest.raises(ValueError, match=r"chip publishes no calibration, so its noise is unknown."):
        as_backend(device(info)).noisy(QuantumCircuit(1))


def test_aer_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Qiskit Aer, the message contains the command to install it."""
    monkeypatch.setitem(sys.modules, "oqtopus_client.emulator.simulation.aer", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"A noisy circuit needs Qiskit Aer: pip install 'oqtopus-client\[emulator\]'"
    ):
        LATTICE.noisy(QuantumCircuit(1))
