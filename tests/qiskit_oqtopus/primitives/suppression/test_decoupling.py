"""Dynamical decoupling, under the rule by which the gateway of QPUs plays programs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import XGate
from qiskit.quantum_info import Statevector
from qiskit.transpiler import PassManager, Target
from qiskit.transpiler.passes import ALAPScheduleAnalysis, ASAPScheduleAnalysis, PadDynamicalDecoupling

from oqtopus_client import OqtopusDevice
from oqtopus_client.emulator.lattice import square_lattice
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.primitives.suppression.decoupling import decouple
from qiskit_oqtopus.primitives.suppression.twirled import TwirledTemplate
from qiskit_oqtopus.primitives.suppression.twirling import twirl, twirlable
from qiskit_oqtopus.qasm import to_template
from qiskit_oqtopus.target import target_from_device
from tests.support.chips import device, pair
from tests.support.gateway import Played, played
from tests.support.native_circuits import PHI, THETA, bits_distribution, native, waiting

SEQUENCES = ["XX", "XpXm", "XY4"]
"""The sequences of pulses."""


def _target(qubits: int = 6) -> Target:
    """A device whose qubits are all coupled; durations of gates differ."""
    info = {
        "qubits": [
            {"id": i, "gate_duration": {"x": 24 + 2 * i, "sx": 16 + 2 * (i % 3)}, "fidelity": 0.999}
            for i in range(qubits)
        ],
        "couplings": [
            {**pair(i, j, 0.99), "gate_duration": {"cx": 200 + 10 * i + 26 * j}}
            for i, j in itertools.permutations(range(qubits), 2)
        ],
    }
    return target_from_device(device(info, n_qubits=qubits), 1e-6)


TARGET = _target()


def _options(seed: int) -> dict[str, object]:
    return {
        "sequence_type": SEQUENCES[seed % 3],
        "scheduling_method": ["alap", "asap"][seed // 3 % 2],
        "extra_slack_distribution": ["middle", "edges"][seed // 6 % 2],
        "skip_reset_qubits": bool(seed // 12 % 2),
    }


@pytest.mark.parametrize("seed", range(60))
def test_effect_is_unchanged(seed: int) -> None:
    """The distribution is that of the circuit, for any options, angles and measured bits."""
    rng = np.random.default_rng(seed)
    circuit = native(seed, delays=True)
    values = {parameter: rng.uniform(-4, 4) for parameter in circuit.parameters}
    decoupled = decouple(circuit, TARGET, **_options(seed))  # type: ignore[arg-type]

    found, expected = (bits_distribution(each.assign_parameters(values)) for each in (decoupled, circuit))
    np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.parametrize("seed", range(60))
def test_every_wait_is_written(seed: int) -> None:
    """By the gateway's rule, no qubit waits but in delays of the program, and all are done at the same time."""
    decoupled = decouple(native(seed, delays=True), TARGET, **_options(seed))  # type: ignore[arg-type]
    steps, done = played(to_template(decoupled, TARGET).program.body.replace("%s", "0.5"), TARGET)
    used = {qubit for step in steps if step.name != "barrier" for qubit in step.qubits}

    assert all(not any(step.waits) for step in steps)
    assert len({done[qubit] for qubit in used}) <= 1


@pytest.mark.parametrize("seed", range(30))
def test_twirled_programs_keep_the_schedule(seed: int) -> None:
    """The same holds for every randomization, whose optional x gates all take their time, and their effect."""
    rng = np.random.default_rng(seed)
    circuit = native(seed, delays=True)
    values = {parameter: rng.uniform(-4, 4) for parameter in circuit.parameters}
    prepared = twirlable(circuit, gates=True, measure=True)
    decoupled = decouple(prepared, TARGET, **_options(seed))  # type: ignore[arg-type]
    twirls = twirl(decoupled, 4, rng, gates=True, measure=True)
    template = TwirledTemplate(to_template(decoupled, TARGET), twirls, TARGET)
    (programs,) = template.bind(np.array([list(values.values())]))
    expected = bits_distribution(circuit.assign_parameters(values))
    times = set()
    for program, flips in zip(programs, twirls.flips, strict=True):
        steps, _ = played(program.body, TARGET)
        assert all(not any(step.waits) for step in steps)
        times.add(tuple((step.qubits, step.start) for step in steps))
        clbits = program.header.clbits
        found = bits_distribution(program.to_circuit(), flips[list(clbits)])
        marginal = np.zeros(1 << len(clbits))
        for value, probability in enumerate(expected):
            marginal[sum((value >> clbit & 1) << i for i, clbit in enumerate(clbits))] += probability
        np.testing.assert_allclose(found, marginal, atol=1e-11)

    assert len(times) == 1


def _windows(steps: list[Played], qubit: int) -> list[list[Played]]:
    """Return the idle times between gates of the circuit: delays, pulses and their rz, by quarter turns."""
    own = [step for step in steps if qubit in step.qubits and step.name != "barrier"]
    return [list(run) for idle, run in itertools.groupby(own, _is_idle) if idle]


