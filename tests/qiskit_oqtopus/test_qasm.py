"""Programs: the right text for every circuit, with the same unitary for gates of any name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import qiskit
from hypothesis import given
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm3
from qiskit.circuit import AnnotatedOperation, ControlModifier, Delay, Gate, InverseModifier, Parameter
from qiskit.circuit.library import (
    CXGate,
    DiagonalGate,
    GlobalPhaseGate,
    LinearFunction,
    PauliEvolutionGate,
    PauliGate,
    RXGate,
    SXdgGate,
    UnitaryGate,
    XGate,
    get_standard_gate_name_mapping,
    iSwapGate,
)
from qiskit.quantum_info import Clifford, Operator, SparsePauliOp, random_clifford, random_unitary

from oqtopus_client import OqtopusDevice
from oqtopus_client.angles import reduced
from qiskit_oqtopus import CircuitError
from qiskit_oqtopus.qasm import to_program, to_template
from qiskit_oqtopus.target import target_from_device
from tests.support.chips import DEVICE, TARGET

if TYPE_CHECKING:
    from qiskit.circuit import Operation


def named(name: str, gate: Operation) -> Gate:
    """Return a custom gate with the name of another gate."""
    own = Gate(name, gate.num_qubits, [])
    own.definition = QuantumCircuit(gate.num_qubits)
    own.definition.append(gate, range(gate.num_qubits))
    return own


def prepared(state: Any) -> Operation:
    """Return a circuit that prepares a state with Qiskit's `initialize`."""
    circuit = QuantumCircuit(2)
    circuit.prepare_state(state, range(2) if not isinstance(state, str) else range(len(state)))
    return circuit.data[0].operation


GATES: list[Operation] = [
    *[gate for gate in get_standard_gate_name_mapping().values() if isinstance(gate, Gate) and not gate.params],
    *[
        gate.base_class(*np.linspace(0.3, 1.1, len(gate.params)))
        for gate in get_standard_gate_name_mapping().values()
        if isinstance(gate, Gate) and gate.params and gate.num_qubits
    ],
    CXGate(ctrl_state=0),
    XGate().control(3, ctrl_state="010"),
    RXGate(np.float32(0.5)),
    UnitaryGate(random_unitary(8, seed=1)),
    UnitaryGate(random_unitary(2, seed=2)).control(1),
    named("nested", UnitaryGate(random_unitary(4, seed=3))),
    PauliGate("XYZ"),
    DiagonalGate([1, -1, 1j, 1]),
    LinearFunction([[1, 1], [0, 1]]),
    PauliEvolutionGate(SparsePauliOp(["XX", "ZZ"]), time=0.3),
    AnnotatedOperation(SXdgGate(), [ControlModifier(2), InverseModifier()]),
    random_clifford(3, seed=4),
    Clifford(CXGate()),
    # Names that a server would take for something else.
    *[
        named(name, iSwapGate())
        for name in ("unitary", "iswap", "ecr", "rzz", "cx", "measure", "barrier", "delay", "U")
    ],
]


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("gate", GATES, ids=lambda gate: getattr(gate, "name", type(gate).__name__))
def test_any_gate(gate: Operation) -> None:
    """The server's parser reads the same circuit from the program, with standard gates only."""
    circuit = QuantumCircuit(gate.num_qubits, gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits))
    unitary = circuit.copy()
    circuit.measure(range(gate.num_qubits), range(gate.num_qubits))
    program = to_program(circuit, TARGET)
    read = qasm3.loads(program.text)
    read.remove_final_measurements()

    assert "gate " not in program.text
    assert Operator(read).equiv(Operator(unitary))


