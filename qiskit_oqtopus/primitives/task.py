"""What a primitive runs: `Task`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qiskit_oqtopus.primitives.plan import Block
from qiskit_oqtopus.qasm import to_template

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

    from qiskit_oqtopus.programs import Template
    from qiskit_oqtopus.qasm import BindingTemplate
    from qiskit_oqtopus.specs import Operator


class TaskCircuit:
    """A circuit that tasks may share, written as a program at most once.

    Args:
        circuit: The circuit, which measures at least one qubit.

    Attributes:
        circuit: The circuit.
    """

    def __init__(self, circuit: QuantumCircuit) -> None:
        self.circuit = circuit
        self._template: Template | BindingTemplate | None = None

    def template(self, target: Target) -> Template | BindingTemplate:
        """Return the circuit's programs for a device, the same device in every call.

        Raises:
            CircuitError: The device cannot run the circuit as intended.
        """
        if self._template is None:
            self._template = to_template(self.circuit, target)
        return self._template


@dataclass(frozen=True)
class Task:
    """A circuit and the values to run it with: one program for each row of values.

    Attributes:
        circuit: The circuit.
        values: Values of the circuit's parameters, of shape (programs, parameters).
        shots: Number of shots of each program.
        operator: Labels and coefficients of the Paulis whose sum the server estimates; None if the server counts.
        mitigated: Whether the server mitigates readout errors, if the options say so.
    """

    circuit: TaskCircuit
    values: npt.NDArray[np.float64]
    shots: int
    operator: Operator | None = None
    mitigated: bool = True

    def block(self, max_shots: int, clbits: tuple[int, ...]) -> Block:
        """Return the metadata needed to decode the task's outcomes.

        Args:
            max_shots: The most shots of one job.
            clbits: For each counted bit, bit 0 first, the index of the circuit's classical bit.
        """
        jobs = -(-self.shots // max_shots)
        return Block(len(self.values), self.shots, jobs, clbits, self.circuit.circuit.num_clbits)
