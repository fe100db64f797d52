"""The programs that are sent to a server: `Program`, and `Template` for all values of a circuit's parameters."""

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
"""A delay of zero length, which devices refuse and which is left out, as it has no effect."""

_SUMMED = 1e6
"""Up to this size, sums of angles, as in the definitions of some gates, keep sufficient precision."""


@dataclass(frozen=True)
class Program:
    """A circuit as sent to OQTOPUS; `print` shows its text.

    Attributes:
        header: The metadata needed to decode the counts; empty in a program written by other software.
        body: OpenQASM 3, with one register `q[n]` of qubits and one register `c[m]` of the measured bits.
        is_isa: Whether every instruction is native to the device and its qubits, so that no transpilation is needed.
    """

    header: CircuitHeader
    body: str
    is_isa: bool

    @property
    def text(self) -> str:
        """The text that is sent: the header as a comment, then the body."""
        return self.header.to_comment() + self.body

    @classmethod
    def from_text(cls, text: str, *, is_isa: bool) -> Self:
        """Return the program that was sent as this text.

        Raises:
            LaterReleaseError: Its header has a version that this release does not know.
        """
        header = CircuitHeader.from_program(text)
        return cls(header, text.partition("\n")[2] if header else text, is_isa)

    def to_circuit(self) -> QuantumCircuit:
        """Return the circuit that the program describes.

        Raises:
            MissingOptionalLibraryError: Package `qiskit-qasm3-import` is not installed.
        """
        circuit = qasm3.loads(self.body)
        if self.header:
            circuit.name = self.header.name
            circuit.metadata = dict(self.header.metadata)
        return circuit

    def with_memory(self) -> Self:
        """Return the program with results that list the shots one by one."""
        return replace(self, header=replace(self.header, memory=True))

    def with_extra(self, extra: Mapping[str, Any], version: int = 1) -> Self:
        """Return the program with additional data in its header, which then has this version or a later one."""
        return replace(self, header=replace(self.header, extra=extra, version=max(version, self.header.version)))

    def with_tag(self, tag: object) -> Self:
        """Return the program with the tag of its job in its header; unchanged if the tag is None."""
        return self if tag is None else replace(self, header=replace(self.header, tag=str(tag)))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Template:
    """The programs of a circuit for all values of its parameters.

    Attributes:
        program: The program, with `%s` in its body for each number that depends on parameters.
        parameters: The circuit's parameters, in the circuit's order.
        slots: These numbers, as expressions of the parameters.
        durations: Indices of the slots that are durations, which must not be negative.
        bind_row: A function that binds the circuit itself, given the index of a binding and its values. It reduces
            large angles before gates are decomposed.
    """

    program: Program
    parameters: tuple[Parameter, ...]
    slots: tuple[ParameterExpression, ...]
    durations: tuple[int, ...]
    bind_row: Callable[[int, list[float]], Program]

    @classmethod
    def constant(cls, program: Program) -> Self:
        """Return a program without parameters as a template."""
        return cls(program, (), (), (), lambda _row, _values: program)

    @property
    def is_isa(self) -> bool:
        """Whether the programs consist of native instructions."""
        return self.program.is_isa

    def bind(self, values: npt.NDArray[np.float64]) -> list[Program]:
        """Return the program of each binding.

        Args:
            values: Parameter values of shape (bindings, parameters).

        Raises:
            CircuitError: A number in a program is not finite, or a duration is negative.
        """
        if not self.slots:
            return [self.program] * len(values)
        numbers, is_far = self.numbers(values)
        bodies = [self.program.body % tuple(map(repr, row)) for row in numbers.tolist()]
        for row in np.flatnonzero((numbers[:, list(self.durations)] == 0).any(axis=1)):
            bodies[row] = NO_DELAY.sub("", bodies[row])
        programs = [replace(self.program, body=body) for body in bodies]
        for i in np.flatnonzero(is_far):
            programs[i] = self.bind_row(int(i), values[i].tolist())
        return programs

    def numbers(self, values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return the value of each slot for each binding, with angles reduced, of shape (bindings, slots).

        Also return whether a binding has angles so large that gates with definitions have to be bound before they are
        decomposed, of shape (bindings,); native gates have none.

        Args:
            values: Parameter values of shape (bindings, parameters).

        Raises:
            CircuitError: A number is not finite, or a duration is negative.
        """
        numbers = evaluate(self.slots, self.parameters, values)
        self._check(numbers, values)
        large = np.abs(numbers) > PERIOD
        large[:, list(self.durations)] = False
        is_far = np.any(large & (np.abs(numbers) > _SUMMED), axis=1)
        numbers[large] = [reduced(angle) for angle in numbers[large].tolist()]
        return numbers, is_far

    def _check(self, numbers: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> None:
        bad = ~np.isfinite(numbers)
        bad[:, list(self.durations)] |= numbers[:, list(self.durations)] < 0
        if bad.any():
            row, slot = np.argwhere(bad)[0]
            raise CircuitError(
                f"Circuit {self.program.header.name!r} has the value {numbers[row, slot]} for {self.slots[slot]} with "
                f"the parameter values {values[row].tolist()} (binding {row}); angles must be finite numbers, and "
                "durations must not be negative."
            )


def as_bindings(values: npt.ArrayLike, parameters: Sequence[Parameter]) -> npt.NDArray[np.float64]:
    """Return a user's parameter values as an array of shape (bindings, parameters).

    Raises:
        ValueError: They are not real numbers, or their shape does not match.
    """
    try:
        array = reals(values)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"parameter_values must be an array of real numbers, with a row for each binding: {error}."
        ) from None
    if array.ndim == 1 and array.shape[0] == len(parameters):
        array = array[np.newaxis]
    if array.ndim != 2 or array.shape[1] != len(parameters) or not len(array):  # noqa: PLR2004 - rows and columns
        names = ", ".join(parameter.name for parameter in parameters) or "none"
        raise ValueError(
            f"parameter_values must have the shape (bindings, {len(parameters)}), not {array.shape}: a column for each "
            f"parameter of the circuit ({names})."
        )
    return array
