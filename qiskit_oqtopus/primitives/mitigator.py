"""How an estimator undoes readout errors: `Mitigator`."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from qiskit_oqtopus.primitives.estimator_plan import Mitigation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit_oqtopus.primitives.estimator_plan import Route
    from qiskit_oqtopus.primitives.observables import Observable
    from qiskit_oqtopus.primitives.readout import Readout

_MAX_TERMS = 1 << 12
"""The most terms that an operator may get when readout errors are put into it."""

_LARGE = 10.0
"""Standard errors so many times as large, and a hundred times the shots, are worth a warning."""


class Mitigator:
    """Readout errors of a device, against one PUB.

    Args:
        readout: The errors.
        placed: Whether the PUB's qubits are the device's. If not, the server chooses them.
    """

    def __init__(self, readout: Readout, *, placed: bool) -> None:
        self._readout = readout
        self._placed = placed

    def check(self, observables: Sequence[Observable], place: int) -> None:
        """See that the errors can be undone.

        Raises:
            ValueError: They cannot, of a qubit that is, or may be, measured.
        """
        labels = [label for observable in observables for label, _ in observable.terms]
        if not labels:
            return
        if self._placed:
            qubits = {i for label in labels for i, letter in enumerate(reversed(label)) if letter != "I"}
            advice = "Use other qubits."
        else:
            qubits = set(range(len(self._readout.errors)))
            advice = "The server may choose it; use qiskit.transpile(circuit, backend), which shows the qubits."
        try:
            self._readout.check(sorted(qubits), advice)
        except ValueError as error:
            raise ValueError(f"PUB {place}: {error}") from None

    def is_expandable(self, observables: Sequence[Observable]) -> bool:
        """Whether the errors can be put into the operators that a server is to estimate."""
        if not self._placed:
            return False
        return all(self._terms(observable.as_paulis()) <= _MAX_TERMS for observable in observables)

    def _terms(self, observable: Observable) -> int:
        """How many terms an observable gets when errors are put into it, at most."""
        return sum(math.prod(map(len, self._readout.factors(label))) for label, _ in observable.terms)

    def amplification(self, observables: Sequence[Observable], place: int) -> float:
        """How many times as large standard errors are with mitigation, at most; warns where that is a lot."""
        found = max((self._ratio(observable) for observable in observables), default=1.0)
        if found > _LARGE:
            warnings.warn(
                f"PUB {place}: mitigation of readout errors makes standard errors up to {found:.3g} times as large, "
                f"and the same precision takes {found**2:.3g} times the shots.",
                stacklevel=4,
            )
        return found

    def _ratio(self, observable: Observable) -> float:
        norm = sum(abs(coefficient) for _, coefficient in observable.terms)
        return self._largest(observable) / norm if norm else 1.0

    def _largest(self, observable: Observable) -> float:
        """The largest value that the observable's terms can have in one shot."""
        amplification = self._readout.amplification
        return sum(abs(c) * amplification(label, placed=self._placed) for label, c in observable.terms)

    def mitigation(
        self, route: Route, observables: Sequence[Observable], place: int
    ) -> tuple[Mitigation, list[Observable]]:
        """How a PUB is mitigated, and the observables that are measured for it."""
        if route == "sampling":
            return Mitigation("client"), list(observables)
        if self.is_expandable(observables):
            spread = self._readout.spread
            spreads = (sum(abs(c) * spread(label) for label, c in observable.terms) for observable in observables)
            expanded = [observable.expanded(self._readout.factors) for observable in observables]
            return Mitigation("client", tuple(map(float, spreads))), expanded
        # What has no terms is not sent.
        if not any(observable.terms for observable in observables):
            return Mitigation("client", (0.0,) * len(observables)), list(observables)
        warnings.warn(
            f"PUB {place}: the server mitigates readout errors of what it estimates, because "
            + ("the observables have too many terms" if self._placed else "it also transpiles the circuit")
            + ". Its values are biased, more so the more qubits are measured, and stds are upper bounds of the "
            "statistical error without that bias. route='sampling' has no bias.",
            stacklevel=4,
        )
        return Mitigation("server", tuple(map(self._largest, observables))), list(observables)
