"""Calibration data for the picture of a chip: `ChipData`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from oqtopus_client import QubitCalibration
from oqtopus_client.chip_layout import published_positions

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from oqtopus_client import OqtopusDevice

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ChipData:
    """The published errors of a chip, with NaN for unknown ones, which a picture should show as such.

    A `Target` does not distinguish them, as the transpiler should treat unknown errors as bad.

    Attributes:
        positions: The position of each qubit, of shape (qubits, 2); None unless all have distinct positions.
        gate_errors: For each qubit, one minus the fidelity of its gates.
        readout_errors: For each qubit, the assignment error.
        couplings: Control and target of each coupling, of shape (couplings, 2).
        coupling_errors: For each coupling, one minus the fidelity of its gate.
    """

    positions: Floats | None
    gate_errors: Floats
    readout_errors: Floats
    couplings: npt.NDArray[np.int64]
    coupling_errors: Floats

    @classmethod
    def of(cls, device: OqtopusDevice) -> Self:
        """Read a device's calibration.

        Args:
            device: The device.

        Raises:
            ValueError: The device publishes neither qubits nor their number.
        """
        qubits = device.calibration.qubits or (QubitCalibration(),) * (device.n_qubits or 0)
        couplings = device.calibration.couplings
        if not qubits:
            raise ValueError(f"Device {device.device_id!r} publishes no qubit data, so there is nothing to draw.")
        pairs = [(coupling.control, coupling.target) for coupling in couplings]
        return cls(
            positions=published_positions(qubits),
            gate_errors=_array(qubit.gate_error for qubit in qubits),
            readout_errors=_array(qubit.readout_error for qubit in qubits),
            couplings=np.array(pairs, dtype=np.int64).reshape(-1, 2),
            coupling_errors=_array(coupling.gate_error for coupling in couplings),
        )


def _array(values: Iterable[float | None]) -> Floats:
    """Return the values as an array, with NaN for None."""
    return np.array(list(values), dtype=np.float64)
