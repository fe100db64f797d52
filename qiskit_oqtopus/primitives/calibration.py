"""The programs of a run that measure its readout errors: `Calibration`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from qiskit import QuantumCircuit
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from qiskit_oqtopus.primitives.counts import Outcomes
from qiskit_oqtopus.primitives.suppression.randomization import complementary_flips, shots_of_randomizations
from qiskit_oqtopus.primitives.suppression.readout_mitigation import IndependentReadout, TwirledReadout
from qiskit_oqtopus.primitives.task import Task, TaskCircuit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy.typing as npt
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.primitives.suppression.readout_mitigation import Correction
    from qiskit_oqtopus.primitives.suppression.steps import Learning


@dataclass(frozen=True)
class Calibration:
    """Programs that prepare known states of qubits and measure them.

    Attributes:
        qubits: The qubits, in the order of the measured bits.
        flips: For each program, the qubits that it prepares in |1>: bit i is that of the i-th qubit.
        twirled: Whether the flips are those of twirled measurements; otherwise there are two programs, all qubits in
            |0> and all in |1>.
    """

    qubits: tuple[int, ...]
    flips: tuple[int, ...]
    twirled: bool

    @classmethod
    def planned(
        cls, learning: Learning, qubits: Collection[int], shots: int, random: np.random.Generator
    ) -> tuple[Self, list[int]]:
        """Return the calibration of some qubits, and the number of shots of each of its programs.

        Args:
            learning: The options.
            qubits: The qubits.
            shots: The most shots of a program of the run.
            random: Source of the flips.
        """
        width, per_circuit = len(qubits), learning.shots_per_randomization
        rows, shares = (
            np.array([[False] * width, [True] * width]),
            [shots if per_circuit == "auto" else per_circuit] * 2,
        )
        if learning.twirled:
            shares = shots_of_randomizations(shots, learning.num_randomizations, per_circuit, gates=False)
            rows = complementary_flips(len(shares), width, random).astype(bool)
        flips = tuple(sum(1 << int(bit) for bit in np.flatnonzero(row)) for row in rows)
        return cls(tuple(sorted(qubits)), flips, learning.twirled), shares

    def tasks(self, shares: Sequence[int], backend: BackendV2) -> list[Task]:
        """Return a task for each program.

        Args:
            shares: Number of shots of each.
            backend: The backend to run on.
        """
        return [
            Task(TaskCircuit(self._circuit(flips, backend)), np.zeros((1, 0)), shots, mitigated=False, is_added=True)
            for flips, shots in zip(self.flips, shares, strict=True)
        ]

    def _circuit(self, flips: int, backend: BackendV2) -> QuantumCircuit:
        circuit = QuantumCircuit(max(self.qubits) + 1, len(self.qubits), name="readout calibration")
        for i, qubit in enumerate(self.qubits):
            if flips >> i & 1:
                circuit.x(qubit)
        if "x" not in backend.operation_names:
            circuit = PassManager([Optimize1qGatesDecomposition(target=backend.target)]).run(circuit)
        circuit.measure(self.qubits, range(len(self.qubits)))
        return circuit

    def correction(self, outcomes: Sequence[Outcomes], labels: Sequence[str]) -> Correction:
        """Return how readout errors of Paulis are undone.

        Args:
            outcomes: The outcomes of each program.
            labels: The Paulis.
        """
        if not self.twirled:
            return IndependentReadout(self.qubits, *outcomes)
        undone = [each.flipped(self._bits(flips)) for each, flips in zip(outcomes, self.flips, strict=True)]
        return TwirledReadout(self.qubits, Outcomes.concatenated(undone), labels)

    def _bits(self, flips: int) -> npt.NDArray[np.bool_]:
        return np.array([flips >> bit & 1 for bit in range(len(self.qubits))], bool)

    def metadata(self, outcomes: Sequence[Outcomes]) -> dict[str, Any]:
        """Return what was done, for the result."""
        return {
            "method": "twirled" if self.twirled else "independent",
            "qubits": list(self.qubits),
            "num_circuits": len(self.flips),
            "shots": int(sum(each.numbers.sum() for each in outcomes)),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the calibration as JSON."""
        return {"qubits": list(self.qubits), "flips": [f"{each:x}" for each in self.flips], "twirled": self.twirled}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the calibration that `to_json` wrote."""
        flips = tuple(int(each, 16) for each in fields["flips"])
        return cls(tuple(map(int, fields["qubits"])), flips, bool(fields["twirled"]))
