"""Warnings that point to the user's line: `warn_user`."""

from __future__ import annotations

import inspect
import warnings

_PASSED_OVER = frozenset({"oqtopus_client", "qiskit_oqtopus", "pydantic"})
"""The packages of this distribution, and the one that calls their validators."""


def warn_user(message: str) -> None:
    """Issue a warning whose location is the line that called these packages, however deep inside it was noticed."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_OVER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
