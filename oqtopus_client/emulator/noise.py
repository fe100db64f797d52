"""A device's noise, built from its calibration: what happens to the qubits that execute a program.

`simulation.aer` has the same noise as channels of Qiskit Aer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qiskit.utils.units import apply_prefix

from oqtopus_client.emulator.phases import Phases
from oqtopus_client.emulator.schedule import as_late_as_possible, gateway
from oqtopus_client.emulator.simulation.operations import Operation
from oqtopus_client.physics import CLOCK_NS, relaxation_fidelity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from qiskit.circuit import Delay

    from oqtopus_client.emulator.coherent import CoherentErrors
    from oqtopus_client.emulator.device_files import EmulatedDevice

_SCHEDULES = {"gateway": gateway, "alap": as_late_as_possible}
_SHORTEST = 1e-6
"""The shortest wait, in nanoseconds; anything shorter is a rounding error."""

_LONGEST = 1e300
"""The longest delay, in clock steps."""


def noisy_operations(
    operations: Sequence[Operation], measured: Collection[int], device: EmulatedDevice
) -> list[Operation]:
    """Return what happens to the qubits of a noisy device that executes operations, except for readout errors.

    - After each gate, its qubits relax and depolarize as calibrated; see `relaxation_and_depolarization`. `rz` is a
      change of frame and has no noise.
    - Between its first gate and the measurements, a qubit relaxes while it waits, according to the device's schedule. A
      qubit without gates stays in |0> at no cost. Without `idle_noise`, only written delays relax their qubits.
    - Coherent errors rotate the qubits after gates, and give them phases as time passes; see `coherent` and `phases`.

    What only happens after the last gate of a qubit that is not measured is left out, and so are phases after the last
    gates, as neither changes outcomes. If nothing is measured, the operations lead to the state at the end instead.

    Args:
        operations: `x`, `sx`, `rz`, `cx`, `delay` and `barrier` on the device's qubits, without measurements.
        measured: The qubits that are measured.
        device: The device; whether it is `noisy` does not matter.

    Returns:
        Operations without `delay` and `barrier`; see `Operation`.

    Raises:
        ValueError: A `cx` acts where the device has no coupling in that direction.
    """
    chip = _Chip(device.calibration, device.coherent)
    durations = [chip.duration(operation) for operation in operations]
    starts, readout = _SCHEDULES[device.schedule](operations, durations)
    timed: Iterable[tuple[Operation, float, float]] = zip(operations, starts, durations, strict=True)
    if device.coherent is not None:
        # Phases act between gates on different qubits that follow each other in time, in any order in the text.
        timed = sorted(timed, key=lambda item: item[1] + item[2] / 2)
    qubits = _Qubits(chip, device)
    noisy: list[Operation] = []
    for operation, start, duration in timed:
        if operation.name == "rz":
            noisy.append(operation)
        elif operation.name == "delay":
            noisy += qubits.delay(operation)
        elif operation.name != "barrier":
            noisy += qubits.gate(operation, start, duration)
    return noisy + qubits.readout(measured, readout)


class _Qubits:
    """The qubits of a noisy device while it executes a program."""

    def __init__(self, chip: _Chip, device: EmulatedDevice) -> None:
        self._chip = chip
        self._idle_noise = device.idle_noise
        self._phases = None if device.coherent is None else Phases(device.coherent, chip.couplings)
        self._ends: dict[int, float] = {}

    def gate(self, gate: Operation, start: float, duration: float) -> list[Operation]:
        """Return a gate between what happens to its qubits while they wait for it, and its errors."""
        noisy: list[Operation] = []
        for qubit in gate.qubits:
            noisy += self._wait(qubit, start)
            self._ends[qubit] = start + duration
        if self._phases is not None:
            noisy += self._phases.before(gate, start, duration)
        return [*noisy, gate, *self._chip.errors(gate.name, gate.qubits)]

    def delay(self, delay: Operation) -> list[Operation]:
        """Return the relaxation during a written delay where qubits do not relax whenever they wait."""
        (qubit,) = delay.qubits
        return [] if self._idle_noise or qubit not in self._ends else self._chip.wait(qubit, delay.value)

    def readout(self, measured: Collection[int], time: float) -> list[Operation]:
        """Return what happens to the qubits before they are measured at this time."""
        noisy = [
            relaxation for qubit in dict.fromkeys(measured or self._ends) for relaxation in self._wait(qubit, time)
        ]
        if self._phases is not None and not measured:
            noisy += [phase for qubit in self._ends for phase in self._phases.until(qubit, time)]
        return noisy

    def _wait(self, qubit: int, until: float) -> list[Operation]:
        if not self._idle_noise or qubit not in self._ends:
            return []
        return self._chip.wait(qubit, until - self._ends[qubit])


class _Chip:
    """Durations and errors of a chip's gates, each computed once."""

    def __init__(self, calibration: Mapping[str, Any], coherent: CoherentErrors | None) -> None:
        self._qubits = calibration["qubits"]
        self._coherent = coherent
        self._durations: dict[tuple[str, tuple[int, ...]], float] = {}
        self._errors: dict[tuple[str, tuple[int, ...]], list[Operation]] = {}
        self.couplings = by_direction(calibration)

    def duration(self, operation: Operation) -> float:
        """Return an operation's duration in nanoseconds.

        Raises:
            ValueError: It is a `cx` where the chip has no coupling in that direction.
        """
        name, qubits, value = operation
        if name == "delay":
            return value
        if name in ("rz", "barrier"):
            return 0.0
        gate = name, qubits
        if gate not in self._durations:
            self._durations[gate] = min(self._calibrated(name, qubits)["gate_duration"][name], _LONGEST)
        return self._durations[gate]

    def errors(self, name: str, qubits: tuple[int, ...]) -> list[Operation]:
        """Return what follows a gate: coherent errors, relaxation and depolarization."""
        gate = name, qubits
        if gate not in self._errors:
            rotation = self._coherent.over_rotation(name, qubits) if self._coherent else None
            calibrated = self._calibrated(name, qubits)
            times = [lifetimes(self._qubits[qubit]) for qubit in qubits]
            duration, p = relaxation_and_depolarization(
                calibrated["fidelity"], calibrated["gate_duration"][name], times
            )
            errors = [] if rotation is None else [rotation]
            errors += self._relaxation(qubits, duration) if duration else []
            self._errors[gate] = [*errors, Operation("depolarize", qubits, p)] if p else errors
        return self._errors[gate]

    def wait(self, qubit: int, duration: float) -> list[Operation]:
        """Return the relaxation of a qubit that waits for a time in nanoseconds."""
        return self._relaxation((qubit,), duration) if duration > _SHORTEST else []

    def _relaxation(self, qubits: Iterable[int], duration: float) -> list[Operation]:
        return [Operation("relax", (q,), duration) for q in qubits if min(lifetimes(self._qubits[q])) < math.inf]

    def _calibrated(self, name: str, qubits: tuple[int, ...]) -> Mapping[str, Any]:
        qubit: Mapping[str, Any] = self._qubits[qubits[0]]
        return coupling(self.couplings, *qubits) if name == "cx" else qubit


