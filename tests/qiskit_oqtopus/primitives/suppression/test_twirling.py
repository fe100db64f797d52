"""Twirling of cx gates and measurements."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import XGate
from qiskit.quantum_info import Operator, Pauli, Statevector
from scipy.stats import chisquare

from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.primitives.suppression.folding import fold
from qiskit_oqtopus.primitives.suppression.twirled import TwirledTemplate, twirled_circuits
from qiskit_oqtopus.primitives.suppression.twirling import OPTIONAL, twirl, twirlable
from qiskit_oqtopus.programs import Program
from qiskit_oqtopus.qasm import to_template
from qiskit_oqtopus.target import target_from_device
from tests.support.chips import device
from tests.support.native_circuits import PHI, THETA, bits_distribution, native

TARGET = target_from_device(device(None, n_qubits=6))
"""A device with all native gates on all qubits, without calibration."""


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize(("gates", "measure"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("seed", range(25))
def test_every_randomization_has_the_circuits_distribution(seed: int, gates: bool, measure: bool, folded: bool) -> None:
    """Once flips are undone, the exact distribution is the circuit's, for any angles and measured bits."""
    rng = np.random.default_rng(seed)
    circuit = native(seed, delays=True)
    if folded:
        circuit, _ = fold(circuit, 2.2, rng)
    values = {parameter: rng.uniform(-4, 4) for parameter in circuit.parameters}
    prepared = twirlable(circuit, gates=gates, measure=measure)
    twirls = twirl(prepared, 5, rng, gates=gates, measure=measure)
    expected = bits_distribution(circuit.assign_parameters(values))

    assert twirls.flips.any() <= measure
    for randomization, flips in zip(twirled_circuits(prepared, twirls), twirls.flips, strict=True):
        found = bits_distribution(randomization.assign_parameters(values), flips)
        np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.parametrize("seed", range(40))
def test_programs_are_those_of_the_circuits(seed: int) -> None:
    """One template gives the same programs as writing the circuit of each randomization and binding."""
    rng = np.random.default_rng(seed)
    prepared = twirlable(native(seed, delays=True), gates=True, measure=True)
    twirls = twirl(prepared, 6, rng, gates=True, measure=True)
    values = rng.uniform(-3, 3, (2, prepared.num_parameters))
    template = to_template(prepared, TARGET)
    programs = TwirledTemplate(template, twirls).bind(values)

    assert [len(of_binding) for of_binding in programs] == [6, 6]
    for r, circuit in enumerate(twirled_circuits(prepared, twirls)):
        for row, expected in enumerate(to_template(circuit, TARGET).bind(values)):
            found = programs[row][r]
            assert found.header == expected.header
            assert found.is_isa == expected.is_isa
            _assert_equal_text(found, expected)


def _assert_equal_text(found: Program, expected: Program) -> None:
    """Compare the lines, with a tolerance of rounding for angles."""
    lines, others = found.body.splitlines(), expected.body.splitlines()
    assert len(lines) == len(others)
    for line, other in zip(lines, others, strict=True):
        if line.startswith("rz("):
            (angle, _, operand), (other_angle, _, other_operand) = line[3:].partition(")"), other[3:].partition(")")
            assert (float(angle), operand) == (pytest.approx(float(other_angle), abs=1e-12), other_operand)
        else:
            assert line == other


