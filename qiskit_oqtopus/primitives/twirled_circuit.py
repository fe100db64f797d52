"""A circuit that tasks share and that runs in several randomizations: `TwirledCircuit`."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np

from qiskit_oqtopus.primitives.suppression.twirled import TwirledTemplate, twirled_circuits
from qiskit_oqtopus.primitives.task import TaskCircuit

if TYPE_CHECKING:
    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

    from qiskit_oqtopus.primitives.suppression.twirling import Twirls
    from qiskit_oqtopus.programs import Program, Template


class TwirledCircuit(TaskCircuit):
    """A circuit in several randomizations, which are written as one template.

    Args:
        circuit: The circuit that `twirlable` returned.
        twirls: Its randomizations.
        timed: See `TwirledTemplate`.
        home: See `TaskCircuit`.
    """

    def __init__(
        self, circuit: QuantumCircuit, twirls: Twirls, timed: Target | None, home: tuple[int, ...] | None = None
    ) -> None:
        super().__init__(circuit, home)
        self.flips = tuple(sum(1 << bit for bit in np.flatnonzero(row).tolist()) for row in twirls.flips)
        self._twirls = twirls
        self._timed = timed

    def programs(self, values: npt.NDArray[np.float64], target: Target) -> list[Program]:
        """Return the program of each row of parameter values, in each randomization."""
        template = cast("Template", self.template(target))  # native gates need no binding to be written
        return list(chain.from_iterable(TwirledTemplate(template, self._twirls, self._timed).bind(values)))

    def circuits(self) -> list[QuantumCircuit]:
        """Return each randomization of the circuit, with its parameters."""
        return twirled_circuits(self.circuit, self._twirls, self._timed)
