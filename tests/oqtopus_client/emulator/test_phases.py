"""Coherent errors, compared with a Schrödinger equation that knows neither schedules nor phases."""

from __future__ import annotations

import cmath
import dataclasses
import math
from random import Random
from typing import Any

import numpy as np
import pytest

from oqtopus_client.emulator.coherent import CoherentErrors
from oqtopus_client.emulator.device_files import EmulatedDevice
from oqtopus_client.emulator.noise import noisy_operations
from oqtopus_client.emulator.schedule import as_late_as_possible, gateway
from oqtopus_client.emulator.simulation.operations import Operation

N_QUBITS = 4
PAIRS = [(0, 1), (2, 1), (2, 3), (0, 3), (3, 0)]
DURATIONS = {"x": 24.0, "sx": 16.0, "cx": 250.0, "rz": 0.0, "barrier": 0.0}
DEVICE = EmulatedDevice.from_device_info(
    {
        "name": "ideal",
        "qubits": [{"id": i, "gate_duration": {"x": 24, "sx": 16}} for i in range(N_QUBITS)],
        "couplings": [{"control": c, "target": t, "gate_duration": {"cx": 250}} for c, t in PAIRS],
    }
)
ERRORS = CoherentErrors(
    x={0: 0.1, 3: -0.2},
    sx=0.05,
    cx={(0, 1): 0.1, (0, 3): 0.2, (3, 0): -0.1},
    zz_khz={(0, 1): 300.0, (1, 2): -800.0, (3, 0): 1000.0},
    detuning_khz={1: 500.0, 2: -900.0},
)
PAULIS = {"X": np.array([[0, 1], [1, 0]], complex), "Z": np.diag([1, -1]).astype(complex)}


def on(letters: str, qubits: tuple[int, ...]) -> np.ndarray:
    """Return the Pauli matrix with these letters on these qubits; qubit 0 is the last factor."""
    matrix = np.eye(1)
    for qubit in reversed(range(N_QUBITS)):
        matrix = np.kron(matrix, PAULIS[letters[qubits.index(qubit)]] if qubit in qubits else np.eye(2))
    return matrix


def rotation(letters: str, qubits: tuple[int, ...], angle: float) -> np.ndarray:
    """Return exp(-i angle / 2 P)."""
    return math.cos(angle / 2) * np.eye(2**N_QUBITS) - 1j * math.sin(angle / 2) * on(letters, qubits)


def gate(operation: Operation, excess: float = 0.0) -> np.ndarray:
    """Return the matrix of an operation, whose rotation by its pulses is too large by a fraction."""
    name, qubits, value = operation
    match name:
        case "x" | "sx":
            return rotation("X", qubits, (math.pi if name == "x" else math.pi / 2) * (1 + excess))
        case "cx":  # an rzx90, with a quarter turn back of each qubit
            return (
                rotation("X", qubits[1:], -math.pi / 2)
                @ rotation("Z", qubits[:1], -math.pi / 2)
                @ rotation("ZX", qubits, math.pi / 2 * (1 + excess))
            )
    return rotation({"rz": "Z", "rx": "X", "rzz": "ZZ", "rzx": "ZX"}[name], qubits, value)


def excess(operation: Operation) -> float:
    """Return the over-rotation of a gate."""
    match operation.name, operation.qubits:
        case "x", (qubit,):
            return {0: 0.1, 3: -0.2}.get(qubit, 0.0)
        case "sx", _:
            return 0.05
        case "cx", pair:
            return {(0, 1): 0.1, (0, 3): 0.2, (3, 0): -0.1}.get(pair, 0.0)
    return 0.0


def energies(busy: set[frozenset[int]]) -> np.ndarray:
    """Return the frequency of each basis state in kHz, without the interaction of pairs in their cx."""
    shifts = {frozenset({0, 1}): 300.0, frozenset({1, 2}): -800.0, frozenset({0, 3}): 1000.0}
    found = np.zeros(2**N_QUBITS)
    for state in range(2**N_QUBITS):
        ones = {qubit for qubit in range(N_QUBITS) if state >> qubit & 1}
        found[state] = 500.0 * (1 in ones) - 900.0 * (2 in ones)
        found[state] += sum(shift for pair, shift in shifts.items() if pair <= ones and pair not in busy)
    return found


def integrated(operations: list[Operation], schedule: str) -> np.ndarray:
    """Return the state at the readout; gates are instantaneous, in the middle of their duration."""
    durations = [o.value if o.name == "delay" else DURATIONS[o.name] for o in operations]
    starts, readout = {"gateway": gateway, "alap": as_late_as_possible}[schedule](operations, durations)
    events: list[tuple[float, int, int, str]] = [(readout, 0, 0, "end")]
    for index, (operation, start, duration) in enumerate(zip(operations, starts, durations, strict=True)):
        if operation.name not in ("delay", "barrier"):
            events.append((start + duration / 2, 1, index, "gate"))
        if operation.name == "cx":
            events += [(start, 2, index, "begin"), (start + duration, 0, index, "finish")]
    state = np.eye(1, 2**N_QUBITS, dtype=complex)[0]
    busy: set[frozenset[int]] = set()
    now = min(time for time, *_ in events)
    for time, _, index, kind in sorted(events):
        state = state * np.exp(-2j * math.pi * 1e-6 * energies(busy) * (time - now))
        now = time
        if kind == "gate":
            state = gate(operations[index], excess(operations[index])) @ state
        elif kind != "end":
            (busy.add if kind == "begin" else busy.discard)(frozenset(operations[index].qubits))
    return state


