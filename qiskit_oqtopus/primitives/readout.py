"""Readout errors of a device, and the cost of undoing them: `Readout`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from qiskit_oqtopus.primitives.observables import corrected_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from qiskit_oqtopus.backend import OqtopusBackend

_LEAST = 0.01
"""The least difference between the probabilities of an outcome for the two states of a qubit."""

_OFF = "Or run without mitigation."


@dataclass(frozen=True)
class Readout:
    """Readout errors of a device's qubits.

    Attributes:
        errors: For each qubit, the probabilities to read 1 from state 0, and 0 from state 1; None if the device does
            not publish them.
        calibrated_at: When they were measured, in ISO 8601; None if the server does not report it.
    """

    errors: tuple[tuple[float, float] | None, ...]
    calibrated_at: str | None = None

    @classmethod
    def of(cls, backend: OqtopusBackend) -> Self:
        """Ask the server for the errors that the device publishes now."""
        latest = backend.latest()
        published = [qubit.readout_error is not None for qubit in latest.device.calibration.qubits]
        # The Target knows the forms in which devices publish them.
        measurements = [latest.target["measure"][i,] if there else None for i, there in enumerate(published)]
        errors = tuple(m and (float(m.prob_meas1_prep0), float(m.prob_meas0_prep1)) for m in measurements)
        return cls(errors, latest.calibrated_at.isoformat() if latest.calibrated_at else None)

    def check(self, qubits: Iterable[int], advice: str) -> None:
        """Check that the errors of qubits can be undone.

        Raises:
            ValueError: They cannot.
        """
        if not self.errors:
            raise ValueError(f"The device publishes no readout errors, so none can be mitigated. {_OFF}")
        for qubit in qubits:
            errors = self.errors[qubit]
            if errors is None:
                raise ValueError(
                    f"The device publishes no readout errors for its qubit {qubit}, so they cannot be mitigated. "
                    f"{advice} {_OFF}"
                )
            if abs(1 - sum(errors)) < _LEAST:
                raise ValueError(
                    f"Qubit {qubit} of the device reads 1 from state 0 with probability {errors[0]:.4g} and 0 from "
                    f"state 1 with {errors[1]:.4g}: its outcome hardly depends on its state, so readout errors cannot "
                    f"be mitigated. {advice} {_OFF}"
                )

    def amplification(self, label: str, *, sent_as_is: bool) -> float:
        """Return the largest value that a term can have in one shot, once readout errors are undone.

        Args:
            label: The term.
            sent_as_is: Whether the label's qubits are the device's; if not, the device's worst are assumed.

        >>> round(Readout(((0.1, 0.1), (0.0, 0.0))).amplification("ZZ", sent_as_is=True), 4)
        1.25
        >>> round(Readout(((0.1, 0.1), (0.0, 0.0))).amplification("ZI", sent_as_is=False), 4)
        1.25
        """
        letters = [(qubit, letter) for qubit, letter in enumerate(reversed(label)) if letter != "I"]
        if sent_as_is:
            return math.prod(_largest(letter, self.errors[qubit]) for qubit, letter in letters)
        worst = sorted((_largest("Z", errors) for errors in self.errors), reverse=True)
        return math.prod(worst[: len(letters)])

    def spread(self, label: str) -> float:
        """Return the least standard deviation of a Pauli in one shot over all states, once readout errors are undone.

        >>> round(Readout(((0.1, 0.1),)).spread("Z"), 4)
        0.75
        """
        least = 1.0
        for qubit, letter in enumerate(reversed(label)):
            if letter != "I":
                p10, p01 = self.errors[qubit] or (0.0, 0.0)
                of_zero, of_one = _outcome_values(letter, (p10, p01))
                squares = of_zero**2 * (1 - p10) + of_one**2 * p10, of_zero**2 * p01 + of_one**2 * (1 - p01)
                least *= min(squares)
        return math.sqrt(max(least - 1, 0.0))

    def factors(self, label: str) -> list[tuple[tuple[str, float], ...]]:
        """Return a Pauli without readout errors as a product of sums of Paulis with them, the leftmost letter first.

        >>> Readout(((0.25, 0.25), (0.0, 0.5))).factors("ZZ")
        [(('I', -1.0), ('Z', 2.0)), (('Z', 2.0),)]
        """
        sums = []
        for qubit, letter in reversed(list(enumerate(reversed(label)))):
            of_zero, of_one = (1.0, 1.0) if letter == "I" else _outcome_values(letter, self.errors[qubit])
            parts = ("I", (of_zero + of_one) / 2), (letter, (of_zero - of_one) / 2)
            sums.append(tuple((name, factor) for name, factor in parts if factor))
        return sums

    def at(self, qubits: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the errors of qubits, as an array with one more axis, of length two."""
        table = np.array([(0.0, 0.0) if errors is None else errors for errors in self.errors])
        found: npt.NDArray[np.float64] = table[qubits]
        return found

    def to_json(self) -> list[Any]:
        """Return the errors as JSON."""
        return [self.errors, self.calibrated_at]

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Self:
        """Return the errors that `to_json` wrote."""
        errors, calibrated_at = fields
        return cls(
            tuple(None if one is None else (float(one[0]), float(one[1])) for one in errors),
            None if calibrated_at is None else str(calibrated_at),
        )


def _largest(letter: str, errors: tuple[float, float] | None) -> float:
    """Return the largest value that a term's letter can have in one shot, once the qubit's errors are undone."""
    return max(map(abs, _outcome_values(letter, errors)))


def _outcome_values(letter: str, errors: tuple[float, float] | None) -> tuple[float, float]:
    """Return the values of a qubit's outcomes 0 and 1, once its errors are undone."""
    of_zero, of_one = corrected_values(letter, *(errors or (0.0, 0.0)))
    return float(of_zero), float(of_one)
