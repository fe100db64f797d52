"""Products of Pauli operators as integers: `Pauli`, and rotations about them by quarter turns: `Turn`."""

from __future__ import annotations

from typing import NamedTuple

_HALF = 2


class Pauli(NamedTuple):
    """The operator `i**power` times a product of X (the bits of `x`) times a product of Z (the bits of `z`)."""

    x: int
    z: int
    power: int = 0

    @property
    def sign(self) -> int:
        """The sign of a Hermitian string of X, Y and Z."""
        return 1 - (self.power - (self.x & self.z).bit_count()) % 4

    def times_i(self, power: int) -> Pauli:
        """Return the operator times a power of the imaginary unit."""
        return Pauli(self.x, self.z, self.power + power)

    def times(self, other: Pauli) -> Pauli:
        """Return the product with another operator, which acts first."""
        swaps = (self.z & other.x).bit_count()
        return Pauli(self.x ^ other.x, self.z ^ other.z, self.power + other.power + 2 * swaps)

    def commutes(self, other: Pauli) -> bool:
        """Whether the two operators commute."""
        return not ((self.x & other.z).bit_count() + (self.z & other.x).bit_count()) % 2

    def before(self, turn: Turn) -> Pauli:
        """Return the operator that has the same effect before a turn as this one has after it."""
        if turn.quarters == 0 or self.commutes(turn.pauli):
            return self
        return self.times_i(2) if turn.quarters == _HALF else self.times(turn.pauli).times_i(-turn.quarters)


class Turn(NamedTuple):
    """A rotation about a Hermitian string by quarter turns, 0 to 3."""

    pauli: Pauli
    quarters: int
