"""Circuits that can be placed on a chip: `PlaceableCircuit`; one with its values: `Item`, made by an `Embedder`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import rustworkx

from qiskit_oqtopus.parallel.assignment import fits
from qiskit_oqtopus.parallel.native import INDEX, LINE, Native
from qiskit_oqtopus.programs import Template

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy.typing as npt
    from qiskit.transpiler import Target

    from qiskit_oqtopus.header import CircuitHeader
    from qiskit_oqtopus.parallel.chip import Chip
    from qiskit_oqtopus.parallel.load import Load
    from qiskit_oqtopus.programs import Program
    from qiskit_oqtopus.qasm import BindingTemplate

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PlaceableCircuit:
    """A circuit in native gates that can be written for any place on a chip where it fits.

    Attributes:
        native: The circuit.
        is_fixed: Whether its qubits are the device's, so that it stays where it is.
        is_strict: Whether its gates must not change, so that its places need the direction of each `cx`.
    """

    native: Native
    is_fixed: bool
    is_strict: bool

    @property
    def fixed(self) -> tuple[int, ...] | None:
        """The device's qubits of the qubits in use; None if the circuit is to be placed."""
        return self.native.used if self.is_fixed else None

    def turned(self, qubits: Sequence[int], chip: Chip) -> frozenset[tuple[int, int]]:
        """Return the pairs of the circuit's qubits whose `cx` a place has in the other direction only.

        Args:
            qubits: The device's qubit of each qubit in use.
            chip: The chip.
        """
        used, directed = self.native.used, chip.directed
        pairs = self.native.load.pairs
        return frozenset((used[a], used[b]) for a, b, _ in pairs if not directed[qubits[a], qubits[b]])

    def register(self, qubits: Sequence[int]) -> tuple[int | None, ...]:
        """Return the device's qubit of each of the circuit's qubits, given those of the qubits in use."""
        place = dict(zip(self.native.used, qubits, strict=True))
        return tuple(place.get(qubit) for qubit in range(self.native.circuit.num_qubits))


@dataclass(frozen=True, eq=False)
class Item:
    """A circuit to run, with bound parameters.

    Attributes:
        circuit: The circuit.
        header: The header of its program.
        index: Index of the circuit in the run.
        numbers: Values of the slots of its template, of shape (slots,).
        program: Its program, if it is bound already, and not to be changed.
        group: Circuits of different groups do not share a program.
    """

    circuit: PlaceableCircuit
    header: CircuitHeader
    index: int
    numbers: Floats
    program: Program | None = None
    group: Hashable = None


