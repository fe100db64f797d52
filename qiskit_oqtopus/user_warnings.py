"""Warnings that point to the user's line: `warn_user`."""

from __future__ import annotations

import inspect
import warnings

_PASSED_OVER = frozenset({__name__.partition(".")[0], "pydantic"})
"""This package, and the one that calls its validators."""


def warn_user(message: str) -> None:
    """Issue a warning whose location is the line that called this package, however deep inside it was noticed."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_OVER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
