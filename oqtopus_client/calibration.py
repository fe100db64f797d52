"""Typed calibration of a device: `Calibration`. All packages read a `device_info` here.

It holds published values only, and None for missing or impossible ones, such as a fidelity above one. Pictures show
unknown values in grey; `physics.completed` fills them in for the transpiler and for simulations.
"""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator


_LIFETIMES = 1e-6, 1e12
"""Plausible range in microseconds, a picosecond to eleven days; values outside, such as zero, are failed fits."""

_DURATIONS = frozenset({"rz", "sx", "x", "measure", "cx", "rzx90"})
"""Known instructions in `gate_duration`; files may have other entries beside them."""

_MAX_DIGITS = 9
"""Maximum length of a qubit index given as text."""


@dataclass(frozen=True, slots=True)
class QubitCalibration:
    """Calibration of a qubit; unpublished values are None.

    Attributes:
        position: Position in pictures, as x and y, unitless.
        gate_error: One minus the average gate fidelity.
        readout_error: The assignment error, else the mean of both misread probabilities.
        prob_meas1_prep0: Probability to read 1 from the qubit in state 0.
        prob_meas0_prep1: Probability to read 0 from the qubit in state 1.
        t1_us: Relaxation time in microseconds.
        t2_us: Dephasing time in microseconds. A fit may exceed `2 * t1_us`.
        durations_ns: Duration of each instruction in nanoseconds, by name: `sx`, `x`.
    """

    position: tuple[float, float] | None = None
    gate_error: float | None = None
    readout_error: float | None = None
    prob_meas1_prep0: float | None = None
    prob_meas0_prep1: float | None = None
    t1_us: float | None = None
    t2_us: float | None = None
    durations_ns: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CouplingCalibration:
    """Calibration of a directed two-qubit gate; unpublished values are None.

    Attributes:
        control: Index of the control qubit.
        target: Index of the target qubit.
        gate_error: One minus the average fidelity of the gate.
        durations_ns: Duration of each instruction in nanoseconds, by name: `cx`, or `rzx90`, into which servers
            decompose it.
    """

    control: int
    target: int
    gate_error: float | None = None
    durations_ns: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The qubits and couplings of a device.

    Attributes:
        qubits: Qubits by index, as in circuits; empty if the device publishes none, or their ids are not 0, 1, 2 and so
            on. A qubit that is not described has no known values.
        couplings: Couplings in published order, each direction once. Those of unknown qubits are left out.
    """

    qubits: tuple[QubitCalibration, ...] = ()
    couplings: tuple[CouplingCalibration, ...] = ()

    @classmethod
    def of(cls, device_info: Mapping[str, Any], n_qubits: int = 0) -> Self:
        """Read a published calibration. Of duplicate entries, the last applies.

        Qubit ids may be text (`"0"`). Null, NaN, infinity, a fidelity of zero, a lifetime of zero and impossible values
        are unknown.

        Args:
            device_info: The `device_info` of the User API, decoded.
            n_qubits: Minimum number of qubits of the device.
        """
        return cls.read(device_info, n_qubits)[0]

    @classmethod
    def read(cls, device_info: Mapping[str, Any], n_qubits: int = 0) -> tuple[Self, list[str]]:
        """Read a published calibration, as `of` does, and list impossible values, each with its field."""
        problems: list[str] = []
        info = _Entry(device_info, "", problems)
        entries = [(entry.index("id"), entry) for entry in info.entries("qubits")]
        listed = {index: entry for index, entry in entries if index is not None}
        if strays := [entry for index, entry in listed.items() if not 0 <= index < len(listed)]:
            for entry in strays:
                entry.note("id", "ids count 0, 1, 2 and so on")
            return cls(), problems
        if not listed:
            return cls(), problems
        n_qubits = max(len(listed), n_qubits)
        nothing = _Entry({}, "", problems)
        qubits = tuple(_qubit(listed.get(i, nothing)) for i in range(n_qubits))
        couplings: dict[tuple[int, int], CouplingCalibration] = {}
        for entry in info.entries("couplings"):
            coupling = _coupling(entry, n_qubits)
            if coupling is not None:
                couplings[coupling.control, coupling.target] = coupling
        return cls(qubits, tuple(couplings.values())), problems


class _Entry:
    """An object in a `device_info`, which records its problems in a list."""

    def __init__(self, value: object, path: str, problems: list[str]) -> None:
        self.path = path
        self._problems = problems
        self._fields: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        if value is not None and not isinstance(value, Mapping):
            problems.append(_described(path, value, "it should be an object"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def entry(self, name: str, *, noting: bool = True) -> _Entry:
        """Return a nested object, or an empty one if it is missing."""
        return _Entry(self._fields.get(name), self._at(name), self._problems if noting else [])

    def entries(self, name: str) -> list[_Entry]:
        """Return the objects in a nested list."""
        values = self._fields.get(name)
        if values is not None and not isinstance(values, list):
            self.note(name, "it should be a list")
        listed = enumerate(values if isinstance(values, list) else [])
        entries = [(value, _Entry(value, f"{self._at(name)}.{i}", self._problems)) for i, value in listed]
        return [entry for value, entry in entries if isinstance(value, Mapping)]

    def number(self, name: str, *, lowest: float = 0.0, highest: float = sys.float_info.max) -> float | None:
        """Return a number, or None if it is unknown."""
        value = self._fields.get(name)
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest:
            return float(value)
        self.note(name, f"it should be a number {'from 0 to 1' if highest == 1 else 'not below 0'}")
        return None

    def index(self, name: str) -> int | None:
        """Return a qubit index, or None if it is missing or invalid."""
        value = self._fields.get(name)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS:
            return int(value)
        if type(value) is int or (isinstance(value, float) and value.is_integer()):
            return int(value)
        self.note(name, "it should be the number of a qubit")
        return None

    def note(self, name: str, why: str) -> None:
        """Record a problem of a field."""
        path, value = self._at(name), self._fields.get(name)
        self._problems.append(f"{path} is missing." if value is None else _described(path, value, why))

    def problem(self, what: str) -> None:
        """Record a problem of the object."""
        self._problems.append(f"{self.path} {what}.")

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


def _described(path: str, value: object, why: str) -> str:
    try:
        shown = reprlib.repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        shown = "an integer of thousands of digits"
    return f"{path} is {shown}; {why}."


def _qubit(published: _Entry) -> QubitCalibration:
    measuring, lifetimes = published.entry("meas_error"), published.entry("qubit_lifetime")
    error, p10, p01 = (
        measuring.number(name, highest=1)
        for name in ("readout_assignment_error", "prob_meas1_prep0", "prob_meas0_prep1")
    )
    if error is None and p10 is not None and p01 is not None:
        error = (p10 + p01) / 2
    return QubitCalibration(
        position=_position(published),
        gate_error=_gate_error(published),
        readout_error=error,
        prob_meas1_prep0=p10,
        prob_meas0_prep1=p01,
        t1_us=_lifetime(lifetimes, "t1"),
        t2_us=_lifetime(lifetimes, "t2"),
        durations_ns=_durations(published),
    )


def _coupling(published: _Entry, n_qubits: int) -> CouplingCalibration | None:
    """Return a coupling, or None if it does not join two of the qubits."""
    ends = {name: published.index(name) for name in ("control", "target")}
    for name, end in ends.items():
        if end is not None and not 0 <= end < n_qubits:
            published.note(name, f"qubits are 0 to {n_qubits - 1}")
            return None
    control, target = ends.values()
    if control is None or target is None:
        return None
    if control == target:
        published.problem(f"joins qubit {control} to itself")
        return None
    return CouplingCalibration(control, target, _gate_error(published), _durations(published))


def _gate_error(published: _Entry) -> float | None:
    fidelity = published.number("fidelity", highest=1)
    error = 1.0 if fidelity is None else 1 - fidelity
    return error if error < 1 else None


def _lifetime(published: _Entry, name: str) -> float | None:
    microseconds = published.number(name)
    shortest, longest = _LIFETIMES
    return microseconds if microseconds is not None and shortest <= microseconds <= longest else None


def _durations(published: _Entry) -> dict[str, float]:
    durations = published.entry("gate_duration")
    numbers = {name: durations.number(name) for name in durations if name in _DURATIONS}
    return {name: value for name, value in numbers.items() if value is not None}


def _position(published: _Entry) -> tuple[float, float] | None:
    # Used in pictures only, so a wrong one is not a problem.
    place = published.entry("position", noting=False)
    x, y = (place.number(axis, lowest=-sys.float_info.max) for axis in ("x", "y"))
    return None if x is None or y is None else (x, y)
