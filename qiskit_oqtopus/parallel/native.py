"""Circuits in native gates, for all directions of a device's couplings: `Native`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Self, TypeAlias

from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Delay, ParameterVector
from qiskit.circuit.equivalence_library import StandardEquivalenceLibrary
from qiskit.circuit.library import CXGate, get_standard_gate_name_mapping
from qiskit.transpiler import CouplingMap, PassManager
from qiskit.transpiler.passes import BasisTranslator, InverseCancellation, Optimize1qGatesDecomposition

from qiskit_oqtopus.parallel.load import Load
from qiskit_oqtopus.qasm import to_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qiskit.circuit import CircuitInstruction
    from qiskit.transpiler import Target

    from qiskit_oqtopus.programs import Template
    from qiskit_oqtopus.qasm import BindingTemplate

LINE = re.compile(r"^(?:c\[(\d+)\] = )?(\w+)(?:\((.*)\)|\[(%s|[^\]]+?)([mun]?s)\])? (q\[.+);$", re.MULTILINE)
"""A line of a program: the bit that it measures into, the operation, its angles, or duration and unit, the qubits."""

Pairs: TypeAlias = frozenset[tuple[int, int]]
"""Control and target of `cx` gates."""

INDEX = re.compile(r"\d+")

_BASIS = ["rz", "sx", "x", "cx"]
_ATTEMPTS = 5
"""Number of ways to insert swaps that are tried."""
_OTHERS = ["measure", "barrier", "delay"]


@dataclass(frozen=True, eq=False)
class Native:
    """A circuit of native gates.

    Attributes:
        circuit: The circuit, of any width. Its parameters are the slots of the template that it was made from.
        slots: Index of the slot that each parameter of the circuit stands for.
        is_as_written: Whether the gates are the user's own, which are not merged with others.
        target: The device's target.
    """

    circuit: QuantumCircuit
    slots: tuple[int, ...]
    is_as_written: bool
    target: Target
    _templates: dict[Pairs, Template | BindingTemplate] = field(default_factory=dict)

    @classmethod
    def of(cls, template: Template, target: Target) -> Self:
        """Translate a program to native gates; one that consists of them stays as it is."""
        circuit, number = _circuit(template)
        is_as_written = circuit.count_ops().keys() <= {*_BASIS, *_OTHERS}
        if not is_as_written:
            circuit = _translation().run(circuit)
        slots = tuple(number[parameter] for parameter in circuit.parameters)
        return cls(circuit, slots, is_as_written, target)

    @cached_property
    def used(self) -> tuple[int, ...]:
        """The qubits with gates, delays or measurements."""
        busy = {qubit for item in self.circuit.data if item.name != "barrier" for qubit in item.qubits}
        return tuple(i for i, qubit in enumerate(self.circuit.qubits) if qubit in busy)

    @cached_property
    def load(self) -> Load:
        """The gates on the qubits in use, which are renumbered in their order."""
        return Load.of(self.circuit).on(self.used)

    @cached_property
    def has_delays(self) -> bool:
        """Whether there are delays."""
        return "delay" in self.circuit.count_ops()

    def template(self, turned: Pairs = frozenset()) -> Template | BindingTemplate:
        """Return the programs of the circuit.

        Args:
            turned: The pairs of qubits whose `cx` the device has in the other direction only.
        """
        if turned not in self._templates:
            self._templates[turned] = to_template(self._turned(turned) if turned else self.circuit, self.target)
        return self._templates[turned]

    def _turned(self, turned: Pairs) -> QuantumCircuit:
        """Return the circuit with these `cx` in the other direction."""
        circuit = self.circuit.copy_empty_like()
        for item in self.circuit.data:
            qubits = _indices(self.circuit, item)
            if item.name == "cx" and qubits in turned:
                circuit.h(qubits)
                circuit.cx(*reversed(qubits))
                circuit.h(qubits)
            else:
                circuit.append(item)
        changed: QuantumCircuit = _translation(merges=not self.is_as_written).run(circuit)
        return changed

    def routed(self, pairs: Iterable[tuple[int, int]]) -> Self:
        """Return the circuit with `cx` between these pairs of device qubits only, in either direction.

        A qubit keeps its number even if its state moves: it is the one on which the state ends. Qubits that states pass
        through come after the others.

        Args:
            pairs: Pairs of qubits, all of which are connected.
        """
        used = list(self.used)
        alone = QuantumCircuit(len(used), self.circuit.num_clbits)
        _copy(self.circuit, alone, {qubit: i for i, qubit in enumerate(used)})
        coupling_map = CouplingMap(sorted({each for pair in pairs for each in (pair, pair[::-1])}))
        attempts = [
            transpile(alone, coupling_map=coupling_map, basis_gates=_BASIS, optimization_level=2, seed_transpiler=seed)
            for seed in range(_ATTEMPTS)
        ]
        on_chip = min(attempts, key=lambda circuit: circuit.count_ops().get("cx", 0))
        number = dict(zip(on_chip.layout.final_index_layout(), used, strict=True))
        for item in on_chip.data:
            for qubit in _indices(on_chip, item) if item.name != "barrier" else ():
                number.setdefault(qubit, self.circuit.num_qubits + len(number) - len(used))
        width = self.circuit.num_qubits + len(number) - len(used)
        circuit = QuantumCircuit(width, self.circuit.num_clbits)
        _copy(on_chip, circuit, number)
        slot = dict(zip(self.circuit.parameters, self.slots, strict=True))
        slots = tuple(slot[parameter] for parameter in circuit.parameters)
        return replace(self, circuit=circuit, slots=slots, _templates={})


def _circuit(template: Template) -> tuple[QuantumCircuit, Mapping[object, int]]:
    """Return the circuit that a template describes, and the slot of each of its parameters.

    Global phases, metadata and `id` gates, which do not affect counts, are left out.
    """
    header, body = template.program.header, template.program.body
    parameters = ParameterVector("slot", len(template.slots))
    values = iter(parameters)

    def number(text: str) -> object:
        return next(values) if text == "%s" else float(text)

    circuit = QuantumCircuit(header.num_qubits, len(header.clbits), name=header.name)
    for bit, name, angles, duration, unit, operands in LINE.findall(body):
        qubits = [int(index) for index in INDEX.findall(operands)]
        if bit:
            circuit.measure(qubits, [int(bit)])
        elif name == "barrier":
            circuit.barrier(qubits)
        elif name == "delay":
            circuit.append(Delay(number(duration), unit), qubits)
        elif name != "id":
            circuit.append(_gates()[name](*(number(angle) for angle in angles.split(", ") if angle)), qubits)
    return circuit, {parameter: i for i, parameter in enumerate(parameters)}


def _copy(source: QuantumCircuit, destination: QuantumCircuit, number: Mapping[int, int]) -> None:
    """Append the instructions of a circuit to another one, on qubits with these numbers; bits keep their index."""
    for item in source.data:
        qubits = [number[qubit] for qubit in _indices(source, item) if qubit in number]
        clbits = [source.find_bit(bit).index for bit in item.clbits]
        if item.name == "barrier":
            destination.barrier(qubits)
        else:
            destination.append(item.operation, qubits, clbits)


def _indices(circuit: QuantumCircuit, item: CircuitInstruction) -> tuple[int, ...]:
    return tuple(circuit.find_bit(qubit).index for qubit in item.qubits)


@cache
def _gates() -> dict[str, type]:
    gates = {name: gate.base_class for name, gate in get_standard_gate_name_mapping().items()}
    return {**gates, "U": gates["u"]}


@cache
def _translation(*, merges: bool = True) -> PassManager:
    """Return the passes that translate standard gates to native ones; `transpile` makes them for each call."""
    passes = [BasisTranslator(StandardEquivalenceLibrary, [*_BASIS, *_OTHERS])]
    if merges:
        passes += [InverseCancellation([CXGate()]), Optimize1qGatesDecomposition(_BASIS)]
    return PassManager(passes)
