"""How an estimator undoes readout errors: `Mitigator`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.primitives.estimator_pubs import Mitigation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit_oqtopus.primitives.observables import Observable
    from qiskit_oqtopus.primitives.readout import Readout

_MAX_TERMS = 1 << 12
"""The most terms of an operator that includes the inverse of readout errors."""

_LARGE = 10.0
"""The factor of standard errors from which a warning is issued; it takes a hundred times the shots."""


class Mitigator:
    """Mitigation of a device's readout errors in one PUB.

    Args:
        readout: The errors.
        sent_as_is: Whether the PUB's circuits go to the device without the server's transpiler. If not, the server
            chooses the qubits.
    """

    def __init__(self, readout: Readout, *, sent_as_is: bool) -> None:
        self._readout = readout
        self._sent_as_is = sent_as_is

    def check(self, observables: Sequence[Observable], index: int) -> None:
        """Check that the errors can be undone.

        Raises:
            ValueError: They cannot, for a qubit that is measured, or that the server may choose.
        """
        labels = [label for observable in observables for label, _ in observable.terms]
        if not labels:
            return
        if self._sent_as_is:
            qubits = {i for label in labels for i, letter in enumerate(reversed(label)) if letter != "I"}
            advice = "Use other qubits."
        else:
            qubits = set(range(len(self._readout.errors)))
            advice = "The server may choose it; use qiskit.transpile(circuit, backend), which shows the qubits."
        try:
            self._readout.check(sorted(qubits), advice)
        except ValueError as error:
            raise ValueError(f"PUB {index}: {error}") from None

    def is_expandable(self, observables: Sequence[Observable]) -> bool:
        """Return whether the operators that a server estimates can include the inverse of the errors."""
        if not self._sent_as_is:
            return False
        return all(self._num_terms(observable.as_paulis()) <= _MAX_TERMS for observable in observables)

    def _num_terms(self, observable: Observable) -> int:
        """Return the largest number of terms that an observable may have with the inverse of the errors."""
        return sum(math.prod(map(len, self._readout.factors(label))) for label, _ in observable.terms)

    def amplification(self, observables: Sequence[Observable], index: int) -> float:
        """Return the largest factor by which mitigation multiplies standard errors; warn if it is large."""
        found = max((self._ratio(observable) for observable in observables), default=1.0)
        if found > _LARGE:
            warn_user(
                f"PUB {index}: mitigation of readout errors multiplies standard errors by up to {found:.3g}, and the "
                f"same precision takes {found**2:.3g} times the shots."
            )
        return found

    def _ratio(self, observable: Observable) -> float:
        norm = sum(abs(coefficient) for _, coefficient in observable.terms)
        return self._largest_value(observable) / norm if norm else 1.0

    def _largest_value(self, observable: Observable) -> float:
        """Return the largest value that the observable's terms can have in one shot."""
        amplification = self._readout.amplification
        return sum(abs(c) * amplification(label, sent_as_is=self._sent_as_is) for label, c in observable.terms)

    def for_server(self, observables: Sequence[Observable], index: int) -> tuple[Mitigation, list[Observable]]:
        """Return how a PUB is mitigated whose observables the server estimates, and the observables to send.

        Args:
            observables: Sums of Paulis.
            index: Index of the PUB, for messages.
        """
        if self.is_expandable(observables):
            spread = self._readout.spread
            spreads = (sum(abs(c) * spread(label) for label, c in observable.terms) for observable in observables)
            expanded = [observable.expanded(self._readout.factors) for observable in observables]
            return Mitigation("client", tuple(map(float, spreads))), expanded
        # An observable without terms is not sent.
        if not any(observable.terms for observable in observables):
            return Mitigation("client", (0.0,) * len(observables)), list(observables)
        cause = "the observables have too many terms" if self._sent_as_is else "it also transpiles the circuit"
        warn_user(
            f"PUB {index}: the server mitigates readout errors of its estimates, because {cause}. Its values are "
            "biased, the more so the more qubits are measured, and stds are upper bounds of the statistical error "
            "without that bias. route='sampling' has no bias."
        )
        return Mitigation("server", tuple(map(self._largest_value, observables))), list(observables)
