"""A program as operations, and its division into parts that nothing connects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from oqtopus_client.angles import reduced
from oqtopus_client.emulator.noise import delay_nanoseconds
from oqtopus_client.emulator.simulation.circuits import NOT_EXECUTED
from oqtopus_client.emulator.simulation.operations import Operation, Part

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from qiskit import QuantumCircuit

_LEAVE_ZERO = frozenset({"rz", "rzz", "relax"})
"""Operations without effect on a qubit in |0>, apart from the phase that `rzz` gives its other qubit."""

_NO_RELAXATION = math.inf, math.inf


def operations_of(circuit: QuantumCircuit, *, timed: bool) -> list[Operation]:
    """Return the operations of a circuit of device gates, on the indices of its qubits, without measurements.

    Angles are reduced to two turns, as simulators lose the digits of large ones.

    Args:
        circuit: The circuit.
        timed: Whether to include delays and barriers, which matter only to noise.

    Raises:
        ValueError: A delay is not positive.
    """
    indices = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    operations = []
    for item in circuit.data:
        name, value = item.name, 0.0
        if name == "measure" or (name in NOT_EXECUTED and not timed):
            continue
        if name == "rz":
            value = reduced(float(item.params[0]))
        elif name == "delay":
            value = delay_nanoseconds(item.operation)
        operations.append(Operation(name, tuple([indices[qubit] for qubit in item.qubits]), value))
    return operations


def split(
    operations: Sequence[Operation], measured: Collection[int], lifetimes: Mapping[int, tuple[float, float]]
) -> list[tuple[Part, list[int]]]:
    """Divide operations into the parts that decide the outcomes.

    Operations that no measurement notices are left out, and so are qubits that stay in |0>.

    Args:
        operations: Operations without delays and barriers.
        measured: The qubits to measure. The outcome of those that are in no part is always 0.
        lifetimes: T1 and T2 by qubit, in microseconds; infinite for missing qubits.

    Returns:
        Each part, which measures at least one qubit, with the device's qubit for each of the part's.
    """
    kept = _noticed(list(_effective(operations)), measured)
    distinct = {operation.qubits for operation in kept}
    parts: list[tuple[Part, list[int]]] = []
    place: dict[int, tuple[list[Operation], int]] = {}
    for qubits in _connected(distinct):
        of_part: list[Operation] = []
        place.update((qubit, (of_part, index)) for index, qubit in enumerate(qubits))
        columns = [index for index, qubit in enumerate(qubits) if qubit in measured]
        parts.append((Part(of_part, columns, [lifetimes.get(qubit, _NO_RELAXATION) for qubit in qubits]), qubits))
    local = {on: (place[on[0]][0], tuple(place[qubit][1] for qubit in on)) for on in distinct}
    for operation in kept:
        of_part, on = local[operation.qubits]
        of_part.append(operation if on == operation.qubits else Operation(operation.name, on, operation.value))
    return parts


def _effective(operations: Sequence[Operation]) -> Iterator[Operation]:
    """Yield operations on qubits that leave |0> at some time; an `rzz` with another qubit becomes an `rz`."""
    moved = {qubit for name, qubits, _ in operations if name not in _LEAVE_ZERO for qubit in qubits}
    for operation in operations:
        on = [qubit for qubit in operation.qubits if qubit in moved]
        if len(on) == len(operation.qubits):
            yield operation
        elif on:
            yield Operation("rz", (on[0],), operation.value)


def _noticed(operations: Sequence[Operation], measured: Iterable[int]) -> list[Operation]:
    """Return the operations from which a path of gates leads to a measurement."""
    noticed, kept = set(measured), []
    for operation in reversed(operations):
        if not noticed.isdisjoint(operation.qubits):
            noticed.update(operation.qubits)
            kept.append(operation)
    return kept[::-1]


def _connected(pairs: Iterable[tuple[int, ...]]) -> list[list[int]]:
    """Return the groups of qubits that tuples of them connect, in ascending order."""
    group_of: dict[int, list[int]] = {}
    for qubits in pairs:
        groups = [group_of.setdefault(qubit, [qubit]) for qubit in qubits]
        if groups[0] is not groups[-1]:
            larger, smaller = sorted(groups, key=len, reverse=True)
            larger.extend(smaller)
            group_of.update(dict.fromkeys(smaller, larger))
    return sorted(sorted(group) for qubit, group in group_of.items() if qubit == group[0])
