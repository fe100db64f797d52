"""How outcomes become the result of one PUB of an estimator: `MeasuredPub`, `EstimatedPub`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from qiskit.primitives import DataBin, PubResult

from qiskit_oqtopus.header import as_json
from qiskit_oqtopus.primitives.expectation import Estimate, estimates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qiskit_oqtopus.primitives.broadcasting import Broadcast
    from qiskit_oqtopus.primitives.counts import Outcomes
    from qiskit_oqtopus.primitives.observables import Observable
    from qiskit_oqtopus.primitives.readout import Readout

Route = Literal["sampling", "estimation"]


class Mitigation(NamedTuple):
    """How the readout errors of one PUB are undone.

    Attributes:
        by: The `client`, with the errors published at submission; or the `server`, whose values are biased, as it turns
            the counts into probabilities and cuts these to integers.
        spreads: For an `EstimatedPub`: for each observable, the least standard error of one shot. The server's own
            errors are those of the raw counts.
    """

    by: Literal["client", "server"]
    spreads: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PubPlan(ABC):
    """How outcomes become the result of one PUB of an estimator.

    Attributes:
        broadcast: How its bindings and observables go together.
        observables: The observables, of whose axes the last runs fastest.
        shots: Number of shots of each program, or of each measurement that the server makes for it.
        precision: The standard error to aim at, for an observable of norm 1.
        metadata: The circuit's metadata.
        mitigation: How readout errors are undone, if they are.
    """

    route: ClassVar[Route]

    broadcast: Broadcast
    observables: tuple[Observable, ...]
    shots: int
    precision: float
    metadata: Mapping[str, Any] = field(default_factory=dict)
    mitigation: Mitigation | None = None

    def finish(self, outcomes: Iterator[Any], readout: Readout | None = None) -> PubResult:
        """Return the PUB's result.

        Args:
            outcomes: The outcomes of each of its programs, or the server's estimate; those of the next PUB may follow.
            readout: The device's readout errors, for a PUB with mitigation.
        """
        found = self._estimates(outcomes, readout)
        elements = [found[element] for element in self.broadcast.elements]
        shape = self.broadcast.shape
        data = DataBin(
            evs=np.array([value for value, _ in elements]).reshape(shape),
            stds=np.array([error for _, error in elements]).reshape(shape),
            shape=shape,
        )
        metadata = self._metadata()
        if self.mitigation is not None:
            metadata |= {
                "mitigation": "pseudo_inverse",
                "mitigated_by": self.mitigation.by,
                "calibrated_at": readout and readout.calibrated_at,
            }
        return PubResult(data, metadata)

    def _metadata(self) -> dict[str, Any]:
        """Return the metadata of every result."""
        return {
            "target_precision": self.precision,
            "shots": self.shots,
            "circuit_metadata": dict(self.metadata),
            "route": self.route,
        }

    @property
    def num_programs(self) -> int:
        """Number of programs."""
        return sum(len(each.bindings) for each in self.programs())

    @abstractmethod
    def programs(self) -> Iterator[BindingsMeasurement] | Iterator[BindingsOperator]:
        """Yield the programs of the PUB, in order."""

    @abstractmethod
    def _estimates(self, outcomes: Iterator[Any], readout: Readout | None) -> Mapping[tuple[int, int], Estimate]:
        """Return the estimate for each pair of a binding and an observable."""

    def to_json(self) -> list[Any]:
        """Return the plan as JSON."""
        observables = [[list(observable.terms), observable.constant] for observable in self.observables]
        return [
            *(self.route, self.broadcast.bindings, self.broadcast.observables, observables, self._measurements()),
            *(self.shots, self.precision, as_json(self.metadata)),
            # One field more, so that versions that would leave readout errors in refuse the plan.
            *([] if self.mitigation is None else [self.mitigation]),
        ]

    def _measurements(self) -> Sequence[Sequence[str]]:
        return ()


class BindingsMeasurement(NamedTuple):
    """The programs that make one measurement: one for each binding.

    Attributes:
        measurement: The Pauli that each qubit is measured in, `I` where it is not measured.
        bindings: Indices of the bindings.
    """

    measurement: str
    bindings: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class MeasuredPub(PubPlan):
    """A PUB whose observables are estimated here, from measurements (route `sampling`).

    Attributes:
        measurements: For each group of bindings, the measurements that determine its observables.
    """

    route: ClassVar[Route] = "sampling"

    measurements: tuple[tuple[str, ...], ...]

    def programs(self) -> Iterator[BindingsMeasurement]:
        """Yield the programs of the PUB, in order."""
        for group, measurements in zip(self.broadcast.binding_groups, self.measurements, strict=True):
            for measurement in measurements:
                yield BindingsMeasurement(measurement, group.bindings)

    def _estimates(self, outcomes: Iterator[Outcomes], readout: Readout | None) -> dict[tuple[int, int], Estimate]:
        readout = readout if self.mitigation else None
        found: dict[tuple[int, int], Estimate] = {}
        for group, measurements in zip(self.broadcast.binding_groups, self.measurements, strict=True):
            size = len(group.bindings)
            measured = [(measurement, list(islice(outcomes, size))) for measurement in measurements]
            for i in group.observables:
                of_bindings = estimates(self.observables[i], measured, size, readout)
                found |= {(binding, i): each for binding, each in zip(group.bindings, of_bindings, strict=True)}
        return found

    def _measurements(self) -> Sequence[Sequence[str]]:
        return self.measurements


class BindingsOperator(NamedTuple):
    """The programs for which the server estimates one operator: one for each binding.

    Attributes:
        observable: Index of the observable.
        terms: Labels and coefficients of its Paulis.
        bindings: Indices of the bindings.
    """

    observable: int
    terms: tuple[tuple[str, float], ...]
    bindings: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class EstimatedPub(PubPlan):
    """A PUB whose observables, sums of Paulis, the server estimates (route `estimation`)."""

    route: ClassVar[Route] = "estimation"

    def programs(self) -> Iterator[BindingsOperator]:
        """Yield the programs of the PUB, in order; an observable without terms needs none."""
        for observable, bindings in self.broadcast.bindings_by_observable.items():
            if terms := self.observables[observable].terms:
                yield BindingsOperator(observable, terms, bindings)

    def _estimates(self, outcomes: Iterator[Estimate], readout: Readout | None) -> dict[tuple[int, int], Estimate]:  # noqa: ARG002 - it is in the operators
        found = {(binding, i): Estimate(self.observables[i].constant, 0.0) for binding, i in self.broadcast.elements}
        for i, _, bindings in self.programs():
            constant = self.observables[i].constant
            least = self.mitigation.spreads[i] / math.sqrt(self.shots) if self.mitigation else 0.0
            for binding in bindings:
                value, error = next(outcomes)
                found[binding, i] = Estimate(value + constant, max(error, least))
        return found
