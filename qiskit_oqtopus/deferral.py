"""Measurements in the middle of circuits, deferred to the end: `defer_measurements`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, ControlFlowOp, Delay, Gate, Instruction, QuantumRegister, Qubit, Reset
from qiskit.circuit.library import CXGate

from qiskit_oqtopus.definitions import has_conditions, has_variables, is_measurement, stated
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.plain import empty_like

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qiskit.circuit import Clbit, Operation
    from qiskit.transpiler import Target

    Act = tuple[Operation, list[Qubit], list[Clbit]]


def defer_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """Make a circuit that measures at the end only and resets nothing, of the same counts.

    OQTOPUS devices treat every measurement as final, and do not reset. A qubit that is used after its measurement is
    copied onto a spare one by a `cx`, and the spare one is measured at the end. A qubit that is used after a reset is
    replaced by a spare one. Spare are the qubits that the circuit does not use, and then new ones, in a register
    `spare`; each serves once.

    Do this before `transpile`, which then places the spare qubits::

        isa = transpile(defer_measurements(circuit), backend)

    Args:
        circuit: The circuit; nothing in it may depend on what is measured.

    Returns:
        A plain circuit with the same classical bits, registers, parameters, name and metadata.

    Raises:
        TypeError: `circuit` is not a `QuantumCircuit`.
        CircuitError: An operation depends on a measurement outcome.

    >>> from qiskit import QuantumCircuit
    >>> twice = QuantumCircuit(1, 2)
    >>> _ = twice.h(0)
    >>> _ = twice.measure(0, 0)
    >>> _ = twice.h(0)
    >>> _ = twice.measure(0, 1)
    >>> dict(defer_measurements(twice).count_ops())
    {'h': 2, 'measure': 2, 'cx': 1}
    """
    if not isinstance(circuit, QuantumCircuit):
        raise TypeError(f"circuit must be a QuantumCircuit, not {circuit!r}.")
    if has_variables(circuit):
        raise CircuitError(f"Circuit {circuit.name!r} has classical variables, which OQTOPUS devices do not execute.")
    return _Deferral(circuit).result()


def deferred_on(circuit: QuantumCircuit, target: Target) -> QuantumCircuit:
    """The circuit with its measurements deferred, for a device; see `defer_measurements`.

    Raises:
        CircuitError: Something depends on what is measured, or the device has too few qubits.
    """
    deferred = defer_measurements(circuit)
    added = deferred.num_qubits - circuit.num_qubits
    if added and target.num_qubits is not None and deferred.num_qubits > target.num_qubits:
        raise CircuitError(
            f"Circuit {circuit.name!r} needs {added} more qubits to defer its measurements, {deferred.num_qubits} in "
            f"all, and {target.description} has only {target.num_qubits}. Measure fewer qubits in the middle of it."
        )
    return deferred


class _Deferral:
    """Walks a circuit once, and writes another."""

    def __init__(self, circuit: QuantumCircuit) -> None:
        self._circuit = circuit
        self._acts = list(_flat(circuit, circuit.qubits, circuit.clbits, circuit.name))
        busy = {qubit for operation, qubits, _ in self._acts if not isinstance(operation, Barrier) for qubit in qubits}
        self._spare = iter([qubit for qubit in circuit.qubits if qubit not in busy])
        self._new: list[Qubit] = []
        # Which qubit has the place of each of the circuit's, and which is measured into each bit in the end.
        self._holders = {qubit: qubit for qubit in circuit.qubits}
        self._sources: dict[Clbit, Qubit] = {}
        self._touched: set[Qubit] = set()
        # The qubits that have been measured and not been used since, with their delays since.
        self._measured: dict[Qubit, list[Operation]] = {}
        self._written: list[tuple[Operation, Sequence[Qubit]]] = []

    def result(self) -> QuantumCircuit:
        """The circuit."""
        for operation, qubits, clbits in self._acts:
            self._add(operation, qubits, clbits)
        deferred = empty_like(self._circuit)
        if self._new:
            deferred.add_register(QuantumRegister(bits=self._new, name=self._name()))
        for operation, held in self._written:
            deferred.append(operation, held)
        for clbit, qubit in self._sources.items():
            deferred.measure(qubit, clbit)
        for qubit, delays in self._measured.items():
            for delay in delays:
                deferred.append(delay, [qubit])
        return deferred

    def _add(self, operation: Operation, qubits: list[Qubit], clbits: list[Clbit]) -> None:
        held = [self._holders[qubit] for qubit in qubits]
        if is_measurement(operation):
            self._sources[clbits[0]] = held[0]
            self._measured.setdefault(held[0], [])
            self._touched.add(held[0])
        elif isinstance(operation, Reset):
            if held[0] in self._touched:
                self._holders[qubits[0]] = self._take()
        elif isinstance(operation, Delay) and held[0] in self._measured:
            self._measured[held[0]].append(operation)
        elif isinstance(operation, Barrier):
            # A spare qubit may stand at its own place and at another's.
            held = list(dict.fromkeys(held))
            self._written.append((Barrier(len(held)), held))
        else:
            if not isinstance(operation, Delay):
                self._use(held)
            self._written.append((operation, held))

    def _use(self, qubits: Sequence[Qubit]) -> None:
        """Copy those of the qubits that have been measured onto spare ones, which are then measured in their stead."""
        for qubit in qubits:
            if qubit in self._measured:
                copy = self._take()
                self._written.append((CXGate(), [qubit, copy]))
                self._written += [(delay, [qubit]) for delay in self._measured.pop(qubit)]
                self._sources = {clbit: copy if source is qubit else source for clbit, source in self._sources.items()}
        self._touched.update(qubits)

    def _take(self) -> Qubit:
        """A spare qubit."""
        qubit = next(self._spare, None)
        if qubit is None:
            qubit = Qubit()
            self._new.append(qubit)
        return qubit

    def _name(self) -> str:
        name = "spare"
        while any(register.name == name for register in (*self._circuit.qregs, *self._circuit.cregs)):
            name += "_"
        return name


def _flat(circuit: QuantumCircuit, qubits: Sequence[Qubit], clbits: Sequence[Clbit], name: str) -> Iterator[Act]:
    """What a circuit does, on those qubits and bits, with what may measure or reset taken apart."""
    if has_conditions(circuit):
        raise CircuitError(f"Circuit {name!r} has gates with conditions, which OQTOPUS devices do not execute.")
    places = dict(zip(circuit.qubits, qubits, strict=True))
    bits = dict(zip(circuit.clbits, clbits, strict=True))
    for item in circuit.data:
        operation = item.operation
        if isinstance(operation, ControlFlowOp):
            raise CircuitError(
                f"Circuit {name!r} has control flow ({operation.name}); what acts on outcomes cannot be deferred."
            )
        parts = None if isinstance(operation, Gate) or not isinstance(operation, Instruction) else stated(operation)
        on, into = [places[qubit] for qubit in item.qubits], [bits[clbit] for clbit in item.clbits]
        if parts is not None:
            yield from _flat(parts, on, into, name)
        elif into and not is_measurement(operation):
            raise CircuitError(
                f"Circuit {name!r} has the instruction {operation.name!r}, which does not consist of gates."
            )
        else:
            yield operation, on, into
