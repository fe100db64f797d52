"""The terminal drawing of a chip."""

from __future__ import annotations

import pytest

from oqtopus_client import Calibration, CouplingCalibration, QubitCalibration
from oqtopus_client.cli.chip_map import chip_map

WIDTH = 80


def chip(positions: list[tuple[float, float] | None], *couplings: tuple[int, int]) -> Calibration:
    """Return a chip with only positions and couplings."""
    return Calibration(
        tuple(QubitCalibration(position=position) for position in positions),
        tuple(CouplingCalibration(control, target) for control, target in couplings),
    )


def drawn(calibration: Calibration, width: int = WIDTH) -> list[str]:
    """Return the lines of the drawing."""
    picture = chip_map(calibration, width)
    assert picture is not None
    return [line.rstrip() for line in picture.plain.splitlines()]


def test_arrows() -> None:
    """Arrows point from control to target, in all directions and both; y grows upwards, in any unit."""
    square = [(0.0, 0.0), (1.5, 0.0), (0.0, -2.0), (1.5, -2.0)]

    assert drawn(chip(square, (0, 1), (3, 2), (0, 2), (3, 1))) == ["0─▶1", "▼  ▲", "2◀─3"]
    assert drawn(chip(square, (0, 1), (1, 0), (0, 2), (2, 0))) == ["0◀▶1", "↕", "2  3"]


def test_far_neighbours() -> None:
    """Couplings span gaps between qubits."""
    places = [(0, 0), (1, 0), (2, 0), (3, 0), (0, -1), (3, -1), (0, -2), (3, -2)]
    sparse = chip([(float(x), float(y)) for x, y in places], (0, 1), (4, 0), (4, 5), (7, 5), (7, 6))

    assert drawn(sparse) == ["0─▶1  2  3", "▲", "4───────▶5", "         ▲", "6◀───────7"]


def test_couplings_that_cannot_be_drawn() -> None:
    """Diagonal couplings, and those that another qubit blocks, are counted instead."""
    corner = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, -1.0)]

    assert drawn(chip(corner, (0, 2), (0, 3), (1, 3), (1, 2))) == [
        "0  1─▶2",
        "",
        "      3",
        "",
        "3 couplings are not drawn.",
    ]


def test_colours() -> None:
    """Colours depend on the error relative to the median; unknown errors are dim."""
    errors = [0.01, 0.02, 0.03, 0.06, None]
    qubits = tuple(QubitCalibration(position=(i, 0.0), readout_error=error) for i, error in enumerate(errors))
    couplings = tuple(CouplingCalibration(i, i + 1, gate_error=error) for i, error in enumerate((0.5, 0.1, None, 0.2)))
    picture = chip_map(Calibration(qubits, couplings), WIDTH)
    assert picture is not None
    colours = [(picture.plain[span.start], str(span.style)) for span in picture.spans]

    assert [colour for character, colour in colours if character.isdigit()] == [
        "green",
        "green",
        "yellow",
        "red",
        "dim",
    ]
    assert [colour for character, colour in colours if character == "▶"] == ["red", "green", "dim", "green"]


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration(),
        chip([(0.0, 0.0), None]),
        chip([(0.0, 0.0), (0.0, 0.0)]),
        chip([(float(x), 0.0) for x in range(50)]),
    ],
)
def test_no_picture(calibration: Calibration) -> None:
    """No drawing without qubits or positions, with equal positions, or if it is too wide."""
    assert chip_map(calibration, WIDTH) is None
