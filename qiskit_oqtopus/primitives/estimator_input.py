"""A PUB of an estimator, as plans are made from it: `EstimatorInput`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from qiskit_oqtopus.plain import without_layout
from qiskit_oqtopus.primitives.broadcasting import Broadcast
from qiskit_oqtopus.primitives.observables import Observable, grouped_measurements
from qiskit_oqtopus.primitives.pubs import parameter_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.primitives.containers.estimator_pub import EstimatorPub


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
    """

    index: int
    circuit: QuantumCircuit
    rows: npt.NDArray[np.float64]
    observables: list[Observable]
    broadcast: Broadcast
    precision: float

    @classmethod
    def of(cls, pub: EstimatorPub, index: int) -> Self:
        """Return a PUB that Qiskit has read.

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
        return cls(index, circuit, rows, observables, broadcast, pub.precision)

    def measurements(self, observables: Sequence[Observable]) -> list[tuple[str, ...]]:
        """Return, for each group of bindings, the measurements that determine its observables.

        Args:
            observables: The observables, or others that stand for them.
        """
        groups = self.broadcast.binding_groups
        return [tuple(grouped_measurements(observables[i] for i in group.observables)) for group in groups]
