"""How outcomes become the result of a PUB whose errors are suppressed or mitigated: `SuppressedPub`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.primitives import DataBin, PubResult

from qiskit_oqtopus.primitives.estimator_pubs import MeasuredPub
from qiskit_oqtopus.primitives.observables import is_measured_by
from qiskit_oqtopus.primitives.suppression.mitigated import MitigatedObservable
from qiskit_oqtopus.primitives.suppression.placed_readout import places_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from qiskit_oqtopus.primitives.counts import Outcomes
    from qiskit_oqtopus.primitives.suppression.mitigated import MitigatedEstimate
    from qiskit_oqtopus.primitives.suppression.readout_mitigation import Correction
    from qiskit_oqtopus.primitives.suppression.record import Suppression


@dataclass(frozen=True, kw_only=True)
class SuppressedPub(MeasuredPub):
    """A PUB whose errors are suppressed or mitigated.

    Its programs are those of a `MeasuredPub`, where each noise factor has the programs of all bindings.

    Attributes:
        suppression: Record of the error suppression and mitigation.
    """

    suppression: Suppression

    def corrected(self, outcomes: Iterator[Outcomes], correction: Correction | None) -> PubResult:
        """Return the PUB's result.

        Args:
            outcomes: The outcomes of each of its programs; those of the next PUB may follow.
            correction: How readout errors are undone, if they are.
        """
        found = self._mitigated(outcomes, correction if self.suppression.readout else None)
        elements = [found[element] for element in self.broadcast.elements]
        return PubResult(
            DataBin(**self._data(elements), shape=self.broadcast.shape), self._metadata() | self._done(elements)
        )

    def places(self, outcomes: Sequence[Outcomes]) -> dict[str, list[tuple[int, ...]]]:
        """Return the places at which each term was measured; empty if the circuit's qubits are the device's.

        Args:
            outcomes: The outcomes of each of its programs.
        """
        labels = {label for observable in self.observables for label, _ in observable.terms}
        rest, found = iter(outcomes), dict[str, dict[tuple[int, ...], None]]()
        for measurement, bindings in self.programs():
            places = dict.fromkeys(places_of(list(islice(rest, self.suppression.num_factors * len(bindings)))))
            for label in labels if places else ():
                if is_measured_by(label, measurement):
                    found.setdefault(label, {}).update(places)
        return {label: list(places) for label, places in found.items()}

    def _mitigated(
        self, outcomes: Iterator[Outcomes], correction: Correction | None
    ) -> dict[tuple[int, int], MitigatedEstimate]:
        """Return the estimate for each pair of a binding and an observable."""
        found = {}
        for group, measurements in zip(self.broadcast.binding_groups, self.measurements, strict=True):
            size, factors = len(group.bindings), range(self.suppression.num_factors)
            # For each measurement and noise factor, the outcomes of each binding.
            measured = [[list(islice(outcomes, size)) for _ in factors] for _ in measurements]
            for i in group.observables:
                observable = MitigatedObservable(
                    self.observables[i],
                    measurements,
                    correction,
                    self.suppression.extrapolation,
                    from_spread=self.suppression.errors_from_spread,
                )
                for position, binding in enumerate(group.bindings):
                    runs = [[_randomizations(each[factor][position]) for each in measured] for factor in factors]
                    found[binding, i] = observable.estimate(runs)
        return found

    def _data(self, elements: Sequence[MitigatedEstimate]) -> dict[str, npt.NDArray[np.float64]]:
        """Return the arrays of the result, under the names that qiskit-ibm-runtime gives them."""
        columns: dict[str, list[Any]] = {
            "evs": [each.value for each in elements],
            "stds": [each.error for each in elements],
        }
        if self.suppression.extrapolation is None:
            columns["ensemble_standard_error"] = [each.pooled_error for each in elements]
        else:
            columns |= {
                "evs_noise_factors": [each.by_factor.values for each in elements],
                "stds_noise_factors": [each.by_factor.errors for each in elements],
                "ensemble_stds_noise_factors": [each.by_factor.pooled_errors for each in elements],
                "evs_extrapolated": [each.extrapolated and each.extrapolated.values for each in elements],
                "stds_extrapolated": [each.extrapolated and each.extrapolated.errors for each in elements],
            }
        arrays = {name: np.array(column) for name, column in columns.items()}
        shape = self.broadcast.shape
        return {name: array.reshape((*shape, *array.shape[1:])) for name, array in arrays.items()}

    def _done(self, elements: Sequence[MitigatedEstimate]) -> dict[str, Any]:
        """Return what was done, as metadata."""
        extrapolation = self.suppression.extrapolation
        resilience: dict[str, Any] = {
            "measure_mitigation": self.suppression.readout,
            "zne_mitigation": extrapolation is not None,
        }
        if extrapolation is not None:
            names = [each.extrapolators for each in elements]
            chosen = ["multiple" if len(each) > 1 else next(iter(each), None) for each in names]
            resilience["zne"] = {
                "noise_factors": list(extrapolation.noise_factors),
                "extrapolators": np.array(chosen, object).reshape(self.broadcast.shape).tolist(),
            }
        return {
            **self.suppression.metadata(self.shots),
            "num_circuits": self.num_programs * self.suppression.num_randomizations,
            "resilience": resilience,
        }

    @property
    def num_programs(self) -> int:
        """Number of programs."""
        return self.suppression.num_factors * super().num_programs

    def to_json(self) -> list[Any]:
        """Return the plan as JSON."""
        # Versions that would leave errors in refuse these fields.
        return [*super().to_json(), None, self.suppression.to_json()]


def _randomizations(outcomes: Outcomes) -> Sequence[Outcomes]:
    return outcomes.randomizations or (outcomes,)