@pytest.mark.parametrize("gates", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_gates_added(seed: int, gates: bool) -> None:
    """Without the optional x and the rz of angle 0 the circuit is the original one; sx and cx are as many."""
    circuit = native(seed)
    prepared = twirlable(circuit, gates=gates, measure=True)
    twirls = twirl(prepared, 4, np.random.default_rng(seed), gates=gates, measure=True)
    bare = circuit.copy_empty_like()
    for item in prepared.data:
        if item.label != OPTIONAL and not (item.name == "rz" and item.params == [0.0]):
            bare.append(item)

    assert bare == circuit
    for randomization in twirled_circuits(prepared, twirls):
        for name in ("sx", "cx", "measure", "barrier"):
            assert randomization.count_ops().get(name) == circuit.count_ops().get(name)


def test_no_gate_is_added_where_angles_absorb_the_paulis() -> None:
    """Between gates as the transpiler writes them, rz sx rz sx rz, no x and no rz is needed."""
    circuit = QuantumCircuit(2, 2)
    for _ in range(3):
        for qubit in (0, 1):
            circuit.rz(0.1, qubit)
            circuit.sx(qubit)
            circuit.rz(THETA, qubit)
            circuit.sx(qubit)
            circuit.rz(0.3, qubit)
        circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    prepared = twirlable(circuit, gates=True, measure=False)
    extra = prepared.count_ops()["rz"] - circuit.count_ops()["rz"]

    assert extra == 0
    assert prepared.count_ops()["x"] == 2  # between the last cx and the measurements
    assert [item.name for item in prepared.data[-4:]] == ["x", "measure", "x", "measure"]


def test_cx_sees_each_pauli_equally_often() -> None:
    """The Pauli before each cx, found from the unitaries, is uniform and independent of those before the others."""
    circuit = QuantumCircuit(2)
    for control, target in ((0, 1), (0, 1), (1, 0)):
        circuit.rz(0.4, 0)
        circuit.sx(0)
        circuit.cx(control, target)
    count, rng = 1600, np.random.default_rng(5)
    prepared = twirlable(circuit, gates=True, measure=False)
    twirls = twirl(prepared, count, rng, gates=True, measure=False)
    ends = [i for i, item in enumerate(circuit.data) if item.name == "cx"]
    ideal = [Operator(_part(circuit, end)) for end in ends]
    paulis = ["".join(letters) for letters in itertools.product("IXYZ", repeat=2)]
    matrices = np.array([Pauli(pauli).to_matrix() for pauli in paulis])
    seen = np.zeros((count, 3), int)
    for r, randomization in enumerate(twirled_circuits(prepared, twirls)):
        cx = [i for i, item in enumerate(randomization.data) if item.name == "cx"]
        for k, end in enumerate(cx):
            frame = Operator(_part(randomization, end)).data @ ideal[k].data.conj().T
            overlaps = np.abs(np.einsum("pij,ji->p", matrices, frame)) / 4
            assert overlaps.max() == pytest.approx(1)
            seen[r, k] = overlaps.argmax()

    for k in range(3):
        assert chisquare(np.bincount(seen[:, k], minlength=16)).pvalue > 1e-4
    for k in (1, 2):
        pairs = np.bincount(16 * seen[:, k - 1] + seen[:, k], minlength=256)
        assert chisquare(pairs).pvalue > 1e-4


def _part(circuit: QuantumCircuit, end: int) -> QuantumCircuit:
    """Return the gates before an index."""
    part = circuit.copy_empty_like()
    part.data = circuit.data[:end]
    return part


def test_calibration_circuit() -> None:
    """A circuit that only measures gets an x wherever its bit is flipped."""
    circuit = QuantumCircuit(4, 4)
    circuit.measure([3, 1, 0], [0, 1, 3])
    prepared = twirlable(circuit, gates=False, measure=True)
    twirls = twirl(prepared, 8, np.random.default_rng(4), gates=False, measure=True)

    assert (twirls.present == twirls.flips[:, [0, 1, 3]]).all()
    assert not twirls.flips[:, 2].any()
    for randomization, flips in zip(twirled_circuits(prepared, twirls), twirls.flips, strict=True):
        assert bits_distribution(randomization, flips)[0] == 1


def test_users_x_gates_stay() -> None:
    """An x of the user, a pulse of an echo perhaps, is in every randomization."""
    circuit = QuantumCircuit(1, 1)
    circuit.delay(100, 0)
    circuit.append(XGate(label="mine"), [0])
    circuit.delay(100, 0)
    circuit.measure(0, 0)
    prepared = twirlable(circuit, gates=True, measure=True)
    twirls = twirl(prepared, 4, np.random.default_rng(1), gates=True, measure=True)

    assert twirls.present[:, 0].all()
    assert (twirls.present[:, 1] == twirls.flips[:, 0]).all()


def test_measurements_in_the_middle() -> None:
    """The frame after a measurement is its flip; a qubit that is measured again at once has the same flip."""
    circuit = QuantumCircuit(1, 3)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.measure(0, 1)
    circuit.x(0)
    circuit.measure(0, 2)
    prepared = twirlable(circuit, gates=True, measure=True)
    twirls = twirl(prepared, 16, np.random.default_rng(1), gates=True, measure=True)
    for randomization, flips in zip(twirled_circuits(prepared, twirls), twirls.flips, strict=True):
        outcome, values = 0, []
        for item in randomization.data:
            outcome ^= item.name == "x"
            values += [outcome] if item.name == "measure" else []
        assert [value ^ flip for value, flip in zip(values, flips, strict=True)] == [1, 1, 0]
    assert (twirls.flips[:, 0] == twirls.flips[:, 1]).all()
    assert (twirls.flips[:, 0] != twirls.flips[:, 2]).any()


def test_reset_of_an_untouched_qubit_is_kept() -> None:
    """Circuits with `initialize` start with resets, which have no effect."""
    circuit = QuantumCircuit(1, 1)
    circuit.reset(0)
    circuit.sx(0)
    circuit.measure(0, 0)

    assert twirlable(circuit, gates=True, measure=True).count_ops()["reset"] == 1


def _controlled_on_zero() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1, ctrl_state=0)
    return circuit


