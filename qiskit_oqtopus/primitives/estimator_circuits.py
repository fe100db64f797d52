"""The circuits that an estimator runs: `EstimatorCircuits`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qiskit.circuit import Barrier, ClassicalRegister, QuantumCircuit, Qubit
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.definitions import has_variables, is_measurement
from qiskit_oqtopus.plain import empty_like
from qiskit_oqtopus.primitives.observables import measured_qubits
from qiskit_oqtopus.primitives.task import TaskCircuit

if TYPE_CHECKING:
    from qiskit.providers import BackendV2


class EstimatorCircuits:
    """The circuits that an estimator runs in place of a PUB's, each made once.

    Args:
        circuit: The PUB's circuit; measurements at its end are left out.
        backend: The backend to run on.
        translated: Whether to rotate qubits into a basis by the backend's own gates; if not, by `rz` and `sx`, which
            OQTOPUS devices have.
        home: See `TaskCircuit`.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        backend: BackendV2,
        *,
        translated: bool = True,
        home: tuple[int, ...] | None = None,
    ) -> None:
        self._bare = without_final_measurements(circuit)
        self._home = home
        self._width = backend.num_qubits or 0
        self._translation = (
            PassManager([Optimize1qGatesDecomposition(target=backend.target)])
            if translated and not isinstance(backend, OqtopusBackend)
            else None
        )
        self._measured: dict[str, TaskCircuit] = {}
        self._all_measured: TaskCircuit | None = None

    def measured(self, measurement: str) -> TaskCircuit:
        """Return the circuit with qubits measured in those Paulis, into a register after all others."""
        if measurement not in self._measured:
            rotations = _rotations(measurement)
            if self._translation is not None:
                rotations = self._translation.run(rotations)
            circuit = self._bare.compose(rotations)
            circuit.metadata = {}
            qubits = measured_qubits(measurement)
            register = ClassicalRegister(len(qubits), _new_name(circuit))
            circuit.add_register(register)
            circuit.measure(qubits, register)
            self._measured[measurement] = TaskCircuit(circuit, self._home)
        return self._measured[measurement]

    def all_measured(self) -> TaskCircuit:
        """Return the circuit on all of the device's qubits, all of them measured at the end.

        Servers fail if the last qubit that the transpiled program mentions is not one of the submitted program's, for
        then they cannot lay out the operator; so all of the device's qubits are in the program.
        """
        if self._all_measured is None:
            circuit = self._bare.copy()
            circuit.metadata = {}
            if (spare := self._width - circuit.num_qubits) > 0:
                circuit.add_bits([Qubit() for _ in range(spare)])
            circuit.measure_all()
            self._all_measured = TaskCircuit(circuit)
        return self._all_measured


def without_final_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit without measurements at its end, unless something in it depends on an outcome.

    Qiskit's own method goes by names, and mistakes users' gates of such a name for measurements.
    """
    classical = [item.operation for item in circuit.data if item.clbits]
    if not classical or has_variables(circuit) or not all(map(is_measurement, classical)):
        return circuit
    kept, busy = [], set[Qubit]()
    for item in reversed(circuit.data):
        if item.clbits and busy.isdisjoint(item.qubits):
            continue
        kept.append(item)
        if not isinstance(item.operation, Barrier):
            busy.update(item.qubits)
    bare = empty_like(circuit)
    for item in reversed(kept):
        bare.append(item)
    return bare


def _rotations(measurement: str) -> QuantumCircuit:
    """Return the gates that rotate the measured Paulis to Z, without rotations about the measured axis itself."""
    rotations = QuantumCircuit(len(measurement))
    for qubit, letter in enumerate(reversed(measurement)):
        if letter == "X":
            rotations.rz(math.pi / 2, qubit)
        if letter in {"X", "Y"}:
            rotations.sx(qubit)
    return rotations


def _new_name(circuit: QuantumCircuit) -> str:
    """Return a name that none of the circuit's registers has, including names that Qiskit generated."""
    name = "observables"
    while any(register.name == name for register in circuit.cregs):
        name += "_"
    return name
