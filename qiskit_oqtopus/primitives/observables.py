"""Observables as sums of products of one-qubit operators, and the measurements that determine them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.quantum_info import PauliList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

_BASIS = str.maketrans("01+-rl", "ZZXXYY")
"""The Pauli whose measurement determines an operator: a projector's state is an eigenstate of that Pauli."""

_PAULIS = {
    "0": (("I", 0.5), ("Z", 0.5)),
    "1": (("I", 0.5), ("Z", -0.5)),
    "+": (("I", 0.5), ("X", 0.5)),
    "-": (("I", 0.5), ("X", -0.5)),
    "r": (("I", 0.5), ("Y", 0.5)),
    "l": (("I", 0.5), ("Y", -0.5)),
}
"""Projectors as sums of Paulis."""

_VALUES = {
    **dict.fromkeys("XYZ", (1, -1)),
    **dict.fromkeys("0+r", (1, 0)),
    **dict.fromkeys("1-l", (0, 1)),
}
"""The value of a term's letter for the outcomes 0 and 1."""

PROJECTORS = {"X": "+-", "Y": "rl", "Z": "01"}
"""The projectors on the states in which a Pauli is 1 and -1."""

_MAX_PROJECTORS = 12


@dataclass(frozen=True)
class Observable:
    """A sum of terms.

    Attributes:
        terms: Label and coefficient of each. A label has a letter for each qubit, qubit 0 rightmost: `I X Y Z`, and
            `0 1 + - r l` for the projectors on those states. No label occurs twice, and none consists of `I` alone.
        constant: The coefficient of the identity.
    """

    terms: tuple[tuple[str, float], ...]
    constant: float

    @classmethod
    def of(cls, labels: Mapping[str, complex]) -> Observable:
        """Return the observable with labels and coefficients as in Qiskit's `ObservablesArray`.

        Raises:
            ValueError: A coefficient is not real and finite.

        >>> Observable.of({"XI": 1.0, "II": 2.0})
        Observable(terms=(('XI', 1.0),), constant=2.0)
        """
        terms: dict[str, float] = {}
        for label, coefficient in labels.items():
            number = complex(coefficient)
            if number.imag or not math.isfinite(number.real):
                raise ValueError(
                    f"An observable has the coefficient {coefficient} for {label}; expectation values are defined for "
                    "real, finite ones."
                )
            terms[label] = terms.get(label, 0.0) + number.real
        constant = sum(coefficient for label, coefficient in terms.items() if not label.strip("I"))
        return cls(tuple((label, c) for label, c in terms.items() if label.strip("I")), float(constant))

    @property
    def is_expandable(self) -> bool:
        """Whether the observable is a sum of Paulis that is not too long."""
        return all(_projectors(label) <= _MAX_PROJECTORS for label, _ in self.terms)

    def as_paulis(self) -> Observable:
        """Return the observable with projectors written as sums of Paulis.

        Raises:
            ValueError: It would have too many terms.
        """
        for label, _ in self.terms:
            if (projectors := _projectors(label)) > _MAX_PROJECTORS:
                raise ValueError(
                    f"The observable {label} has {projectors} projectors, which as Paulis are {2**projectors:,} terms; "
                    "use route='sampling', which measures projectors directly."
                )
        return self.expanded(lambda label: [_PAULIS.get(letter, ((letter, 1.0),)) for letter in label])

    def moved(self, qubits: Mapping[int, int], num_qubits: int) -> Observable:
        """Return the observable on other qubits; see `moved`."""
        return Observable(tuple((moved(label, qubits, num_qubits), c) for label, c in self.terms), self.constant)

    def expanded(self, factors: Callable[[str], Sequence[Sequence[tuple[str, float]]]]) -> Observable:
        """Return the observable with each term multiplied out.

        Args:
            factors: Returns, for a label, the sum that stands for each of its letters, the leftmost first.
        """
        found: dict[str, float] = {}
        for label, coefficient in self.terms:
            for product in itertools.product(*factors(label)):
                term = "".join(letter for letter, _ in product)
                found[term] = found.get(term, 0.0) + coefficient * math.prod(factor for _, factor in product)
        rest = Observable.of(found)
        return Observable(tuple((label, c) for label, c in rest.terms if c), self.constant + rest.constant)


def _projectors(label: str) -> int:
    return sum(letter in _PAULIS for letter in label)


def basis(label: str) -> str:
    """Return the Paulis whose measurement determines a term.

    >>> basis("X01Il")
    'XZZIY'
    """
    return label.translate(_BASIS)


def grouped_measurements(observables: Iterable[Observable]) -> list[str]:
    """Return as few measurements as Qiskit finds that determine all terms of some observables.

    Returns:
        For each measurement, the Pauli that each qubit is measured in, `I` where it is not measured.

    >>> grouped_measurements([Observable.of({"ZI": 1.0, "IZ": 1.0}), Observable.of({"XX": 1.0})])
    ['ZZ', 'XX']
    """
    labels = list(dict.fromkeys(basis(label) for observable in observables for label, _ in observable.terms))
    if not labels:
        return []
    found = []
    for group in PauliList(labels).group_commuting(qubit_wise=True):
        letters = zip(*group.to_labels(), strict=True)
        found.append("".join(next((letter for letter in column if letter != "I"), "I") for column in letters))
    # In the order of the first terms that they determine, as Qiskit's order is arbitrary.
    return sorted(found, key=lambda each: next(i for i, label in enumerate(labels) if is_measured_by(label, each)))


