"""What a device's calibration says, for people: errors, lifetimes, medians.

Only what is published counts here; a value that cannot be right is left out.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oqtopus_client import OqtopusDevice


@dataclass(frozen=True)
class QubitCalibration:
    """One qubit; None where nothing is published.

    Attributes:
        qubit: Its number.
        gate_error: One minus the fidelity of its gates.
        readout_error: How likely its measurement is wrong.
        t1_us: Its relaxation time in microseconds.
        t2_us: Its dephasing time in microseconds.
    """

    qubit: int
    gate_error: float | None
    readout_error: float | None
    t1_us: float | None
    t2_us: float | None


@dataclass(frozen=True)
class CouplingCalibration:
    """One coupling; None where nothing is published.

    Attributes:
        control: The qubit that controls its gate.
        target: The other one.
        gate_error: One minus the fidelity of its gate.
        duration_ns: How long its gate takes, in nanoseconds.
    """

    control: int
    target: int
    gate_error: float | None
    duration_ns: float | None


def qubits(device: OqtopusDevice) -> list[QubitCalibration]:
    """The qubits of a device, as far as they are published."""
    return [
        QubitCalibration(
            qubit["id"],
            _error(qubit),
            _readout_error(qubit),
            _number(qubit, "qubit_lifetime", "t1"),
            _number(qubit, "qubit_lifetime", "t2"),
        )
        for qubit in _objects(device, "qubits", "id")
    ]


def couplings(device: OqtopusDevice) -> list[CouplingCalibration]:
    """The couplings of a device, as far as they are published."""
    return [
        CouplingCalibration(coupling["control"], coupling["target"], _error(coupling), _duration(coupling))
        for coupling in _objects(device, "couplings", "control", "target")
    ]


def median(values: Iterable[float | None]) -> float | None:
    """The median of what is known; None if nothing is.

    >>> median([0.5, None, 0.25])
    0.375
    """
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def summary(device: OqtopusDevice) -> dict[str, float | None]:
    """Medians over the device."""
    chip, edges = qubits(device), couplings(device)
    return {
        "median_gate_error": median(qubit.gate_error for qubit in chip),
        "median_two_qubit_error": median(coupling.gate_error for coupling in edges),
        "median_readout_error": median(qubit.readout_error for qubit in chip),
        "median_t1_us": median(qubit.t1_us for qubit in chip),
        "median_t2_us": median(qubit.t2_us for qubit in chip),
    }


def _error(place: dict[str, Any]) -> float | None:
    fidelity = _number(place, "fidelity", highest=1)
    return None if fidelity is None else 1 - fidelity


def _readout_error(qubit: dict[str, Any]) -> float | None:
    """The assignment error; where it is not published, the mean of both outcomes' errors."""
    names = ("readout_assignment_error", "prob_meas1_prep0", "prob_meas0_prep1")
    error, p10, p01 = (_number(qubit, "meas_error", name, highest=1) for name in names)
    return (p10 + p01) / 2 if error is None and p10 is not None and p01 is not None else error


def _duration(coupling: dict[str, Any]) -> float | None:
    cx = _number(coupling, "gate_duration", "cx")
    return _number(coupling, "gate_duration", "rzx90") if cx is None else cx


def _number(place: object, *path: str, highest: float = float("inf")) -> float | None:
    for name in path:
        place = place.get(name) if isinstance(place, dict) else None
    if isinstance(place, int | float) and not isinstance(place, bool) and 0 <= place <= highest:
        return float(place)
    return None


def _objects(device: OqtopusDevice, name: str, *numbered_by: str) -> list[dict[str, Any]]:
    listed = (device.device_info or {}).get(name)
    return [
        item
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict) and all(type(item.get(key)) is int for key in numbered_by)
    ]
