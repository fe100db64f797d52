"""PUBs of an estimator to plans and tasks: `PubPlanner`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.primitives.estimator_circuits import EstimatorCircuits
from qiskit_oqtopus.primitives.estimator_input import EstimatorInput
from qiskit_oqtopus.primitives.estimator_plan import EstimatorPlan
from qiskit_oqtopus.primitives.estimator_pubs import EstimatedPub, MeasuredPub, Mitigation
from qiskit_oqtopus.primitives.mitigator import Mitigator
from qiskit_oqtopus.primitives.precision import PrecisionOfShots, shots_for
from qiskit_oqtopus.primitives.readout import Readout
from qiskit_oqtopus.primitives.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit import QuantumCircuit
    from qiskit.primitives.containers.estimator_pub import EstimatorPub
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.primitives.broadcasting import Broadcast
    from qiskit_oqtopus.primitives.estimator_pubs import Route
    from qiskit_oqtopus.primitives.observables import Observable
    from qiskit_oqtopus.primitives.options import EstimatorOptions
    from qiskit_oqtopus.primitives.task_packer import TaskPacker


class PubPlanner:
    """Plans the PUBs of one run.

    Args:
        backend: The backend to run on.
        options: The estimator's options.
        packer: Packs the tasks side by side; None to run each program alone.

    Attributes:
        readout: The device's present readout errors, if they are to be mitigated.

    Raises:
        OqtopusError: They could not be requested from the server.
    """

    def __init__(self, backend: BackendV2, options: EstimatorOptions, packer: TaskPacker | None = None) -> None:
        self._backend = backend
        self._packer = packer
        self._wanted = options.route
        self._settings: OqtopusOptions | None = None
        self.readout: Readout | None = None
        if isinstance(backend, OqtopusBackend):
            self._settings = backend.settings(**options.for_device(), multi_manual=False)
            if self._settings.mitigation:
                self.readout = Readout.of(backend)

    def run(self, pubs: Sequence[EstimatorPub]) -> tuple[EstimatorPlan, list[Task]]:
        """Return the plan of a run, and the tasks that it needs; see `plan`."""
        planned = [self.plan(pub, index) for index, pub in enumerate(pubs)]
        plan = EstimatorPlan(tuple(pub for pub, _ in planned), self.readout)
        tasks = [task for _, tasks in planned for task in tasks]
        if self._packer is not None:
            self._packer.add(tasks)
            if self.readout is not None:
                self.readout.check(sorted(self._packer.qubits), "Use a smaller max_error, or other qubits.")
        return plan, tasks

    def plan(self, pub: EstimatorPub, index: int) -> tuple[MeasuredPub | EstimatedPub, list[Task]]:
        """Return a PUB's plan, and the tasks that it needs.

        Raises:
            ValueError: The PUB cannot be run as intended.
            CircuitError: The device cannot run its circuit as intended.
        """
        given = EstimatorInput.of(pub, index, None if self._packer is None else self._packer.placer)
        circuit, rows, observables, broadcast = given.circuit, given.rows, given.observables, given.broadcast
        measurements = given.measurements(observables)
        circuits = EstimatorCircuits(circuit, self._backend, home=given.home)
        route = self._route(circuit, observables, broadcast, measurements)
        mitigator = None
        if self.readout is not None:
            mitigator = Mitigator(self.readout, sent_as_is=self._are_sent_as_is(route, circuits, measurements))
            mitigator.check(given.at_home(observables, self._backend.num_qubits), index)
            if route == "estimation" and self._wanted == "auto" and not mitigator.is_expandable(observables):
                route = "sampling"
        mitigation, amplification = None, 1.0
        if route == "estimation":
            observables = [observable.as_paulis() for observable in observables]
        if mitigator is not None:
            amplification = mitigator.amplification(given.at_home(observables, self._backend.num_qubits), index)
            mitigation = Mitigation("client")
            if route == "estimation":
                mitigation, observables = mitigator.for_server(observables, index)
        of_shots = isinstance(pub.precision, PrecisionOfShots)
        shots = shots_for(pub.precision, index, 1.0 if of_shots else amplification)
        shared: dict[str, Any] = {
            "broadcast": broadcast,
            "observables": tuple(observables),
            "shots": shots,
            "precision": float(pub.precision) * (amplification if of_shots else 1.0),
            "metadata": circuit.metadata or {},
            "mitigation": mitigation,
        }
        if route == "sampling":
            measured = MeasuredPub(**shared, measurements=tuple(measurements))
            return measured, [
                Task(circuits.measured(measurement), rows[bindings], shots, mitigated=False)
                for measurement, bindings in measured.programs()
            ]
        estimated = EstimatedPub(**shared)
        by_server = mitigation is None or mitigation.by == "server"
        return estimated, [
            Task(circuits.all_measured(), rows[bindings], shots, terms, mitigated=by_server)
            for _, terms, bindings in estimated.programs()
        ]

    def _route(
        self,
        circuit: QuantumCircuit,
        observables: Sequence[Observable],
        broadcast: Broadcast,
        measurements: Sequence[Sequence[str]],
    ) -> Route:
        """Return the requested route; for `auto`, the one with fewer jobs.

        Raises:
            ValueError: `estimation` was requested, but the server cannot estimate.
        """
        backend, obstacle = self._backend, None
        if not isinstance(backend, OqtopusBackend):
            obstacle = f"{backend.name} is not an OQTOPUS device"
        elif self._packer is not None:
            obstacle = "parallel takes the outcomes of each circuit"
        elif max(circuit.num_qubits, backend.num_qubits or 0) < 2:  # noqa: PLR2004 - a server's own limit
            obstacle = f"servers cannot estimate on a single qubit, and {backend.name} has no second one"
        if self._wanted == "estimation" and obstacle:
            raise ValueError(f"route='estimation' cannot be used: {obstacle}. Use 'sampling' or 'auto'.")
        if self._wanted != "auto":
            return self._wanted
        if obstacle or not all(observable.is_expandable for observable in observables):
            return "sampling"
        groups = zip(broadcast.binding_groups, measurements, strict=True)
        by_sampling = sum(len(group.bindings) * len(measured) for group, measured in groups)
        by_estimation = sum(map(len, broadcast.bindings_by_observable.values()))
        return "estimation" if by_estimation < by_sampling else "sampling"

    def _are_sent_as_is(self, route: Route, circuits: EstimatorCircuits, measurements: Sequence[Sequence[str]]) -> bool:
        """Return whether a PUB's circuits go to the device without the server's transpiler."""
        if self._settings is None or self._packer is not None:
            return True
        used = [circuits.all_measured()]
        if route == "sampling":
            used = [circuits.measured(each) for each in {each for group in measurements for each in group}]
        target, is_transpiled = self._backend.target, self._settings.is_transpiled_by_server
        return not any(is_transpiled(is_isa=circuit.template(target).is_isa) for circuit in used)