class Embedder:
    """Makes the items of one run; circuits with equal programs are translated once.

    Args:
        chip: The chip.
        target: The device's target.
        as_is: Whether all circuits are on the device's qubits.
    """

    def __init__(self, chip: Chip, target: Target, *, as_is: bool = False) -> None:
        self.chip = chip
        self.target = target
        self._as_is = as_is and not chip.is_complete
        self._natives: dict[str, Native] = {}
        self._routed: dict[Native, Native] = {}
        self._fitting: dict[tuple[Load, bool], bool] = {}

    def items(
        self,
        template: Template | BindingTemplate,
        values: Floats,
        *,
        index: int,
        has_layout: bool = False,
    ) -> list[Item]:
        """Return the items of a circuit, one for each row of values, with consecutive indices.

        A circuit is on the device's qubits if it is as wide and has native gates only, or has a layout and needs no
        other pairs of qubits than the couplings. All other circuits are to be placed.

        Args:
            template: The circuit's programs.
            values: Values of its parameters, of shape (bindings, parameters).
            index: Index of the first item.
            has_layout: Whether a transpiler has chosen the circuit's qubits.

        Raises:
            CircuitError: The device cannot run the circuit as intended.
        """
        if not isinstance(template, Template):
            bound = [template.bind_row(row, binding) for row, binding in enumerate(values.tolist())]
            return [
                item
                for row, program in enumerate(bound)
                for item in self._items(Template.constant(program), np.empty((1, 0)), index + row, has_layout)
            ]
        return self._items(template, values, index, has_layout)

    def unchanged(self, template: Template, programs: Sequence[Program], *, index: int, is_fixed: bool) -> list[Item]:
        """Return the items of a circuit whose gates must not change, such as one with dynamical decoupling.

        Args:
            template: The circuit's programs, of native gates.
            programs: Its bound programs, one for each item.
            index: Index of the first item.
            is_fixed: Whether the circuit's qubits are the device's, so that it stays where it is.
        """
        circuit = PlaceableCircuit(self._native(template), is_fixed, is_strict=True)
        return [
            Item(circuit, program.header, index + i, np.empty(0), program, _delays(program, circuit))
            for i, program in enumerate(programs)
        ]

    def _items(self, template: Template, values: Floats, index: int, has_layout: bool) -> list[Item]:
        numbers, is_far = template.numbers(values)
        circuit, header = self._placeable(template, has_layout=has_layout), template.program.header
        slots = numbers[:, list(circuit.native.slots)]
        items: list[Item] = []
        for row, own in enumerate(slots):
            if is_far[row]:
                program = template.bind_row(row, values[row].tolist())
                items += self._items(Template.constant(program), np.empty((1, 0)), index + row, has_layout)
            else:
                items.append(Item(circuit, header, index + row, own, group=self._group(circuit, own)))
        return items

    def _placeable(self, template: Template, *, has_layout: bool) -> PlaceableCircuit:
        native, is_wide = self._native(template), self._is_wide(template)
        if self._as_is or (is_wide and (template.is_isa or (has_layout and self._is_coupled(native)))):
            return PlaceableCircuit(native, is_fixed=True, is_strict=native.has_delays)
        if not self._fits(native.load, strict=False):
            native = self._on_chip(native)
        # Gates that turn a cx would change when the others' delays begin.
        is_strict = native.has_delays and self._fits(native.load, strict=True)
        return PlaceableCircuit(native, is_fixed=False, is_strict=is_strict)

    def _native(self, template: Template) -> Native:
        body = template.program.body
        if body not in self._natives:
            self._natives[body] = Native.of(template, self.target)
        return self._natives[body]

    def _is_wide(self, template: Template) -> bool:
        return bool(template.program.header.num_qubits == self.target.num_qubits)

    def _is_coupled(self, native: Native) -> bool:
        """Return whether all `cx` are between qubits that the device couples, in either direction."""
        return all(np.isfinite(self.chip.couplings[native.used[a], native.used[b]]) for a, b in native.load.edges)

    def _fits(self, load: Load, *, strict: bool) -> bool:
        key = load.shape, strict
        if key not in self._fitting:
            self._fitting[key] = fits(self.chip, load, strict=strict)
        return self._fitting[key]

    def _on_chip(self, native: Native) -> Native:
        """Route a circuit that fits nowhere, so that it fits; a circuit that is too wide is returned unchanged."""
        if native not in self._routed:
            graph = rustworkx.PyGraph()
            graph.add_nodes_from(range(self.chip.num_qubits))
            graph.add_edges_from_no_data([(a, b) for a, b in np.argwhere(self.chip.joined).tolist()])
            connected = max(rustworkx.connected_components(graph), key=len)
            pairs = [pair for pair in graph.edge_list() if pair[0] in connected]
            has_room = bool(pairs) and native.load.num_qubits <= len(connected)
            self._routed[native] = native.routed(pairs) if has_room else native
        return self._routed[native]

    def _group(self, circuit: PlaceableCircuit, numbers: Floats) -> Hashable:
        native = circuit.native
        if not native.has_delays:
            return None
        if not circuit.is_strict:
            return object()  # a program of its own
        turned = circuit.turned(native.used, self.chip) if circuit.is_fixed else frozenset()
        return _delays(native.template(turned).bind(numbers[np.newaxis])[0], circuit)


def _delays(program: Program, circuit: PlaceableCircuit) -> Hashable:
    """Return the key that programs must share to run side by side: their delays and the gates around them, or None.

    Another circuit's `rz` between a delay and the next gate would make the delay longer, as devices align all qubits at
    each `rz`.
    """
    # Randomizations of a circuit may have delays where others have gates.
    if "delay[" not in program.body:
        return None
    number: dict[str, int] = {}
    structure = []
    for _, name, _, duration, unit, operands in LINE.findall(program.body):
        qubits = [qubit for qubit in INDEX.findall(operands) if name != "barrier" or int(qubit) in circuit.native.used]
        structure.append((name, duration, unit, *(number.setdefault(qubit, len(number)) for qubit in qubits)))
    return tuple(structure)
