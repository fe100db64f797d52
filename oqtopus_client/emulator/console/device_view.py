"""What the page of a device shows of a calibration: the chip, medians, and sortable tables."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from oqtopus_client.calibration import Calibration
from oqtopus_client.emulator.console.drawing.chip import draw_chip, draw_scale
from oqtopus_client.emulator.console.drawing.quantities import (
    COUPLING_ERROR,
    COUPLING_TIME,
    GATE_ERROR,
    OF_QUBITS,
    ONE_FROM_ZERO,
    READOUT_ERROR,
    SX_TIME,
    T1,
    T2,
    ZERO_FROM_ONE,
    Quantity,
    Scale,
)
from oqtopus_client.physics import medians

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from markupsafe import Markup

    from oqtopus_client.emulator.console.texts import Texts

_QUBIT_COLUMNS = (READOUT_ERROR, ONE_FROM_ZERO, ZERO_FROM_ONE, GATE_ERROR, T1, T2, SX_TIME)
_COUPLING_COLUMNS = (COUPLING_ERROR, COUPLING_TIME)
_MEDIANS = {
    "median_readout_error": READOUT_ERROR,
    "median_gate_error": GATE_ERROR,
    "median_two_qubit_error": COUPLING_ERROR,
    "median_t1_us": T1,
    "median_t2_us": T2,
}


@dataclass(frozen=True)
class Choice:
    """What a visitor has chosen to see, as in the query of the page's address.

    Attributes:
        colour: The quantity that colours the qubits.
        sort: The quantity that sorts a table, with a minus for descending order; by index if empty.
        calibration: An earlier calibration; the present one if empty.
        start: Number of newer calibrations that the history skips.
    """

    colour: str = READOUT_ERROR.name
    sort: str = ""
    calibration: str = ""
    start: int = 0

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read a choice from a query; values that are unknown are left out."""
        colour, start = query.get("colour", ""), query.get("start", "")
        return cls(
            colour=colour if colour in OF_QUBITS else READOUT_ERROR.name,
            sort=query.get("sort", ""),
            calibration=query.get("calibration", ""),
            start=int(start[:9]) if start.isascii() and start.isdecimal() else 0,
        )

    def link(self, **changes: Any) -> str:
        """Return the query of another choice."""
        chosen = {**vars(self), **changes}
        return "?" + urlencode({name: value for name, value in chosen.items() if value != getattr(Choice, name)})


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        name: Key of its name in the texts.
        unit: The unit, if any.
        order: `ascending` or `descending` if the table is sorted by it, else empty.
        sort: The choice that sorts by it, or sorts the other way round.
    """

    name: str
    unit: str
    order: str
    sort: str


@dataclass(frozen=True)
class Table:
    """Values of all qubits or couplings.

    Attributes:
        columns: The columns of values.
        rows: The indices of the qubits, and the values as text.
    """

    columns: list[Column]
    rows: list[tuple[tuple[int, ...], list[str]]]

    @classmethod
    def of(
        cls, calibration: Calibration, keys: Sequence[tuple[int, ...]], quantities: Sequence[Quantity], sort: str
    ) -> Self:
        """Return the table of some quantities, sorted as asked where one of them is named; unknown values come last."""
        values = {quantity.name: quantity.read(calibration) for quantity in quantities}
        name, descending = sort.removeprefix("-"), sort.startswith("-")
        order = list(range(len(keys)))
        if name in values:
            sign = -1 if descending else 1
            numbers = [math.inf if value is None else sign * value for value in values[name]]
            order.sort(key=numbers.__getitem__)
        directions = {name: "descending" if descending else "ascending"}
        columns = [
            Column(q.name, q.unit, directions.get(q.name, ""), f"-{q.name}" if sort == q.name else q.name)
            for q in quantities
        ]
        return cls(columns, [(keys[i], [q.number(values[q.name][i]) for q in quantities]) for i in order])


@dataclass(frozen=True)
class CalibrationView:
    """A calibration as the page shows it.

    Attributes:
        calibration: The calibration.
        choice: What the visitor has chosen to see.
        texts: The texts of the page.
    """

    calibration: Calibration
    choice: Choice
    texts: Texts

    @classmethod
    def of(cls, device_info: str | Mapping[str, Any], choice: Choice, texts: Texts) -> Self:
        """Read a published calibration, an object or its JSON text."""
        info = json.loads(device_info) if isinstance(device_info, str) else device_info
        return cls(Calibration.of(info), choice, texts)

    @property
    def chip(self) -> Markup:
        """The drawing of the chip."""
        return draw_chip(self.calibration, OF_QUBITS[self.choice.colour], vars(self.texts))

    @property
    def scales(self) -> Iterator[tuple[str, Markup]]:
        """The legends of the drawing, each with its label."""
        for kind, quantity in (("qubit", OF_QUBITS[self.choice.colour]), ("coupling", COUPLING_ERROR)):
            scale = Scale.of(quantity, quantity.read(self.calibration))
            if scale is not None:
                label = self.texts[f"{kind}_scale"].format(value=self.texts[quantity.name])
                yield label, draw_scale(scale, kind, label)

    @property
    def has_unknown(self) -> bool:
        """Whether the drawing shows unknown values."""
        quantities = (OF_QUBITS[self.choice.colour], COUPLING_ERROR)
        return any(None in quantity.read(self.calibration) for quantity in quantities)

    @property
    def medians(self) -> list[tuple[str, str]]:
        """Names and values of the medians."""
        typical = medians(self.calibration)
        return [(self.texts[name], quantity.show(typical[name])) for name, quantity in _MEDIANS.items()]

    @property
    def qubits(self) -> Table:
        """The table of qubits."""
        keys = [(i,) for i in range(len(self.calibration.qubits))]
        return Table.of(self.calibration, keys, _QUBIT_COLUMNS, self.choice.sort)

    @property
    def couplings(self) -> Table:
        """The table of couplings."""
        keys = [(coupling.control, coupling.target) for coupling in self.calibration.couplings]
        return Table.of(self.calibration, keys, _COUPLING_COLUMNS, self.choice.sort)