def is_measured_by(label: str, measurement: str) -> bool:
    """Return whether a measurement determines a term.

    >>> is_measured_by("0I", "ZX")
    True
    """
    return all(wanted in {"I", given} for given, wanted in zip(measurement, basis(label), strict=True))


def moved(label: str, qubits: Mapping[int, int], num_qubits: int) -> str:
    """Return a term on other qubits.

    Args:
        label: The term.
        qubits: The new qubit of each qubit that it measures.
        num_qubits: The number of qubits there.

    >>> moved("XIZ", {0: 4, 2: 2}, 6)
    'IZIXII'
    """
    letters = ["I"] * num_qubits
    for qubit, letter in enumerate(reversed(label)):
        if letter != "I":
            letters[-1 - qubits[qubit]] = letter
    return "".join(letters)


def corrected_values(
    letter: str, p10: npt.ArrayLike = 0.0, p01: npt.ArrayLike = 0.0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the values of the outcomes 0 and 1 whose mean is that of a term's letter without readout errors.

    Args:
        letter: The letter.
        p10: Probability to read 1 from state 0.
        p01: Probability to read 0 from state 1.

    >>> [float(value) for value in corrected_values("Z", 0.25, 0.25)]
    [2.0, -2.0]
    >>> [float(value) for value in corrected_values("0")]
    [1.0, 0.0]
    """
    of_zero, of_one = _VALUES[letter]
    p10, p01 = np.asarray(p10), np.asarray(p01)
    difference = 1.0 - p10 - p01
    return (of_zero * (1 - p01) - of_one * p10) / difference, (of_one * (1 - p10) - of_zero * p01) / difference


def weighted_sums(
    bits: npt.NDArray[np.uint8],
    measurement: str,
    terms: Iterable[tuple[str, float]],
    errors: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64]:
    """Return the value of a sum of terms for each outcome of a measurement.

    Args:
        bits: As for `term_values`.
        measurement: The measurement.
        terms: Label and coefficient of terms that it determines.
        errors: As for `term_values`.

    >>> weighted_sums(np.array([[0, 0], [1, 0]], np.uint8), "ZZ", [("ZZ", 1.0), ("0I", 10.0), ("I1", 100.0)])
    array([ 11., 109.])
    >>> weighted_sums(np.array([[0], [1]], np.uint8), "Z", [("Z", 1.0)], np.array([[(0.25, 0.25)]]))
    array([ 2., -2.])
    """
    terms = list(terms)
    total = np.zeros(len(bits))
    of_terms = term_values(bits, measurement, [label for label, _ in terms], errors)
    for (_, coefficient), values in zip(terms, of_terms, strict=True):
        total += np.multiply(coefficient, values, dtype=np.float64)
    return total


def term_values(
    bits: npt.NDArray[np.uint8],
    measurement: str,
    labels: Iterable[str],
    errors: npt.NDArray[np.float64] | None = None,
) -> Iterator[npt.NDArray[Any]]:
    """Yield the value of each of some terms for each outcome of a measurement.

    Without errors, the value of a term is 1 or -1 for Paulis, 1 or 0 for projectors, and a product of these. Readout
    errors are independent from bit to bit, so the inverse of their matrix is a product, and undoing them gives each
    factor of a term another value for each outcome. The mean over shots is then the mean without errors.

    Args:
        bits: 0 or 1, of shape (outcomes, clbits): the last columns are those of the letters of `measurement` that are
            not `I`, the rightmost first.
        measurement: The measurement.
        labels: The labels of terms that it determines.
        errors: Readout errors to undo, of shape (outcomes or 1, letters that are not `I`, 2): the probabilities to read
            1 from state 0, and 0 from state 1.
    """
    columns = {qubit: i for i, qubit in enumerate(measured_qubits(measurement))}
    ones = np.ascontiguousarray(bits[:, -len(columns) :].T).view(np.int8)

    @cache
    def factor(column: int, letter: str) -> npt.NDArray[Any]:
        if errors is None:
            of_zero, of_one = np.array(_VALUES[letter], np.int8)  # an eighth of the memory of floats
        else:
            of_zero, of_one = corrected_values(letter, errors[:, column, 0], errors[:, column, 1])
        # Faster than np.where, as it does not branch.
        values: npt.NDArray[Any] = of_zero + (of_one - of_zero) * ones[column]
        return values

    for label in labels:
        letters = [(columns[qubit], letter) for qubit, letter in enumerate(reversed(label)) if letter != "I"]
        yield reduce(np.multiply, itertools.starmap(factor, letters))


def measured_qubits(measurement: str) -> list[int]:
    """Return the qubits that a measurement measures, in the order of its bits."""
    return [qubit for qubit, letter in enumerate(reversed(measurement)) if letter != "I"]
