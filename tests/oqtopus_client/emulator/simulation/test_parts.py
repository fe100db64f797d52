"""Division of programs into parts, compared with the exact distribution of the whole."""

from __future__ import annotations

import dataclasses
import math
from functools import reduce
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector
from scipy import stats

from oqtopus_client.emulator.device_files import EmulatedDevice
from oqtopus_client.emulator.simulation import density_matrix, methods
from oqtopus_client.emulator.simulation.operations import Operation, Part
from oqtopus_client.emulator.simulation.parts import operations_of, split
from oqtopus_client.emulator.simulation.sampling import parts_of, sample

FALSE_ALARM = 1e-7
SHOTS = 4000
INFINITE = math.inf, math.inf
PAIRS = [(0, 1), (1, 2), (3, 4), (5, 6)]
CHIP: dict[str, Any] = {
    "name": "chip",
    "qubits": [
        {
            "id": i,
            "fidelity": 0.97,
            "meas_error": {"prob_meas1_prep0": 0.01 * i, "prob_meas0_prep1": 0.02 * i},
            "qubit_lifetime": {"t1": 3.0, "t2": 2.0 + i / 2},
            "gate_duration": {"sx": 40, "x": 60},
        }
        for i in range(8)
    ],
    "couplings": [{"control": c, "target": t, "fidelity": 0.9, "gate_duration": {"cx": 300}} for c, t in PAIRS],
}
NOISY = EmulatedDevice.from_device_info(CHIP)
NOISELESS = dataclasses.replace(NOISY, noisy=False)


def drawn_circuit(random: np.random.Generator, length: int = 40) -> QuantumCircuit:
    """Draw a circuit of up to three parts on seven of eight qubits, some of them idle, and measure all eight."""
    circuit = QuantumCircuit(8, 8)
    for _ in range(length):
        qubit = int(random.choice([0, 1, 2, 3, 4, 5]))
        match random.integers(4):
            case 0:
                circuit.rz(float(random.choice([random.uniform(-7, 7), math.pi / 2, 1e17, -3e300])), qubit)
            case 1:
                circuit.sx(qubit)
            case 2:
                circuit.x(qubit)
            case _:
                circuit.cx(*PAIRS[random.integers(3)])
    if random.random() < 0.5:
        circuit.cx(5, 6)
    circuit.measure(range(8), random.permutation(8))
    return circuit


def exact(circuit: QuantumCircuit, device: EmulatedDevice) -> np.ndarray:
    """Return the probability of each outcome, from all qubits at once."""
    order = {circuit.find_bit(i.clbits[0]).index: circuit.find_bit(i.qubits[0]).index for i in circuit[-8:]}
    if not device.noisy:
        return Statevector(circuit.remove_final_measurements(inplace=False)).probabilities([order[i] for i in range(8)])
    operations = [op for part, on in parts_of(circuit, device, range(8)) for op in placed(part, on)]
    times = [(3.0, 2.0 + i / 2) for i in range(8)]
    tensor = density_matrix.probabilities(Part(operations, range(8), times)).reshape((2,) * 8)
    for qubit in range(8):
        misread = np.array([[1 - 0.01 * qubit, 0.02 * qubit], [0.01 * qubit, 1 - 0.02 * qubit]])
        tensor = np.moveaxis(np.tensordot(misread, tensor, (1, 7 - qubit)), 0, 7 - qubit)
    return tensor.transpose([7 - order[7 - axis] for axis in range(8)]).ravel()


def placed(part: Part, on: list[int]) -> list[Operation]:
    """Return a part's operations on the device's qubits."""
    return [Operation(name, tuple(on[qubit] for qubit in qubits), value) for name, qubits, value in part.operations]


def assert_distribution(counts: dict[str, int], expected: np.ndarray) -> None:
    """Compare counts with probabilities; the least likely outcomes are taken together."""
    observed = np.zeros(len(expected))
    for key, n in counts.items():
        observed[int(key, 2)] = n
    order = np.argsort(-expected)
    frequent = order[expected[order] * SHOTS > 20]
    rest = 1 - expected[frequent].sum()
    rare = SHOTS - observed[frequent].sum()

    assert not observed[expected < 1e-12].any()
    assert stats.binomtest(int(rare), SHOTS, min(1.0, max(0.0, rest))).pvalue > FALSE_ALARM
    if len(frequent) > 1:
        weights = expected[frequent] / expected[frequent].sum() * observed[frequent].sum()
        assert stats.chisquare(observed[frequent], weights).pvalue > FALSE_ALARM


@pytest.mark.parametrize("device", [NOISELESS, NOISY], ids=["noiseless", "noisy"])
@pytest.mark.parametrize("seed", range(12))
def test_joint_distribution(device: EmulatedDevice, seed: int) -> None:
    """Parts put together, with idle qubits and huge angles, have the distribution of all qubits at once."""
    random = np.random.default_rng(seed)
    circuit = drawn_circuit(random)

    assert_distribution(sample(circuit, device, SHOTS, random).counts, exact(circuit, device))


