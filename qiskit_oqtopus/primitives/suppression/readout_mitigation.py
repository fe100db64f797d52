"""Readout errors that a run itself calibrates, undone: `IndependentReadout` and `TwirledReadout`.

Both replace the value of a term in a shot by one whose mean has no readout errors. What they divide by was measured, in
other shots, so it has an error too, which all values of a run share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qiskit_oqtopus.primitives.expectation import Contribution, least_variance
from qiskit_oqtopus.primitives.observables import PROJECTORS, basis, corrected_values, measured_qubits, term_values
from qiskit_oqtopus.primitives.suppression.terms import mean, variance_of_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from qiskit_oqtopus.primitives.counts import Outcomes
    from qiskit_oqtopus.primitives.suppression.terms import Array

LEAST_SIGNIFICANCE = 3.0
"""The least ratio of a factor to its standard error: a quotient's bias is then a tenth of it, its error a third."""


class Factor(NamedTuple):
    """The factor by which readout errors multiply a Pauli.

    Attributes:
        value: The factor.
        error: Its standard error.
    """

    value: float
    error: float

    @property
    def is_significant(self) -> bool:
        """Whether it is far enough from zero to divide by it."""
        return abs(self.value) >= LEAST_SIGNIFICANCE * self.error and self.value != 0


class CorrectedTerms(NamedTuple):
    """Terms that one measurement determines.

    Attributes:
        outcomes: The outcomes of the measurement.
        measurement: The measurement.
        labels: The terms.
        values: Their values, as `Correction.values` returned them.
    """

    outcomes: Outcomes
    measurement: str
    labels: Sequence[str]
    values: Array


class Correction(ABC):
    """Correction of the readout errors of some terms.

    The error of the calibration enters through calibrated quantities: probabilities of errors, or factors.
    """

    @abstractmethod
    def values(self, outcomes: Outcomes, measurement: str, labels: Sequence[str]) -> Array:
        """Return the value of each term for each outcome, without readout errors in the mean.

        Args:
            outcomes: The outcomes; their last columns of bits are those of the measured qubits.
            measurement: The measurement.
            labels: Terms that it determines.

        Returns:
            The values, of shape (outcomes, terms).
        """

    @abstractmethod
    def sensitivities(self, terms: CorrectedTerms) -> Array:
        """Return the derivative of each term's mean by each calibrated quantity: shape (terms, quantities)."""

    @abstractmethod
    def variances(self, sensitivities: Array) -> Array:
        """Return the variances of estimates that the calibration causes.

        Args:
            sensitivities: The derivative of each estimate by each calibrated quantity: shape (estimates, quantities).
        """

    @abstractmethod
    def least_variances(self, terms: CorrectedTerms, weights: Array) -> Array:
        """Return the least variances of weighted sums of terms in one shot, caused by readout errors alone.

        As for `least_variance`: the most frequent outcome is taken for a state.

        Args:
            terms: The terms.
            weights: The weights of the terms in each sum: shape (terms, sums).
        """

    @abstractmethod
    def factor(self, label: str) -> Factor:
        """Return the factor by which readout errors multiply a Pauli."""


class IndependentReadout(Correction):
    """Errors of each qubit, from two circuits: one that reads all qubits in state 0, and one that does so in state 1.

    Errors of different qubits are taken to be independent. Then their inverse is a product over the qubits, and exact
    for errors that favour one outcome: a Pauli Z becomes (z - p01 + p10) / (1 - p10 - p01). Projectors work alike.

    Args:
        qubits: The measured qubits, in the order of the calibration's bits.
        zeros: The outcomes of the qubits in state 0.
        ones: The outcomes of the qubits in state 1.

    Attributes:
        errors: For each qubit, the probabilities to read 1 from state 0 and 0 from state 1: shape (qubits, 2).
    """

    def __init__(self, qubits: Sequence[int], zeros: Outcomes, ones: Outcomes) -> None:
        self._columns = {qubit: i for i, qubit in enumerate(qubits)}
        self._misread = (zeros.bits, zeros.numbers), (1 - ones.bits, ones.numbers)
        self.errors: Array = np.stack([mean(*each) for each in self._misread], axis=1)

    def values(self, outcomes: Outcomes, measurement: str, labels: Sequence[str]) -> Array:
        """Return the value of each term for each outcome, as `Correction.values`."""
        columns = self._columns_of(measurement)
        return np.stack([*term_values(outcomes.bits, measurement, labels, self.errors[np.newaxis, columns])], axis=1)

    def sensitivities(self, terms: CorrectedTerms) -> Array:
        """Return the derivative of each term's mean by each probability, as `Correction.sensitivities`.

        The derivative of a letter's corrected value by the probability to read 1 from state 0 is proportional to the
        corrected value of the projector on state 0, and the other one's to that of the projector on state 1.
        """
        found = np.zeros((len(terms.labels), len(self._columns), 2))
        derivatives = [(i, *each) for i, label in enumerate(terms.labels) for each in self._derivatives(label)]
        values = self.values(terms.outcomes, terms.measurement, [label for *_, label, _ in derivatives])
        for (i, column, kind, _, slope), value in zip(derivatives, mean(values, terms.outcomes.numbers), strict=True):
            found[i, column, kind] = slope * value
        return found.reshape(len(terms.labels), -1)

    def _derivatives(self, label: str) -> Iterator[tuple[int, int, str, float]]:
        """Yield the column, the kind of error, and the term and its factor that are a label's derivative by that."""
        for place, letter in enumerate(label):
            if letter != "I":
                column = self._columns[len(label) - 1 - place]
                of_zero, of_one = corrected_values(letter)
                slope = float(of_zero - of_one) / (1 - self.errors[column].sum())
                for kind, projector in enumerate(PROJECTORS[basis(letter)]):
                    yield column, kind, f"{label[:place]}{projector}{label[place + 1 :]}", (-slope if kind else slope)

    def variances(self, sensitivities: Array) -> Array:
        """Return the variances that the calibration causes, as `Correction.variances`."""
        kinds = np.moveaxis(sensitivities.reshape(len(sensitivities), -1, 2), -1, 0)
        return sum(
            (
                variance_of_mean(bits @ kind.T, numbers)
                for kind, (bits, numbers) in zip(kinds, self._misread, strict=True)
            ),
            np.zeros(len(sensitivities)),
        )

    def least_variances(self, terms: CorrectedTerms, weights: Array) -> Array:
        """Return the least variances of weighted sums, as `Correction.least_variances`."""
        errors = self.errors[np.newaxis, self._columns_of(terms.measurement)]
        sums = (
            Contribution(terms.measurement, tuple(zip(terms.labels, each, strict=True))) for each in weights.T.tolist()
        )
        return np.array([least_variance(each, terms.outcomes, errors) for each in sums])

    def factor(self, label: str) -> Factor:
        """Return the factor by which readout errors multiply a Pauli, apart from terms with fewer qubits."""
        columns = self._columns_of(label)
        kept = 1 - self.errors[columns].sum(axis=1)
        value = float(kept.prod())
        sensitivities = np.zeros((1, len(self._columns), 2))
        sensitivities[0, columns] = [[-kept[np.arange(len(kept)) != i].prod()] * 2 for i in range(len(kept))]
        return Factor(value, float(np.sqrt(self.variances(sensitivities.reshape(1, -1))[0])))

    def _columns_of(self, label: str) -> list[int]:
        return [self._columns[qubit] for qubit in measured_qubits(label)]


