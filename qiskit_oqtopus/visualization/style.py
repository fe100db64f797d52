"""What all pictures are drawn on: `canvas`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

INK = "#222222"

# Whatever style the user has chosen: our colours are made for dark ink on white.
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
    """A new figure of that size in inches, which `plt.show()` shows, and a notebook once."""
    # Before the style: the first figure loads matplotlib's backend, and the style would undo what that sets.
    figure = plt.figure(figsize=(width, height), facecolor="white")
    with mpl.rc_context(_STYLE):
        yield figure
    if mpl.get_backend().lower() in _INLINE:
        # A notebook shows the figure that is returned to it, and would show an open one a second time.
        plt.close(figure)
