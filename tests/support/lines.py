"""Devices that are a line of qubits, with readout errors or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def line_of(errors: Sequence[tuple[float, float]], fidelity: float = 1.0) -> dict[str, Any]:
    """Return the calibration of a line of qubits.

    Args:
        errors: For each qubit, the probabilities to read 1 from state 0, and 0 from state 1.
        fidelity: The fidelity of gates on two qubits; those on one have no errors.
    """
    durations = {"rz": 0, "sx": 16, "x": 32, "measure": 400}
    return {
        "qubits": [
            {
                "id": i,
                "fidelity": 1.0,
                "meas_error": {"prob_meas1_prep0": p10, "prob_meas0_prep1": p01},
                "gate_duration": durations,
            }
            for i, (p10, p01) in enumerate(errors)
        ],
        "couplings": [
            {"control": i, "target": j, "fidelity": fidelity, "gate_duration": {"rzx90": 200}}
            for i in range(len(errors))
            for j in (i - 1, i + 1)
            if 0 <= j < len(errors)
        ],
    }
