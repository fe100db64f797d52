"""The randomizations of a twirled circuit: `TwirledTemplate` as programs, `twirled_circuits` as circuits."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from qiskit.circuit import CircuitInstruction, Delay
from qiskit.circuit.library import RZGate

from qiskit_oqtopus.programs import NO_DELAY

if TYPE_CHECKING:
    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

    from qiskit_oqtopus.primitives.suppression.twirling import Twirls
    from qiskit_oqtopus.programs import Program, Template

_RZ = re.compile(r"rz\((.*)\) q\[")
_X = re.compile(r"^x (q\[(\d+)\];\n)", re.MULTILINE)

_NS = 1e-9


@dataclass(frozen=True)
class TwirledTemplate:
    """The programs of a circuit's randomizations, for all values of its parameters.

    Attributes:
        template: The template of the circuit that `twirlable` returned.
        twirls: The randomizations.
        timed: The device's target, if a delay of the same duration is to replace each `x` that a randomization leaves
            out, so that all keep one schedule; None to leave it out without replacement.
    """

    template: Template
    twirls: Twirls
    timed: Target | None = None

    @property
    def is_isa(self) -> bool:
        """Whether the programs consist of native instructions."""
        return self.template.is_isa

    def bind(self, values: npt.NDArray[np.float64]) -> list[list[Program]]:
        """Return the programs of each binding, one for each randomization.

        Args:
            values: Parameter values of shape (bindings, parameters).

        Raises:
            CircuitError: A number in a program is not finite, or a duration is negative.
        """
        template, twirls = self.template, self.twirls
        body, constants, is_rz = self._slots()
        signs, offsets = np.ones((len(twirls), len(is_rz))), np.zeros((len(twirls), len(is_rz)))
        signs[:, is_rz], offsets[:, is_rz] = twirls.signs, twirls.offsets
        numbers = np.tile(constants, (len(values), 1))
        has_no_value = np.isnan(constants)
        is_zero = np.zeros(len(values), bool)
        if has_no_value.any():
            numbers[:, has_no_value], _ = template.numbers(values)
            is_zero = (numbers[:, ~is_rz] == 0).any(axis=1)
        bodies = [body % tuple(texts) for texts in self._x_lines()]
        programs = []
        for row, has_no_delay in zip(numbers, is_zero.tolist(), strict=True):
            angles = (signs * row + offsets).tolist()
            texts = [text % tuple(map(repr, of_text)) for text, of_text in zip(bodies, angles, strict=True)]
            if has_no_delay:
                texts = [NO_DELAY.sub("", text) for text in texts]
            programs.append([replace(template.program, body=text) for text in texts])
        return programs

    def _slots(self) -> tuple[str, npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return the text with `%s` for each `x` and `%%s` for each number; the numbers, and which are those of `rz`.

        Numbers that depend on parameters are NaN.
        """
        lines, constants, is_rz = [], [], []
        for line in self.template.program.body.splitlines(keepends=True):
            rz = _RZ.match(line)
            if rz:
                constants.append(np.nan if rz[1] == "%s" else float(rz[1]))
                is_rz.append(True)
                lines.append(f"rz(%%s) q[{line[rz.end() :]}")
            elif _X.match(line):
                lines.append("%s")
            else:
                if "%s" in line:
                    constants.append(np.nan)
                    is_rz.append(False)
                lines.append(line.replace("%", "%%"))
        return "".join(lines), np.array(constants, float), np.array(is_rz, bool)

    def _x_lines(self) -> list[list[str]]:
        """Return the lines of each randomization for each `x`."""
        found = list(_X.finditer(self.template.program.body))
        return [
            ["x " + x[1] if there else self._pause(int(x[2]), x[1]) for x, there in zip(found, row, strict=True)]
            for row in self.twirls.present.tolist()
        ]

    def _pause(self, qubit: int, operand: str) -> str:
        duration = _duration_of_x(self.timed, qubit)
        return f"delay[{duration!r}ns] {operand}" if duration else ""


def twirled_circuits(circuit: QuantumCircuit, twirls: Twirls, timed: Target | None = None) -> list[QuantumCircuit]:
    """Return the randomizations of a circuit, with its parameters.

    Args:
        circuit: The circuit that `twirlable` returned.
        twirls: Its randomizations.
        timed: See `TwirledTemplate`.
    """
    items = list(circuit.data)
    rotations, optional = ([i for i, item in enumerate(items) if item.name == name] for name in ("rz", "x"))
    turned = (twirls.signs != 1) | (twirls.offsets != 0)
    circuits = []
    for k, present in enumerate(twirls.present.tolist()):
        twirled = circuit.copy()
        for j in np.flatnonzero(turned[k]).tolist():
            item = items[i := rotations[j]]
            angle = float(twirls.signs[k, j]) * item.params[0] + float(twirls.offsets[k, j])
            twirled.data[i] = CircuitInstruction(RZGate(angle), item.qubits)
        # From the last on, as the others then keep their indices.
        for i in [i for i, there in zip(optional, present, strict=True) if not there][::-1]:
            duration = _duration_of_x(timed, circuit.find_bit(items[i].qubits[0]).index)
            if duration:
                twirled.data[i] = CircuitInstruction(Delay(duration, "ns"), items[i].qubits)
            else:
                del twirled.data[i]
        circuits.append(twirled)
    return circuits


def _duration_of_x(timed: Target | None, qubit: int) -> float:
    """Return the duration of an `x` in nanoseconds; 0 if it is not to be replaced, or unknown."""
    duration = timed and timed["x"][qubit,].duration
    return round(duration / _NS, 6) if duration else 0.0
