"""How outcomes become the result of an estimator: `EstimatorPlan`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Self

from qiskit.primitives import PrimitiveResult

from qiskit_oqtopus.header import SUPPRESSED
from qiskit_oqtopus.primitives.broadcasting import Broadcast
from qiskit_oqtopus.primitives.calibration import Calibration
from qiskit_oqtopus.primitives.counts import with_regions
from qiskit_oqtopus.primitives.estimator_pubs import EstimatedPub, MeasuredPub, Mitigation
from qiskit_oqtopus.primitives.observables import Observable
from qiskit_oqtopus.primitives.readout import Readout
from qiskit_oqtopus.primitives.suppressed_pub import SuppressedPub
from qiskit_oqtopus.primitives.suppression.placed_readout import PlacedReadout, on_chip
from qiskit_oqtopus.primitives.suppression.record import Suppression

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qiskit.primitives import PubResult

    from qiskit_oqtopus.primitives.counts import Outcomes
    from qiskit_oqtopus.primitives.suppression.readout_mitigation import Correction


def _pub_from_json(fields: Sequence[Any]) -> MeasuredPub | EstimatedPub:
    """Return the plan that `PubPlan.to_json` wrote."""
    route, bindings, shape, observables, measurements, shots, precision, metadata, *more = fields
    mitigation, *suppressions = more or [None]
    shared: dict[str, Any] = {
        "broadcast": Broadcast(tuple(map(int, bindings)), tuple(map(int, shape))),
        "observables": tuple(
            Observable(tuple((str(label), float(c)) for label, c in terms), float(constant))
            for terms, constant in observables
        ),
        "shots": int(shots),
        "precision": float(precision),
        "metadata": dict(metadata),
    }
    if mitigation is not None:
        by, spreads = mitigation
        shared["mitigation"] = Mitigation(by, tuple(map(float, spreads)))
    if route == EstimatedPub.route:
        return EstimatedPub(**shared)
    shared["measurements"] = tuple(tuple(map(str, labels)) for labels in measurements)
    if not suppressions:
        return MeasuredPub(**shared)
    (suppression,) = suppressions
    return SuppressedPub(**shared, suppression=Suppression.from_json(suppression))


@dataclass(frozen=True)
class EstimatorPlan:
    """How outcomes become the result of an estimator.

    Attributes:
        pubs: The plans of its PUBs.
        readout: The device's readout errors, if they are to be undone.
        calibration: The programs that measure readout errors, behind those of the PUBs, if there are any.
    """

    kind: ClassVar[str] = "estimator"

    pubs: tuple[MeasuredPub | EstimatedPub, ...]
    readout: Readout | None = None
    calibration: Calibration | None = None

    @property
    def needs_layout(self) -> bool:
        """Whether the result depends on which qubits of the device were measured."""
        return any(isinstance(pub, MeasuredPub) and pub.mitigation is not None for pub in self.pubs)

    @property
    def version(self) -> int:
        """The version of the header that holds the plan; see `CircuitHeader`."""
        return SUPPRESSED if any(isinstance(pub, SuppressedPub) for pub in self.pubs) else 1

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        parts = {"readout": self.readout, "calibration": self.calibration}
        return {
            "pubs": [pub.to_json() for pub in self.pubs],
            **{name: part.to_json() for name, part in parts.items() if part is not None},
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the plan that `to_json` wrote."""
        readout = Readout.from_json(fields["readout"]) if "readout" in fields else None
        calibration = Calibration.from_json(fields["calibration"]) if "calibration" in fields else None
        return cls(tuple(_pub_from_json(pub) for pub in fields["pubs"]), readout, calibration)

    def finish(self, outcomes: Sequence[Any]) -> PrimitiveResult:
        """Return the estimator's result."""
        metadata: dict[str, Any] = {"version": 2}
        rest, correction = iter(outcomes), None
        of_pubs = [list(islice(rest, pub.num_programs)) for pub in self.pubs]
        if self.calibration is not None:
            calibrated = list(rest)
            labels = set().union(*map(_labels, self.pubs, of_pubs))
            correction = self.calibration.correction(calibrated, sorted(labels))
            metadata |= {"calibration": self.calibration.metadata(calibrated)}
        results = [
            with_regions(self._result(pub, of_pub, correction), of_pub)
            for pub, of_pub in zip(self.pubs, of_pubs, strict=True)
        ]
        return PrimitiveResult(results, metadata=metadata)

    def _result(
        self, pub: MeasuredPub | EstimatedPub, outcomes: Sequence[Any], correction: Correction | None
    ) -> PubResult:
        if not isinstance(pub, SuppressedPub):
            return pub.finish(iter(outcomes), self.readout)
        if correction is not None and (places := pub.places(outcomes)):
            correction = PlacedReadout(correction, places)
        return pub.corrected(iter(outcomes), correction)


def _labels(pub: MeasuredPub | EstimatedPub, outcomes: Sequence[Outcomes]) -> set[str]:
    """Return the terms of a PUB on the device's qubits that measured them, if any did."""
    if not outcomes:
        return set()
    places = pub.places(outcomes) if isinstance(pub, SuppressedPub) else {}
    if places:
        return {on_chip(label, place) for label, found in places.items() for place in found}
    return {label for observable in pub.observables for label, _ in observable.terms}
