"""The order of gates that lets a QPU play many at the same time: `in_rounds`.

The gateway of QPUs plays gates in the order of the program, each as soon as its own qubits are free, but every `rz` and
every barrier first waits for all qubits; see `oqtopus_client.physics.gateway_times`. So the order of gates on
different qubits decides how many of them run at the same time.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIGN, SHORT, LONG = range(3)
"""Kinds of operations: those that align all qubits, gates on one qubit, and others. Lower ones go first."""


def kind_of(name: str, num_qubits: int) -> int:
    """Return the kind of an operation on this number of qubits."""
    if name in {"rz", "barrier"}:
        return ALIGN
    return SHORT if num_qubits == 1 and name != "delay" else LONG


def in_rounds(kinds: Sequence[int], qubits: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Divide operations into batches of one kind on different qubits, with the order on each qubit unchanged.

    Every operation that aligns all qubits and is ready, then every gate on one qubit, again until only others are left,
    then these.

    Args:
        kinds: The kind of each operation.
        qubits: The qubits of each operation.

    Returns:
        The indices of the operations in each batch, in ascending order.
    """
    followers: list[list[int]] = [[] for _ in kinds]
    missing = [0] * len(kinds)
    last: dict[int, int] = {}
    for i, on in enumerate(qubits):
        for before in {last[qubit] for qubit in on if qubit in last}:
            followers[before].append(i)
            missing[i] += 1
        last.update(dict.fromkeys(on, i))
    ready: dict[int, list[int]] = defaultdict(list)
    for i, kind in enumerate(kinds):
        if not missing[i]:
            ready[kind].append(i)
    batches = []
    while ready:
        batch = sorted(ready.pop(min(ready)))
        batches.append(batch)
        for i in batch:
            for follower in followers[i]:
                missing[follower] -= 1
                if not missing[follower]:
                    ready[kinds[follower]].append(follower)
    return batches
