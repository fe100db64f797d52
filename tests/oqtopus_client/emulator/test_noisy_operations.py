"""What happens to the qubits of noisy devices, compared with simple models and with the calibration."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from oqtopus_client.emulator.device_files import EmulatedDevice, built_in_devices
from oqtopus_client.emulator.noise import noisy_operations, relaxation_and_depolarization
from oqtopus_client.emulator.schedule import as_late_as_possible, gateway
from oqtopus_client.emulator.simulation.operations import Operation

QUBITS = [
    {"id": i, "qubit_lifetime": {"t1": 20 + i, "t2": 25}, "gate_duration": {"x": 24 + 2 * i, "sx": 16}}
    for i in range(4)
]
PAIRS = [(0, 1), (2, 1), (2, 3), (0, 3)]
COUPLINGS = [{"control": c, "target": t, "gate_duration": {"cx": 200 + 8 * c + 2 * t}} for c, t in PAIRS]
CHIP: dict[str, Any] = {"name": "chip", "qubits": QUBITS, "couplings": COUPLINGS}
DEVICE = EmulatedDevice.from_device_info(CHIP)


def duration(operation: Operation) -> float:
    """Return an operation's duration on the chip."""
    match operation:
        case ("cx", (control, target), _):
            return 200 + 8 * control + 2 * target
        case ("x", (qubit,), _):
            return 24 + 2 * qubit
        case ("sx", _, _):
            return 16
    return operation.value if operation.name == "delay" else 0.0


def program(random: Random, length: int = 30) -> list[Operation]:
    """Draw operations of all kinds on the chip."""
    operations = []
    for _ in range(length):
        name = random.choice(["x", "sx", "rz", "cx", "cx", "delay", "barrier"])
        qubits = random.choice(PAIRS) if name == "cx" else (random.randrange(4),)
        value = {"delay": 2.0 * random.randint(1, 200), "rz": random.uniform(-3, 3)}.get(name, 0.0)
        operations.append(Operation(name, qubits, value))
    return operations


def waits(operations: list[Operation], schedule: str, measured: set[int]) -> dict[int, list[float]]:
    """Return the waits of each qubit before its second and later gates and before the readout, by a simple model."""
    busy: dict[int, list[tuple[float, float]]] = defaultdict(list)
    free: dict[int, float] = defaultdict(float)
    late = schedule == "alap"
    for operation in reversed(operations) if late else operations:
        everywhere = not late and operation.name in ("rz", "barrier")
        qubits = range(4) if everywhere else operation.qubits
        start = max(free[qubit] for qubit in qubits)
        end = start + duration(operation)
        for qubit in qubits:
            free[qubit] = end
            if operation.name in ("x", "sx", "cx"):
                busy[qubit].append((start, end))
    readout = 0.0 if late else max(free.values())
    found = {}
    for qubit, intervals in busy.items():
        ordered = [(-end, -start) for start, end in reversed(intervals)] if late else intervals
        points = [*ordered, (readout, readout)] if qubit in measured else ordered
        found[qubit] = [after[0] - before[1] for before, after in pairwise(points)]
    return found


def waits_of(noisy: list[Operation], measured: set[int]) -> dict[int, list[float]]:
    """Return the same from operations, which also relax qubits for the duration of each gate."""
    found: dict[int, list[float]] = {}
    due: dict[int, float] = {}
    for operation in noisy:
        for qubit in operation.qubits:
            if operation.name == "relax" and due[qubit]:
                assert operation.value == due[qubit]
                due[qubit] = 0.0
            elif operation.name == "relax":
                found[qubit][-1] += operation.value
            elif operation.name != "rz":
                assert not due.get(qubit)
                due[qubit] = duration(operation)
                found.setdefault(qubit, []).append(0.0)
    return {qubit: values if qubit in measured else values[:-1] for qubit, values in found.items()}


@pytest.mark.parametrize("schedule", ["gateway", "alap"])
@pytest.mark.parametrize("seed", range(40))
def test_waits(seed: int, schedule: Any) -> None:
    """A qubit relaxes for each time between two of its gates, and until the readout if it is measured."""
    random = Random(seed)
    operations, measured = program(random), set(random.sample(range(4), 3))
    noisy = noisy_operations(operations, measured, dataclasses.replace(DEVICE, schedule=schedule))

    assert waits_of(noisy, measured) == waits(operations, schedule, measured)
    for qubit in range(4):
        gates = [o for o in operations if qubit in o.qubits and o.name not in ("delay", "barrier")]
        assert [o for o in noisy if qubit in o.qubits and o.name != "relax"] == gates


