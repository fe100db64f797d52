"""Published errors, with NaN for unknown ones."""

from __future__ import annotations

import numpy as np
import pytest

from qiskit_oqtopus.visualization.chip_data import ChipData
from tests.support.chips import device


def test_published() -> None:
    """Fidelities become errors; couplings keep their direction, and positions are unchanged."""
    chip = ChipData.of(
        device(
            {
                "qubits": [
                    {"id": 1, "position": {"x": 0.5, "y": -1}, "fidelity": 0.998},
                    {"id": 0, "position": {"x": 0, "y": 0}, "meas_error": {"readout_assignment_error": 0.026}},
                ],
                "couplings": [{"control": 1, "target": 0, "fidelity": 0.982}, {"control": 0, "target": 1}],
            }
        )
    )

    assert chip.positions is not None
    assert chip.positions.tolist() == [[0, 0], [0.5, -1]]
    assert chip.gate_errors == pytest.approx([np.nan, 0.002], nan_ok=True)
    assert chip.readout_errors == pytest.approx([0.026, np.nan], nan_ok=True)
    assert chip.couplings.tolist() == [[1, 0], [0, 1]]
    assert chip.coupling_errors == pytest.approx([0.018, np.nan], nan_ok=True)


def test_no_calibration() -> None:
    """A device without a calibration has as many qubits as it publishes."""
    chip = ChipData.of(device(None, n_qubits=3))

    assert np.isnan(chip.gate_errors).tolist() == [True] * 3
    assert np.isnan(chip.readout_errors).tolist() == [True] * 3
    assert chip.couplings.shape == (0, 2)


def test_same_place() -> None:
    """Positions are ignored if two qubits have the same one."""
    qubits = [{"id": i, "position": {"x": 0, "y": 0}} for i in range(2)]

    assert ChipData.of(device({"qubits": qubits})).positions is None


def test_nothing_known() -> None:
    """A device that does not publish its number of qubits cannot be drawn."""
    with pytest.raises(ValueError, match=r"Device 'chip' publishes no qubit data, so there is nothing to draw\."):
        ChipData.of(device(None, n_qubits=None))
