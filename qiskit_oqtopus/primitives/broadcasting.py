"""How bindings and observables of a PUB go together: `Broadcast`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np


class BindingGroup(NamedTuple):
    """Bindings with the same observables, which are therefore measured alike.

    Attributes:
        observables: Indices of the observables, in ascending order.
        bindings: Indices of the bindings.
    """

    observables: tuple[int, ...]
    bindings: list[int]


@dataclass(frozen=True)
class Broadcast:
    """Qiskit's broadcasting of bindings and observables. Indices are flat; the last axis runs fastest.

    Attributes:
        bindings: The shape of the bindings.
        observables: The shape of the observables.
    """

    bindings: tuple[int, ...]
    observables: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return np.broadcast_shapes(self.bindings, self.observables)

    @cached_property
    def elements(self) -> list[tuple[int, int]]:
        """For each element of the result, the index of its binding and that of its observable.

        >>> Broadcast((2, 1), (2,)).elements
        [(0, 0), (0, 1), (1, 0), (1, 1)]
        """
        shapes = (self.bindings, self.observables)
        numbered = (np.arange(np.prod(shape, dtype=int)).reshape(shape) for shape in shapes)
        bindings, observables = np.broadcast_arrays(*numbered)
        return list(zip(bindings.ravel().tolist(), observables.ravel().tolist(), strict=True))

    @cached_property
    def binding_groups(self) -> list[BindingGroup]:
        """The bindings, grouped by their observables.

        >>> Broadcast((2, 1), (2,)).binding_groups
        [BindingGroup(observables=(0, 1), bindings=[0, 1])]
        """
        observables: dict[int, set[int]] = {}
        for binding, observable in self.elements:
            observables.setdefault(binding, set()).add(observable)
        groups: dict[tuple[int, ...], list[int]] = {}
        for binding, wanted in observables.items():
            groups.setdefault(tuple(sorted(wanted)), []).append(binding)
        return [BindingGroup(*group) for group in groups.items()]

    @cached_property
    def bindings_by_observable(self) -> dict[int, list[int]]:
        """For each observable, the bindings for which it is estimated."""
        found: dict[int, dict[int, None]] = {}
        for binding, observable in self.elements:
            found.setdefault(observable, {})[binding] = None
        return {observable: list(bindings) for observable, bindings in found.items()}
