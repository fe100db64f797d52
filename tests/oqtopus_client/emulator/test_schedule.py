"""The times of operations, compared with simple models of the rules."""

from __future__ import annotations

from random import Random

import pytest

from oqtopus_client.emulator.schedule import Times, as_late_as_possible, gateway
from oqtopus_client.emulator.simulation.operations import Operation

DURATIONS = {"x": 24, "sx": 16, "cx": 250, "rz": 0, "barrier": 0}


def program(random: Random, n_qubits: int = 4, length: int = 30) -> list[Operation]:
    """Draw operations of all kinds."""
    operations = []
    for _ in range(length):
        name = random.choice(["x", "sx", "rz", "cx", "cx", "delay", "barrier"])
        width = 2 if name == "cx" else random.randint(1, n_qubits) if name == "barrier" else 1
        value = {"delay": 2.0 * random.randint(1, 200), "rz": random.uniform(-3, 3)}.get(name, 0.0)
        operations.append(Operation(name, tuple(random.sample(range(n_qubits), width)), value))
    return operations


def durations(operations: list[Operation]) -> list[float]:
    """Return the duration of each operation."""
    return [operation.value if operation.name == "delay" else DURATIONS[operation.name] for operation in operations]


def padded(operations: list[Operation], n_qubits: int) -> Times:
    """Return the gateway's times by appending to a list of nanoseconds for each qubit, and padding these lists."""
    lines: list[list[int]] = [[] for _ in range(n_qubits)]
    starts = []

    def align(qubits: tuple[int, ...]) -> None:
        longest = max(len(lines[qubit]) for qubit in qubits)
        for qubit in qubits:
            lines[qubit].extend([-1] * (longest - len(lines[qubit])))

    for index, (operation, duration) in enumerate(zip(operations, durations(operations), strict=True)):
        align(tuple(range(n_qubits)) if operation.name in ("rz", "barrier") else operation.qubits)
        starts.append(float(len(lines[operation.qubits[0]])))
        for qubit in operation.qubits:
            lines[qubit].extend([index] * int(duration))
    return Times(starts, float(max(map(len, lines))))


def relaxed(operations: list[Operation]) -> list[float]:
    """Return the latest starts, by lowering each until it precedes all later operations on the same qubits."""
    times = durations(operations)
    starts = [0 - duration for duration in times]
    for _ in operations:
        for index, one in enumerate(operations):
            for later in range(index + 1, len(operations)):
                if not set(one.qubits).isdisjoint(operations[later].qubits):
                    starts[index] = min(starts[index], starts[later] - times[index])
    return starts


@pytest.mark.parametrize("seed", range(50))
def test_gateway(seed: int) -> None:
    """Each operation starts after the last one on its qubits; `rz` and `barrier` align all qubits."""
    operations = program(Random(seed))

    assert gateway(operations, durations(operations)) == padded(operations, 4)


@pytest.mark.parametrize("seed", range(50))
def test_as_late_as_possible(seed: int) -> None:
    """Each operation starts as late as those that depend on it allow; `barrier` concerns its own qubits only."""
    operations = program(Random(seed))

    assert as_late_as_possible(operations, durations(operations)) == (relaxed(operations), 0.0)


def test_nothing_to_run() -> None:
    """An empty program takes no time, and a barrier without qubits changes nothing in the schedule."""
    for schedule in (gateway, as_late_as_possible):
        assert schedule([], []) == ([], 0.0)
        assert schedule([Operation("barrier", ())], [0.0]) == ([0.0], 0.0)
