"""What a chip's calibration publishes, for a picture of it: `ChipData`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from oqtopus_client import OqtopusDevice

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ChipData:
    """Errors as they are published; NaN where one is not, as a picture should show what is not known.

    A `Target` does not show it: there, the transpiler is to take what is not known for bad.

    Attributes:
        positions: Where each qubit is, of shape (qubits, 2); None unless all have a place of their own.
        gate_errors: Of each qubit, one minus the fidelity of its gates.
        readout_errors: Of each qubit, the assignment error.
        couplings: Control and target of each coupling, of shape (couplings, 2).
        coupling_errors: Of each coupling, one minus the fidelity of its gate.
    """

    positions: Floats | None
    gate_errors: Floats
    readout_errors: Floats
    couplings: npt.NDArray[np.int64]
    coupling_errors: Floats

    @classmethod
    def of(cls, device: OqtopusDevice) -> Self:
        """Read a device's calibration. One that does not number its qubits from 0 without gaps counts as none.

        Args:
            device: The device.

        Raises:
            ValueError: Not even the number of qubits is known.
        """
        info = device.device_info or {}
        listed = {qubit["id"]: qubit for qubit in _objects(info.get("qubits")) if type(qubit.get("id")) is int}
        if listed.keys() != set(range(len(listed))):
            info, listed = {}, {}
        n_qubits = max(len(listed), device.n_qubits or 0)
        if not n_qubits:
            raise ValueError(f"Device {device.device_id!r} tells nothing of its qubits, so there is nothing to draw.")
        qubits = [listed.get(i, {}) for i in range(n_qubits)]
        couplings = {}
        for coupling in _objects(info.get("couplings")):
            ends = coupling.get("control", -1), coupling.get("target", -1)
            if all(type(end) is int and 0 <= end < n_qubits for end in ends) and ends[0] != ends[1]:
                couplings[ends] = coupling
        return cls(
            positions=_positions(qubits),
            gate_errors=_probabilities([1 - _number(qubit, "fidelity") for qubit in qubits]),
            readout_errors=_probabilities([_readout_error(qubit) for qubit in qubits]),
            couplings=np.array(list(couplings), dtype=np.int64).reshape(-1, 2),
            coupling_errors=_probabilities([1 - _number(coupling, "fidelity") for coupling in couplings.values()]),
        )


def _positions(qubits: list[dict[str, Any]]) -> Floats | None:
    places = np.array([[_number(qubit, "position", axis) for axis in ("x", "y")] for qubit in qubits])
    everywhere = bool(np.isfinite(places).all())
    return places if everywhere and len(np.unique(places, axis=0)) == len(places) else None


def _readout_error(qubit: dict[str, Any]) -> float:
    """The assignment error; where it is not published, the mean of both outcomes' errors."""
    names = ("readout_assignment_error", "prob_meas1_prep0", "prob_meas0_prep1")
    error, p10, p01 = (_number(qubit, "meas_error", name) for name in names)
    return (p10 + p01) / 2 if math.isnan(error) else error


def _probabilities(values: list[float]) -> Floats:
    """The values, NaN in place of those that are no probability."""
    array = np.array(values, dtype=np.float64)
    return np.where((array >= 0) & (array <= 1), array, np.nan)


def _number(place: object, *path: str) -> float:
    for name in path:
        place = place.get(name) if isinstance(place, dict) else None
    return float(place) if isinstance(place, int | float) and not isinstance(place, bool) else math.nan


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
