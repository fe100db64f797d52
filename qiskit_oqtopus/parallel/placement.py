"""The place of a circuit on a chip, as shown to users: `Placement`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """The place of a circuit that shares a program with others.

    Attributes:
        circuit: Index of the circuit in the run.
        name: Name of the circuit.
        program: Index of its program.
        replica: Number of this copy of the circuit, from 0.
        qubits: The device's qubit of each qubit of the circuit; None for qubits without gates, which are left out.
        fidelity: The estimated probability that no error occurs: the product of one minus the published error of each
            gate and measurement. Errors of waiting qubits are not included.
        best_fidelity: The same at the best place on the chip; None if the circuit was on the device's qubits already.
        is_fixed: Whether the circuit was on the device's qubits already.
    """

    circuit: int
    name: str
    program: int
    replica: int
    qubits: tuple[int | None, ...]
    fidelity: float
    best_fidelity: float | None
    is_fixed: bool