@pytest.mark.parametrize("name", ["rx", "rz", "p", "u", "u3", "crz", "cp", "cu", "cu3", "r", "rzz", "xx_plus_yy"])
def test_large_angles(name: str) -> None:
    """Large angles are reduced without loss, also in decomposed gates."""
    mapping = get_standard_gate_name_mapping()
    angles = [1e17, -3e22, 1.7e300, -2e9][: len(mapping[name].params)]
    large, small = (mapping[name].base_class(*values) for values in (angles, map(reduced, angles)))
    circuit = QuantumCircuit(2, 2)
    circuit.append(large, range(large.num_qubits))
    circuit.measure(range(2), range(2))
    program = to_program(circuit, TARGET)
    read = qasm3.loads(program.text)
    read.remove_final_measurements()
    expected = QuantumCircuit(2)
    expected.append(small, range(small.num_qubits))

    assert all(abs(angle) <= 4 * math.pi for item in read.data for angle in item.params)
    assert Operator(read).equiv(Operator(expected))


@pytest.mark.parametrize("state", [2, "01", [0.6, 0, 0, 0.8j], np.ones(4) / 2])
def test_state_preparation(state: Any) -> None:
    """The remedy in the error message works."""
    test_any_gate(prepared(state))


STANDARD = ["h", "x", "sdg", "sx", "id", "rx", "p", "u", "u3", "cx", "cp", "cry", "swap", "ccx", "cu", "barrier"]


@given(st.data())
def test_text_is_that_of_qiskits_exporter(data: st.DataObject) -> None:
    """The text of standard gates is exact."""
    circuit = QuantumCircuit(QuantumRegister(3, "q"), ClassicalRegister(3, "c"))
    mapping = get_standard_gate_name_mapping()
    for name in data.draw(st.lists(st.sampled_from(STANDARD), max_size=10)):
        qubits = data.draw(st.permutations(range(3)))
        if name == "barrier":
            circuit.barrier(*qubits[:2])
            continue
        angle = st.floats(-10, 10, allow_nan=False)
        gate = mapping[name].base_class(*[data.draw(angle) for _ in mapping[name].params])
        circuit.append(gate, qubits[: gate.num_qubits])
    circuit.delay(100.0, 0, unit="ns")
    circuit.measure(range(3), range(3))

    assert to_program(circuit, TARGET).body == qasm3.dumps(circuit, disable_constants=True)


@pytest.mark.parametrize(
    ("duration", "unit", "text"),
    [(100, "dt", "200.0ns"), (2.5, "us", "2.5us"), (300, "ps", "0.3ns"), (1e-7, "s", "1e-07s"), (1, "ms", "1.0ms")],
)
def test_delays(duration: float, unit: str, text: str) -> None:
    """Delays are written in all of Qiskit's units; `dt` is 2 ns, and picoseconds become nanoseconds."""
    circuit = QuantumCircuit(1, 1)
    circuit.delay(duration, 0, unit=unit)
    circuit.measure(0, 0)

    assert f"delay[{text}] q[0];" in to_program(circuit, TARGET).text


def test_delays_of_idle_qubits() -> None:
    """Delays are left out on qubits without other instructions, which would hold up the others on devices."""
    circuit = QuantumCircuit(5, 1)
    circuit.sx(0)
    circuit.barrier(1)
    for qubit in range(5):
        circuit.delay(100, qubit, unit="ns")
    circuit.measure(2, 0)
    written = to_program(circuit, TARGET).body

    assert [f"delay[100.0ns] q[{qubit}];" in written for qubit in range(5)] == [True, True, True, False, False]


@pytest.mark.parametrize("unit", ["dt", "us", "ps", "s"])
def test_no_delay(unit: str) -> None:
    """A delay of zero, which devices refuse, is not written."""
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.delay(0, 0, unit=unit)
    circuit.measure([1, 0], [0, 1])
    program = to_program(circuit, TARGET)

    assert program.body.splitlines()[-3:] == ["x q[0];", "c[0] = measure q[1];", "c[1] = measure q[0];"]


WAIT = Parameter("wait")


