"""Start times of a program's operations on a device.

The gateway that executes programs on OQTOPUS's QPUs appends pulses in the order of the text, each as early as its
qubits allow. A `barrier`, whichever qubits it names, and every `rz` first aligns all qubits of the program. (The
gateway also aligns them after an `rz` on a target of a used coupling, which changes nothing, as an `rz` takes no time.)
All qubits are read out together when the last pulse has ended, wherever the program measures them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oqtopus_client.emulator.simulation.operations import Operation


class Times(NamedTuple):
    """Times in nanoseconds, from an arbitrary origin.

    Attributes:
        starts: Start of each operation.
        readout: Start of the measurements.
    """

    starts: list[float]
    readout: float


def gateway(operations: Sequence[Operation], durations: Sequence[float]) -> Times:
    """Return the times at which the gateway runs operations: as early as possible, in the order of the text.

    Args:
        operations: `x`, `sx`, `cx` and `delay` wait for their own qubits, `rz` and `barrier` for all.
        durations: Duration of each operation in nanoseconds; 0 for `rz` and `barrier`.
    """
    starts: list[float] = []
    ends: dict[int, float] = {}
    aligned = last = 0.0
    for (name, qubits, _), duration in zip(operations, durations, strict=True):
        if name in ("rz", "barrier"):
            start = aligned = last
        else:
            start = aligned
            for qubit in qubits:
                start = max(start, ends.get(qubit, 0.0))
            end = start + duration
            for qubit in qubits:
                ends[qubit] = end
            last = max(last, end)
        starts.append(start)
    return Times(starts, last)


def as_late_as_possible(operations: Sequence[Operation], durations: Sequence[float]) -> Times:
    """Return the times of operations that wait only for those that they depend on, before a readout at time 0.

    Operations depend on each other if they have a qubit in common; a `barrier` has the qubits that it names.

    Args:
        operations: In an order that respects their dependencies.
        durations: Duration of each operation in nanoseconds; 0 for `rz` and `barrier`.
    """
    starts: list[float] = []
    until_readout: dict[int, float] = {}
    for (_, qubits, _), duration in zip(reversed(operations), reversed(durations), strict=True):
        before = duration + max((until_readout.get(qubit, 0.0) for qubit in qubits), default=0.0)
        for qubit in qubits:
            until_readout[qubit] = before
        starts.append(-before)
    return Times(starts[::-1], 0.0)
