"""`backend.plot(placements=...)` and `backend.plot(values=...)` draw circuits and values on the chip."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

from qiskit_oqtopus import Placement
from qiskit_oqtopus.visualization.colors import UNKNOWN
from tests.support.backends import as_backend
from tests.support.chips import device
from tests.support.placement import emulated

CHIP = as_backend(emulated("lattice64"))
FADED = to_rgba(UNKNOWN, 0.15)


def placement(circuit: int, program: int, *qubits: int | None, replica: int = 0, fidelity: float = 0.9) -> Placement:
    """The place of a circuit."""
    return Placement(circuit, f"circuit {circuit}", program, replica, qubits, fidelity, 0.95, is_fixed=False)


def drawn(figure: Figure) -> Figure:
    """Return the figure after rendering it without a warning."""
    figure.savefig(io.BytesIO(), format="png")
    return figure


def discs(axes: Axes) -> np.ndarray:
    """Return the colours of the discs."""
    return np.asarray([c for c in axes.collections if isinstance(c, EllipseCollection)][-1].get_facecolor())


def arrows(axes: Axes) -> np.ndarray:
    """Return the colours of the couplings."""
    return np.asarray(next(c for c in axes.collections if isinstance(c, Quiver)).get_facecolor())


def coloured(colours: np.ndarray) -> list[int]:
    """Return the indices of those that are not faded."""
    return np.flatnonzero(~np.isclose(colours, FADED).all(axis=1)).tolist()


def test_one_program() -> None:
    """Each circuit has a colour for its qubits and the couplings between them; replicas share it."""
    places = [placement(0, 0, 0, 1, None), placement(4, 0, 27), placement(0, 0, 63, 62, replica=1, fidelity=0.85)]
    figure = drawn(CHIP.plot(placements=places))
    (axes,) = figure.axes
    colours = discs(axes)
    couplings = [{each.control, each.target} for each in CHIP.device.calibration.couplings]

    assert coloured(colours) == [0, 1, 27, 62, 63]
    assert len({tuple(colours[i]) for i in (0, 1, 62, 63)}) == 1
    assert tuple(colours[27]) != tuple(colours[0])
    assert [couplings[i] for i in coloured(arrows(axes))] == [{0, 1}, {62, 63}]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "0: circuit 0 (85.0 to 90.0 %)",
        "4: circuit 4 (90.0 %)",
    ]
    assert tuple(legend.get_patches()[1].get_facecolor()) == tuple(colours[27])
    assert "3 circuits side by side" in figure.texts[1].get_text()


def test_several_programs() -> None:
    """Each program has its own picture; the first twelve are drawn."""
    places = [placement(i, i, i) for i in range(14)]
    figure = drawn(CHIP.plot(placements=places))

    assert [axes.get_title() for axes in figure.axes] == [f"Program {i}" for i in range(12)]
    assert [coloured(discs(axes)) for axes in figure.axes] == [[i] for i in range(12)]
    assert "14 circuits side by side" in figure.texts[1].get_text()
    assert "14 programs" in figure.texts[1].get_text()


def test_many_circuits_have_no_legend() -> None:
    """More than forty would not be legible."""
    assert drawn(CHIP.plot(placements=[placement(i, 0, i) for i in range(41)])).legends == []


def test_long_names_are_shortened() -> None:
    """A name takes the width of a label at most, and is drawn as it is written."""
    figure = drawn(CHIP.plot(placements=[replace(placement(0, 0, 5), name="$x$" * 20)]))

    (text,) = figure.legends[0].get_texts()

    assert text.get_text() == "0: $x$$x$$x$$x$$x$$x$$… (90.0 %)"
    assert not text.get_parse_math()


def test_values_of_qubits_and_couplings() -> None:
    """The scale has the smallest and the largest value; what has none is faded, but for the ends of couplings."""
    values = {0: 20.0, 9: 60.0, 3: math.nan, (8, 0): 40.0}
    figure = drawn(CHIP.plot(values=values, label="T1", unit="µs"))
    axes, bar = figure.axes
    couplings = [{each.control, each.target} for each in CHIP.device.calibration.couplings]

    assert coloured(discs(axes)) == [0, 8, 9]
    assert tuple(discs(axes)[8]) == to_rgba(UNKNOWN)
    assert [couplings[i] for i in coloured(arrows(axes))] == [{0, 8}]
    assert bar.get_title() == "T1 (µs)"
    assert bar.get_xlim() == (20, 60)
    assert not any("%" in label.get_text() for label in bar.get_xticklabels())
    luminance = discs(axes)[:, :3] @ [0.299, 0.587, 0.114]
    assert luminance[9] < luminance[0]


@pytest.mark.parametrize("value", [-3.0, 0.0, 2.0])
def test_equal_values_are_within_the_scale(value: float) -> None:
    """A single value has a scale, too."""
    low, high = drawn(CHIP.plot(values={0: value})).axes[1].get_xlim()

    assert low <= value <= high
    assert low < high


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"placements": []}, "placements is empty"),
        ({"placements": [placement(0, 0, 64)]}, "lattice64 has no qubit 64; it has 0 to 63"),
        ({"values": {}}, "values has no finite number"),
        ({"values": {-1: 2.0}}, "lattice64 has no qubit -1"),
        ({"values": {(0, 9): 2.0}}, r"lattice64 does not couple qubits \[0, 9\]"),
        ({"values": {0: 1.0}, "placements": [placement(0, 0, 1)]}, "Pass only one of"),
    ],
)
def test_refused(options: dict[str, object], message: str) -> None:
    """The message says what cannot be drawn."""
    with pytest.raises(ValueError, match=message):
        CHIP.plot(**options)  # type: ignore[arg-type]


def test_a_device_without_qubits() -> None:
    """There is nothing to draw on."""
    with pytest.raises(ValueError, match="publishes no qubit data"):
        as_backend(device(None, n_qubits=None)).plot(placements=[placement(0, 0, 0)])