class Odd(Delay):
    """A delay without validation of its duration."""

    def validate_parameter(self, parameter: Any) -> Any:
        """Accept any duration."""
        return parameter


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
@pytest.mark.parametrize(
    ("duration", "message"),
    [
        (math.nan, "durations must be finite and not negative"),
        (math.inf, "durations must be finite and not negative"),
        (-1.0, "durations must be finite and not negative"),
        ((WAIT - 3).bind({WAIT: 1}), "durations must be finite and not negative"),
        ((WAIT * 1j).bind({WAIT: 1}), "which is not a real number"),
    ],
)
def test_impossible_delays(duration: Any, unit: str, message: str) -> None:
    """Delays that are NaN, infinite or negative are refused, in every unit, also as expressions."""
    circuit = QuantumCircuit(1, 1, name="wait")
    circuit.append(Odd(duration, unit), [0])
    circuit.measure(0, 0)
    with pytest.raises(CircuitError, match=rf"^Circuit 'wait' has a delay of .* in '{unit}'[;,] {message}\.$"):
        to_program(circuit, TARGET)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_impossible_delays_of_a_sweep(value: float) -> None:
    """Parameterized delays are refused with such values."""
    circuit = QuantumCircuit(1, 1, name="wait")
    circuit.delay(WAIT, 0, unit="us")
    circuit.measure(0, 0)
    with pytest.raises(CircuitError, match=r"^Circuit 'wait' has the value .* \(binding 0\)"):
        to_template(circuit, TARGET).bind(np.array([[value]]))


def measured(*operations: Operation) -> QuantumCircuit:
    """Return a measured circuit of these operations."""
    circuit = QuantumCircuit(2, 2, name="odd")
    for operation in operations:
        circuit.append(operation, range(operation.num_qubits))
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.parametrize(
    ("circuit", "message"),
    [
        (measured(named("wild", RXGate(math.nan))), "has the angle nan in 'rx'; angles must be finite numbers"),
        (measured(Gate("opaque", 1, [])), "has the instruction 'opaque', which cannot be decomposed into gates"),
        (measured(named("unitary", Gate("unitary", 2, []))), "has the instruction 'unitary', which cannot be"),
    ],
)
def test_refused(circuit: QuantumCircuit, message: str) -> None:
    """Invalid operations inside others are refused."""
    with pytest.raises(CircuitError, match=message):
        to_program(circuit, TARGET)


@pytest.mark.skipif(qiskit.__version__ >= "2", reason="Qiskit 1 had them")
@pytest.mark.filterwarnings("ignore:The method .*c_if:DeprecationWarning")
def test_conditions() -> None:
    """Gates with conditions, which would run unconditionally, are refused."""
    circuit = QuantumCircuit(2, 2, name="if")
    circuit.measure(0, 0)
    circuit.x(1).c_if(0, 1)
    circuit.measure(1, 1)
    with pytest.raises(CircuitError, match="'if' has gates with conditions, which OQTOPUS devices do not execute"):
        to_program(circuit, TARGET)


def test_native() -> None:
    """An instruction counts as native only on qubits that have it."""
    cx, wrong_way = QuantumCircuit(2, 1), QuantumCircuit(2, 1)
    cx.cx(0, 1)
    wrong_way.cx(1, 0)
    for circuit in (cx, wrong_way):
        circuit.delay(10, 0)
        circuit.barrier()
        circuit.measure(0, 0)

    assert to_program(cx, TARGET).is_isa
    assert not to_program(wrong_way, TARGET).is_isa
    assert not to_program(measured(named("x", XGate())), TARGET).is_isa
    assert not to_program(measured(GlobalPhaseGate(1.0)), TARGET).is_isa


@pytest.mark.parametrize("info", [None, "https://storage.example/device_info.zip", '{"n_nodes": 512}'])
@pytest.mark.parametrize("n_qubits", [16, None])
def test_nothing_is_native_to_a_device_without_couplings(info: str | None, n_qubits: int | None) -> None:
    """Without published couplings, no circuit counts as native."""
    raw = DEVICE.raw.model_copy(update={"device_info": info, "n_qubits": n_qubits})
    circuit = QuantumCircuit(10, 1)
    circuit.cx(9, 0)
    circuit.measure(0, 0)

    assert not to_program(circuit, target_from_device(OqtopusDevice(raw))).is_isa