def _is_idle(step: Played) -> bool:
    if step.name == "rz":
        turns = float(step.line[3 : step.line.index(")")]) / (math.pi / 2)
        return turns in {-2, -1, 1, 2}
    return step.name in {"delay", "x"}


@pytest.mark.parametrize("seed", range(40))
def test_detuning_cancels(seed: int) -> None:
    """In each idle time with pulses, a qubit is turned over for half of it, to the precision of the clock."""
    circuit = _without(native(seed, steps=60), {"x", "barrier"})
    decoupled = decouple(circuit, TARGET, **_options(seed))  # type: ignore[arg-type]
    steps, _ = played(to_template(decoupled, TARGET).program.body.replace("%s", "0.5"), TARGET)
    pulses = 0
    for qubit in range(circuit.num_qubits):
        for window in _windows(steps, qubit):
            sign, phase = 1, 0
            for step in window:
                phase += sign * (step.end - step.start) * (step.name == "delay")
                sign *= -1 if step.name == "x" else 1
            number = sum(step.name == "x" for step in window)
            pulses += number
            assert sign == 1
            if number:
                assert abs(phase) <= number + 1

    assert pulses == decoupled.count_ops().get("x", 0)


def _without(circuit: QuantumCircuit, names: set[str]) -> QuantumCircuit:
    kept = circuit.copy_empty_like()
    for item in circuit.data:
        if item.name not in names:
            kept.append(item)
    return kept


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the pass itself, in Qiskit 1
@pytest.mark.parametrize("seed", range(24))
def test_like_qiskits_pass_without_alignments(seed: int) -> None:
    """Without rz and barriers, gates and pulses are where Qiskit's scheduling and padding puts them."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(5)
    for _ in range(25):
        first, second = rng.permutation(4)[:2].tolist()
        kind = rng.integers(4)
        if kind < 2:
            circuit.cx(first, second)
        else:
            (circuit.sx if kind == 2 else circuit.x)(first)
    circuit.delay(300, 1, unit="dt")
    circuit.sx(1)
    method, slack = ["alap", "asap"][seed % 2], ["middle", "edges"][seed // 2 % 2]
    analysis = (ALAPScheduleAnalysis if method == "alap" else ASAPScheduleAnalysis)(target=TARGET)
    padding = PadDynamicalDecoupling(
        target=TARGET, dd_sequence=[XGate(), XGate()], skip_reset_qubits=True, extra_slack_distribution=slack
    )
    expected = PassManager([analysis, padding]).run(circuit)
    found = decouple(circuit, TARGET, scheduling_method=method, extra_slack_distribution=slack)  # type: ignore[arg-type]

    assert expected.count_ops()["x"] > circuit.count_ops().get("x", 0)
    for qubit in range(4):
        assert _operations(found, qubit) == _operations(expected, qubit)
    assert _operations(found, 4) == []


def _operations(circuit: QuantumCircuit, qubit: int) -> list[tuple[str, int]]:
    """Return the gates on a qubit, and the delays with their durations."""
    return [
        (item.name, int(item.operation.duration) if item.name == "delay" else 0)
        for item in circuit.data
        if circuit.qubits[qubit] in item.qubits
    ]


def _idle(moments: int) -> QuantumCircuit:
    """Qubit 0 idles in |+> while qubits 1 and 2 have gates, with an rz between these."""
    circuit = QuantumCircuit(3, 1)
    circuit.sx(0)
    circuit.barrier()
    for _ in range(moments):
        circuit.cx(1, 2)
        circuit.rz(0.1, 2)
    circuit.barrier()
    circuit.sx(0)
    circuit.measure(0, 0)
    return circuit


@pytest.mark.parametrize("moments", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("sequence", SEQUENCES)
def test_pulses_have_their_phases(sequence: str, moments: int) -> None:
    """Each pulse has its phase where others' gates leave time for its rz gates; otherwise the sequence is XX."""
    decoupled = decouple(_idle(moments), TARGET, sequence_type=sequence, scheduling_method="asap")  # type: ignore[arg-type]
    phase, axes = 0.0, []
    for item in decoupled.data:
        if item.qubits[0] == decoupled.qubits[0]:
            phase += item.params[0] if item.name == "rz" else 0
            axes += [round(-phase / (math.pi / 2)) % 4] if item.name == "x" else []
    expected = {"XX": [0, 0], "XpXm": [0, 2], "XY4": [0, 1, 0, 1]}[sequence]

    assert phase == pytest.approx(0)
    assert axes == ([0, 0] if moments < len(expected) else expected)


def test_long_idle_time_has_one_sequence() -> None:
    """An idle time is one, however many rz gates others have meanwhile."""
    assert decouple(_idle(40), TARGET).count_ops()["x"] == 2


@pytest.mark.parametrize("skip", [True, False])
def test_qubits_in_the_ground_state(skip: bool) -> None:
    """Qubits without gates are left alone; those that wait for their first gate are, unless asked for."""
    circuit = QuantumCircuit(4, 4)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.delay(1000, 3)
    circuit.measure(range(4), range(4))
    decoupled = decouple(circuit, TARGET, skip_reset_qubits=skip)
    pulsed = {decoupled.find_bit(item.qubits[0]).index for item in decoupled.data if item.name == "x"}

    assert pulsed == ({0} if skip else {0, 2})
    assert {name for name, _ in _operations(decoupled, 3)} == {"measure"}


