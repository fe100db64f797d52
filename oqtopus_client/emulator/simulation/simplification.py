"""Clifford circuits, however they are written: `clifford_form`.

Runs of one-qubit gates are multiplied out into rotations about Z and Y. What exceeds quarter turns of a rotation is
pulled back through the Clifford gates before it, and is there a rotation about a Pauli string. Rotations about the same
string merge if all between them commute with it (Zhang and Chen, arXiv:1903.12456), in particular those that compilers
write on both sides of a `cx`. Without noise, runs of rotations that generate only one SU(2), as one-qubit gates do, are
multiplied out again. Rotations about strings of Z are phases of the initial state, and measurements do not notice those
that commute with them. If only quarter turns remain, the circuit is a Clifford circuit.

Noise stays where it is: only what commutes with it passes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import TYPE_CHECKING

from oqtopus_client.emulator.simulation.operations import Operation
from oqtopus_client.emulator.simulation.pauli_strings import Pauli, Turn
from oqtopus_client.emulator.simulation.runs import IDENTITY, after, fused
from oqtopus_client.emulator.simulation.runs import rotations as rotations_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from oqtopus_client.emulator.simulation.operations import Part

TOLERANCE = 1e-6
"""Maximum sum of the deviations of a circuit's angles from quarter turns, in radians.

