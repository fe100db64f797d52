"""Circuits of native gates: random ones, with the exact distribution of their bits, and one of a waiting qubit."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Clbit, Parameter
from qiskit.quantum_info import Statevector

THETA, PHI = Parameter("theta"), Parameter("phi")


def native(seed: int, *, qubits: int | None = None, steps: int = 40, delays: bool = False) -> QuantumCircuit:
    """Draw a circuit of rz, sx, x and cx with barriers; some qubits have no gates, some bits are measured twice."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7)) if qubits is None else qubits
    circuit = QuantumCircuit(n, name=f"native {seed}")
    used = rng.permutation(n)[: int(rng.integers(1, n + 1))]
    for _ in range(int(rng.integers(steps + 1))):
        first, second = (int(qubit) for qubit in (*rng.permutation(used), used[0])[:2])
        kind = rng.choice(["rz", "rz", "parameter", "sx", "sx", "x", "cx", "cx", "cx", "barrier", "delay"])
        if kind == "rz":
            circuit.rz(rng.uniform(-7, 7), first)
        elif kind == "parameter":
            circuit.rz([THETA, 2 * PHI - 1, THETA * PHI, -THETA.sin()][int(rng.integers(4))], first)
        elif kind in {"sx", "x"}:
            getattr(circuit, kind)(first)
        elif kind == "cx" and first != second:
            circuit.cx(first, second)
        elif kind == "barrier":
            circuit.barrier(*rng.permutation(n)[: int(rng.integers(1, n + 1))].tolist())
        elif kind == "delay" and delays:
            circuit.delay(int(rng.integers(1, 200)), first, unit="dt")
    _measure(circuit, rng)
    return circuit


def _measure(circuit: QuantumCircuit, rng: np.random.Generator) -> None:
    circuit.add_bits([Clbit()] * int(rng.integers(2)))
    for i, size in enumerate(rng.integers(1, 4, int(rng.integers(1, 4))).tolist()):
        circuit.add_register(ClassicalRegister(size, f"r{i}"))
    for clbit in rng.permutation(circuit.num_clbits)[: int(rng.integers(1, 7))].tolist():
        circuit.measure(int(rng.integers(circuit.num_qubits)), clbit)
        if rng.random() < 0.1:
            circuit.measure(int(rng.integers(circuit.num_qubits)), clbit)


def bits_distribution(circuit: QuantumCircuit, flips: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float64]:
    """Return the probability of each value of the circuit's bits, bit 0 lowest, once these flips are undone."""
    unitary, measured = circuit.copy_empty_like(), {}
    for item in circuit.data:
        if item.name == "measure":
            measured[circuit.find_bit(item.clbits[0]).index] = circuit.find_bit(item.qubits[0]).index
        elif item.name != "delay":
            unitary.append(item)
    probabilities = Statevector(unitary).probabilities()
    states, values = np.arange(len(probabilities)), np.zeros(len(probabilities), int)
    for clbit, qubit in measured.items():
        values |= ((states >> qubit & 1) ^ int(flips is not None and flips[clbit])) << clbit
    return np.bincount(values, probabilities, 1 << circuit.num_clbits)


def waiting(moments: int) -> QuantumCircuit:
    """Return a circuit whose qubit 0 waits in |+> while its neighbours have gates."""
    circuit = QuantumCircuit(3, 1)
    circuit.rz(math.pi / 2, 0)
    circuit.sx(0)
    circuit.rz(math.pi / 2, 0)
    circuit.barrier()
    for _ in range(moments):
        circuit.cx(1, 2)
        circuit.rz(0.1, 2)
    circuit.barrier()
    circuit.rz(math.pi / 2, 0)
    circuit.sx(0)
    circuit.rz(math.pi / 2, 0)
    circuit.measure(0, 0)
    return circuit