def _reset_after_use() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.reset(0)
    return circuit


def _hadamard() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    return circuit


def _branch() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(0)
    return circuit


@pytest.mark.parametrize("circuit", [_hadamard(), _controlled_on_zero(), _reset_after_use(), _branch()])
def test_other_operations_are_refused(circuit: QuantumCircuit) -> None:
    """The message names the operation and what to do."""
    name = next(item.name for item in reversed(circuit.data))
    with pytest.raises(CircuitError, match=f"has the instruction '{name}'.*qiskit.transpile"):
        twirlable(circuit, gates=True, measure=True)


def test_left_out_x_takes_its_time() -> None:
    """In a timed circuit, a delay of the same duration replaces an x that a randomization leaves out."""
    info = {"qubits": [{"id": i, "gate_duration": {"x": 24 + 4 * i}} for i in range(2)]}
    target = target_from_device(device(info, n_qubits=2))
    circuit = QuantumCircuit(2, 2)
    circuit.measure([0, 1], [0, 1])
    prepared = twirlable(circuit, gates=False, measure=True)
    twirls = twirl(prepared, 2, np.random.default_rng(1), gates=False, measure=True)
    template = to_template(prepared, target)
    (programs,) = TwirledTemplate(template, twirls, target).bind(np.zeros((1, 0)))
    for program, circuit, flips in zip(programs, twirled_circuits(prepared, twirls, target), twirls.flips, strict=True):
        lines = [f"x q[{q}];" if flips[q] else f"delay[{24.0 + 4 * q}ns] q[{q}];" for q in range(2)]
        assert [line for line in program.body.splitlines() if line.startswith(("x", "delay"))] == lines
        assert to_template(circuit, target).program.body == program.body


def test_angles_that_are_huge() -> None:
    """A huge angle keeps its phase."""
    circuit = QuantumCircuit(1, 1)
    circuit.sx(0)
    circuit.rz(THETA, 0)
    circuit.rz(1e17, 0)
    circuit.sx(0)
    circuit.measure(0, 0)
    prepared = twirlable(circuit, gates=True, measure=True)
    twirls = twirl(prepared, 4, np.random.default_rng(1), gates=True, measure=True)
    (programs,) = TwirledTemplate(to_template(prepared, TARGET), twirls).bind(np.array([[3e16 + 0.0]]))
    expected = bits_distribution(circuit.assign_parameters({THETA: np.arctan2(np.sin(3e16), np.cos(3e16))}))
    for program, flips in zip(programs, twirls.flips, strict=True):
        np.testing.assert_allclose(bits_distribution(program.to_circuit(), flips), expected, atol=1e-9)


def test_state_is_untouched_by_the_place_for_paulis() -> None:
    """The circuit that `twirlable` returns with its optional x left out prepares the same state."""
    circuit = native(3, qubits=4).assign_parameters({THETA: 0.3, PHI: 0.7}, strict=False)
    prepared = twirlable(circuit, gates=True, measure=True)
    kept = prepared.copy_empty_like()
    for item in prepared.data:
        if item.label != OPTIONAL:
            kept.append(item)
    states = [Statevector(each.remove_final_measurements(inplace=False)) for each in (circuit, kept)]

    assert states[0].equiv(states[1])
