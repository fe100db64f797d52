"""Start times of a program's operations on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from oqtopus_client.physics import gateway_times

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
    """Return the times at which the gateway runs operations; see `physics.gateway_times`.

    Args:
        operations: `x`, `sx`, `cx` and `delay` wait for their own qubits, `rz` and `barrier` for all.
        durations: Duration of each operation in nanoseconds; 0 for `rz` and `barrier`.
    """
    return Times(
        *gateway_times(
            (name, qubits, duration) for (name, qubits, _), duration in zip(operations, durations, strict=True)
        )
    )


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