def methods_for(part: Part) -> list[methods.Method]:
    """Return the exact methods that apply."""
    return [method for method in methods.EXACT if method.estimate(part, SHOTS) is not None]


@pytest.mark.parametrize("noise", ["none", "Pauli", "relaxation"])
@pytest.mark.parametrize("clifford", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_methods_agree(seed: int, noise: str, *, clifford: bool) -> None:
    """All methods that apply have the exact distribution."""
    random = np.random.default_rng(seed)
    operations = []
    for _ in range(40):
        name = str(random.choice(["x", "sx", "rz", "rz", "cx"]))
        qubits = tuple(random.permutation(4)[: 2 if name == "cx" else 1].tolist())
        angle = random.integers(8) * math.pi / 2 if clifford else random.uniform(-9, 9)
        operations.append(Operation(name, qubits, angle if name == "rz" else 0.0))
        if noise != "none" and random.random() < 0.4:
            operations += [Operation("depolarize", qubits, 0.05), Operation("relax", qubits[:1], 150.0)]
    times = {"none": INFINITE, "Pauli": (math.inf, 3.0), "relaxation": (4.0, 3.0)}[noise]
    part = Part(operations, [0, 2, 3], [times] * 4)
    applicable = methods_for(part)
    expected = density_matrix.probabilities(part)
    named = {method.name for method in applicable}

    assert ("state vector" in named) == (noise == "none")
    assert ("Clifford" in named) >= (clifford and noise != "relaxation")
    assert ("Clifford" in named) <= (noise != "relaxation")
    assert {"density matrix", "trajectories"} <= named
    for method in applicable:
        bits = method.sampler(part, random)(SHOTS)
        keys, numbers = np.unique(bits @ [1, 2, 4], return_counts=True)
        counts = {format(key, "03b"): int(n) for key, n in zip(keys, numbers, strict=True)}
        assert bits.shape == (SHOTS, 3)
        assert_distribution(counts, expected)


def test_idle_qubits_are_in_no_part() -> None:
    """Qubits that stay in |0> are in no part; a static ZZ with them is a phase, between others it connects."""
    operations = [
        Operation("sx", (1,)),
        Operation("rz", (3,), 0.4),
        Operation("relax", (3,), 9.0),
        Operation("rzz", (1, 3), 0.3),
        Operation("rzz", (3, 4), 0.3),
        Operation("x", (7,)),
        Operation("rzz", (7, 5), 0.2),
        Operation("sx", (5,)),
        Operation("sx", (6,)),
    ]
    parts = split(operations, {1, 3, 5, 7}, {5: (30.0, 20.0)})

    assert [on for _, on in parts] == [[1], [5, 7]]
    (first, _), (second, _) = parts
    assert first.operations == [Operation("sx", (0,)), Operation("rz", (0,), 0.3)]
    assert second.operations[1] == Operation("rzz", (1, 0), 0.2)
    assert second.lifetimes == [(30.0, 20.0), INFINITE]
    assert second.measured == [0, 1]


def test_what_no_measurement_notices() -> None:
    """Gates after the last connection to a measured qubit are left out, and with them their qubits."""
    circuit = QuantumCircuit(4)
    circuit.cx(0, 1)
    circuit.sx(1)
    circuit.cx(1, 2)
    circuit.cx(2, 3)
    ((part, on),) = split(operations_of(circuit, timed=False), {1}, {})

    assert on == [0, 1, 2]
    assert len(part.operations) == 3


def test_products_of_many_qubits() -> None:
    """A thousand qubits that nothing connects cost as much as each alone."""
    chip = {"name": "wide", "qubits": [{"id": i, "fidelity": 0.999} for i in range(1000)]}
    circuit = QuantumCircuit(1000, 1000)
    for qubit in range(1000):
        circuit.x(qubit)
    circuit.measure(range(1000), range(1000))
    counts = sample(circuit, EmulatedDevice.from_device_info(chip), 20, np.random.default_rng(1)).counts
    ones = sum(key.count("1") * n for key, n in counts.items())

    assert stats.binomtest(20_000 - ones, 20_000, 0.0015).pvalue > FALSE_ALARM
    assert reduce(max, map(len, counts)) == 1000


def test_same_seed_same_counts() -> None:
    """All randomness comes from one generator."""
    circuit = drawn_circuit(np.random.default_rng(5))
    for device in (NOISY, NOISELESS):
        first, second, other = (sample(circuit, device, 300, np.random.default_rng(s)).counts for s in (1, 1, 2))

        assert first == second
        assert first != other
