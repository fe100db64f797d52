"""Record of the error suppression and mitigation of one PUB: `Suppression`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from qiskit_oqtopus.primitives.suppression.extrapolation import Extrapolation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qiskit_oqtopus.primitives.suppression.steps import Steps

_ENOUGH = 8
"""The fewest randomizations whose spread is a standard error."""


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """Record of the error suppression and mitigation of one PUB, as far as its result depends on it or reports it.

    Attributes:
        num_randomizations: Number of randomizations of each circuit.
        twirls_gates: Whether they twirl gates.
        twirls_measure: Whether they twirl measurements.
        extrapolation: Extrapolation to zero noise, with the achieved noise factors, if any.
        decoupling: The sequence of dynamical decoupling, if any.
        readout: Whether readout errors are undone by the run's calibration.
    """

    num_randomizations: int = 1
    twirls_gates: bool = False
    twirls_measure: bool = False
    extrapolation: Extrapolation | None = None
    decoupling: str | None = None
    readout: bool = False

    @classmethod
    def of(cls, steps: Steps, num_randomizations: int, extrapolation: Extrapolation | None = None) -> Self:
        """Return the record of some steps.

        Args:
            steps: The steps.
            num_randomizations: Number of randomizations of each circuit.
            extrapolation: The extrapolation with the achieved noise factors, if any.
        """
        return cls(
            num_randomizations=num_randomizations,
            twirls_gates=steps.twirl_gates,
            twirls_measure=steps.twirl_measure,
            extrapolation=extrapolation,
            decoupling=None if steps.decoupling is None else steps.decoupling.sequence_type,
            readout=steps.learning is not None,
        )

    @property
    def num_factors(self) -> int:
        """Number of noise factors with which each circuit runs."""
        return 1 if self.extrapolation is None else len(self.extrapolation.noise_factors)

    @property
    def errors_from_spread(self) -> bool:
        """Whether standard errors are from the spread between randomizations, which includes the choice of gates."""
        return self.twirls_gates and self.num_randomizations >= _ENOUGH

    def metadata(self, shots: int) -> dict[str, Any]:
        """Return the metadata of a PUB's result.

        Args:
            shots: Number of shots of each circuit, which its randomizations share.
        """
        found: dict[str, Any] = {
            "num_randomizations": self.num_randomizations,
            "shots_per_randomization": -(-shots // self.num_randomizations),
            "twirling": {"enable_gates": self.twirls_gates, "enable_measure": self.twirls_measure},
        }
        if self.decoupling is not None:
            found["dynamical_decoupling"] = {"enable": True, "sequence_type": self.decoupling}
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON."""
        extrapolation = self.extrapolation and [
            self.extrapolation.noise_factors,
            self.extrapolation.extrapolators,
            self.extrapolation.points,
        ]
        return {**vars(self), "extrapolation": extrapolation}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the record that `to_json` wrote."""
        extrapolation = None
        if fields["extrapolation"] is not None:
            factors, extrapolators, points = fields["extrapolation"]
            extrapolation = Extrapolation(
                tuple(map(float, factors)), tuple(map(str, extrapolators)), tuple(map(float, points))
            )
        return cls(
            num_randomizations=int(fields["num_randomizations"]),
            twirls_gates=bool(fields["twirls_gates"]),
            twirls_measure=bool(fields["twirls_measure"]),
            extrapolation=extrapolation,
            decoupling=None if fields["decoupling"] is None else str(fields["decoupling"]),
            readout=bool(fields["readout"]),
        )