def test_gates_run_side_by_side() -> None:
    """Gates that do not depend on each other run at the same time, although each rz aligns all qubits."""
    circuit = QuantumCircuit(6, 1)
    for control in (0, 2, 4):
        circuit.rz(0.1, control)
        circuit.sx(control)
        circuit.rz(0.2, control)
        circuit.cx(control, control + 1)
        circuit.rz(0.3, control + 1)
    circuit.measure(0, 0)
    steps, _ = played(to_template(circuit, TARGET).program.body, TARGET)
    after, _ = played(to_template(decouple(circuit, TARGET), TARGET).program.body, TARGET)

    ends = [max(step.end for step in found) for found in (steps, after)]
    longest = max(round(TARGET["cx"][q, q + 1].duration / TARGET.dt) for q in (0, 2, 4))
    assert ends[1] == longest + 10  # the longest sx
    assert ends[0] > 2.5 * longest


def _coherence(circuit: QuantumCircuit, detunings: npt.NDArray[np.float64]) -> float:
    """Return the mean of <X> of qubit 0 over quasi-static detunings, in radians for each step of the clock."""
    values = []
    for detuning in detunings:
        detuned = circuit.copy_empty_like()
        for item in circuit.data:
            if item.name == "delay":
                detuned.rz(detuning * item.operation.duration, item.qubits[0])
            elif item.name != "measure":
                detuned.append(item)
        values.append(1 - 2 * Statevector(detuned).probabilities([0])[1])
    return float(np.mean(values))


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("moments", [1, 5, 12])
def test_slow_detuning_is_undone(sequence: str, moments: int) -> None:
    """Coherence that an idle qubit would lose survives."""
    circuit = waiting(moments)
    detunings = np.random.default_rng(1).normal(0, 0.02 / moments, 200)
    bare = decouple(circuit, _without_pulses(TARGET), sequence_type=sequence)  # type: ignore[arg-type]
    decoupled = decouple(circuit, TARGET, sequence_type=sequence)  # type: ignore[arg-type]

    assert abs(_coherence(bare, detunings)) < 0.45
    assert abs(_coherence(decoupled, detunings)) > 0.99


def _without_pulses(target: Target) -> Target:
    """A device on which no pulse fits into any idle time."""
    slow = _target()
    for qubit in range(6):
        properties = target["x"][qubit,]
        slow.update_instruction_properties("x", (qubit,), type(properties)(1.0, properties.error))
    return slow


def test_order_of_other_bits_and_names() -> None:
    """The circuit's registers, name, metadata and global phase stay."""
    circuit = native(11, delays=True)
    circuit.metadata = {"a": 1}
    circuit.global_phase = 0.4
    decoupled = decouple(circuit, TARGET)

    assert (decoupled.qregs, decoupled.cregs, decoupled.name) == (circuit.qregs, circuit.cregs, circuit.name)
    assert (decoupled.metadata, decoupled.global_phase) == (circuit.metadata, circuit.global_phase)
    assert set(decoupled.parameters) == set(circuit.parameters) <= {THETA, PHI}


def test_lattice_of_the_emulator() -> None:
    """An emulated device's calibration suffices, and its programs are native."""
    target = target_from_device(OqtopusDevice(square_lattice("grid", 2, 3, seed=1).info(n_pending_jobs=0)))
    circuit = QuantumCircuit(6, 6)
    for control, other in target["cx"]:
        circuit.sx(control)
        circuit.cx(control, other)
    circuit.measure(range(6), range(6))
    decoupled = decouple(circuit, target)

    assert decoupled.count_ops()["x"] > 0
    assert to_template(decoupled, target).is_isa


def _with(name: str) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    if name == "if_else":
        with circuit.if_test((0, 1)):
            circuit.x(1)
    elif name == "delay":
        circuit.delay(Parameter("t"), 1)
    else:
        getattr(circuit, name)(0 if name == "x" else 1)
    return circuit


@pytest.mark.parametrize("name", ["if_else", "h", "delay", "x"])
def test_other_operations_are_refused(name: str) -> None:
    """Control flow, gates that are not native, waits of unbound duration and gates after measurements."""
    with pytest.raises(CircuitError, match=r"has (the instruction|a delay of the unbound duration).*qiskit.transpile"):
        decouple(_with(name), TARGET)


def test_devices_without_durations_are_refused() -> None:
    """The message names the device, the gate and the qubits."""
    circuit = QuantumCircuit(1, 1)
    circuit.sx(0)
    circuit.measure(0, 0)
    with pytest.raises(CircuitError, match="publishes no duration of 'sx' on qubits 0"):
        decouple(circuit, target_from_device(device(None, n_qubits=2)))
    with pytest.raises(CircuitError, match="publishes no clock period"):
        decouple(circuit, Target(num_qubits=2, description="a simulator"))
