"""How the programs that measure a run's readout errors correct its values: `Calibration`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.suppression.readout_mitigation import IndependentReadout, TwirledReadout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from qiskit_oqtopus.primitives.suppression.readout_mitigation import Correction


@dataclass(frozen=True)
class Calibration:
    """Programs that prepare known states of qubits and measure them.

    Attributes:
        qubits: The qubits, in the order of the measured bits.
        flips: For each program, the qubits that it prepares in |1>: bit i is that of the i-th qubit.
        twirled: Whether the flips are those of twirled measurements; otherwise there are two programs, all qubits in
            |0> and all in |1>.
    """

    qubits: tuple[int, ...]
    flips: tuple[int, ...]
    twirled: bool

    def correction(self, outcomes: Sequence[Outcomes], labels: Sequence[str]) -> Correction:
        """Return how readout errors of Paulis are undone.

        Args:
            outcomes: The outcomes of each program.
            labels: The Paulis.
        """
        if not self.twirled:
            return IndependentReadout(self.qubits, *outcomes)
        undone = [each.flipped(self._bits(flips)) for each, flips in zip(outcomes, self.flips, strict=True)]
        return TwirledReadout(self.qubits, Outcomes.concatenated(undone), labels)

    def _bits(self, flips: int) -> npt.NDArray[np.bool_]:
        return np.array([flips >> bit & 1 for bit in range(len(self.qubits))], bool)

    def metadata(self, outcomes: Sequence[Outcomes]) -> dict[str, Any]:
        """Return what was done, for the result."""
        return {
            "method": "twirled" if self.twirled else "independent",
            "qubits": list(self.qubits),
            "num_circuits": len(self.flips),
            "shots": int(sum(each.numbers.sum() for each in outcomes)),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the calibration as JSON."""
        return {"qubits": list(self.qubits), "flips": [f"{each:x}" for each in self.flips], "twirled": self.twirled}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the calibration that `to_json` wrote."""
        flips = tuple(int(each, 16) for each in fields["flips"])
        return cls(tuple(map(int, fields["qubits"])), flips, bool(fields["twirled"]))
