"""Validated terms of an observable: `OqtopusEstimationOperator`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oqtopus_client import rest
from oqtopus_client.checks import real_number, shown

if TYPE_CHECKING:
    from oqtopus_client.rest.models import JobsS3OperatorItem

_PAULI = re.compile(r"(?:I|[IXYZ] ?[0-9]{1,9}(?: ?[IXYZ] ?[0-9]{1,9})*)")
_FACTOR = re.compile(r"([IXYZ]) ?(\d+)")


@dataclass(frozen=True, slots=True)
class OqtopusEstimationOperator:
    """One term of an observable: a product of Pauli operators and its coefficient.

    Attributes:
        pauli: Letters I, X, Y, Z, each with the index of its qubit in the program: `X 0 Y 1`. Identity: `I`.
        coeff: Real coefficient; None stands for 1.

    Raises:
        TypeError: `pauli` is not text, or `coeff` is not a real number.
        ValueError: `pauli` is not valid, or `coeff` is not finite. Servers silently interpret text they cannot parse,
            such as `XX` or `x 0`, as the identity.
    """

    pauli: str
    coeff: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.pauli, str):
            raise TypeError(f"pauli must be text, such as 'X 0 Y 1', not {shown(self.pauli)}.")
        if not _PAULI.fullmatch(self.pauli):
            raise ValueError(
                f"pauli must be letters I, X, Y, Z, each with its qubit, such as 'X 0 Y 1', or 'I', not "
                f"{shown(self.pauli)}."
            )
        qubits = [qubit for _, qubit in _FACTOR.findall(self.pauli)]
        if len(set(map(int, qubits))) < len(qubits):
            raise ValueError(f"pauli names a qubit twice: {self.pauli!r}. Multiply the operators first.")
        if self.coeff is None:
            return
        try:
            real_number(self.coeff, "coeff must be a real number")
        except ValueError:
            raise ValueError(f"coeff must be finite, not {shown(self.coeff)}.") from None

    @classmethod
    def from_model(cls, operator: JobsS3OperatorItem) -> OqtopusEstimationOperator:
        """Convert a term from the User API's model."""
        return cls(pauli=operator.pauli, coeff=operator.coeff)

    def to_model(self) -> JobsS3OperatorItem:
        """Return the User API's model in canonical spelling, always with a coefficient, as servers fail without."""
        factors = [f"{letter} {int(qubit)}" for letter, qubit in _FACTOR.findall(self.pauli)]
        return rest.JobsS3OperatorItem(
            pauli=" ".join(factors) or "I", coeff=1.0 if self.coeff is None else float(self.coeff)
        )
