"""Phases that qubits acquire as time passes, by static ZZ interactions and detuning.

A pair of coupled qubits has the Hamiltonian h zz |11><11|, and each qubit h detuning |1><1|, in the frame of its
pulses. A neighbour in |0> therefore has no effect, which is how frequencies are calibrated. The phases are operations
`rzz` and `rz`, which act in one piece before the next gate that they do not commute with. Gates take place in the
middle of their duration. During a `cx`, its own two qubits have no ZZ interaction, as its calibration includes it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from oqtopus_client.angles import reduced
from oqtopus_client.emulator.simulation.operations import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oqtopus_client.emulator.coherent import CoherentErrors

_LONGEST = 1e100
"""Limit of a time in nanoseconds, as a phase would overflow beyond it."""


class Phases:
    """The phases of all qubits during a program, whose gates follow each other in the order of their middles.

    Args:
        errors: The coherent errors.
        couplings: The device's couplings.
    """

    def __init__(self, errors: CoherentErrors, couplings: Iterable[tuple[int, int]]) -> None:
        self._errors = errors
        self._neighbours = errors.zz(couplings)
        self._angles: dict[int, float] = {}
        self._detuned_since: dict[int, float] = {}
        self._paired_since: dict[tuple[int, int], float] = {}

    def before(self, gate: Operation, start: float, duration: float) -> list[Operation]:
        """Return the phases to apply before a gate that starts at this time, in nanoseconds.

        Its qubits acquire none while they are still in |0>, before their first gate.
        """
        middle, target = start + duration / 2, gate.qubits[-1]
        acquired: list[Operation] = []
        if gate.name == "cx" and target in self._neighbours.get(gate.qubits[0], ()):
            acquired += self._pair(gate.qubits[0], target, start)
            self._paired_since[_ordered(gate.qubits[0], target)] = start + duration
        if target in self._detuned_since:  # phases commute with the control of a cx
            acquired += self.until(target, middle)
        for qubit in gate.qubits:
            if qubit not in self._detuned_since:
                self._begin(qubit, middle)
        return acquired

    def until(self, qubit: int, time: float) -> list[Operation]:
        """Return the phases of a qubit that has had a gate, until a time in nanoseconds."""
        acquired = [phase for other in self._neighbours.get(qubit, ()) for phase in self._pair(qubit, other, time)]
        detuned = _phase(self._errors.detuning(qubit), time - self._detuned_since[qubit])
        self._detuned_since[qubit] = time
        angle = self._angles.pop(qubit, 0.0) - detuned
        return [*acquired, Operation("rz", (qubit,), angle)] if angle else acquired

    def _begin(self, qubit: int, time: float) -> None:
        self._detuned_since[qubit] = time
        for other in self._neighbours.get(qubit, ()):
            if other in self._detuned_since:
                self._paired_since.setdefault(_ordered(qubit, other), time)

    def _pair(self, one: int, other: int, time: float) -> list[Operation]:
        """Return the joint phase of two qubits until a time, and add that of each one to its own."""
        pair = _ordered(one, other)
        elapsed = time - self._paired_since.get(pair, math.inf)
        if elapsed <= 0:  # one of them is in |0>, or they take part in their cx
            return []
        self._paired_since[pair] = time
        angle = _phase(self._neighbours[one][other], elapsed) / 2
        for qubit in pair:
            self._angles[qubit] = self._angles.get(qubit, 0.0) - angle
        return [Operation("rzz", pair, angle)]


def _phase(kilohertz: float, nanoseconds: float) -> float:
    """Return an angle within two turns of zero. Devices that wait for the longest times have lost their phase."""
    return reduced(2 * math.pi * 1e-6 * kilohertz * min(nanoseconds, _LONGEST))


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)
