"""The emulated server's transpiler keeps what a program does."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector

from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.simulation.circuits import parse
from oqtopus_client.emulator.simulation.transpiling import transpile_for, written

PROGRAM = """OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c;
gate own(a, b) x, y { rz(a) x; u3(b, a, b) y; crx(a) x, y; }
gate nested(a) x, y { own(a, -3e22) x, y; rz(0.5) x; }
U(0.3, 1e17, 2e17) q[0]; h q[1]; rz(1e17) q[1]; rz(0.5) q[1]; h q[1]; ctrl @ U(0.7, 1e17, -1.7e300) q[0], q[1];
nested(1e17) q[0], q[1]; rz(2.5e15*pi) q[0]; h q[0]; c = measure q;
"""


def u(theta: float, phi: float, lam: float) -> Any:
    """Return the matrix of OpenQASM's `U`, with the math library's sines and cosines, exact for all numbers."""
    c, s = math.cos(theta / 2), math.sin(theta / 2)
    first, last = (complex(math.cos(x), math.sin(x)) for x in (phi, lam))
    return np.array([[c, -last * s], [first * s, first * last * c]])


def controlled(gate: Any) -> Any:
    """Return the controlled gate, with qubit 0 as control and qubit 1 as target."""
    full = np.eye(4, dtype=complex)
    full[1::2, 1::2] = gate
    return full


def turn(angle: float) -> Any:
    """Return a rotation about Z."""
    return np.diag([complex(math.cos(angle / 2), sign * math.sin(angle / 2)) for sign in (-1, 1)])


def exact() -> Any:
    """Return the probabilities of the program's outcomes."""
    h, one = u(math.pi / 2, 0, math.pi), np.eye(2)
    state = np.array([1, 0, 0, 0])
    big, other = 1e17, -3e22
    crx = np.array([[math.cos(big / 2), -1j * math.sin(big / 2)], [-1j * math.sin(big / 2), math.cos(big / 2)]])
    for gate in (
        np.kron(one, u(0.3, big, 2e17)),
        np.kron(h @ turn(0.5) @ turn(big) @ h, one),
        controlled(u(0.7, big, -1.7e300)),
        np.kron(u(other, big, other), turn(big)),
        controlled(crx),
        np.kron(one, h @ turn(2.5e15 * math.pi) @ turn(0.5)),
    ):
        state = gate @ state
    return np.abs(state) ** 2


@pytest.mark.parametrize("level", range(4))
def test_large_angles(level: int) -> None:
    """Large angles are exact in library gates, in the program's own gates, and with modifiers."""
    chip = built_in_devices()["qulacs"].calibration
    circuit, content = transpile_for(chip, parse(PROGRAM), {"optimization_level": level, "seed_transpiler": 1})
    mapping = content["virtual_physical_mapping"]["qubit_mapping"]
    circuit.remove_final_measurements()
    probabilities = Statevector(circuit).probabilities([mapping["0"], mapping["1"]])

    assert probabilities == pytest.approx(exact(), abs=1e-7)


@pytest.mark.parametrize(
    "gates",
    [
        "ctrl @ gphase({angle}) q[0];",
        "inv @ ctrl @ gphase(-({angle})) q[0];",
        "negctrl @ gphase({angle}) q[0];",
        "ctrl @ own q[0], q[1];",
        "ctrl @ given({angle} / 2) q[0], q[1];",
        "through({angle}) q[0], q[1];",
        "ctrl @ summed(-({angle}), {angle}) q[0], q[1]; ctrl @ given({angle} / 2) q[0], q[1];",
    ],
)
@pytest.mark.parametrize("angle", [1e17, -3e22, 1.2e300, 0.3])
def test_large_phases(gates: str, angle: float) -> None:
    """Large global phases and sums of angles are exact in controlled gates."""
    text = f"""OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[1] c;
    gate own x {{ gphase({angle}); }}
    gate given(a) x {{ gphase(2 * a); }}
    gate through(a) x, y {{ ctrl @ given(a / 2) x, y; }}
    gate summed(a, b) x {{ U(0, a, b) x; }}
    h q[0]; {gates.format(angle=angle)} h q[0]; c[0] = measure q[0];"""
    circuit, content = transpile_for(built_in_devices()["qulacs"].calibration, parse(text), {"optimization_level": 1})
    qubit = content["virtual_physical_mapping"]["qubit_mapping"]["0"]
    circuit.remove_final_measurements()

    assert Statevector(circuit).probabilities([qubit])[0] == pytest.approx(math.cos(angle / 2) ** 2, abs=1e-7)


