"""Resets of untouched qubits are left out; any other is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3, transpile
from qiskit.circuit import Parameter
from qiskit.quantum_info import Statevector, random_statevector

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.lattice import square_lattice
from qiskit_oqtopus import CircuitError, OqtopusBackend
from qiskit_oqtopus.qasm import to_program, to_template
from qiskit_oqtopus.target import target_from_device

if TYPE_CHECKING:
    from collections.abc import Callable

    from qiskit_oqtopus.programs import Program

TARGET = target_from_device(OqtopusDevice(square_lattice("grid", 2, 4, seed=1).info(n_pending_jobs=0)))


def probabilities(program: Program) -> np.ndarray:
    """Return the distribution of a program that measures every qubit."""
    circuit = qasm3.loads(program.body)
    measured = {circuit.find_bit(i.clbits[0]).index: circuit.find_bit(i.qubits[0]).index for i in circuit if i.clbits}
    circuit.remove_final_measurements()
    return Statevector(circuit).probabilities([measured[clbit] for clbit in sorted(measured)])


def test_resets_of_untouched_qubits_are_left_out(backend: OqtopusBackend) -> None:
    """Resets of untouched qubits are left out: repeated, after barriers and delays, and inside instructions."""
    flip = QuantumCircuit(2, name="flip")
    flip.reset([0, 1])
    flip.x(1)
    circuit = QuantumCircuit(4, 4)
    circuit.reset(range(4))
    circuit.x(0)
    circuit.barrier()
    circuit.delay(100, 1, unit="ns")
    circuit.reset(1)
    circuit.append(flip, [1, 2])
    circuit.initialize([0, 1], 3)
    circuit.measure(range(4), range(4))

    assert "reset" not in backend.programs(circuit)[0].body
    assert backend.run(circuit, shots=20).result().get_counts() == {"1101": 20}


def prepared(act: Callable[[QuantumCircuit], object]) -> QuantumCircuit:
    """Return a circuit that acts on qubit 0, then resets it."""
    circuit = QuantumCircuit(2, 2, name="again")
    act(circuit)
    circuit.reset(0)
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.parametrize(
    "act",
    [
        lambda circuit: circuit.x(0),
        lambda circuit: circuit.id(0),
        lambda circuit: circuit.rz(0.3, 0),
        lambda circuit: (circuit.x(0), circuit.x(0)),
        lambda circuit: circuit.cx(0, 1),
        lambda circuit: circuit.cx(1, 0),
        lambda circuit: (circuit.h(1), circuit.swap(0, 1)),
        lambda circuit: circuit.measure(0, 0),
        lambda circuit: circuit.initialize([0, 1], 0),
        lambda circuit: circuit.unitary(np.diag([1, -1]), 0),
    ],
)
def test_other_resets_are_refused(act: Callable[[QuantumCircuit], object]) -> None:
    """A reset after any operation on the qubit is refused."""
    circuit = prepared(act)
    with pytest.raises(CircuitError, match=r"'again' resets a qubit after using it \(qubit 0\), which OQTOPUS devices"):
        to_program(circuit, TARGET)


def test_resets_of_untouched_qubits_that_were_moved() -> None:
    """A reset of a |0> that a swap of any form has moved is left out."""
    circuit = prepared(lambda circuit: (circuit.x(0), circuit.swap(0, 1)))

    np.testing.assert_allclose(probabilities(to_program(circuit, TARGET)), np.eye(4)[0b10], atol=1e-12)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_transpiled(level: int) -> None:
    """Resets are left out if the transpiler moves qubits before their initialization."""
    state = random_statevector(4, seed=1)
    circuit, expected = QuantumCircuit(8, 8), QuantumCircuit(8)
    for each in (circuit, expected):
        each.h(0)
        each.cx(0, 7)
        each.rx(0.7, 2)
    circuit.reset(3)
    circuit.barrier()
    circuit.initialize(state, [1, 6])
    circuit.initialize([0.6, 0.8], 5)
    expected.prepare_state(state, [1, 6])
    expected.prepare_state([0.6, 0.8], 5)
    for each in (circuit, expected):
        each.cx(1, 4)
        each.cx(6, 2)
    circuit.measure(range(8), range(8))
    isa = transpile(circuit, target=TARGET, optimization_level=level, initial_layout=[*range(8)], seed_transpiler=level)
    program = to_program(isa, TARGET)

    assert program.is_isa
    np.testing.assert_allclose(probabilities(program), Statevector(expected).probabilities(), atol=1e-7)


def test_parameters_before_a_moved_reset() -> None:
    """A swap is recognized among gates with unbound parameters."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(3, 3)
    circuit.rx(angle, 0)
    circuit.cx(0, 1)
    circuit.rz(angle, 0)
    circuit.cx(1, 0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.reset(0)
    circuit.measure(range(3), range(3))
    program = to_program(circuit.assign_parameters([np.pi]), TARGET)

    np.testing.assert_allclose(probabilities(program), np.eye(8)[0b110], atol=1e-12)


def test_parameters_between_a_swap_and_a_reset() -> None:
    """Gates that cancel only for equal parameter values count as acting on the qubit."""
    first, second = Parameter("first"), Parameter("second")
    circuit = prepared(
        lambda circuit: (
            circuit.x(0),
            circuit.swap(0, 1),
            circuit.rx(first, 0),
            circuit.z(0),
            circuit.rx(second, 0),
            circuit.z(0),
        )
    )
    with pytest.raises(CircuitError, match="resets a qubit after using it"):
        to_template(circuit, TARGET)
