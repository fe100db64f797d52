"""What is sent to a server, as data: `Program`, and `Template` for all values of parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from qiskit import QuantumCircuit, qasm3

from oqtopus_client.angles import PERIOD, reduced
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.expressions import evaluate
from qiskit_oqtopus.header import CircuitHeader
from qiskit_oqtopus.reals import reals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from qiskit.circuit import Parameter, ParameterExpression

NO_DELAY = re.compile(r"^delay\[-?0\.0[a-z]+\] .*\n", re.MULTILINE)
"""A delay of nothing, which devices refuse: it does nothing, and so is not written."""

_SUMMED = 1e6
"""Up to there, sums of angles, as in what some gates consist of, lose nothing that matters."""


@dataclass(frozen=True)
class Program:
    """A circuit as OQTOPUS takes it; `print` shows its text.

    Attributes:
        header: The metadata needed to decode the counts; empty in a program that other software wrote.
        body: OpenQASM 3, with one register `q[n]` of qubits and one register `c[m]` of the measured bits.
        is_isa: Whether every instruction is the device's own, on qubits that have it: nothing to transpile.
    """

    header: CircuitHeader
    body: str
    is_isa: bool

    @property
    def text(self) -> str:
        """What is sent: the header as a comment, then the body."""
        return self.header.to_comment() + self.body

    @classmethod
    def from_text(cls, text: str, *, is_isa: bool) -> Self:
        """The program that was sent as this text."""
        header = CircuitHeader.from_program(text)
        return cls(header, text.partition("\n")[2] if header else text, is_isa)

    def to_circuit(self) -> QuantumCircuit:
        """The circuit that the program describes.

        Raises:
            MissingOptionalLibraryError: Package `qiskit-qasm3-import` is not installed.
        """
        circuit = qasm3.loads(self.body)
        if self.header:
            circuit.name = self.header.name
            circuit.metadata = dict(self.header.metadata)
        return circuit

    def with_memory(self) -> Self:
        """The program, its results to list the shots one by one."""
        return replace(self, header=replace(self.header, memory=True))

    def with_extra(self, extra: Mapping[str, Any]) -> Self:
        """The program, its header to carry something more."""
        return replace(self, header=replace(self.header, extra=extra))

    def with_tag(self, tag: object) -> Self:
        """The program, its header to carry the tag of its job; None for a job without."""
        return self if tag is None else replace(self, header=replace(self.header, tag=str(tag)))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Template:
    """The programs of a circuit for all values of its parameters.

    Attributes:
        program: The program, `%s` in its body where a number depends on parameters.
        parameters: The circuit's parameters, in its own order.
        slots: The numbers, as expressions of the parameters.
        durations: Which of the slots are durations, and must not be negative.
        bind_row: Binds the circuit itself, with the number of a binding and its values. The angles of its gates are
            then made small before these are taken apart.
    """

    program: Program
    parameters: tuple[Parameter, ...]
    slots: tuple[ParameterExpression, ...]
    durations: tuple[int, ...]
    bind_row: Callable[[int, list[float]], Program]

    @property
    def is_isa(self) -> bool:
        """Whether the programs are of the device's own instructions."""
        return self.program.is_isa

    def bind(self, values: npt.NDArray[np.float64]) -> list[Program]:
        """The program of each binding.

        Args:
            values: Of shape (bindings, parameters).

        Raises:
            CircuitError: A number in a program would not be finite, or a duration negative.
        """
        if not self.slots:
            return [self.program] * len(values)
        numbers = evaluate(self.slots, self.parameters, values)
        self._check(numbers, values)
        large = np.abs(numbers) > PERIOD
        large[:, list(self.durations)] = False
        far = np.flatnonzero((large & (np.abs(numbers) > _SUMMED)).any(axis=1)).tolist()
        numbers[large] = [reduced(angle) for angle in numbers[large].tolist()]
        bodies = [self.program.body % tuple(map(repr, row)) for row in numbers.tolist()]
        for row in np.flatnonzero((numbers[:, list(self.durations)] == 0).any(axis=1)):
            bodies[row] = NO_DELAY.sub("", bodies[row])
        programs = [replace(self.program, body=body) for body in bodies]
        for i in far:
            programs[i] = self.bind_row(i, values[i].tolist())
        return programs

    def _check(self, numbers: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> None:
        bad = ~np.isfinite(numbers)
        bad[:, list(self.durations)] |= numbers[:, list(self.durations)] < 0
        if bad.any():
            row, slot = np.argwhere(bad)[0]
            raise CircuitError(
                f"Circuit {self.program.header.name!r} has the value {numbers[row, slot]} for {self.slots[slot]} with "
                f"the parameter values {values[row].tolist()} (binding {row}); angles must be finite numbers, and "
                "durations not negative."
            )


def as_bindings(values: npt.ArrayLike, parameters: Sequence[Parameter]) -> npt.NDArray[np.float64]:
    """A user's parameter values as an array of shape (bindings, parameters).

    Raises:
        ValueError: They are no real numbers, or have another shape.
    """
    try:
        array = reals(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"parameter_values must be an array of real numbers: {error}.") from None
    if array.ndim == 1 and array.shape[0] == len(parameters):
        array = array[np.newaxis]
    if array.ndim != 2 or array.shape[1] != len(parameters) or not len(array):  # noqa: PLR2004 - rows and columns
        names = ", ".join(parameter.name for parameter in parameters) or "none"
        raise ValueError(
            f"parameter_values must have the shape (bindings, {len(parameters)}), not {array.shape}: a column for each "
            f"of the circuit's parameters ({names})."
        )
    return array
