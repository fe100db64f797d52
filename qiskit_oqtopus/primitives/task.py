"""What a primitive runs: `Task`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from qiskit_oqtopus.parallel.chip import target_of
from qiskit_oqtopus.plain import plain
from qiskit_oqtopus.primitives.plan import Block
from qiskit_oqtopus.qasm import to_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

    from qiskit_oqtopus.programs import Program, Template
    from qiskit_oqtopus.qasm import BindingTemplate
    from qiskit_oqtopus.specs import Operator


class TaskCircuit:
    """A circuit that tasks may share, written as a program at most once.

    Args:
        circuit: The circuit, which measures at least one qubit.
        home: The device's qubits for which the circuit was made, one for each of its own; it may run on others with the
            same couplings. None if its qubits are the device's.

    Attributes:
        circuit: The circuit.
        home: As passed to the constructor.
        flips: For each randomization of the circuit, the classical bits that it flips, as in `Block`; empty if the
            circuit is not randomized.
    """

    def __init__(self, circuit: QuantumCircuit, home: tuple[int, ...] | None = None) -> None:
        self.circuit = circuit
        self.home = home
        self.flips: tuple[int, ...] = ()
        self._template: Template | BindingTemplate | None = None

    def template(self, target: Target) -> Template | BindingTemplate:
        """Return the circuit's programs for a device, the same device in every call.

        Raises:
            CircuitError: The device cannot run the circuit as intended.
        """
        if self._template is None:
            self._template = to_template(self.circuit, target if self.home is None else target_of(target, self.home))
        return self._template

    def programs(self, values: npt.NDArray[np.float64], target: Target) -> list[Program]:
        """Return the program of each row of parameter values, in each randomization.

        Raises:
            CircuitError: The device cannot run a circuit as intended.
        """
        return self.template(target).bind(values)

    def circuits(self) -> list[QuantumCircuit]:
        """Return each randomization of the circuit, with its parameters."""
        return [plain(self.circuit)]

    def bound(self, values: npt.NDArray[np.float64]) -> list[QuantumCircuit]:
        """Return the circuit, bound to each row of parameter values, in each randomization."""
        circuits = self.circuits()
        # Rows take half the time of mappings. A class may define the order of its parameters, which copies do not keep.
        column = {parameter: index for index, parameter in enumerate(self.circuit.parameters)}
        rows = values[:, [column[parameter] for parameter in circuits[0].parameters]]
        return [circuit.assign_parameters(row) for row in rows for circuit in circuits]


@dataclass(frozen=True)
class Task:
    """A circuit and the values to run it with: one program for each row of values.

    Attributes:
        circuit: The circuit.
        values: Values of the circuit's parameters, of shape (programs, parameters).
        shots: Number of shots of each program, which its randomizations share.
        operator: Labels and coefficients of the Paulis whose sum the server estimates; None if the server counts.
        mitigated: Whether the server mitigates readout errors, if the options say so.
        is_added: Whether the task is only there to mitigate errors of others.
        noise_factor: Index of the noise factor. The tasks of other factors come after the first one's. Side by side
            with others, all run on the same qubits, as the noise of different qubits must not be extrapolated.
    """

    circuit: TaskCircuit
    values: npt.NDArray[np.float64]
    shots: int
    operator: Operator | None = None
    mitigated: bool = True
    is_added: bool = False
    noise_factor: int = 0

    def num_jobs(self, max_shots: int, randomizations: int = 1) -> int:
        """Return the number of jobs of each program, if it runs in so many randomizations."""
        return min(self.shots, randomizations * -(-self.shots // (max_shots * randomizations)))

    def block(self, max_shots: int, clbits: tuple[int, ...]) -> Block:
        """Return the metadata needed to decode the task's outcomes.

        Args:
            max_shots: The most shots of one job.
            clbits: For each counted bit, bit 0 first, the index of the circuit's classical bit.
        """
        flips = self.circuit.flips
        jobs = self.num_jobs(max_shots, max(1, len(flips)))
        return Block(len(self.values), self.shots, jobs, clbits, self.circuit.circuit.num_clbits, flips)


def programs_of(tasks: Sequence[Task], target: Target) -> list[list[Program]]:
    """Return the programs of each task, in each randomization; tasks that share a circuit have it bound together."""
    sharing: dict[TaskCircuit, list[int]] = {}
    for i, task in enumerate(tasks):
        sharing.setdefault(task.circuit, []).append(i)
    programs: list[list[Program]] = [[] for _ in tasks]
    for circuit, indices in sharing.items():
        bound = iter(circuit.programs(np.concatenate([tasks[i].values for i in indices]), target))
        for i in indices:
            programs[i] = list(islice(bound, len(tasks[i].values) * max(1, len(circuit.flips))))
    return programs
