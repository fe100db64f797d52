"""Medians of a device's calibration."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oqtopus_client import Calibration


def medians(calibration: Calibration) -> dict[str, float | None]:
    """Return the medians over a device; None for values that it does not publish."""
    qubits, couplings = calibration.qubits, calibration.couplings
    return {
        "median_gate_error": _median(qubit.gate_error for qubit in qubits),
        "median_two_qubit_error": _median(coupling.gate_error for coupling in couplings),
        "median_readout_error": _median(qubit.readout_error for qubit in qubits),
        "median_t1_us": _median(qubit.t1_us for qubit in qubits),
        "median_t2_us": _median(qubit.t2_us for qubit in qubits),
    }


def _median(values: Iterable[float | None]) -> float | None:
    """Return the median of the known values.

    >>> _median([0.5, None, 0.25])
    0.375
    """
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
