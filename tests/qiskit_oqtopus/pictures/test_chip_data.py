"""Errors as they are published, and nothing made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qiskit_oqtopus.pictures.chip_data import ChipData
from tests.qiskit_oqtopus.test_target import device


def test_published() -> None:
    """Fidelities become errors; couplings keep their direction; positions are as they stand."""
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


@pytest.mark.parametrize(
    ("qubit", "gate_error", "readout_error"),
    [
        ({"fidelity": 1}, 0.0, np.nan),
        ({"fidelity": 1.1}, np.nan, np.nan),
        ({"fidelity": -0.1}, np.nan, np.nan),
        ({"fidelity": "0.99"}, np.nan, np.nan),
        ({"fidelity": True}, np.nan, np.nan),
        ({"fidelity": float("nan")}, np.nan, np.nan),
        ({"meas_error": {"prob_meas1_prep0": 0.02, "prob_meas0_prep1": 0.04}}, np.nan, 0.03),
        ({"meas_error": {"prob_meas1_prep0": 0.02}}, np.nan, np.nan),
        ({"meas_error": {"readout_assignment_error": 2}}, np.nan, np.nan),
        ({"meas_error": 0.03, "position": None}, np.nan, np.nan),
    ],
)
def test_values(qubit: dict[str, Any], gate_error: float, readout_error: float) -> None:
    """What is no probability is unknown, and so is what is missing."""
    chip = ChipData.of(device({"qubits": [{"id": 0, **qubit}, {"id": 1, "fidelity": 0.5}]}))

    assert chip.gate_errors == pytest.approx([gate_error, 0.5], nan_ok=True)
    assert chip.readout_errors == pytest.approx([readout_error, np.nan], nan_ok=True)
    assert chip.positions is None


@pytest.mark.parametrize(
    "coupling",
    [
        {"control": 0, "target": 2},
        {"control": -1, "target": 0},
        {"control": 1, "target": 1},
        {"control": "0", "target": 1},
        {"control": [0], "target": 1},
        {"target": 1},
        {},
        None,
    ],
)
def test_couplings_of_nothing(coupling: object) -> None:
    """A coupling that does not join two of the qubits is left out."""
    chip = ChipData.of(device({"qubits": [{"id": 0}, {"id": 1}], "couplings": [coupling, {"control": 0, "target": 1}]}))

    assert chip.couplings.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    "info",
    [
        None,
        "no JSON",
        [],
        {},
        {"qubits": None},
        {"n_nodes": 2, "calibration_data": {"t1": {"0": 5.0}}},
        {"qubits": [7]},
        {"qubits": [{"id": 1, "fidelity": 0.9}, {"id": 2}], "couplings": [{"control": 1, "target": 2}]},
    ],
)
def test_no_calibration(info: object) -> None:
    """Of a device whose calibration cannot be read, the number of qubits is known."""
    chip = ChipData.of(device(info, n_qubits=3))

    assert np.isnan(chip.gate_errors).tolist() == [True] * 3
    assert np.isnan(chip.readout_errors).tolist() == [True] * 3
    assert chip.couplings.shape == (0, 2)


def test_same_place() -> None:
    """Positions that lay one qubit on another are no use."""
    qubits = [{"id": i, "position": {"x": 0, "y": 0}} for i in range(2)]

    assert ChipData.of(device({"qubits": qubits})).positions is None


def test_nothing_known() -> None:
    """A device that does not tell how many qubits it has cannot be drawn."""
    with pytest.raises(ValueError, match=r"Device 'chip' tells nothing of its qubits, so there is nothing to draw\."):
        ChipData.of(device(None, n_qubits=None))
