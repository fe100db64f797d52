"""Circuits that have no place on a device yet, on their best place: `Placer`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit, generate_preset_pass_manager, transpile
from qiskit.circuit import CircuitInstruction
from qiskit.transpiler import CouplingMap, PassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.parallel.assignment import best_place
from qiskit_oqtopus.parallel.load import Load
from qiskit_oqtopus.plain import empty_like, without_layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qiskit.transpiler import StagedPassManager, Target

    from qiskit_oqtopus.parallel.chip import Chip

_BASIS = ["rz", "sx", "x", "cx", "delay"]


@dataclass(frozen=True)
class PlacedCircuit:
    """A circuit in a device's own instructions, on its best place.

    Attributes:
        circuit: The circuit, on the qubits that it uses only; it runs unchanged wherever couplings are the same.
        home: The device's qubit of each of its qubits; None if its qubits are the device's, on which it stays.
        wires: For each qubit of the original circuit that is used, the qubit on which it ends.
    """

    circuit: QuantumCircuit
    home: tuple[int, ...] | None
    wires: Mapping[int, int]


class Placer:
    """Finds the best places of circuits on a device.

    Args:
        chip: The device.
        target: Its target.
        as_is: Whether all circuits are on the device's qubits.
    """

    def __init__(self, chip: Chip, target: Target, *, as_is: bool = False) -> None:
        self._chip = chip
        self._target = target
        self._as_is = as_is and not chip.is_complete

    def placed(
        self, circuit: QuantumCircuit, measured: Iterable[int] = (), *, has_layout: bool = False
    ) -> PlacedCircuit | None:
        """Return a circuit on its best place; None if it is on the device's qubits already, or uses no qubit.

        A circuit with a layout that needs no other pairs of qubits than the device couples stays on its qubits.

        Args:
            circuit: The circuit.
            has_layout: Whether a transpiler has chosen its qubits.
            measured: Qubits that are measured in addition to those that the circuit measures.

        Raises:
            CircuitError: The device has no place for it.
        """
        is_wide = circuit.num_qubits == self._target.num_qubits and not self._chip.is_complete
        if self._as_is or (is_wide and self._is_native(circuit)):
            return None
        circuit = without_layout(circuit)
        if has_layout and is_wide:
            native = _native(circuit)
            if all(np.isfinite(self._chip.couplings[pair]) for pair in Load.of(native).edges):
                return PlacedCircuit(
                    self._adapted(native, range(circuit.num_qubits)), None, dict(enumerate(range(circuit.num_qubits)))
                )
        extra = {circuit.qubits[i] for i in measured}
        busy = extra.union(*(item.qubits for item in circuit.data if item.name != "barrier"))
        used = [i for i, qubit in enumerate(circuit.qubits) if qubit in busy]
        if not used:
            return None
        if len(used) > (usable := int(self._chip.usable.sum())):
            raise CircuitError(
                f"Circuit {circuit.name!r} needs {len(used)} qubits, but {self._chip.name} has only {usable} that are "
                "calibrated with errors below 50 %."
            )
        native = _native(_on(circuit, used))
        counted = [i for i, qubit in enumerate(used) if circuit.qubits[qubit] in extra]
        place = best_place(self._chip, _load(native, counted))
        if place is None:
            native = self._routed(native)
            place = best_place(self._chip, _load(native, counted))
        if place is None:
            raise CircuitError(f"Circuit {circuit.name!r} fits nowhere on {self._chip.name}, not even with swap gates.")
        adapted = self._adapted(native, place.qubits)
        return PlacedCircuit(adapted, place.qubits, {qubit: i for i, qubit in enumerate(used)})

    def _adapted(self, native: QuantumCircuit, place: Sequence[int]) -> QuantumCircuit:
        """Return a circuit with each `cx` in the direction that the device has at a place."""
        adapted = empty_like(native)
        index = {qubit: i for i, qubit in enumerate(native.qubits)}
        for item in native.data:
            if item.name == "cx" and not self._chip.directed[tuple(place[index[qubit]] for qubit in item.qubits)]:
                adapted.h(item.qubits)
                adapted.cx(*reversed(item.qubits))
                adapted.h(item.qubits)
            else:
                adapted.append(item)
        merged: QuantumCircuit = _merging().run(adapted)
        return merged

    def _routed(self, native: QuantumCircuit) -> QuantumCircuit:
        """Return a circuit whose `cx` are on couplings that form part of the chip's; added qubits come last.

        Raises:
            CircuitError: Too few usable qubits are connected.
        """
        graph = CouplingMap(np.argwhere(self._chip.joined).tolist())
        connected = max(graph.connected_components(), key=CouplingMap.size)
        if connected.size() < native.num_qubits:
            raise CircuitError(
                f"Circuit {native.name!r} needs {native.num_qubits} connected qubits, but {self._chip.name} has only "
                f"{connected.size()} whose couplings are calibrated with errors below 50 %."
            )
        routed = transpile(native, coupling_map=connected, basis_gates=_BASIS, optimization_level=1, seed_transpiler=0)
        busy = {routed.find_bit(q).index for item in routed.data if item.name != "barrier" for q in item.qubits}
        ends = routed.layout.final_index_layout()
        return _on(routed, [*ends, *sorted(busy.difference(ends))])

    def _is_native(self, circuit: QuantumCircuit) -> bool:
        """Return whether a circuit consists of the device's own instructions."""
        index = {qubit: i for i, qubit in enumerate(circuit.qubits)}
        return all(
            item.name == "barrier"
            or self._target.instruction_supported(item.name, tuple(index[qubit] for qubit in item.qubits))
            for item in circuit.data
        )


def _native(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit in native gates.

    Raises:
        CircuitError: It cannot be translated.
    """
    try:
        native: QuantumCircuit = _translation().run(circuit)
    except Exception as error:  # custom gates raise anything
        raise CircuitError(f"Circuit {circuit.name!r} cannot be translated to the device's gates: {error}") from error
    return native


@cache
def _translation() -> StagedPassManager:
    """Return the passes that translate a circuit to native gates; `transpile` makes them for each call."""
    return generate_preset_pass_manager(optimization_level=1, basis_gates=_BASIS, seed_transpiler=0)


@cache
def _merging() -> PassManager:
    """Return the passes that merge gates on one qubit, and translate them to native ones."""
    return PassManager([Optimize1qGatesDecomposition(_BASIS)])


def _load(circuit: QuantumCircuit, measured: Iterable[int]) -> Load:
    """Return the gates of a circuit, some of whose qubits will be measured."""
    load = Load.of(circuit)
    counts = list(load.measured)
    for qubit in measured:
        counts[qubit] += 1
    return replace(load, measured=tuple(counts))


def _on(circuit: QuantumCircuit, qubits: Sequence[int]) -> QuantumCircuit:
    """Return a circuit on some of its qubits, in this order, which include all that it uses."""
    kept = {circuit.qubits[i]: local for local, i in enumerate(qubits)}
    found = QuantumCircuit(len(qubits), name=circuit.name, global_phase=circuit.global_phase, metadata=circuit.metadata)
    found.add_bits(circuit.clbits)
    for register in circuit.cregs:
        found.add_register(register)
    for item in circuit.data:
        on = tuple(found.qubits[kept[qubit]] for qubit in item.qubits if qubit in kept)
        operation = item.operation
        if item.name == "barrier":
            found.barrier(on)
        else:
            found.append(CircuitInstruction(operation, on, item.clbits))
    return found
