"""What a chip's calibration publishes, for a picture of it: `ChipData`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from oqtopus_client import QubitCalibration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        """Read a device's calibration.

        Args:
            device: The device.

        Raises:
            ValueError: Not even the number of qubits is known.
        """
        qubits = device.calibration.qubits or (QubitCalibration(),) * (device.n_qubits or 0)
        couplings = device.calibration.couplings
        if not qubits:
            raise ValueError(f"Device {device.device_id!r} tells nothing of its qubits, so there is nothing to draw.")
        pairs = [(coupling.control, coupling.target) for coupling in couplings]
        return cls(
            positions=_positions(qubits),
            gate_errors=_array(qubit.gate_error for qubit in qubits),
            readout_errors=_array(qubit.readout_error for qubit in qubits),
            couplings=np.array(pairs, dtype=np.int64).reshape(-1, 2),
            coupling_errors=_array(coupling.gate_error for coupling in couplings),
        )


def _positions(qubits: Sequence[QubitCalibration]) -> Floats | None:
    places = [qubit.position for qubit in qubits]
    return None if None in places or len(set(places)) < len(places) else np.array(places)


def _array(values: Iterable[float | None]) -> Floats:
    """The values, NaN in place of None."""
    return np.array(list(values), dtype=np.float64)