class TwirledReadout(Correction):
    """Factors of Paulis, from a circuit that only measures, twirled like all measurements of the run.

    Flips before measurements, undone in the outcomes, make readout errors diagonal in Paulis: they multiply each by a
    factor, which is its mean for qubits in state 0. Errors may be correlated between qubits. The factor is the mean of
    the whole product, as a product of the qubits' rates of errors would have a bias. (Twirled readout error extinction:
    van den Berg, Minev and Temme, Phys. Rev. A 105, 032620 (2022).)

    Args:
        qubits: The measured qubits, in the order of the calibration's bits.
        outcomes: The outcomes of the qubits in state 0, without flips.
        labels: The Paulis whose factors are needed.

    Raises:
        ValueError: A label has projectors, which no factor corrects.
    """

    def __init__(self, qubits: Sequence[int], outcomes: Outcomes, labels: Sequence[str]) -> None:
        for label in labels:
            if basis(label) != label:
                raise ValueError(f"The term {label} has projectors; twirled readout corrects Paulis only.")
        columns = {qubit: i for i, qubit in enumerate(qubits)}
        supports = {label: tuple(measured_qubits(label)) for label in labels}
        self._quantities: Mapping[tuple[int, ...], int] = {
            support: i for i, support in enumerate(dict.fromkeys(supports.values()))
        }
        self._numbers = outcomes.numbers
        ones = [outcomes.bits[:, [columns[qubit] for qubit in support]] for support in self._quantities]
        self._parities: npt.NDArray[np.int8] = np.stack(
            [1 - 2 * (each.sum(axis=1) & 1).astype(np.int8) for each in ones], axis=1
        )
        self._factors = mean(self._parities, self._numbers)
        self._of_labels = {label: self._quantities[support] for label, support in supports.items()}

    def values(self, outcomes: Outcomes, measurement: str, labels: Sequence[str]) -> Array:
        """Return the value of each term for each outcome, as `Correction.values`."""
        signs = np.stack([*term_values(outcomes.bits, measurement, labels)], axis=1)
        values: Array = signs / self._factors[self._indices(labels)]
        return values

    def sensitivities(self, terms: CorrectedTerms) -> Array:
        """Return the derivative of each term's mean by each factor, as `Correction.sensitivities`."""
        found = np.zeros((len(terms.labels), len(self._factors)))
        indices = self._indices(terms.labels)
        means = mean(terms.values, terms.outcomes.numbers)
        found[np.arange(len(indices)), indices] = -means / self._factors[indices]
        return found

    def variances(self, sensitivities: Array) -> Array:
        """Return the variances that the calibration causes, as `Correction.variances`."""
        return variance_of_mean(self._parities @ sensitivities.T, self._numbers)

    def least_variances(self, terms: CorrectedTerms, weights: Array) -> Array:
        """Return the least variances of weighted sums, as `Correction.least_variances`."""
        bits, numbers = terms.outcomes.bits, terms.outcomes.numbers
        top = np.argmax(numbers)
        seen = numbers[(bits == bits[top]).all(axis=1)].sum() / numbers.sum()
        sums = self._parities[:, self._indices(terms.labels)] @ (weights * terms.values[top][:, np.newaxis])
        variances: Array = seen * variance_of_mean(sums, self._numbers) * self._numbers.sum()
        return variances

    def factor(self, label: str) -> Factor:
        """Return the factor by which readout errors multiply a Pauli."""
        index = self._of_labels[label]
        error = np.sqrt(variance_of_mean(self._parities[:, [index]], self._numbers)[0])
        return Factor(float(self._factors[index]), float(error))

    def _indices(self, labels: Sequence[str]) -> list[int]:
        return [self._of_labels[label] for label in labels]
