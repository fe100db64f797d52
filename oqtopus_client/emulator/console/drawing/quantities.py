"""Calibrated values as the console shows them: names, units, and scales of a few colour steps."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from oqtopus_client.physics import cx_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from oqtopus_client.calibration import Calibration

UNKNOWN = "\N{EN DASH}"
"""How an unknown value is shown."""

STEPS = 6
"""Number of colours of a scale, few enough to be told apart."""


@dataclass(frozen=True)
class Quantity:
    """A calibrated value of all qubits or of all couplings.

    Attributes:
        name: Key of its name in the texts.
        read: Returns the values of a calibration, by qubit or by coupling; None for unknown ones.
        unit: `%` for probabilities, else the unit of the values.
        decimals: Number of decimals.
        lower_is_better: Whether small values are good.
    """

    name: str
    read: Callable[[Calibration], list[float | None]]
    unit: str
    decimals: int
    lower_is_better: bool = True

    def show(self, value: float | None) -> str:
        """Format a value with its unit."""
        return UNKNOWN if value is None else f"{self.number(value)} {self.unit}"

    def number(self, value: float | None) -> str:
        """Format a value in the unit, with two digits where the decimals would hide it."""
        if value is None:
            return UNKNOWN
        scaled = 100 * value if self.unit == "%" else value
        hidden = 0 < abs(scaled) < 10**-self.decimals
        return f"{scaled:.2g}" if hidden else f"{scaled:.{self.decimals}f}"


READOUT_ERROR = Quantity("readout_error", lambda chip: [q.readout_error for q in chip.qubits], "%", 2)
GATE_ERROR = Quantity("gate_error", lambda chip: [q.gate_error for q in chip.qubits], "%", 3)
ONE_FROM_ZERO = Quantity("one_from_zero", lambda chip: [q.prob_meas1_prep0 for q in chip.qubits], "%", 2)
ZERO_FROM_ONE = Quantity("zero_from_one", lambda chip: [q.prob_meas0_prep1 for q in chip.qubits], "%", 2)
SX_TIME = Quantity("sx_time", lambda chip: [q.durations_ns.get("sx") for q in chip.qubits], "ns", 0)
T1 = Quantity("t1", lambda chip: [q.t1_us for q in chip.qubits], "µs", 1, lower_is_better=False)
T2 = Quantity("t2", lambda chip: [q.t2_us for q in chip.qubits], "µs", 1, lower_is_better=False)
COUPLING_ERROR = Quantity("coupling_error", lambda chip: [c.gate_error for c in chip.couplings], "%", 2)
COUPLING_TIME = Quantity(
    "coupling_time", lambda chip: [cx_duration(c, chip.qubits[c.target]) for c in chip.couplings], "ns", 0
)

OF_QUBITS = {quantity.name: quantity for quantity in (READOUT_ERROR, GATE_ERROR, T1, T2)}
OF_COUPLINGS = {quantity.name: quantity for quantity in (COUPLING_ERROR, COUPLING_TIME)}


@dataclass(frozen=True)
class Scale:
    """Colour steps of a quantity, from the best value to the worst.

    Attributes:
        quantity: The quantity.
        edges: Values between which the steps lie, best first. Equal values have one step.
    """

    quantity: Quantity
    edges: tuple[float, ...]

    @classmethod
    def of(cls, quantity: Quantity, values: Iterable[float | None]) -> Self | None:
        """Return the scale of the known values, logarithmic if they span a factor of ten; None without values."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        best, worst = min(known), max(known)
        if not quantity.lower_is_better:
            best, worst = worst, best
        if best == worst:
            return cls(quantity, (best, worst))
        low, high = sorted((best, worst))
        logarithmic = low > 0 and high > 10 * low
        parts = [step / STEPS for step in range(1, STEPS)]
        inner = [best * (worst / best) ** part if logarithmic else best + (worst - best) * part for part in parts]
        return cls(quantity, (best, *inner, worst))

    @property
    def steps(self) -> range:
        """The steps that occur."""
        return range(len(self.edges) - 1)

    def step(self, value: float | None) -> int | None:
        """Return the step of a value, 0 for the best; None for an unknown one."""
        if value is None:
            return None
        sign = 1 if self.quantity.lower_is_better else -1
        inner = [sign * edge for edge in self.edges[1:-1]]
        return bisect_right(inner, sign * value) if math.isfinite(value) else self.steps[-1]
