"""The tasks that measure a run's readout errors: `calibration_tasks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from qiskit_oqtopus.primitives.calibration import Calibration
from qiskit_oqtopus.primitives.suppression.randomization import complementary_flips, shots_of_randomizations
from qiskit_oqtopus.primitives.task import Task, TaskCircuit

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.primitives.suppression.steps import Learning


def calibration_tasks(
    learning: Learning, qubits: Iterable[int], most_shots: int, backend: BackendV2, random: np.random.Generator
) -> tuple[Calibration, list[Task]]:
    """Return the calibration of some qubits, and a task for each of its circuits.

    Args:
        learning: The options.
        qubits: The qubits.
        most_shots: The most shots of a program of the run.
        backend: The backend to run on.
        random: Source of the flips.
    """
    measured = tuple(sorted(qubits))
    if learning.twirled:
        shares = shots_of_randomizations(
            most_shots, learning.num_randomizations, learning.shots_per_randomization, gates=False
        )
        rows = complementary_flips(len(shares), len(measured), random).astype(bool)
    else:
        shares = [most_shots if learning.shots_per_randomization == "auto" else learning.shots_per_randomization] * 2
        rows = np.array([[False] * len(measured), [True] * len(measured)])
    flips = tuple(sum(1 << bit for bit in np.flatnonzero(row).tolist()) for row in rows)
    circuits = (TaskCircuit(_circuit(measured, row, backend)) for row in rows)
    tasks = [
        Task(circuit, np.zeros((1, 0)), shots, mitigated=False, is_added=True)
        for circuit, shots in zip(circuits, shares, strict=True)
    ]
    return Calibration(measured, flips, learning.twirled), tasks


def _circuit(qubits: tuple[int, ...], flips: npt.NDArray[np.bool_], backend: BackendV2) -> QuantumCircuit:
    """Return the circuit that prepares some qubits in |1>, all others in |0>, and measures them."""
    circuit = QuantumCircuit(max(qubits) + 1, len(qubits), name="readout calibration")
    for qubit, flip in zip(qubits, flips, strict=True):
        if flip:
            circuit.x(qubit)
    if "x" not in backend.operation_names:
        circuit = PassManager([Optimize1qGatesDecomposition(target=backend.target)]).run(circuit)
    circuit.measure(qubits, range(len(qubits)))
    return circuit
