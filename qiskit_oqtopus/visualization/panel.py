"""The picture of a chip in given colours: `Panel`, and the common elements of such pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from matplotlib.collections import EllipseCollection

from oqtopus_client.chip_layout import place_qubits
from oqtopus_client.display import moment, printable
from qiskit_oqtopus.visualization.style import INK

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oqtopus_client import OqtopusDevice
    from qiskit_oqtopus.visualization.chip_data import ChipData, Floats

# In units of the smallest distance between qubits: radii, margins, and the offset of opposite arrows.
_RING, _GAP, _DISC = 0.33, 0.255, 0.235
_MARGIN = 0.5
_ASIDE = 0.11
_SHAFT, _HEAD_WIDTH, _HEAD_LENGTH = 0.085, 2.7, 2.4

# In inches: the smallest distance between qubits, and the dimensions around the chip.
_PITCH, _WIDEST = 0.95, 13.0
NARROWEST, HEAD, FOOT = 6.5, 0.85, 1.0
BAR, BETWEEN = 1.8, 0.4

_LARGEST_FONT = 11.0
_DARK = 0.55
FADED, _FADED_INK = 0.15, "#aaaaaa"


@dataclass(frozen=True)
class Panel:
    """The picture of a chip.

    Attributes:
        positions: Positions of the qubits, of shape (qubits, 2), with a smallest distance of 1.
        couplings: Control and target of each coupling, of shape (couplings, 2).
        pitch: The smallest distance between qubits, in inches.
    """

    positions: Floats
    couplings: npt.NDArray[np.int64]
    pitch: float

    @classmethod
    def of(cls, chip: ChipData, widest: float = _WIDEST) -> Self:
        """Return the picture of a chip, whose longer side has at most this length in inches."""
        positions = place_qubits(len(chip.gate_errors), chip.couplings, chip.positions)
        longest = float(np.ptp(positions, axis=0).max()) + 2 * _MARGIN
        return cls(positions, chip.couplings, min(_PITCH, widest / longest))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, in inches."""
        width, height = (np.ptp(self.positions, axis=0) + 2 * _MARGIN) * self.pitch
        return float(width), float(height)

    def draw(self, figure: Figure, left: float, bottom: float, *, rings: Floats, discs: Floats, arrows: Floats) -> Axes:
        """Draw the chip in these colours, with its lower left corner at this position in inches."""
        axes = axes_at(figure, left, bottom, *self.size)
        right, top = self.positions.max(axis=0) + _MARGIN
        axes.set(xlim=(-_MARGIN, right), ylim=(-_MARGIN, top))
        axes.axis("off")
        _draw_couplings(axes, self.positions, self.couplings, arrows)
        _draw_qubits(axes, self.positions, rings, discs, 72 * self.pitch)
        return axes


def draw_title(figure: Figure, device: OqtopusDevice, *about: str) -> None:
    """Write the device's name, and below it when it was calibrated and what the picture shows."""
    height = figure.get_size_inches()[1]
    calibrated = [] if device.calibrated_at is None else [f"calibrated {moment(device.calibrated_at)}"]
    title, subtitle = 1 - 0.3 / height, 1 - 0.58 / height
    centred: dict[str, Any] = {"ha": "center", "va": "center", "parse_math": False}
    figure.text(0.5, title, printable(device.device_id), fontsize="xx-large", weight="bold", **centred)
    figure.text(0.5, subtitle, ", ".join([about[0], *calibrated, *about[1:]]), **centred)


def axes_at(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes with this position and size in inches."""
    full_width, full_height = figure.get_size_inches()
    return figure.add_axes((left / full_width, bottom / full_height, width / full_width, height / full_height))


def _draw_couplings(axes: Axes, positions: Floats, couplings: npt.NDArray[np.int64], rgba: Floats) -> None:
    if not len(couplings):
        return
    start, end = (positions[couplings[:, i]] for i in (0, 1))
    along = (end - start) / np.linalg.norm(end - start, axis=1, keepdims=True)
    pairs = set(map(tuple, couplings.tolist()))
    both = np.array([[(target, control) in pairs] for control, target in couplings.tolist()])
    aside = np.column_stack([-along[:, 1], along[:, 0]]) * _ASIDE * both
    start, end = start + _RING * along + aside, end - _RING * along + aside
    axes.quiver(
        *start.T,
        *(end - start).T,
        color=rgba,
        angles="xy",
        units="xy",
        scale_units="xy",
        scale=1,
        minlength=0,
        edgecolor="white",  # separates crossing arrows
        linewidth=0.7,
        zorder=1,
        width=_SHAFT,
        headwidth=_HEAD_WIDTH,
        headlength=_HEAD_LENGTH,
        headaxislength=_HEAD_LENGTH,
    )


def _draw_qubits(axes: Axes, positions: Floats, rings: Floats, discs: Floats, points: float) -> None:
    """Draw rings, discs and numbers; `points` is the length of a unit in points."""
    for radius, colour in ((_RING, rings), (_GAP, "white"), (_DISC, discs)):
        axes.add_collection(
            EllipseCollection(
                2 * radius,
                2 * radius,
                0,
                units="xy",
                offsets=positions,
                offset_transform=axes.transData,
                facecolors=colour,
                linewidth=0,
            )
        )
    digits = len(str(len(positions) - 1))
    size = min(_LARGEST_FONT, 2 * _DISC * points / (0.75 * digits))
    for i, (x, y) in enumerate(positions):
        axes.text(x, y, str(i), ha="center", va="center_baseline", fontsize=size, color=_ink_on(discs[i]))


def _ink_on(rgba: Floats) -> str:
    if rgba[3] < 1:
        return _FADED_INK
    luminance = rgba[:3] @ [0.299, 0.587, 0.114]
    return "white" if luminance < _DARK else INK
