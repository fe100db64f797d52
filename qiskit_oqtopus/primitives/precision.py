"""The precision of an estimator's PUB as a number of shots: `shots_for`."""

from __future__ import annotations

import math

import numpy as np

_MOST_SHOTS = 10**9
"""The most shots of a measurement: those of a hundred of the largest jobs."""


class PrecisionOfShots(float):
    """The precision of a number of shots without mitigation; with it, the number of shots stays the same.

    >>> PrecisionOfShots.of(100)
    0.1
    """

    @classmethod
    def of(cls, shots: int) -> PrecisionOfShots:
        """Return the standard error of a mean over so many shots, for an observable of norm 1."""
        return cls(1 / math.sqrt(shots))


def shots_for(precision: float, index: int, amplification: float = 1.0) -> int:
    """Return the number of shots of each measurement for a standard error, for an observable of norm 1.

    Args:
        precision: The standard error.
        index: Index of the PUB, for messages.
        amplification: The factor by which mitigation multiplies the standard error.

    >>> shots_for(1 / math.sqrt(1000), 0)
    1000

    Raises:
        ValueError: The precision is not positive, or too fine.
    """
    if isinstance(precision, bool | np.bool_) or not 0 < precision < math.inf:
        raise ValueError(f"PUB {index} has the precision {precision!r}; it must be a positive number.")
    shots = (amplification / precision) * (amplification / precision)  # infinite where a power would be an error
    if shots > _MOST_SHOTS * (1 + 1e-9):
        raise ValueError(
            f"PUB {index} has the precision {precision!r}, for which each measurement would take {shots:.3g} shots; "
            f"the finest is {amplification * _MOST_SHOTS**-0.5:.2g}, for {_MOST_SHOTS:,} shots."
            + (f" Mitigation takes {amplification**2:.3g} times the shots." if amplification > 1 else "")
        )
    # Rounded, as 1/p^2 is 1000.0000000000001 for the precision of 1000 shots.
    return max(1, math.ceil(round(shots, 6)))
