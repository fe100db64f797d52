"""PUBs of an estimator with error suppression or mitigation to plans and tasks: `SuppressedPlanner`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.primitives.calibration_tasks import calibration_tasks
from qiskit_oqtopus.primitives.circuit_suppression import CircuitSuppression
from qiskit_oqtopus.primitives.estimator_circuits import EstimatorCircuits, without_final_measurements
from qiskit_oqtopus.primitives.estimator_input import EstimatorInput
from qiskit_oqtopus.primitives.estimator_plan import EstimatorPlan
from qiskit_oqtopus.primitives.observables import measured_qubits
from qiskit_oqtopus.primitives.precision import shots_for
from qiskit_oqtopus.primitives.suppressed_pub import SuppressedPub
from qiskit_oqtopus.primitives.suppression.folding import fold
from qiskit_oqtopus.primitives.suppression.record import Suppression
from qiskit_oqtopus.primitives.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit import QuantumCircuit
    from qiskit.primitives.containers.estimator_pub import EstimatorPub
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.primitives.calibration import Calibration
    from qiskit_oqtopus.primitives.observables import Observable
    from qiskit_oqtopus.primitives.options import EstimatorOptions
    from qiskit_oqtopus.primitives.suppression.extrapolation import Extrapolation
    from qiskit_oqtopus.primitives.suppression.steps import Steps
    from qiskit_oqtopus.primitives.task import TaskCircuit
    from qiskit_oqtopus.primitives.task_packer import TaskPacker


class SuppressedPlanner:
    """Plans the PUBs of one run with error suppression or mitigation.

    Args:
        backend: The backend to run on.
        options: The estimator's options.
        steps: The steps that suppress and mitigate errors.
        packer: Packs the tasks side by side; None to run each program alone.

    Raises:
        ValueError: Options contradict each other.
    """

    def __init__(
        self, backend: BackendV2, options: EstimatorOptions, steps: Steps, packer: TaskPacker | None = None
    ) -> None:
        if options.route == "estimation":
            raise ValueError(
                "route='estimation' cannot be combined with error suppression or mitigation, which takes the outcomes "
                "of each circuit; use 'sampling' or 'auto'."
            )
        self._backend = backend
        self._steps = steps
        self._packer = packer
        self._circuits = CircuitSuppression(backend, options, steps)
        if self._circuits.mitigation:
            raise ValueError(
                f"mitigation={self._circuits.mitigation!r} cannot be combined with other error suppression or "
                "mitigation. Use resilience.measure_mitigation=True in its place, which measures readout errors in the "
                "same run, and leave it out, also in backend.options."
            )
        self._qubits: set[int] = set()
        self._most_shots = 0

    def run(self, pubs: Sequence[EstimatorPub]) -> tuple[EstimatorPlan, list[Task]]:
        """Return the plan of a run, and the tasks that it needs; see `plan`."""
        planned = [self.plan(pub, index) for index, pub in enumerate(pubs)]
        tasks = [task for _, tasks in planned for task in tasks]
        if self._packer is not None:
            self._packer.add(tasks)
            self._qubits = self._packer.qubits
        calibration, calibrating = self._calibration()
        if self._packer is not None:
            self._packer.add(calibrating)
        plan = EstimatorPlan(tuple(pub for pub, _ in planned), calibration=calibration)
        return plan, [*tasks, *calibrating]

    def plan(self, pub: EstimatorPub, index: int) -> tuple[SuppressedPub, list[Task]]:
        """Return a PUB's plan, and the tasks that it needs.

        Raises:
            ValueError: The PUB cannot be run as intended.
            CircuitError: The device cannot run its circuit as intended.
        """
        given = EstimatorInput.of(pub, index, None if self._packer is None else self._packer.placer)
        observables = [self._corrected(observable, index) for observable in given.observables]
        measurements = given.measurements(observables)
        shares = self._circuits.shares(shots_for(given.precision, index))
        circuits, extrapolation = self._folded(given.circuit, given.home, index)
        planned = SuppressedPub(
            broadcast=given.broadcast,
            observables=tuple(observables),
            shots=sum(shares),
            precision=float(given.precision),
            metadata=given.circuit.metadata or {},
            measurements=tuple(measurements),
            suppression=Suppression.of(self._steps, len(shares), extrapolation),
        )
        tasks = []
        applied: dict[tuple[int, str], TaskCircuit] = {}
        for measurement, bindings in planned.programs():
            self._qubits.update(measured_qubits(measurement))
            self._most_shots = max(self._most_shots, planned.shots)
            for factor, folded in enumerate(circuits):
                if (factor, measurement) not in applied:
                    measured = folded.measured(measurement)
                    applied[factor, measurement] = self._circuits.applied(measured, len(shares), index)
                rows = given.rows[bindings]
                circuit = applied[factor, measurement]
                task = Task(circuit, rows, planned.shots, mitigated=False, is_added=factor > 0, noise_factor=factor)
                tasks.append(task)
        return planned, tasks

    def _corrected(self, observable: Observable, index: int) -> Observable:
        """Return an observable as a sum of Paulis, if its terms are mitigated one by one.

        Raises:
            ValueError: It would have too many terms.
        """
        if not self._steps.changes_values:
            return observable
        if not observable.is_expandable:
            raise ValueError(
                f"PUB {index} has an observable with too many projectors to write it as a sum of Paulis, which readout "
                "mitigation and extrapolation take. Turn them off for this PUB: resilience_level=0."
            )
        return observable.as_paulis()

    def _folded(
        self, circuit: QuantumCircuit, home: tuple[int, ...] | None, index: int
    ) -> tuple[list[EstimatorCircuits], Extrapolation | None]:
        """Return the circuits for each noise factor, and the extrapolation with the achieved factors."""
        wanted, bare = self._steps.extrapolation, without_final_measurements(circuit)
        folded, extrapolation = [bare], None
        if wanted is not None:
            if not isinstance(self._backend, OqtopusBackend):  # whose only gate on several qubits is cx
                _check_foldable(bare, index)
            found = [fold(bare, factor, self._circuits.random) for factor in wanted.noise_factors]
            folded = [circuit for circuit, _ in found]
            extrapolation = replace(wanted, noise_factors=tuple(factor for _, factor in found))
            if not extrapolation.is_possible and any(item.name == "cx" for item in bare.data):
                warn_user(
                    f"PUB {index}: circuit {circuit.name!r} has too few cx gates for the noise factors "
                    f"{[*wanted.noise_factors]}: they become {[*extrapolation.noise_factors]}, so its values are not "
                    "extrapolated. Use odd integers as resilience.zne.noise_factors."
                )
        translated = not self._steps.twirls
        return [
            EstimatorCircuits(each, self._backend, translated=translated, home=home) for each in folded
        ], extrapolation

    def _calibration(self) -> tuple[Calibration | None, list[Task]]:
        """Return the calibration of all PUBs that were planned, if readout errors are mitigated, and its tasks."""
        if self._steps.learning is None or not self._qubits:
            return None, []
        return calibration_tasks(
            self._steps.learning, self._qubits, self._most_shots, self._backend, self._circuits.random
        )


def _check_foldable(circuit: QuantumCircuit, index: int) -> None:
    """Refuse gates on several qubits whose noise folding would not amplify.

    Raises:
        CircuitError: There is one.
    """
    for item in circuit.data:
        if len(item.qubits) > 1 and item.name not in {"cx", "barrier"}:
            raise CircuitError(
                f"PUB {index}: circuit {circuit.name!r} has the instruction {item.name!r} on several qubits, but "
                "extrapolation to zero noise amplifies the noise of cx gates only. Use qiskit.transpile(circuit, "
                "basis_gates=['rz', 'sx', 'x', 'cx'])."
            )
