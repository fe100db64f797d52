"""The cost of simulating a part of a program, and the memory available for it."""

from __future__ import annotations

import os
from typing import NamedTuple

PATIENCE = 10.0
"""Seconds that an exact method may take if there is an approximation."""


class Cost(NamedTuple):
    """An estimate for one method and one part of a program.

    Attributes:
        seconds: Time for all shots on one processor core.
        megabytes: Memory at the peak.
    """

    seconds: float
    megabytes: float


def available_megabytes() -> int:
    """Return the memory that one simulation may use: half of the machine's, as another one may run beside it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 16 << 30
    return total >> 21
