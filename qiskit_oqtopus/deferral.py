"""Deferral of mid-circuit measurements to the end: `defer_measurements`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, ControlFlowOp, Delay, Gate, Instruction, QuantumRegister, Qubit, Reset
from qiskit.circuit.library import CXGate

from qiskit_oqtopus.definitions import has_conditions, has_variables, is_measurement, own_definition
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.plain import empty_like

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qiskit.circuit import Clbit, Operation
    from qiskit.transpiler import Target

    Step = tuple[Operation, list[Qubit], list[Clbit]]


def defer_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit with the same counts that measures at the end only and resets no qubits.

    OQTOPUS devices treat every measurement as final and cannot reset qubits. If a qubit is used after its measurement,
    a `cx` copies it onto a spare qubit, which is measured at the end. If a qubit is used after a reset, a spare qubit
    replaces it. Spare qubits are those that the circuit does not use, followed by new ones in a register `spare`; each
    is used once.

    Call this before `transpile`, which then places the spare qubits::

        isa = transpile(defer_measurements(circuit), backend)

    Args:
        circuit: The circuit; no operation in it may depend on a measurement outcome.

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
    """Return the circuit with its measurements deferred, for a device; see `defer_measurements`.

    Raises:
        TypeError: `circuit` is not a `QuantumCircuit`.
        CircuitError: An operation depends on a measurement outcome, or the device has too few qubits.
    """
    deferred = defer_measurements(circuit)
    added = deferred.num_qubits - circuit.num_qubits
    if added and target.num_qubits is not None and deferred.num_qubits > target.num_qubits:
        raise CircuitError(
            f"Circuit {circuit.name!r} needs {added} more qubits to defer its measurements, {deferred.num_qubits} in "
            f"total, but {target.description} has only {target.num_qubits}. Measure fewer qubits mid-circuit."
        )
    return deferred


class _Deferral:
    """A single pass over a circuit that builds the deferred one."""

    def __init__(self, circuit: QuantumCircuit) -> None:
        self._circuit = circuit
        self._steps = list(_flattened(circuit, circuit.qubits, circuit.clbits, circuit.name))
        busy = {qubit for operation, qubits, _ in self._steps if not isinstance(operation, Barrier) for qubit in qubits}
        self._spare = iter([qubit for qubit in circuit.qubits if qubit not in busy])
        self._new: list[Qubit] = []
        # The qubit that currently represents each of the circuit's, and the qubit measured into each bit at the end.
        self._current = {qubit: qubit for qubit in circuit.qubits}
        self._sources: dict[Clbit, Qubit] = {}
        self._touched: set[Qubit] = set()
        # The qubits that have not been used since their measurement, with the delays since then.
        self._measured: dict[Qubit, list[Operation]] = {}
        self._written: list[tuple[Operation, Sequence[Qubit]]] = []

    def result(self) -> QuantumCircuit:
        """Return the deferred circuit."""
        for operation, qubits, clbits in self._steps:
            self._add(operation, qubits, clbits)
        deferred = empty_like(self._circuit)
        if self._new:
            deferred.add_register(QuantumRegister(bits=self._new, name=self._register_name()))
        for operation, current in self._written:
            deferred.append(operation, current)
        for clbit, qubit in self._sources.items():
            deferred.measure(qubit, clbit)
        for qubit, delays in self._measured.items():
            for delay in delays:
                deferred.append(delay, [qubit])
        return deferred

    def _add(self, operation: Operation, qubits: list[Qubit], clbits: list[Clbit]) -> None:
        current = [self._current[qubit] for qubit in qubits]
        if is_measurement(operation):
            self._sources[clbits[0]] = current[0]
            self._measured.setdefault(current[0], [])
            self._touched.add(current[0])
        elif isinstance(operation, Reset):
            if current[0] in self._touched:
                self._current[qubits[0]] = self._take_spare()
        elif isinstance(operation, Delay) and current[0] in self._measured:
            self._measured[current[0]].append(operation)
        elif isinstance(operation, Barrier):
            # A spare qubit may represent both itself and another qubit.
            current = list(dict.fromkeys(current))
            self._written.append((Barrier(len(current)), current))
        else:
            if not isinstance(operation, Delay):
                self._use(current)
            self._written.append((operation, current))

    def _use(self, qubits: Sequence[Qubit]) -> None:
        """Copy qubits that have been measured onto spare ones, which are measured at the end instead."""
        for qubit in qubits:
            if qubit in self._measured:
                copy = self._take_spare()
                self._written.append((CXGate(), [qubit, copy]))
                self._written += [(delay, [qubit]) for delay in self._measured.pop(qubit)]
                self._sources = {clbit: copy if source is qubit else source for clbit, source in self._sources.items()}
        self._touched.update(qubits)

    def _take_spare(self) -> Qubit:
        """Return an unused spare qubit."""
        qubit = next(self._spare, None)
        if qubit is None:
            qubit = Qubit()
            self._new.append(qubit)
        return qubit

    def _register_name(self) -> str:
        name = "spare"
        while any(register.name == name for register in (*self._circuit.qregs, *self._circuit.cregs)):
            name += "_"
        return name


def _flattened(circuit: QuantumCircuit, qubits: Sequence[Qubit], clbits: Sequence[Clbit], name: str) -> Iterator[Step]:
    """Yield a circuit's steps on these qubits and bits, decomposing instructions that may measure or reset."""
    if has_conditions(circuit):
        raise CircuitError(f"Circuit {name!r} has gates with conditions, which OQTOPUS devices do not execute.")
    qubit_map = dict(zip(circuit.qubits, qubits, strict=True))
    clbit_map = dict(zip(circuit.clbits, clbits, strict=True))
    for item in circuit.data:
        operation = item.operation
        if isinstance(operation, ControlFlowOp):
            raise CircuitError(
                f"Circuit {name!r} has control flow ({operation.name}); the measurements that control it cannot be "
                "deferred."
            )
        parts = (
            None if isinstance(operation, Gate) or not isinstance(operation, Instruction) else own_definition(operation)
        )
        on, into = [qubit_map[qubit] for qubit in item.qubits], [clbit_map[clbit] for clbit in item.clbits]
        if parts is not None:
            yield from _flattened(parts, on, into, name)
        elif into and not is_measurement(operation):
            raise CircuitError(
                f"Circuit {name!r} has the instruction {operation.name!r}, which cannot be decomposed into gates."
            )
        else:
            yield operation, on, into
