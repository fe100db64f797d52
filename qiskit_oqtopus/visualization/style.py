"""The common figure style of all pictures: `canvas`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

INK = "#222222"

# Overrides the user's style, as the colours are chosen for dark ink on white.
_STYLE: Any = {
    "axes.facecolor": "white",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 9.0,
}
_INLINE = {"inline", "module://matplotlib_inline.backend_inline", "nbagg"}


@contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """Create a figure of this size in inches, which `plt.show()` displays, and a notebook displays once."""
    # Created outside the style, which would undo on exit the settings that matplotlib's backend makes when it loads.
    figure = plt.figure(figsize=(width, height), facecolor="white")
    with mpl.rc_context(_STYLE):
        yield figure
    if mpl.get_backend().lower() in _INLINE:
        # A notebook displays a returned figure, and would display an open one a second time.
        plt.close(figure)