@pytest.mark.parametrize("rule", [gateway, as_late_as_possible])
@pytest.mark.parametrize("seed", range(10))
def test_no_time_is_lost(seed: int, rule: Any) -> None:
    """In total, each measured qubit relaxes from the start of its first gate to the readout."""
    operations = program(Random(seed))
    starts, readout = rule(operations, [duration(operation) for operation in operations])
    schedule: Any = "gateway" if rule is gateway else "alap"
    noisy = noisy_operations(operations, range(4), dataclasses.replace(DEVICE, schedule=schedule))
    for qubit in range(4):
        gates = [i for i, o in enumerate(operations) if qubit in o.qubits and o.name in ("x", "sx", "cx")]
        total = sum(operation.value for operation in noisy if operation[:2] == ("relax", (qubit,)))
        assert total == (readout - starts[gates[0]] if gates else 0)


@pytest.mark.parametrize("seed", range(20))
def test_without_idle_noise(seed: int) -> None:
    """Only gates and written delays relax a qubit; the order of the text is kept."""
    operations = program(Random(seed))
    expected: list[Operation] = []
    used: set[int] = set()
    for operation in operations:
        if operation.name == "delay":
            if operation.qubits[0] in used:
                expected.append(Operation("relax", operation.qubits, operation.value))
        elif operation.name != "barrier":
            expected.append(operation)
            if operation.name != "rz":
                used.update(operation.qubits)
                expected += [Operation("relax", (qubit,), duration(operation)) for qubit in operation.qubits]

    assert noisy_operations(operations, range(4), dataclasses.replace(DEVICE, idle_noise=False)) == expected


def test_errors_of_gates() -> None:
    """After each gate, its qubits relax, then depolarize, such that the gate has its calibrated fidelity."""
    device = built_in_devices()["lattice64"]
    (first, *_) = device.calibration["couplings"]
    control, target = first["control"], first["target"]
    ends = [device.calibration["qubits"][qubit] for qubit in (control, target)]
    times = [(end["qubit_lifetime"]["t1"], end["qubit_lifetime"]["t2"]) for end in ends]
    gates = [Operation("sx", (target,)), Operation("cx", (control, target))]
    noisy = noisy_operations(gates, [control], device)
    one = relaxation_and_depolarization(ends[1]["fidelity"], 16, times[1:])
    two = relaxation_and_depolarization(first["fidelity"], first["gate_duration"]["cx"], times)

    assert noisy == [
        gates[0],
        Operation("relax", (target,), one[0]),
        Operation("depolarize", (target,), one[1]),
        gates[1],
        Operation("relax", (control,), two[0]),
        Operation("relax", (target,), two[0]),
        Operation("depolarize", (control, target), two[1]),
    ]


def test_qubits_without_gates_cost_nothing() -> None:
    """A qubit stays in |0> until its first gate, whatever is written before it, and one without gates at all times."""
    operations = [
        Operation("delay", (0,), 1000.0),
        Operation("rz", (1,), 0.5),
        Operation("sx", (0,)),
        Operation("delay", (2,), 3000.0),
        Operation("barrier", (0, 1, 2, 3)),
    ]

    assert noisy_operations(operations, range(4), DEVICE) == [
        operations[1],
        operations[2],
        Operation("relax", (0,), 16.0),
        Operation("relax", (0,), 1000.0 + 3000.0 - 1016.0),
    ]


def test_nothing_measured() -> None:
    """Without measurements, all qubits relax until the end of the program."""
    operations = [Operation("sx", (0,)), Operation("x", (1,)), Operation("delay", (0,), 100.0)]

    assert noisy_operations(operations, [], DEVICE)[-2:] == [
        Operation("relax", (0,), 100.0),
        Operation("relax", (1,), 16.0 + 100.0 - 26.0),
    ]


def test_longest_times() -> None:
    """The longest delays and durations result in finite times."""
    slow = {"id": 0, "qubit_lifetime": {"t1": 20, "t2": 25}, "gate_duration": {"x": 1e308}}
    device = EmulatedDevice.from_device_info({"name": "slow", "qubits": [slow, {**slow, "id": 1}]})
    operations = [Operation(name, (q,), 2e300) for q in (0, 1) for name in ("x", "delay", "x", "delay", "x")]
    for schedule in ("gateway", "alap"):
        noisy = noisy_operations(operations, [0, 1], dataclasses.replace(device, schedule=schedule))

        assert all(math.isfinite(operation.value) for operation in noisy)
        assert sum(operation.name == "relax" for operation in noisy) >= 6


@pytest.mark.parametrize("schedule", ["gateway", "alap"])
def test_no_coupling_no_cx(schedule: Any) -> None:
    """A `cx` without a coupling in its direction is refused."""
    device = dataclasses.replace(DEVICE, schedule=schedule)
    noisy_operations([Operation("cx", (0, 1))], [0], device)
    with pytest.raises(ValueError, match="the device has no cx from qubit 1 to qubit 0"):
        noisy_operations([Operation("cx", (1, 0))], [0], device)
