"""Colour scales for errors: `Scale`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize, to_rgba
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from qiskit_oqtopus.visualization.chip_data import Floats

UNKNOWN = "#d0d0d0"


@dataclass(frozen=True)
class Scale:
    """The colour scale for one kind of error, from light for the smallest to dark for the largest.

    Attributes:
        label: The label of the scale.
        palette: Name of a matplotlib colormap that goes from white to dark.
        low: The smallest error.
        high: The largest error.
        unit: The unit after a number: `%` for values that are shown in percent.
    """

    label: str
    palette: str
    low: float
    high: float
    unit: str = "%"

    @classmethod
    def of(cls, label: str, palette: str, errors: Floats, unit: str = "%") -> Self | None:
        """Return the scale for the known errors; None if all are unknown."""
        known = errors[np.isfinite(errors)]
        if not known.size:
            return None
        low, high = float(known.min()), float(known.max())
        # Equal errors lie in the middle of the scale.
        ends = (low, high) if low < high else (min(0.0, 2 * high), max(0.0, 2 * high) or 1.0)
        return cls(label, palette, *ends, unit)

    @property
    def norm(self) -> Normalize:
        """The mapping of errors to [0, 1]; logarithmic if they span more than a factor of ten."""
        return LogNorm(self.low, self.high) if 0 < 10 * self.low < self.high else Normalize(self.low, self.high)

    @property
    def colormap(self) -> Colormap:
        """The palette without its lightest colours, which are hard to see on white."""
        return ListedColormap(mpl.colormaps[self.palette](np.linspace(0.2, 1.0, 256)), self.palette)

    def draw(self, figure: Figure, axes: Axes) -> None:
        """Draw the scale as a colour bar."""
        factor = 100 if self.unit == "%" else 1
        logarithmic = isinstance(self.norm, LogNorm)
        few = (1, 3) if self.high < 300 * self.low else (1,)
        bar = figure.colorbar(
            ScalarMappable(self.norm, self.colormap),
            cax=axes,
            orientation="horizontal",
            ticks=LogLocator(subs=few) if logarithmic else MaxNLocator(3),
            format=FuncFormatter(lambda value, _: f"{factor * value:.3g} {self.unit}".rstrip()),
        )
        bar.ax.xaxis.set_minor_locator(NullLocator())
        bar.ax.set_title(self.label, fontsize="medium")
        bar.outline.set_visible(False)


def colours(scale: Scale | None, errors: Floats) -> Floats:
    """Return the colour of each error, of shape (errors, 4); grey for unknown ones."""
    rgba = np.tile(to_rgba(UNKNOWN), (len(errors), 1))
    if scale is not None:
        known = np.isfinite(errors)
        rgba[known] = scale.colormap(scale.norm(errors[known]))
    return rgba
