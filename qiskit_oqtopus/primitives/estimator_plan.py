"""What programs measured, or what the server estimated, to the result of an estimator."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, cast

import numpy as np
from qiskit.primitives import DataBin, PrimitiveResult, PubResult

from qiskit_oqtopus.header import as_json
from qiskit_oqtopus.primitives.expectation import Estimate, Share, estimate, shares
from qiskit_oqtopus.primitives.observables import Observable
from qiskit_oqtopus.primitives.readout import Readout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qiskit_oqtopus.primitives.counts import Outcomes

Route = Literal["sampling", "estimation"]


class Mitigation(NamedTuple):
    """How the readout errors of one PUB are undone.

    Attributes:
        by: Who does it: the `client`, with the errors published when it submits; or the `server`, whose values are then
            biased, as it makes probabilities of what it finds, and cuts them to integers.
        spreads: For `estimation`: for each observable, the least standard error for one shot. A server's own are those
            of the counts as it finds them.
    """

    by: Literal["client", "server"]
    spreads: tuple[float, ...] = ()


@dataclass(frozen=True)
class EstimatedPub:
    """One PUB of an estimator.

    Attributes:
        route: Whether programs are measured here (`sampling`), or the server estimates (`estimation`).
        bindings: The shape of its bindings.
        shape: The shape of its observables.
        observables: The observables, of whose axes the last runs fastest.
        measured: For `sampling`: for each family of bindings, the measurements that tell its observables.
        shots: How often each program runs; for `estimation`, each measurement that the server makes.
        precision: The standard error that was asked for, for an observable of norm 1.
        metadata: The circuit's metadata.
        mitigation: How readout errors are undone, if they are.
    """

    route: Route
    bindings: tuple[int, ...]
    shape: tuple[int, ...]
    observables: tuple[Observable, ...]
    measured: tuple[tuple[str, ...], ...]
    shots: int
    precision: float
    metadata: Mapping[str, Any] = field(default_factory=dict)
    mitigation: Mitigation | None = None

    def elements(self) -> list[tuple[int, int]]:
        """For each element of the result, its binding and its observable: Qiskit's broadcasting."""
        return pairs(self.bindings, self.shape)

    def programs(self) -> Iterator[tuple[int, int, list[int]]]:
        """What is run, in order: two numbers that name it, and its bindings.

        For `sampling`, the numbers are those of a family and of one of its measurements; for `estimation`, that of an
        observable, and 0.
        """
        if self.route == "estimation":
            for observable, bindings in bindings_of_observables(self.elements()).items():
                if self.observables[observable].terms:
                    yield observable, 0, bindings
        else:
            for family, (bindings, measured) in enumerate(
                zip(families(self.elements()).values(), self.measured, strict=True)
            ):
                for measurement in range(len(measured)):
                    yield family, measurement, bindings

    def finish(self, outcomes: Sequence[Outcomes | Estimate], readout: Readout | None = None) -> PubResult:
        """The PUB's result, from what each of its programs gave.

        Args:
            outcomes: That.
            readout: Readout errors, for a PUB that is to be mitigated.
        """
        undo = readout if self.mitigation is not None and self.route == "sampling" else None
        found: dict[tuple[int, int, int], Outcomes | Estimate] = {}
        rest = iter(outcomes)
        for first, second, bindings in self.programs():
            found |= {(first, second, binding): next(rest) for binding in bindings}
        elements = self.elements()
        family_of = {
            binding: family for family, bindings in enumerate(families(elements).values()) for binding in bindings
        }
        # Many bindings are measured alike; what tells what is the same for all of them.
        told = cache(lambda family, observable: shares(self.observables[observable], self.measured[family]))
        estimates = [
            self._estimated(found, binding, observable)
            if self.route == "estimation"
            else self._measured(
                found, family_of[binding], binding, observable, told(family_of[binding], observable), undo
            )
            for binding, observable in elements
        ]
        shape = np.broadcast_shapes(self.bindings, self.shape)
        data = DataBin(
            evs=np.array([value for value, _ in estimates]).reshape(shape),
            stds=np.array([error for _, error in estimates]).reshape(shape),
            shape=shape,
        )
        metadata = {
            "target_precision": self.precision,
            "shots": self.shots,
            "circuit_metadata": dict(self.metadata),
            "route": self.route,
        }
        if self.mitigation is not None:
            metadata |= {
                "mitigation": "pseudo_inverse",
                "mitigated_by": self.mitigation.by,
                "calibrated_at": readout and readout.calibrated_at,
            }
        return PubResult(data, metadata)

    def _estimated(
        self, found: Mapping[tuple[int, int, int], Outcomes | Estimate], binding: int, observable: int
    ) -> Estimate:
        constant = self.observables[observable].constant
        if not self.observables[observable].terms:
            return Estimate(constant, 0.0)
        value, error = cast("Estimate", found[observable, 0, binding])
        if self.mitigation is not None:
            error = max(error, self.mitigation.spreads[observable] / math.sqrt(self.shots))
        return Estimate(value + constant, error)

    def _measured(
        self,
        found: Mapping[tuple[int, int, int], Outcomes | Estimate],
        family: int,
        binding: int,
        observable: int,
        told: Sequence[Share],
        readout: Readout | None,
    ) -> Estimate:
        outcomes = [cast("Outcomes", found[family, i, binding]) for i in range(len(told))]
        return estimate(self.observables[observable].constant, told, outcomes, readout)

    def to_json(self) -> list[Any]:
        """The PUB as JSON."""
        observables = [[list(observable.terms), observable.constant] for observable in self.observables]
        metadata = as_json(self.metadata)
        return [
            *(self.route, self.bindings, self.shape, observables, self.measured),
            *(self.shots, self.precision, metadata),
            # One field more, on which versions stumble that would leave readout errors in.
            *([] if self.mitigation is None else [self.mitigation]),
        ]

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Self:
        """The PUB that `to_json` wrote."""
        route, bindings, shape, observables, measured, shots, precision, metadata, *mitigations = fields
        mitigation = None
        for by, spreads in mitigations:
            mitigation = Mitigation(by, tuple(map(float, spreads)))
        return cls(
            route,
            tuple(map(int, bindings)),
            tuple(map(int, shape)),
            tuple(
                Observable(tuple((str(label), float(c)) for label, c in terms), float(constant))
                for terms, constant in observables
            ),
            tuple(tuple(map(str, labels)) for labels in measured),
            int(shots),
            float(precision),
            dict(metadata),
            mitigation,
        )