The probability of wrong outcomes is then at most half of it, a hundredth of the statistical error of 10^8 shots.
"""

_NEGLIGIBLE = 1e-8
"""Rotations by less are left out at once, as they would keep others apart; larger ones may cancel each other."""

_QUARTER = math.pi / 2
_COMPARISONS = 1 << 21
"""Maximum number of pairs of rotations to compare, about a second; none merge after it."""

_MAX_ROTATIONS = 1000
"""Maximum number of rotations to multiply out, which compares all pairs."""

_PROGRESS = 0.9
"""Maximum fraction of the rotations that may remain for another attempt."""


@dataclass
class CliffordForm:
    """A Clifford circuit with noise.

    Attributes:
        turns: Rotations about positive Pauli strings, which act first, in order.
        operations: `cx`, `rz` and `ry` by quarter turns, and noise.
    """

    turns: list[Turn]
    operations: list[Operation]


@lru_cache(maxsize=4)
def clifford_form(part: Part) -> CliffordForm | None:
    """Return the part as a Clifford circuit; None if it is not seen to be one."""
    circuit = _Circuit(part)
    for operation in fused(part.operations, part.n_qubits):
        if operation.name in {"rzz", "rzx"}:
            return None
        circuit.add(operation)
    measured, merged = circuit.measured, circuit.rotations
    turns: list[Turn] = []
    remaining, spent = merged.noticed(measured), merged.spent
    while spent + _size(remaining) > TOLERANCE:
        if spent > TOLERANCE or circuit.rotations.noisy or len(remaining) > _MAX_ROTATIONS:
            return None
        merged = _Rotations()
        new: list[Turn] = []
        for pauli, angle in _multiplied(remaining):
            new.append(Turn(pauli, merged.add(_before(new, pauli), angle)))
        measured, turns = [_before(new, pauli) for pauli in measured], new + turns
        fewer, spent = merged.noticed(measured), spent + merged.spent
        if len(fewer) > _PROGRESS * len(remaining):
            return None
        remaining = fewer
    positive = [Turn(pauli.times_i(pauli.sign - 1), quarters * pauli.sign % 4) for pauli, quarters in turns]
    return CliffordForm([turn for turn in positive if turn.quarters], circuit.operations)


def _size(rotations: Iterable[tuple[Pauli, float]]) -> float:
    return sum(abs(angle) for _, angle in rotations)


def _before(turns: Sequence[Turn], pauli: Pauli) -> Pauli:
    return reduce(Pauli.before, reversed(turns), pauli)


class _Circuit:
    """The Clifford gates of a part, and the rotations that remain, pulled back to the start of the circuit."""

    def __init__(self, part: Part) -> None:
        self.operations: list[Operation] = []
        self.rotations = _Rotations()
        self._part = part
        self._x = [Pauli(1 << qubit, 0) for qubit in range(part.n_qubits)]
        self._z = [Pauli(0, 1 << qubit) for qubit in range(part.n_qubits)]

    @property
    def measured(self) -> list[Pauli]:
        """The measured strings."""
        return [self._z[qubit] for qubit in self._part.measured]

    def add(self, operation: Operation) -> None:
        """Add a `cx`, a rotation about Y or Z, or noise, at the end."""
        name, qubits, value = operation
        if name == "cx":
            control, target = qubits
            self._z[target] = self._z[control].times(self._z[target])
            self._x[control] = self._x[control].times(self._x[target])
        elif name in {"rz", "ry"}:
            (qubit,) = qubits
            x, z = self._x[qubit], self._z[qubit]
            pauli = z if name == "rz" else x.times(z).times_i(1)
            turn = Turn(pauli, self.rotations.add(pauli, value))
            self._x[qubit], self._z[qubit] = x.before(turn), z.before(turn)
            operation = Operation(name, qubits, turn.quarters * _QUARTER)
        else:
            strings = [strings[qubit] for qubit in qubits for strings in (self._z, self._x)]
            if name == "relax" and math.isinf(self._part.lifetimes[qubits[0]][0]):
                strings.pop()  # only the phase is lost
            self.rotations.add_noise(_Noise(strings, depolarizing=name == "depolarize"))
        self.operations.append(operation)


@dataclass(slots=True)
class _Rotation:
    """A rotation about a positive string; its angle is zero once it has merged with another."""

    pauli: Pauli
    angle: float

    def lets_pass(self, pauli: Pauli) -> bool:
        """Whether a rotation about another string may be exchanged with this one."""
        return self.angle == 0 or self.pauli.commutes(pauli)


class _Noise:
    """Errors that are products of some strings; all products are equally likely if it is a depolarization."""

    def __init__(self, strings: list[Pauli], *, depolarizing: bool) -> None:
        self._strings = strings
        self._within = {(0, 0)}
        for string in strings if depolarizing else ():
            self._within |= {(x ^ string.x, z ^ string.z) for x, z in self._within}

    def lets_pass(self, pauli: Pauli) -> bool:
        """Whether a rotation about a string may be exchanged with the noise; depolarization of its qubits allows it."""
        return pauli[:2] in self._within or all(map(pauli.commutes, self._strings))


class _Rotations:
    """The excess over quarter turns of rotations about strings, merged as far as possible.

    Attributes:
        noisy: Whether there is noise among them.
        spent: Sum of the deviations from quarter turns that were left out.
    """

    def __init__(self) -> None:
        self.noisy = False
        self.spent = 0.0
        self._entries: list[_Rotation | _Noise] = []
        self._latest: dict[tuple[int, int], tuple[int, _Rotation]] = {}
        self._comparisons = 0

    def add(self, pauli: Pauli, angle: float) -> int:
        """Add a rotation after all others, except for the quarter turns, 0 to 3, whose number it returns."""
        quarters = round(angle / _QUARTER)
        angle -= quarters * _QUARTER
        if abs(angle) <= _NEGLIGIBLE:
            self.spent += abs(angle)
            return quarters % 4
        angle *= pauli.sign
        string = pauli[:2]
        at, earlier = self._latest.get(string, (0, None))
        if earlier is not None and self._passes(pauli, at + 1):
            earlier.angle += angle
            if abs(earlier.angle) <= _NEGLIGIBLE:
                self.spent += abs(earlier.angle)
                earlier.angle = 0.0
                del self._latest[string]
        elif pauli.x or not self._passes(pauli, 0):
            rotation = _Rotation(pauli.times_i(pauli.sign - 1), angle)
            self._latest[string] = len(self._entries), rotation
            self._entries.append(rotation)
        return quarters % 4

    def add_noise(self, noise: _Noise) -> None:
        """Add noise after all rotations."""
        self._entries.append(noise)
        self.noisy = True

    def noticed(self, measured: Sequence[Pauli]) -> list[tuple[Pauli, float]]:
        """Return the positive strings and angles of the rotations, up to the last that measurements notice."""
        later: list[_Noise] = []
        for index in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[index]
            if isinstance(entry, _Noise):
                later.append(entry)
            elif entry.angle and not (
                all(map(entry.pauli.commutes, measured)) and all(noise.lets_pass(entry.pauli) for noise in later)
            ):
                before = self._entries[: index + 1]
                return [(e.pauli, e.angle) for e in before if isinstance(e, _Rotation) and e.angle]
        return []

    def _passes(self, pauli: Pauli, start: int) -> bool:
        """Whether a rotation may be exchanged with all entries from `start` on."""
        self._comparisons += len(self._entries) - start
        return self._comparisons < _COMPARISONS and all(
            self._entries[at].lets_pass(pauli) for at in range(len(self._entries) - 1, start - 1, -1)
        )


class _Run:
    """Rotations about a string, another one that anticommutes with it, and their product, as a matrix."""

    def __init__(self, pauli: Pauli, angle: float) -> None:
        self._strings = {"rz": pauli}
        self._matrix = after(IDENTITY, "rz", angle)

    def take(self, pauli: Pauli, angle: float) -> bool:
        """Take a rotation after the others, if it is one of them."""
        name = next((name for name, own in self._strings.items() if own[:2] == pauli[:2]), None)
        if name is None and len(self._strings) == 1 and not self.commutes(pauli):
            name = "ry"
            self._strings |= {name: pauli, "rx": pauli.times(self._strings["rz"]).times_i(3)}
        if name is None:
            return False
        self._matrix = after(self._matrix, name, angle * pauli.sign * self._strings[name].sign)
        return True

    def commutes(self, pauli: Pauli) -> bool:
        """Whether all of them commute with a rotation about another string."""
        return all(map(pauli.commutes, self._strings.values()))

    def rotations(self) -> Iterator[tuple[Pauli, float]]:
        """Yield at most three rotations with the same effect."""
        for name, _, angle in rotations_of(self._matrix, 0):
            yield self._strings[name], angle


def _multiplied(rotations: Iterable[tuple[Pauli, float]]) -> Iterator[tuple[Pauli, float]]:
    """Yield rotations with the same effect, after multiplying out runs of them."""
    runs: list[_Run] = []
    for pauli, angle in rotations:
        for run in reversed(runs):
            if run.take(pauli, angle):
                break
            if not run.commutes(pauli):
                runs.append(_Run(pauli, angle))
                break
        else:
            runs.append(_Run(pauli, angle))
    for run in runs:
        yield from run.rotations()
