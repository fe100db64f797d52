"""The gates of a circuit that decide how well it runs on a set of qubits: `Load`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import rustworkx

from qiskit_oqtopus.errors import CircuitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit import QuantumCircuit

_FREE = frozenset({"rz", "delay", "barrier", "reset"})
"""Operations without an error in the calibration. `reset` is only run on qubits in |0>, where it is left out."""


@dataclass(frozen=True)
class Load:
    """The number of native gates on each qubit of a circuit.

    Equal loads have the same error on the same qubits, so they share one search for places.

    Attributes:
        num_qubits: Number of qubits.
        singles: Number of `sx` and `x` gates on each qubit.
        measured: Number of measurements of each qubit.
        pairs: Control, target and number of the `cx` gates on each pair of qubits, sorted.
    """

    num_qubits: int
    singles: tuple[int, ...]
    measured: tuple[int, ...]
    pairs: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, circuit: QuantumCircuit) -> Self:
        """Count the gates of a circuit of native gates on local qubits.

        Raises:
            CircuitError: The circuit has other operations.
        """
        index = {qubit: i for i, qubit in enumerate(circuit.qubits)}
        singles, measured = [0] * len(index), [0] * len(index)
        pairs: Counter[tuple[int, int]] = Counter()
        for item in circuit.data:
            qubits = [index[qubit] for qubit in item.qubits]
            if item.name in ("sx", "x"):
                singles[qubits[0]] += 1
            elif item.name == "cx":
                pairs[qubits[0], qubits[1]] += 1
            elif item.name == "measure":
                measured[qubits[0]] += 1
            elif item.name not in _FREE:
                raise CircuitError(
                    f"Circuit {circuit.name!r} has the instruction {item.name!r}, which is not native to OQTOPUS "
                    "devices. Use qiskit.transpile(circuit, backend) first."
                )
        counted = sorted((control, target, count) for (control, target), count in pairs.items())
        return cls(len(index), tuple(singles), tuple(measured), tuple(counted))

    @cached_property
    def edges(self) -> frozenset[tuple[int, int]]:
        """The pairs of qubits with `cx` gates, each once, the lower qubit first."""
        return frozenset((min(a, b), max(a, b)) for a, b, _ in self.pairs)

    @cached_property
    def counts(self) -> dict[tuple[int, int], int]:
        """The number of `cx` gates by control and target."""
        return {(control, target): count for control, target, count in self.pairs}

    @cached_property
    def shape(self) -> Load:
        """The load without its numbers of gates; loads of the same shape fit on the same qubits."""
        zeros = (0,) * self.num_qubits
        return Load(self.num_qubits, zeros, zeros, tuple((a, b, 0) for a, b, _ in self.pairs))

    def are_joined(self, one: int, other: int) -> bool:
        """Return whether two qubits have gates with each other."""
        return (min(one, other), max(one, other)) in self.edges

    @cached_property
    def components(self) -> tuple[tuple[int, ...], ...]:
        """The sets of qubits that gates connect, larger ones first."""
        graph = rustworkx.PyGraph()
        graph.add_nodes_from(range(self.num_qubits))
        graph.add_edges_from_no_data(sorted(self.edges))
        parts = [tuple(sorted(part)) for part in rustworkx.connected_components(graph)]
        return tuple(sorted(parts, key=lambda part: (-len(part), part)))

    @cached_property
    def growth(self) -> tuple[int, ...]:
        """The qubits of a connected load in an order in which each but the first has a gate with an earlier one."""
        graph = rustworkx.PyGraph()
        graph.add_nodes_from(range(self.num_qubits))
        graph.add_edges_from_no_data(sorted(self.edges))
        start = min(range(self.num_qubits), key=lambda qubit: (graph.degree(qubit), qubit))
        order = [start]
        for qubit in order:
            order += [other for other in sorted(graph.neighbors(qubit)) if other not in order]
        return tuple(order)

    def on(self, qubits: Sequence[int]) -> Load:
        """Return the load of some qubits, renumbered in this order, that have no gates with others."""
        local = {qubit: i for i, qubit in enumerate(qubits)}
        pairs = sorted((local[a], local[b], count) for a, b, count in self.pairs if a in local)
        singles, measured = ([each[qubit] for qubit in qubits] for each in (self.singles, self.measured))
        return Load(len(local), tuple(singles), tuple(measured), tuple(pairs))
