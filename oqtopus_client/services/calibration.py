"""A device's calibration with types: `Calibration`.

It holds what is published and nothing else: None where a value is missing or cannot be right, as a fidelity above one.
What that means is for its readers to say: a transpiler takes the unknown for bad, a picture shows it in grey.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class QubitCalibration:
    """One qubit; None where nothing is published.

    Attributes:
        position: Where a picture has it, as x and y, in no unit.
        gate_error: One minus the average fidelity of its gates.
        readout_error: The assignment error, else the mean of both probabilities to misread.
        prob_meas1_prep0: Probability to read 1 from the qubit in state 0.
        prob_meas0_prep1: Probability to read 0 from the qubit in state 1.
        t1_us: Relaxation time in microseconds.
        t2_us: Dephasing time in microseconds. A fit may well put it beyond `2 * t1_us`.
        durations_ns: How long each instruction takes, in nanoseconds, by its name: `sx`, `x`.
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
    """A pair of qubits with a gate between them, in one direction; None where nothing is published.

    Attributes:
        control: The qubit that controls the gate.
        target: The other qubit.
        gate_error: One minus the average fidelity of the gate.
        durations_ns: How long each instruction takes, in nanoseconds, by its name: `cx`, or `rzx90`, of which servers
            make it.
    """

    control: int
    target: int
    gate_error: float | None = None
    durations_ns: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The qubits and couplings of a device.

    Attributes:
        qubits: By their numbers, as circuits use them; empty where the device publishes none, or does not number them
            from 0 without gaps. One that is not described counts as a qubit of which nothing is known.
        couplings: In the order published, each direction once. Those of unknown qubits are left out.
    """

    qubits: tuple[QubitCalibration, ...] = ()
    couplings: tuple[CouplingCalibration, ...] = ()

    @classmethod
    def of(cls, device_info: Mapping[str, Any], n_qubits: int = 0) -> Self:
        """Read what a server publishes. Where it lists something twice, the later entry counts.

        Args:
            device_info: The `device_info` of the User API, decoded.
            n_qubits: How many qubits the device has at least.
        """
        listed = {qubit["id"]: qubit for qubit in _objects(device_info.get("qubits")) if type(qubit.get("id")) is int}
        if not listed or listed.keys() != set(range(len(listed))):
            return cls()
        n_qubits = max(len(listed), n_qubits)
        couplings: dict[tuple[int, int], CouplingCalibration] = {}
        for coupling in _objects(device_info.get("couplings")):
            control, target = coupling.get("control", -1), coupling.get("target", -1)
            if control != target and all(type(end) is int and 0 <= end < n_qubits for end in (control, target)):
                couplings[control, target] = CouplingCalibration(
                    control, target, _gate_error(coupling), _durations(coupling)
                )
        return cls(tuple(_qubit(listed.get(i, {})) for i in range(n_qubits)), tuple(couplings.values()))


def _qubit(published: Mapping[str, Any]) -> QubitCalibration:
    measuring, lifetimes = _object(published.get("meas_error")), _object(published.get("qubit_lifetime"))
    error, p10, p01 = (
        _number(measuring.get(name), highest=1)
        for name in ("readout_assignment_error", "prob_meas1_prep0", "prob_meas0_prep1")
    )
    if error is None and p10 is not None and p01 is not None:
        error = (p10 + p01) / 2
    return QubitCalibration(
        position=_position(_object(published.get("position"))),
        gate_error=_gate_error(published),
        readout_error=error,
        prob_meas1_prep0=p10,
        prob_meas0_prep1=p01,
        t1_us=_number(lifetimes.get("t1")) or None,  # one of zero is a fit gone wrong
        t2_us=_number(lifetimes.get("t2")) or None,
        durations_ns=_durations(published),
    )


def _gate_error(place: Mapping[str, Any]) -> float | None:
    fidelity = _number(place.get("fidelity"), highest=1)
    return None if fidelity is None else 1 - fidelity


def _durations(place: Mapping[str, Any]) -> dict[str, float]:
    durations = {name: _number(value) for name, value in _object(place.get("gate_duration")).items()}
    return {name: value for name, value in durations.items() if value is not None}


def _position(place: Mapping[str, Any]) -> tuple[float, float] | None:
    x, y = (_number(place.get(axis), lowest=-sys.float_info.max) for axis in ("x", "y"))
    return None if x is None or y is None else (x, y)


def _number(value: object, *, lowest: float = 0, highest: float = sys.float_info.max) -> float | None:
    """The value, if it is a number between the two."""
    if isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest:
        return float(value)
    return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