def test_gates_that_call_gates() -> None:
    """A gate definition is read once, however often the gate is called."""
    gates = ["gate g0 x { rz(1e17) x; }", *(f"gate g{i} x {{ g{i - 1} x; g{i - 1} x; }}" for i in range(1, 8))]
    text = f'OPENQASM 3.0; include "stdgates.inc"; qubit[1] q; bit[1] c; {" ".join(gates)} '
    circuit = parse(text + "h q[0]; g7 q[0]; h q[0]; c = measure q;")
    circuit, content = transpile_for(built_in_devices()["qulacs"].calibration, circuit, {"optimization_level": 1})
    (qubit,) = content["virtual_physical_mapping"]["qubit_mapping"].values()
    circuit.remove_final_measurements()
    phase = cmath.phase(complex(math.cos(1e17), math.sin(1e17))) * 128

    assert Statevector(circuit).probabilities([qubit])[0] == pytest.approx(math.cos(phase / 2) ** 2, abs=1e-9)


@pytest.mark.parametrize("level", range(4))
def test_the_result_file(level: int) -> None:
    """The program is the text of Qiskit's exporter, and the depth the one that Qiskit counts."""
    chip = built_in_devices()["qulacs"].calibration
    for seed in range(8):
        circuit = random_circuit(4, 6, max_operands=2, measure=True, seed=seed)
        circuit.add_bits([Clbit()])
        circuit.add_register(ClassicalRegister(2, "more"))
        circuit.barrier([0, 2])
        if seed % 2:
            circuit.delay(40, 1, unit="ns")
            circuit.delay(40, 1, unit="us")
        circuit.measure(1, 4)
        transpiled, content = transpile_for(chip, circuit, {"optimization_level": level, "seed_transpiler": seed})

        assert content["transpiled_program"] == qasm3.dumps(transpiled)
        assert content["stats"]["before"]["depth"] == circuit.depth()
        assert content["stats"]["after"]["depth"] == transpiled.depth()


def test_written_programs() -> None:
    """Equal operations become equal lines, whatever is written between them."""
    circuit = QuantumCircuit(2, 2)
    for angle in (0.0, -0.0, 1, 1.0, math.pi / 2, 1e-10, 1e-9, 0.1, 0.1 + 1e-16, -3e22):
        circuit.rz(angle, 0)
        circuit.cx(0, 1)
        circuit.barrier()
        circuit.barrier(1)
        circuit.rz(angle, 1)
    circuit.measure([0, 1, 1], [1, 0, 1])

    assert written(circuit) == qasm3.dumps(circuit)
    assert written(QuantumCircuit(1)) == qasm3.dumps(QuantumCircuit(1))


def test_written_angles() -> None:
    """Angles in and around multiples and fractions of pi are written as Qiskit writes them."""
    random = np.random.default_rng(1)
    ratios = random.integers(1, 131, 600) / random.integers(1, 131, 600)
    near = np.concatenate([ratios * np.pi, ratios / np.pi]) * random.choice([-1, 1], 1200)
    near += random.choice([0, 1e-12, 9e-10, 1.1e-9, 1e-7, 2e-6], 1200)
    circuit = QuantumCircuit(1)
    for angle in [*near.tolist(), *random.uniform(-13, 13, 300).tolist(), *(10.0 ** -np.arange(12)).tolist(), 1e15]:
        circuit.rz(angle, 0)

    assert written(circuit) == qasm3.dumps(circuit)