def program(random: Random) -> list[Operation]:
    """Draw operations of all kinds."""
    operations = []
    for _ in range(25):
        name = random.choice(["x", "sx", "sx", "rz", "cx", "cx", "delay", "barrier"])
        qubits = random.choice(PAIRS) if name == "cx" else (random.randrange(N_QUBITS),)
        value = {"delay": 2.0 * random.randint(1, 200), "rz": random.uniform(-3, 3)}.get(name, 0.0)
        operations.append(Operation(name, qubits, value))
    return operations


@pytest.mark.parametrize("schedule", ["gateway", "alap"])
@pytest.mark.parametrize("seed", range(30))
def test_coherent_errors(seed: int, schedule: Any) -> None:
    """Over-rotations and phases are those of a Schrödinger equation, whatever the order in the text."""
    operations = program(Random(seed))
    device = dataclasses.replace(DEVICE, coherent=ERRORS, schedule=schedule)
    state = np.eye(1, 2**N_QUBITS, dtype=complex)[0]
    for operation in noisy_operations(operations, [], device):
        state = gate(operation) @ state
    expected = integrated(operations, schedule)

    assert abs(np.vdot(expected, state)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_phases_before_measurements(seed: int) -> None:
    """If qubits are measured, the phases after the last gates are left out, which does not change outcomes."""
    operations = program(Random(seed))
    device = dataclasses.replace(DEVICE, coherent=ERRORS)
    state = np.eye(1, 2**N_QUBITS, dtype=complex)[0]
    noisy = noisy_operations(operations, range(N_QUBITS), device)
    for operation in noisy:
        state = gate(operation) @ state
    last = max(index for index, operation in enumerate(noisy) if operation.name in ("x", "sx", "cx"))

    assert {operation.name for operation in noisy[last + 1 :]} <= {"rx", "rzx", "rz"}
    assert np.allclose(np.abs(state) ** 2, np.abs(integrated(operations, "gateway")) ** 2, atol=1e-9)


def test_idle_neighbours_have_no_effect() -> None:
    """A neighbour in |0> shifts no frequency, and qubits that only flip once have no joint phases."""
    operations = [Operation(name, (0,)) for name in ("sx", "x", "sx", "x")]
    device = dataclasses.replace(DEVICE, coherent=CoherentErrors(zz_khz=100.0))

    assert noisy_operations(operations, [0, 1], device) == operations
    flips = [Operation("x", (qubit,)) for qubit in range(N_QUBITS)]
    assert noisy_operations(flips, range(N_QUBITS), device) == flips


def test_ramsey_and_echo() -> None:
    """A qubit's frequency is detuned, and higher by zz_khz if its neighbour is excited; an echo hides both."""
    errors = CoherentErrors(zz_khz=100.0, detuning_khz={0: 30.0})
    device = dataclasses.replace(DEVICE, coherent=errors)

    def phase(*program: Operation) -> float:
        state = np.eye(1, 2**N_QUBITS, dtype=complex)[0]
        for operation in noisy_operations(program, [], device):
            state = gate(operation) @ state
        zero, one = state.reshape(-1, 2)[np.abs(state).reshape(-1, 2).sum(axis=1) > 0.5][0]
        return cmath.phase(one / zero / -1j)  # an sx leaves a phase of -i

    half, excited = Operation("sx", (0,)), Operation("x", (1,))
    wait = Operation("delay", (0,), 1000.0 - 8.0)
    # The middle of the sx is 8 ns after its start, and that of the x 12 ns.
    assert phase(half, wait) == pytest.approx(-2 * math.pi * 0.030)
    assert phase(half, excited, wait) == pytest.approx(-2 * math.pi * (0.030 + 0.1 * (1000 - 4) / 1000))
    middle = Operation("x", (0,))
    echo = phase(half, excited, Operation("delay", (0,), 980.0), middle, Operation("delay", (0,), 988.0))
    assert echo == pytest.approx(math.pi - 2 * math.pi * 0.1 * 4 / 1000)


def test_longest_waits() -> None:
    """The longest times result in finite angles."""
    operations = [Operation("sx", (0,)), Operation("sx", (1,)), Operation("delay", (0,), 2e300), Operation("sx", (0,))]
    device = dataclasses.replace(DEVICE, coherent=ERRORS)

    assert all(abs(operation.value) < 40 for operation in noisy_operations(operations, [], device))
