"""Dynamical decoupling of idle qubits: `decouple`."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from qiskit.circuit import CircuitInstruction, Delay
from qiskit.circuit.library import RZGate, XGate

from qiskit_oqtopus.plain import plain, with_instructions
from qiskit_oqtopus.primitives.suppression.schedule import Schedule, gate_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate
    from qiskit.transpiler import Target

    from qiskit_oqtopus.primitives.suppression.schedule import Step

_PHASES = {"XX": (0.0, 0.0), "XpXm": (0.0, math.pi), "XY4": (0.0, math.pi / 2, 0.0, math.pi / 2)}
"""The phase p of each pulse, which is rz(-p), x, rz(p)."""


def decouple(
    circuit: QuantumCircuit,
    target: Target,
    *,
    sequence_type: Literal["XX", "XpXm", "XY4"] = "XX",
    scheduling_method: Literal["alap", "asap"] = "alap",
    extra_slack_distribution: Literal["middle", "edges"] = "middle",
    skip_reset_qubits: bool = True,
) -> QuantumCircuit:
    """Return a circuit with the same effect in which pulses on idle qubits undo slow dephasing.

    Wherever a qubit that has gates idles, an even number of `x` pulses with waits between them turns it over, so that a
    constant detuning cancels. Delays of the circuit count as idle time. Pulses are spaced as in Qiskit's
    `PadDynamicalDecoupling`; a qubit that idles for less than the pulses take has none.

    The circuit is scheduled as the gateway of QPUs plays it (see `Schedule`), and its gates are in the order of their
    times, with every wait written as delays, so that the pulses are played where they are planned. As each `rz`
    aligns all qubits, no pulse is in progress when another qubit has one: if necessary, all pulses of an idle time are
    shifted together, after which a constant detuning still cancels. `XpXm` and `XY4` need such moments between
    their pulses for `rz` gates of their own; an idle time without them gets `XX`.

    Dynamical decoupling is from Viola and Lloyd, Dynamical suppression of decoherence in two-state quantum systems,
    Physical Review A 58, 2733 (1998).

    Args:
        circuit: The circuit of native gates, whose angles may depend on parameters.
        target: The device's target.
        sequence_type: The pulses: X X; X and X in the opposite sense; or X Y X Y.
        scheduling_method: Whether gates are as late (`alap`) or as soon as possible.
        extra_slack_distribution: Where the rest goes that does not divide evenly: to the `middle` or the `edges`.
        skip_reset_qubits: Whether qubits idle without pulses before their first gate.

    Raises:
        CircuitError: The circuit has other operations, such as control flow, or the device does not publish durations.
    """
    circuit = plain(circuit)
    schedule = Schedule.of(circuit, target, late=scheduling_method == "alap")
    padding = _Padding(schedule, sequence_type, to_middle=extra_slack_distribution == "middle")
    events = [_Event(step.start, not step.aligns, step.item) for step in schedule.steps if not step.is_delay]
    for qubit, gates in enumerate(_by_qubit(schedule, circuit.num_qubits)):
        duration = gate_duration(target, "x", (qubit,)) if gates else 0
        for gap in _gaps(gates, schedule.end):
            with_pulses = not (gap.is_first and skip_reset_qubits)
            for start, gate in padding.fill(gap, duration, with_pulses=with_pulses):
                events.append(_Event(start, gate.name != "rz", CircuitInstruction(gate, (circuit.qubits[qubit],))))
    # At the same time, operations that take no time come first. The sort keeps their order.
    events.sort(key=lambda event: event[:2])
    return with_instructions(circuit, [*(event.item for event in events), *schedule.measurements])


class _Event(NamedTuple):
    """An operation at a time."""

    start: int
    takes_time: bool
    item: CircuitInstruction


class _Gap(NamedTuple):
    """A time in which a qubit idles; the first is before any gate that takes time."""

    start: int
    end: int
    is_first: bool


def _by_qubit(schedule: Schedule, num_qubits: int) -> list[list[Step]]:
    """Return the gates of each qubit."""
    gates: list[list[Step]] = [[] for _ in range(num_qubits)]
    for step in schedule.steps:
        for qubit in step.qubits if step.item.name not in {"barrier", "delay"} else ():
            gates[qubit].append(step)
    return gates


def _gaps(gates: Sequence[Step], end: int) -> Iterator[_Gap]:
    """Yield the idle times of a qubit between its gates; none for a qubit without gates."""
    free, is_first = 0, True
    for gate in gates:
        if free < gate.start:
            yield _Gap(free, gate.start, is_first)
        free = gate.end
        is_first = is_first and not gate.duration
    if gates and free < end:
        yield _Gap(free, end, is_first)


class _Padding:
    """Fills gaps with pulses and delays.

    Args:
        schedule: The schedule of the gates.
        sequence_type: The pulses.
        to_middle: Whether what does not divide evenly goes to the middle.
    """

    def __init__(self, schedule: Schedule, sequence_type: str, *, to_middle: bool) -> None:
        self._alignments = schedule.alignments
        self._to_middle = to_middle
        self._sequences = [_PHASES[name] for name in dict.fromkeys((sequence_type, "XX"))]

    def fill(self, gap: _Gap, duration: int, *, with_pulses: bool) -> Iterator[tuple[int, Gate | Delay]]:
        """Yield the operations in a gap with their starts.

        Args:
            gap: The gap.
            duration: Duration of a pulse.
            with_pulses: Whether to insert pulses, if they fit; otherwise there are delays only.
        """
        starts: list[int] = []
        turns: list[tuple[int, float]] = []
        for phases in self._sequences if with_pulses else ():
            placed = self._placed(gap, duration, phases)
            if placed is not None:
                starts, turns = placed
                break
        for start, angle in turns:
            yield start, RZGate(angle)
        for start in starts:
            yield start, XGate()
        edges = [gap.start, *(edge for start in starts for edge in (start, start + duration)), gap.end]
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            for part, next_part in pairwise([start, *self._inside(start, end), end]):
                if part < next_part:
                    yield part, Delay(next_part - part, "dt")

    def _placed(
        self, gap: _Gap, duration: int, phases: Sequence[float]
    ) -> tuple[list[int], list[tuple[int, float]]] | None:
        """Return the starts of the pulses, and the times and angles of the `rz` gates; None if they do not fit."""
        starts = self._spaced(gap, duration, len(phases))
        if not starts:
            return None
        inside = self._inside(gap.start, gap.end)
        shifts = {0, *(to - start for to in inside for start in starts)}
        shifts.update(to - duration - start for to in inside for start in starts)
        for shift in sorted(shifts, key=lambda shift: (abs(shift), shift)):
            shifted = [start + shift for start in starts]
            if shifted[0] < gap.start or shifted[-1] + duration > gap.end:
                continue
            if any(self._inside(start, start + duration) for start in shifted):
                continue
            turns = self._turns(gap, duration, phases, shifted)
            if turns is not None:
                return shifted, turns
        return None

    def _spaced(self, gap: _Gap, duration: int, number: int) -> list[int]:
        """Return the starts of evenly spaced pulses, the waits at the edges half as long; none if they do not fit."""
        slack = gap.end - gap.start - number * duration
        if slack <= 0:
            return []
        waits = [slack // (2 * number), *[slack // number] * (number - 1), slack // (2 * number)]
        rest = slack - sum(waits)
        if self._to_middle:
            waits[number // 2] += rest
        else:
            waits[0] += rest // 2
        starts = [gap.start + waits[0]]
        for wait in waits[1:-1]:
            starts.append(starts[-1] + duration + wait)
        return starts

    def _turns(
        self, gap: _Gap, duration: int, phases: Sequence[float], starts: Sequence[int]
    ) -> list[tuple[int, float]] | None:
        """Return times and angles of the `rz` gates between pulses; None if there is no time for one."""
        turns = []
        after = [gap.start, *(start + duration for start in starts)]
        before = [*starts, gap.end]
        angles = [phase - next_phase for phase, next_phase in pairwise([0.0, *phases, 0.0])]
        for earliest, latest, angle in zip(after, before, angles, strict=True):
            if angle:
                time = self._alignments[bisect_right(self._alignments, latest) - 1]
                if time < earliest:
                    return None
                turns.append((time, angle))
        return turns

    def _inside(self, start: int, end: int) -> list[int]:
        """Return the alignments strictly between two times."""
        return self._alignments[bisect_right(self._alignments, start) : bisect_left(self._alignments, end)]
