"""What it costs to simulate a part: `Cost`."""

from __future__ import annotations

from typing import NamedTuple


class Cost(NamedTuple):
    """An estimate for one method and one part of a program.

    Attributes:
        seconds: Time for all shots on one processor core.
        megabytes: Memory at the peak.
    """

    seconds: float
    megabytes: float
