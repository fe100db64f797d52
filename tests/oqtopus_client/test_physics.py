"""What fills the gaps of a calibration."""

from __future__ import annotations

import pytest

from oqtopus_client import Calibration, CouplingCalibration, QubitCalibration
from oqtopus_client.physics import completed, cx_duration

GOOD = QubitCalibration(None, 0.001, 0.02, 0.01, 0.03, 50.0, 60.0, {"x": 20.0, "sx": 10.0, "measure": 300.0})
BAD = QubitCalibration(None, 0.004, 0.05, 0.04, 0.06, 20.0, 15.0, {"x": 30.0, "sx": 15.0, "measure": 400.0})


def test_gaps_are_the_worst_of_the_others() -> None:
    """In every field, and what is published stays; the position of a qubit is no matter of how good it is."""
    unknown = QubitCalibration(position=(1.0, 2.0), durations_ns={"rz": 3.0})
    good, gap, bad = completed(Calibration((GOOD, unknown, BAD))).qubits

    assert (good, bad) == (GOOD, BAD)
    assert gap == QubitCalibration((1.0, 2.0), 0.004, 0.05, 0.04, 0.06, 20.0, 15.0, {"rz": 3.0, **BAD.durations_ns})


def test_couplings() -> None:
    """Likewise, after the duration of each cx is known: that of an rzx90, and of an sx of its target."""
    couplings = (
        CouplingCalibration(0, 1, 0.02, {"rzx90": 200.0}),
        CouplingCalibration(1, 0, None, {"cx": 190.0}),
        CouplingCalibration(0, 2),
    )
    filled = completed(Calibration((GOOD, QubitCalibration(), BAD), couplings)).couplings

    assert [(c.gate_error, c.durations_ns["cx"]) for c in filled] == [(0.02, 215.0), (0.02, 190.0), (0.02, 215.0)]
    assert filled[0].durations_ns["rzx90"] == 200.0


def test_what_is_known_of_none_stays_unknown() -> None:
    """Nothing is made up."""
    nothing = Calibration((QubitCalibration(),) * 2, (CouplingCalibration(0, 1),))

    assert completed(nothing) == nothing
    assert completed(Calibration()) == Calibration()


@pytest.mark.parametrize(
    ("readout", "expected"),
    [
        ((0.1, None, None), (0.1, 0.1, 0.1)),
        ((0.1, 0.02, None), (0.1, 0.1, 0.1)),
        ((None, 0.02, None), (0.02, 0.02, 0.02)),
        ((None, None, 0.06), (0.06, 0.06, 0.06)),
        ((0.1, 0.02, 0.03), (0.1, 0.02, 0.03)),
    ],
)
def test_readout(readout: tuple[float | None, ...], expected: tuple[float, ...]) -> None:
    """Probabilities count where both are known; an assignment error stands for both."""
    (qubit,) = completed(Calibration((QubitCalibration(None, None, *readout),))).qubits

    assert (qubit.readout_error, qubit.prob_meas1_prep0, qubit.prob_meas0_prep1) == expected


@pytest.mark.parametrize(
    ("t1", "t2", "expected"), [(10.0, 30.0, (10.0, 20.0)), (None, 30.0, (None, 30.0)), (10.0, None, (10.0, None))]
)
def test_lifetimes(t1: float | None, t2: float | None, expected: tuple[float | None, ...]) -> None:
    """No phase outlives twice the energy."""
    (qubit,) = completed(Calibration((QubitCalibration(t1_us=t1, t2_us=t2),))).qubits

    assert (qubit.t1_us, qubit.t2_us) == expected


@pytest.mark.parametrize(
    ("durations", "sx", "expected"),
    [
        ({"rzx90": 272.0}, {"sx": 16.0}, 288.0),
        ({"rzx90": 272.0}, {}, 272.0),
        ({"cx": 300.0, "rzx90": 272.0}, {"sx": 16.0}, 300.0),
        ({}, {"sx": 16.0}, None),
    ],
)
def test_duration_of_cx(durations: dict[str, float], sx: dict[str, float], expected: float | None) -> None:
    """As published, else as long as what servers make of it."""
    assert cx_duration(CouplingCalibration(0, 1, None, durations), QubitCalibration(durations_ns=sx)) == expected
