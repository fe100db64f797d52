"""Circuits for Aer, compared with matrices."""

from __future__ import annotations

import math
from functools import reduce
from itertools import product
from random import Random

import numpy as np
import pytest
from qiskit_aer import AerSimulator

from oqtopus_client.emulator.coherent import CoherentErrors
from oqtopus_client.emulator.device_files import EmulatedDevice
from oqtopus_client.emulator.lattice import square_lattice
from oqtopus_client.emulator.noise import noisy_operations
from oqtopus_client.emulator.simulation.aer import aer_circuit
from oqtopus_client.emulator.simulation.operations import Operation, Part

PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}
AXES = {"rz": "Z", "rx": "X", "rzz": "ZZ", "rzx": "ZX", "x": "X", "sx": "X"}
ANGLES = {"x": math.pi, "sx": math.pi / 2}


def product_of(letters: dict[int, np.ndarray], n_qubits: int) -> np.ndarray:
    """Return the tensor product of matrices; qubit 0 is the last factor."""
    return reduce(np.kron, [letters.get(qubit, PAULIS["I"]) for qubit in reversed(range(n_qubits))])


def evolved(state: np.ndarray, operation: Operation, times: tuple[float, float], n_qubits: int) -> np.ndarray:
    """Return a density matrix after an operation, by its definition; T1 and T2 are those of its first qubit."""
    name, qubits, value = operation
    if name == "relax":
        excited, phase = math.exp(-value * 1e-3 / times[0]), math.exp(-value * 1e-3 / times[1])
        lower = product_of({qubits[0]: np.array([[0, 1], [0, 0]])}, n_qubits)
        zero, one = (product_of({qubits[0]: np.diag(diagonal)}, n_qubits) for diagonal in ((1, 0), (0, 1)))
        coherences = zero @ state @ one + one @ state @ zero
        kept = zero @ state @ zero + excited * one @ state @ one
        return kept + (1 - excited) * lower @ state @ lower.T + phase * coherences
    if name == "depolarize":
        mixed = np.zeros_like(state)
        for letters in product("IXYZ", repeat=len(qubits)):
            pauli = product_of({q: PAULIS[letter] for q, letter in zip(qubits, letters, strict=True)}, n_qubits)
            mixed += pauli @ state @ pauli / 4 ** len(qubits)
        return (1 - value) * state + value * mixed
    if name == "cx":
        z, x = product_of({qubits[0]: PAULIS["Z"]}, n_qubits), product_of({qubits[1]: PAULIS["X"]}, n_qubits)
        gate = (np.eye(2**n_qubits) + z + x - z @ x) / 2
    else:
        axis = product_of({q: PAULIS[a] for q, a in zip(qubits, AXES[name], strict=True)}, n_qubits)
        angle = ANGLES.get(name, value)
        gate = math.cos(angle / 2) * np.eye(2**n_qubits) - 1j * math.sin(angle / 2) * axis
    return gate @ state @ gate.conj().T


def final(part: Part) -> np.ndarray:
    """Return the density matrix at the end of a part, by multiplying matrices."""
    state = np.zeros((2**part.n_qubits,) * 2, complex)
    state[0, 0] = 1
    for operation in part.operations:
        state = evolved(state, operation, part.lifetimes[operation.qubits[0]], part.n_qubits)
    return state


def simulated(part: Part) -> np.ndarray:
    """Return the same from Aer."""
    circuit = aer_circuit(part)
    circuit.save_density_matrix()
    return np.asarray(AerSimulator(method="density_matrix").run(circuit).result().data()["density_matrix"])


def drawn(random: Random, n_qubits: int, length: int) -> Part:
    """Draw operations of all kinds, in any order."""
    operations = []
    for _ in range(length):
        name = random.choice(["x", "sx", "rz", "cx", "rx", "rzz", "rzx", "relax", "relax", "depolarize"])
        width = {"cx": 2, "rzz": 2, "rzx": 2, "depolarize": random.randint(1, 2)}.get(name, 1)
        value = {"relax": random.uniform(0, 3000), "depolarize": random.random() / 10}.get(name, random.uniform(-9, 9))
        operations.append(Operation(name, tuple(random.sample(range(n_qubits), width)), value))
    lifetimes = [(t1, t1 * random.uniform(0.5, 2)) for t1 in (random.uniform(5, 50) for _ in range(n_qubits))]
    return Part(operations, range(n_qubits), lifetimes)


@pytest.mark.parametrize("seed", range(30))
def test_every_operation(seed: int) -> None:
    """Each operation does what its description says, in any order."""
    part = drawn(Random(seed), 3, 25)

    assert np.allclose(simulated(part), final(part), atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_noisy_devices(seed: int) -> None:
    """The noise of a device with all kinds of errors is the same as by multiplying matrices."""
    random = Random(seed)
    device = square_lattice("lattice", 2, 2, seed=seed)
    coherent = CoherentErrors(x=0.01, sx={0: 0.02}, cx=-0.01, zz_khz=50.0, detuning_khz={1: 3.0, 2: -8.0})
    device = EmulatedDevice.from_description({**device.description, "coherent": coherent})
    pairs = [(coupling["control"], coupling["target"]) for coupling in device.calibration["couplings"]]
    operations = []
    for _ in range(15):
        name = random.choice(["x", "sx", "rz", "cx", "cx"])
        qubits = random.choice(pairs) if name == "cx" else (random.randrange(4),)
        operations.append(Operation(name, qubits, random.uniform(-3, 3) if name == "rz" else 0.0))
    lifetimes = [tuple(qubit["qubit_lifetime"].values()) for qubit in device.calibration["qubits"]]
    part = Part(noisy_operations(operations, [], device), range(4), lifetimes)

    assert {operation.name for operation in part.operations} >= {"rzz", "relax", "depolarize"}
    assert np.allclose(simulated(part), final(part), atol=1e-8)


def test_mixtures() -> None:
    """Relaxation has Kraus operators only where it is no mixture of gates and resets, as they take more time."""
    part = Part([Operation("relax", (0,), 100.0), Operation("relax", (1,), 100.0)], [], [(20, 15), (20, 30)])
    names = [
        {step.name for circuit in channel.operation._quantum_error.circuits for step in circuit}
        for channel in aer_circuit(part)
    ]

    assert names == [{"id", "z", "reset"}, {"kraus"}]
