"""Drawing of a chip as SVG: `draw_chip` and `draw_scale`. The style sheet has the colours, by step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from oqtopus_client.chip_layout import place_qubits, published_positions
from oqtopus_client.emulator.console.drawing.quantities import COUPLING_ERROR, OF_COUPLINGS, OF_QUBITS, Quantity, Scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oqtopus_client.calibration import Calibration

# In pixels of the drawing: smallest distance between qubits, radius of a qubit, and margin around the chip.
_PITCH, _RADIUS, _MARGIN = 48.0, 15.0, 20.0
_WIDE = 480.0
"""Width from which a drawing is not shrunk to the width of a telephone."""
_WIDEST = 200
"""Size of a drawing, in smallest distances, from which positions are so uneven that others are computed."""
# Arrows: distance from the qubits, half widths of shaft and head, length of the head, offset of opposite arrows.
_GAP, _SHAFT, _HALF_HEAD, _HEAD, _ASIDE = 1.5, 2.0, 5.0, 8.0, 5.2
# The scale: width and height of a colour, and space for the numbers.
_SWATCH, _THICKNESS, _NUMBERS, _SIDE = 40, 12, 20, 24

_CHIP = Markup(
    '<svg class="chip{wide}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
    'aria-label="{label}">{couplings}{qubits}</svg>'
)
_COUPLING = Markup('<g class="coupling {step}"><title>{title}</title><path d="{path}"/></g>')
_QUBIT = Markup(
    '<g class="qubit {step}"><title>{title}</title><circle cx="{x}" cy="{y}" r="{radius}"/>'
    '<text x="{x}" y="{y}">{number}</text></g>'
)


def draw_chip(calibration: Calibration, quantity: Quantity, texts: Mapping[str, str]) -> Markup:
    """Draw each qubit at its published position, or, if these are unusable, at one computed from the couplings.

    Qubits are coloured by a quantity, and couplings, arrows from control to target, by their gate errors. Each has a
    tooltip with all its values. Those with an unknown value are dashed.

    Args:
        calibration: The chip's calibration.
        quantity: The values of the qubits that are shown.
        texts: Names of the quantities, and the forms of the tooltips.
    """
    pairs = [(coupling.control, coupling.target) for coupling in calibration.couplings]
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    places = place_qubits(len(calibration.qubits), ends, published_positions(calibration.qubits))
    if not places.max() < _WIDEST:
        places = place_qubits(len(calibration.qubits), ends, None)
    width, height = (float(size) for size in places.max(axis=0) * _PITCH + 2 * (_MARGIN + _RADIUS))
    points = [(_MARGIN + _RADIUS + x * _PITCH, height - _MARGIN - _RADIUS - y * _PITCH) for x, y in places.tolist()]
    return _CHIP.format(
        wide=" wide" if width > _WIDE else "",
        width=_short(width),
        height=_short(height),
        label=texts["drawing"].format(qubits=len(points), couplings=len(pairs), value=texts[quantity.name]),
        couplings=_couplings(calibration, pairs, points, texts),
        qubits=_qubits(calibration, quantity, points, texts),
    )


def draw_scale(scale: Scale, kind: str, label: str) -> Markup:
    """Draw the colours of a scale, best first, with the values at their borders.

    Args:
        scale: The scale.
        kind: What it colours, `qubit` or `coupling`.
        label: What the scale shows, for those who do not see it.
    """
    width, height = len(scale.steps) * _SWATCH + 2 * _SIDE, _THICKNESS + _NUMBERS
    swatch = Markup('<g class="{} step-{}"><rect x="{}" y="0" width="{}" height="{}"/></g>')
    number = Markup('<text x="{}" y="{}">{}</text>')
    swatches = [swatch.format(kind, step, _SIDE + step * _SWATCH, _SWATCH, _THICKNESS) for step in scale.steps]
    numbers = [
        number.format(_SIDE + i * _SWATCH, height - 4, scale.quantity.show(edge))
        for i, edge in enumerate(scale.edges)
        if i % 2 == 0
    ]
    frame = Markup('<svg class="scale" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">')
    return frame.format(width, height, label) + Markup("").join([*swatches, *numbers]) + Markup("</svg>")


def _qubits(
    calibration: Calibration, quantity: Quantity, points: Sequence[tuple[float, float]], texts: Mapping[str, str]
) -> Markup:
    values = quantity.read(calibration)
    scale = Scale.of(quantity, values)
    tips = _tips(calibration, OF_QUBITS, texts)
    return Markup("").join(
        _QUBIT.format(
            step=_step(scale, values[i]),
            title=texts["qubit_tip"].format(qubit=i, values=tips[i]),
            x=_short(x),
            y=_short(y),
            radius=_short(_RADIUS),
            number=i,
        )
        for i, (x, y) in enumerate(points)
    )


def _couplings(
    calibration: Calibration,
    pairs: Sequence[tuple[int, int]],
    points: Sequence[tuple[float, float]],
    texts: Mapping[str, str],
) -> Markup:
    values = COUPLING_ERROR.read(calibration)
    scale = Scale.of(COUPLING_ERROR, values)
    tips = _tips(calibration, OF_COUPLINGS, texts)
    directions = set(pairs)
    return Markup("").join(
        _COUPLING.format(
            step=_step(scale, values[i]),
            title=texts["coupling_tip"].format(control=control, target=target, values=tips[i]),
            path=_arrow(points[control], points[target], aside=_ASIDE if (target, control) in directions else 0.0),
        )
        for i, (control, target) in enumerate(pairs)
    )


def _tips(calibration: Calibration, quantities: Mapping[str, Quantity], texts: Mapping[str, str]) -> list[str]:
    """Return a line per quantity for each qubit or coupling."""
    columns = [
        [f"{texts[name]}: {quantity.show(value)}" for value in quantity.read(calibration)]
        for name, quantity in quantities.items()
    ]
    return ["\n".join(lines) for lines in zip(*columns, strict=True)]


def _step(scale: Scale | None, value: float | None) -> str:
    step = None if scale is None else scale.step(value)
    return "unknown" if step is None else f"step-{step}"


def _arrow(start: tuple[float, float], end: tuple[float, float], *, aside: float) -> str:
    """Return the outline of an arrow between two qubits, moved to its right by `aside`."""
    x, y = end[0] - start[0], end[1] - start[1]
    distance = math.hypot(x, y)
    x, y = x / distance, y / distance
    reach = math.sqrt(_RADIUS**2 - aside**2) + _GAP
    tail, tip = reach, distance - reach
    neck = tip - _HEAD
    outline = [(tail, -_SHAFT), (neck, -_SHAFT), (neck, -_HALF_HEAD), (tip, 0.0)]
    outline += [(along, -across) for along, across in outline[-2::-1]]
    corners = [
        (start[0] + x * along - y * (across + aside), start[1] + y * along + x * (across + aside))
        for along, across in outline
    ]
    return "M" + "L".join(f"{_short(a)} {_short(b)}" for a, b in corners) + "Z"


def _short(length: float) -> str:
    """Format a length with at most one decimal.

    >>> _short(12.04), _short(-3.55)
    ('12', '-3.5')
    """
    return f"{length:.1f}".removesuffix(".0")