def relaxation_and_depolarization(
    fidelity: float | None, duration: float, times: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Return the relaxation time and the depolarization probability that give a gate its average fidelity.

    Full depolarization with probability `p` turns an average fidelity `F_r` into
    `F = (1 - p) F_r + p / d`, for any channel before it, so `p = (F_r - F) / (F_r - 1/d)`; without relaxation that is
    the well-known `F = 1 - p (d-1)/d`. `F_r` is `physics.relaxation_fidelity`. Qiskit Aer's
    `basic_device_gate_errors` solves the same equation. Two cases have no solution:

    - Relaxation alone gives a lower fidelity: the relaxation time is shortened, without depolarization.
    - The fidelity is below `1/d`: it is raised to `1/d`, which fully depolarizes the state.

    Args:
        fidelity: Average gate fidelity, 0 to 1; None if unknown, for relaxation without depolarization.
        duration: Duration of the gate, in nanoseconds.
        times: `(t1, t2)` of each qubit, in microseconds; `t2` up to `2 * t1`.

    Returns:
        A time in nanoseconds, and a probability.
    """
    dimension = 2 ** len(times)
    ceiling = relaxation_fidelity(duration, times)
    if fidelity is None:
        return duration, 0.0
    if fidelity > ceiling:
        return _duration_for(fidelity, duration, times), 0.0
    missing = ceiling - max(fidelity, 1 / dimension)
    # Qubits that relax completely have a fidelity of 1/d already.
    return duration, missing / (ceiling - 1 / dimension) if missing > 0 else 0.0


def _duration_for(fidelity: float, longest: float, times: Sequence[tuple[float, float]]) -> float:
    """Return the time in nanoseconds after which relaxation reaches a fidelity, by bisection."""
    shortest = 0.0
    for _ in range(60):
        middle = (shortest + longest) / 2
        if relaxation_fidelity(middle, times) > fidelity:
            shortest = middle
        else:
            longest = middle
    return shortest


def by_direction(calibration: Mapping[str, Any]) -> dict[tuple[int, int], Mapping[str, Any]]:
    """Return a device's couplings by control and target, as chips have thousands."""
    return {(coupling["control"], coupling["target"]): coupling for coupling in calibration["couplings"]}


def coupling(couplings: Mapping[tuple[int, int], Mapping[str, Any]], control: int, target: int) -> Mapping[str, Any]:
    """Return the coupling of two of the device's qubits in that direction.

    Raises:
        ValueError: The coupling does not exist.
    """
    if (control, target) not in couplings:
        raise ValueError(f"the device has no cx from qubit {control} to qubit {target}")
    return couplings[control, target]


def lifetimes(qubit: Mapping[str, Any]) -> tuple[float, float]:
    """Return a qubit's t1 and t2, in microseconds."""
    return qubit["qubit_lifetime"]["t1"], qubit["qubit_lifetime"]["t2"]


def delay_nanoseconds(delay: Delay) -> float:
    """Return a delay's duration on the device in nanoseconds, rounded up to whole clock steps.

    Raises:
        ValueError: The delay is not positive.
    """
    duration, unit = delay.duration, delay.unit
    steps = duration if unit == "dt" else apply_prefix(float(duration), unit) * 1e9 / CLOCK_NS
    if not steps > 0:
        raise ValueError(f"a delay of {duration} {unit} is not longer than zero")
    # Less than a millionth of a step is a rounding error of the unit. Longer delays would overflow in nanoseconds.
    return float(math.ceil(min(steps, _LONGEST) - 1e-6) * CLOCK_NS)
