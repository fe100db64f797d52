"""Colours of errors."""

from __future__ import annotations

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import LogNorm, to_rgba

from qiskit_oqtopus.visualization.colors import UNKNOWN, Scale, colours


def scale_of(*errors: float) -> Scale:
    """Return the scale of some errors."""
    scale = Scale.of("Gate error", "Blues", np.array(errors))
    assert scale is not None
    return scale


def lightness(rgba: np.ndarray) -> np.ndarray:
    """Return the perceived lightness of colours."""
    return rgba[:, :3] @ [0.299, 0.587, 0.114]


def test_darker_is_worse() -> None:
    """The larger the error, the darker the colour, from the palette's light end to its dark one."""
    errors = np.array([0.03, 0.01, 0.02, 0.025])
    rgba = colours(scale_of(*errors), errors)

    assert np.argsort(errors).tolist() == np.argsort(-lightness(rgba)).tolist()
    assert rgba[0] == pytest.approx(mpl.colormaps["Blues"](1.0))
    assert rgba[1] == pytest.approx(mpl.colormaps["Blues"](0.2))
    assert scale_of(*errors).norm(0.02) == pytest.approx(0.5)


@pytest.mark.parametrize("palette", ["Blues", "Oranges", "RdPu"])
def test_readable_without_colour(palette: str) -> None:
    """Palettes are monotonic in lightness, also for colour-blind people, and never white."""
    scale = Scale.of("", palette, np.array([0.0, 1.0]))
    assert scale is not None
    light = lightness(scale.colormap(np.linspace(0, 1, 64)))

    assert (np.diff(light) < 0).all()
    assert light[0] < 0.92
    assert light[0] - light[-1] > 0.45


def test_far_apart() -> None:
    """With one bad qubit, differences between the others remain visible."""
    scale = scale_of(0.001, 0.002, 0.4)

    assert isinstance(scale.norm, LogNorm)
    assert scale.norm(0.02) == pytest.approx(0.5)
    assert not isinstance(scale_of(0.0, 0.4).norm, LogNorm)


@pytest.mark.parametrize(("error", "high"), [(0.001, 0.002), (0.0, 1.0)])
def test_all_the_same(error: float, high: float) -> None:
    """Equal errors have a colour."""
    scale = scale_of(error, error, np.nan)

    assert (scale.low, scale.high) == (0.0, high)
    assert scale.norm(error) == (0.5 if error else 0.0)


def test_unknown() -> None:
    """Unknown errors are grey, unlike any known error; without known errors there is no scale."""
    errors = np.array([0.1, np.nan, 0.2])
    rgba = colours(scale_of(*errors), errors)

    assert tuple(rgba[1]) == to_rgba(UNKNOWN)
    assert all(np.ptp(colour[:3]) > 0.1 for colour in rgba[[0, 2]])
    assert Scale.of("", "Blues", np.array([np.nan])) is None
    assert colours(None, np.array([np.nan, np.nan])).tolist() == [list(to_rgba(UNKNOWN))] * 2
    assert colours(None, np.array([])).shape == (0, 4)


@pytest.mark.parametrize(
    ("errors", "ticks"),
    [
        ((0.008, 0.021), ["1 %", "1.5 %", "2 %"]),
        ((0.001, 0.001), ["0 %", "0.08 %", "0.16 %"]),
        ((0.004, 0.4), ["1 %", "3 %", "10 %", "30 %"]),
        ((0.00001, 0.4), ["0.001 %", "0.1 %", "10 %"]),
    ],
)
def test_bar(errors: tuple[float, ...], ticks: list[str]) -> None:
    """The colour bar has a few ticks in percent, which do not overlap."""
    figure = plt.figure(figsize=(3, 1))
    axes = figure.add_axes((0.2, 0.4, 0.6, 0.12))
    scale_of(*errors).draw(figure, axes)
    figure.canvas.draw()
    low, high = axes.get_xlim()
    shown = [label for at, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True) if low <= at <= high]
    boxes = [label.get_window_extent() for label in shown]

    assert [label.get_text() for label in shown] == ticks
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert axes.get_title() == "Gate error"
