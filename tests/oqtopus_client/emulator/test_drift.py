"""Drift of calibrations."""

from __future__ import annotations

import copy
import math
import statistics

import pytest

from oqtopus_client.calibration import Calibration
from oqtopus_client.emulator.calibration import calibration
from oqtopus_client.emulator.device_files import built_in_devices
from oqtopus_client.emulator.drift import drifted
from tests.support.chips import CHIP

LATTICE = built_in_devices()["lattice144"].description["device_info"]


def changes(drift: float, seed: int) -> dict[str, list[float]]:
    """Return the logarithms of the relative changes of all values of a chip."""
    chips = Calibration.of(LATTICE), Calibration.of(drifted(LATTICE, drift, seed=seed))
    pairs = list(zip(*(chip.qubits for chip in chips), strict=True))
    names = ("readout_error", "prob_meas1_prep0", "gate_error", "t1_us", "t2_us")
    of_qubits = {name: [math.log(getattr(b, name) / getattr(a, name)) for a, b in pairs] for name in names}
    couplings = zip(*(chip.couplings for chip in chips), strict=True)
    return {**of_qubits, "coupling": [math.log(b.gate_error / a.gate_error) for a, b in couplings]}


def test_values_change_as_much_as_asked() -> None:
    """Each value's logarithm changes by a normal number of that standard deviation, on its own."""
    changed = changes(0.1, seed=5)

    for name, values in changed.items():
        assert statistics.fmean(values) == pytest.approx(0, abs=4 * 0.1 / math.sqrt(len(values))), name
        assert statistics.stdev(values) == pytest.approx(0.1, rel=4 / math.sqrt(2 * len(values))), name
    # A qubit's misread probabilities belong together, its lifetimes do not.
    assert changed["readout_error"] == pytest.approx(changed["prob_meas1_prep0"], abs=1e-4)
    assert abs(statistics.correlation(changed["t1_us"], changed["t2_us"])) < 4 / math.sqrt(144)


def test_seeds() -> None:
    """The same seed gives the same drift, another one a different one; no drift leaves values as they are."""
    assert drifted(LATTICE, 0.1, seed=1) == drifted(LATTICE, 0.1, seed=1)
    assert drifted(LATTICE, 0.1, seed=1) != drifted(LATTICE, 0.1, seed=2)
    undated = {name: value for name, value in LATTICE.items() if name != "calibrated_at"}
    assert drifted(LATTICE, 0.0) == undated


def test_the_original_stays() -> None:
    """The given calibration is not changed."""
    before = copy.deepcopy(CHIP)
    drifted(CHIP, 0.5, seed=1)

    assert before == CHIP


def test_large_drift_stays_valid() -> None:
    """However large the drift, the calibration is a valid one; gaps and durations stay."""
    chip = {"qubits": [*CHIP["qubits"], {"id": 2, "meas_error": None}], "couplings": CHIP["couplings"]}
    for seed in range(50):
        chip = drifted(chip, 2.0, seed=seed)
        calibration(chip)

    assert chip["qubits"][2] == {"id": 2, "meas_error": None}
    assert chip["qubits"][0]["gate_duration"] == CHIP["qubits"][0]["gate_duration"]
    assert drifted({"qubits": [{"id": 0}]}, 0.1, seed=0) == {"qubits": [{"id": 0}]}
