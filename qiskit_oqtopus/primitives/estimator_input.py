"""A PUB of an estimator, as plans are made from it: `EstimatorInput`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from qiskit_oqtopus.plain import without_layout
from qiskit_oqtopus.primitives.broadcasting import Broadcast
from qiskit_oqtopus.primitives.estimator_circuits import without_final_measurements
from qiskit_oqtopus.primitives.observables import Observable, grouped_measurements, measured_qubits
from qiskit_oqtopus.primitives.pubs import parameter_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.primitives.containers.estimator_pub import EstimatorPub

    from qiskit_oqtopus.primitives.placer import Placer


@dataclass(frozen=True)
class EstimatorInput:
    """A PUB of an estimator.

    Attributes:
        index: Its index, for messages.
        circuit: The circuit, without its layout.
        rows: The values of its parameters, of shape (bindings, parameters).
        observables: The observables, of whose axes the last runs fastest.
        broadcast: How bindings and observables go together.
        precision: The standard error to aim at.
        home: The device's qubits for which the circuit was made, as in `TaskCircuit`.
    """

    index: int
    circuit: QuantumCircuit
    rows: npt.NDArray[np.float64]
    observables: list[Observable]
    broadcast: Broadcast
    precision: float
    home: tuple[int, ...] | None = None

    @classmethod
    def of(cls, pub: EstimatorPub, index: int, placer: Placer | None = None) -> Self:
        """Return a PUB that Qiskit has read.

        Args:
            pub: The PUB.
            index: Its index, for messages.
            placer: Where given, finds the place of a circuit that is not on the device's qubits yet.

        Raises:
            ValueError: The PUB cannot be run as intended.
        """
        circuit = without_layout(pub.circuit)
        rows = parameter_rows(pub, circuit, index)
        try:
            observables = [Observable.of(pub.observables[i]) for i in np.ndindex(pub.observables.shape)]
        except ValueError as error:
            raise ValueError(f"PUB {index}: {error}") from None
        broadcast = Broadcast(tuple(pub.parameter_values.shape), tuple(pub.observables.shape))
        given = cls(index, circuit, rows, observables, broadcast, pub.precision)
        if placer is None:
            return given
        bare = without_final_measurements(circuit)
        labels = {label for observable in observables for label, _ in observable.terms}
        measured = {qubit for label in labels for qubit in measured_qubits(label)}
        placed = placer.placed(bare, measured, has_layout=pub.circuit.layout is not None)
        if placed is None:
            return given
        return replace(
            given,
            circuit=placed.circuit,
            rows=parameter_rows(pub, placed.circuit, index),
            observables=[observable.moved(placed.wires, placed.circuit.num_qubits) for observable in observables],
            home=placed.home,
        )

    def at_home(self, observables: Sequence[Observable], num_qubits: int) -> list[Observable]:
        """Return observables on the device's qubits for which the circuit was made."""
        if self.home is None:
            return list(observables)
        return [observable.moved(dict(enumerate(self.home)), num_qubits) for observable in observables]

    def measurements(self, observables: Sequence[Observable]) -> list[tuple[str, ...]]:
        """Return, for each group of bindings, the measurements that determine its observables.

        Args:
            observables: The observables, or others that stand for them.
        """
        groups = self.broadcast.binding_groups
        return [tuple(grouped_measurements(observables[i] for i in group.observables)) for group in groups]