def pairs(bindings: tuple[int, ...], observables: tuple[int, ...]) -> list[tuple[int, int]]:
    """Qiskit's broadcasting of two shapes: the two flat indices of each element.

    >>> pairs((2, 1), (2,))
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    numbered = (np.arange(np.prod(shape, dtype=int)).reshape(shape) for shape in (bindings, observables))
    of_binding, of_observable = np.broadcast_arrays(*numbered)
    return list(zip(of_binding.ravel().tolist(), of_observable.ravel().tolist(), strict=True))


def families(elements: Sequence[tuple[int, int]]) -> dict[tuple[int, ...], list[int]]:
    """The bindings that share their observables, by these; they are measured alike.

    >>> families([(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)])
    {(0, 1): [0, 1], (1,): [2]}
    """
    wanted: dict[int, set[int]] = {}
    for binding, observable in elements:
        wanted.setdefault(binding, set()).add(observable)
    found: dict[tuple[int, ...], list[int]] = {}
    for binding, observables in wanted.items():
        found.setdefault(tuple(sorted(observables)), []).append(binding)
    return found


def bindings_of_observables(elements: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """For each observable, the bindings that it is wanted for."""
    found: dict[int, dict[int, None]] = {}
    for binding, observable in elements:
        found.setdefault(observable, {})[binding] = None
    return {observable: list(bindings) for observable, bindings in found.items()}


@dataclass(frozen=True)
class EstimatorPlan:
    """How the outcomes of an estimator's programs become its result.

    Attributes:
        pubs: The PUBs.
        readout: The device's readout errors, where they are to be undone.
    """

    kind: ClassVar[str] = "estimator"

    pubs: tuple[EstimatedPub, ...]
    readout: Readout | None = None

    @property
    def by_qubit(self) -> bool:
        """Whether it matters on which qubits of the device something was measured."""
        return any(pub.mitigation is not None and pub.route == "sampling" for pub in self.pubs)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON."""
        readout = {} if self.readout is None else {"readout": self.readout.to_json()}
        return {"pubs": [pub.to_json() for pub in self.pubs], **readout}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The plan that `to_json` wrote."""
        readout = Readout.from_json(fields["readout"]) if "readout" in fields else None
        return cls(tuple(EstimatedPub.from_json(pub) for pub in fields["pubs"]), readout)

    def finish(self, outcomes: Sequence[Outcomes | Estimate]) -> PrimitiveResult:
        """The estimator's result."""
        results, start = [], 0
        for pub in self.pubs:
            end = start + sum(len(bindings) for _, _, bindings in pub.programs())
            results.append(pub.finish(outcomes[start:end], self.readout))
            start = end
        return PrimitiveResult(results, metadata={"version": 2})
