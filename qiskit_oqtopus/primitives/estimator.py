"""Expectation values of observables: `OqtopusEstimator`."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import ClassicalRegister, QuantumCircuit, Qubit
from qiskit.primitives import BaseEstimatorV2
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.primitives.estimations import (
    EstimatedPub,
    EstimatorPlan,
    bindings_of_observables,
    families,
    pairs,
)
from qiskit_oqtopus.primitives.execution import Task, checked_backend, submit
from qiskit_oqtopus.primitives.observables import Observable, measurements
from qiskit_oqtopus.primitives.options import EstimatorOptions, positive
from qiskit_oqtopus.primitives.pubs import coerced, values
from qiskit_oqtopus.programs import has_variables, to_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    from qiskit.primitives.containers import EstimatorPubLike
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.primitives.estimations import Route
    from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob

_FORM = (
    "(circuit, observables, values, precision) with values of shape (..., parameters) or as {parameter: array}; "
    "observables as SparsePauliOp, Pauli, label, {label: coefficient} or an array of these"
)

_MOST_SHOTS = 10**9
"""How often a measurement may be repeated: as often as a hundred of the largest jobs do."""


class OqtopusEstimator(BaseEstimatorV2):
    """Estimates expectation values of observables in the states that circuits prepare.

    There are two routes. `sampling` measures here: observables that share a binding share measurements, each a job, and
    standard errors take account of what terms have in common. `estimation` has the server measure and add up: one job
    for each binding and observable; the server's standard errors are sums over terms, upper bounds of the true ones.
    `auto` takes the route of fewer jobs, and `sampling` where they are as many; but `estimation` where readout errors
    are to be mitigated and the server is to transpile, as for counts it would then undo the errors of other qubits than
    those measured. The metadata of each result say which it was.

    Any backend other than an `OqtopusBackend` will do as well, by `sampling`, so a program can be tried out on a
    simulator.

    Args:
        mode: Where to run: an `OqtopusBackend`, or any other backend of Qiskit's.
        options: See `EstimatorOptions`.
        **more: Options by name.

    Attributes:
        backend: Where it runs.
        options: The options; changes count from the next `run` on.

    Raises:
        TypeError: `mode` is no backend, or there is no option of that name.
        ValueError: An option has an impossible value.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> from qiskit_oqtopus import OqtopusProvider
        >>> bell = QuantumCircuit(2)
        >>> _ = bell.h(0)
        >>> _ = bell.cx(0, 1)
        >>> with OqtopusProvider.emulator(":memory:") as provider:
        ...     estimator = OqtopusEstimator(provider.get_backend("qulacs"))
        ...     estimator.run([(bell, ["XX", "YY", "ZZ"])], shots=100).result()[0].data.evs
        array([ 1., -1.,  1.])
    """

    def __init__(
        self, mode: BackendV2, options: EstimatorOptions | Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        self.backend = checked_backend(mode)
        self.options = EstimatorOptions.checked({**dict(options or {}), **more})

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None, shots: int | None = None
    ) -> OqtopusPrimitiveJob:
        """Submit PUBs; returns as soon as all are submitted.

        Args:
            pubs: Tuples of a circuit, observables, the values of the circuit's parameters, and the precision. The
                circuit's final measurements, if it has any, are replaced by those that tell the observables.
            precision: The standard error to aim at where a PUB does not say, for an observable of norm 1: each
                measurement is repeated 1/precision^2 times.
            shots: How often to repeat each measurement, in place of `precision`.

        Returns:
            A job whose result has, for each PUB, `evs` and `stds`: expectation values and their standard errors, of
            the shape to which bindings and observables broadcast.

        Raises:
            TypeError: A PUB, `precision` or `shots` is of the wrong type.
            ValueError: A PUB cannot be run as meant, or an option has an impossible value.
            OqtopusError: A program could not be submitted; the others have been asked to cancel.
        """
        aim = self._precision(precision, shots)
        read = coerced(pubs, lambda pub: EstimatorPub.coerce(pub, aim), _FORM)
        planned, tasks = [], []
        for place, pub in enumerate(read):
            plan, of_pub = self._prepare(pub, place)
            planned.append(plan)
            tasks += of_pub
        return submit(self.backend, tasks, EstimatorPlan(tuple(planned)), self.options)

    def _precision(self, precision: float | None, shots: int | None) -> float:
        if precision is not None and shots is not None:
            raise ValueError(f"Give precision or shots, not both: precision={precision!r}, shots={shots!r}.")
        if shots is not None:
            return 1 / math.sqrt(positive(shots))
        return self.options.default_precision if precision is None else precision

    def _prepare(self, pub: EstimatorPub, place: int) -> tuple[EstimatedPub, list[Task]]:
        rows = values(pub, place)
        try:
            observables = [Observable.of(pub.observables[index]) for index in np.ndindex(pub.observables.shape)]
        except ValueError as error:
            raise ValueError(f"PUB {place}: {error}") from None
        shots = shots_for(pub.precision, place)
        elements = pairs(pub.parameter_values.shape, pub.observables.shape)
        measured = [measurements(observables[observable] for observable in shared) for shared in families(elements)]
        route = self._route(pub.circuit, observables, elements, measured)
        if route == "estimation":
            observables = [observable.as_paulis() for observable in observables]
        plan = EstimatedPub(
            route,
            tuple(pub.parameter_values.shape),
            tuple(pub.observables.shape),
            tuple(observables),
            tuple(map(tuple, measured)) if route == "sampling" else (),
            shots,
            float(pub.precision),
            pub.circuit.metadata or {},
        )
        return plan, _tasks(plan, pub.circuit, rows, self.backend)

    def _route(
        self,
        circuit: QuantumCircuit,
        observables: list[Observable],
        elements: list[tuple[int, int]],
        measured: list[list[str]],
    ) -> Route:
        wanted, backend = self.options.route, self.backend
        trouble = None
        if not isinstance(backend, OqtopusBackend):
            trouble = f"{backend.name} has no server that estimates"
        elif max(circuit.num_qubits, backend.num_qubits or 0) < 2:  # noqa: PLR2004 - a server's own limit
            trouble = f"servers fail to estimate on one qubit, and {backend.name} has no more"
        if wanted == "estimation" and trouble:
            raise ValueError(f"route='estimation' cannot be taken: {trouble}. Take 'sampling', or 'auto'.")
        if wanted != "auto":
            return wanted
        if trouble or not all(observable.is_expandable for observable in observables):
            return "sampling"
        if self._is_mitigated_amiss(circuit):
            return "estimation"
        shared = families(elements).values()
        by_sampling = sum(len(bindings) * len(labels) for bindings, labels in zip(shared, measured, strict=True))
        by_estimation = sum(map(len, bindings_of_observables(elements).values()))
        return "estimation" if by_estimation < by_sampling else "sampling"

    def _is_mitigated_amiss(self, circuit: QuantumCircuit) -> bool:
        """Whether a server that counts would undo the readout errors of other qubits than those measured.

        It takes the qubits of the program as submitted, even if it then transpiles it; when it estimates, it does not.
        """
        settings = self.backend.settings(**self.options.for_device(), multi_manual=False)
        if not settings.mitigation:
            return False
        measured = _all_measured(_without_final_measurements(circuit), self.backend.num_qubits)
        is_isa = to_template(measured, self.backend.target).program.is_isa
        return bool(settings.is_transpiled_by_server(is_isa=is_isa))


def shots_for(precision: float, place: int) -> int:
    """How often to repeat a measurement for a standard error, of an observable of norm 1.

    >>> shots_for(1 / math.sqrt(1000), 0)
    1000

    Raises:
        ValueError: The precision is not positive, or too fine.
    """
    if not 0 < precision < math.inf:
        raise ValueError(f"PUB {place} has the precision {precision!r}; it must be a positive number.")
    repetitions = (1 / precision) * (1 / precision)  # infinite where a power would be an error
    if repetitions > _MOST_SHOTS * (1 + 1e-9):
        raise ValueError(
            f"PUB {place} has the precision {precision!r}, for which each measurement would be repeated "
            f"{repetitions:.3g} times; the finest is {_MOST_SHOTS**-0.5:.2g}, for {_MOST_SHOTS:,} times."
        )
    # Rounded, as 1/p^2 is 1000.0000000000001 for what 1000 shots give.
    return max(1, math.ceil(round(repetitions, 6)))


def _tasks(
    plan: EstimatedPub, circuit: QuantumCircuit, rows: npt.NDArray[np.float64], backend: BackendV2
) -> list[Task]:
    """What the plan wants run on the backend."""
    bare = _without_final_measurements(circuit)
    # What is measured alike is one circuit, which is then written once.
    measured = cache(partial(_measured, bare, _translation(backend)))
    all_measured = cache(partial(_all_measured, bare, backend.num_qubits))
    tasks = []
    for first, second, bindings in plan.programs():
        if plan.route == "estimation":
            task = Task(all_measured(), rows[bindings], plan.shots, plan.observables[first].terms)
        else:
            task = Task(measured(plan.measured[first][second]), rows[bindings], plan.shots)
        tasks.append(task)
    return tasks


def _without_final_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit without measurements at its end, unless something in it depends on what is measured."""
    if has_variables(circuit) or {item.name for item in circuit.data if item.clbits} != {"measure"}:
        return circuit
    return circuit.remove_final_measurements(inplace=False)


def _translation(backend: BackendV2) -> PassManager | None:
    """What makes a backend's gates of those that turn qubits; None for OQTOPUS devices, which have them."""
    if isinstance(backend, OqtopusBackend):
        return None
    return PassManager([Optimize1qGatesDecomposition(target=backend.target)])


def _measured(circuit: QuantumCircuit, translation: PassManager | None, measurement: str) -> QuantumCircuit:
    """The circuit with qubits measured in those Paulis, into a register behind all others."""
    qubits = [qubit for qubit, letter in enumerate(reversed(measurement)) if letter != "I"]
    turns = QuantumCircuit(circuit.num_qubits)
    for qubit in qubits:
        # What would only turn about the measured axis is left out.
        if measurement[-1 - qubit] == "X":
            turns.rz(math.pi / 2, qubit)
        if measurement[-1 - qubit] != "Z":
            turns.sx(qubit)
    measured = circuit.compose(turns if translation is None else translation.run(turns))
    measured.metadata = {}
    register = ClassicalRegister(len(qubits), _new_name(circuit))
    measured.add_register(register)
    measured.measure(qubits, register)
    return measured


def _new_name(circuit: QuantumCircuit) -> str:
    """A name that none of the circuit's registers has, whatever names Qiskit gave them."""
    name = "observables"
    while any(register.name == name for register in circuit.cregs):
        name += "_"
    return name


def _all_measured(circuit: QuantumCircuit, width: int | None) -> QuantumCircuit:
    """The circuit on all of the device's qubits, all of them measured at the end.

    Servers fail where the last qubit that the transpiled program mentions is none of the submitted one's, for then they
    cannot lay out the operator; so all of the device's qubits are the program's.
    """
    measured = circuit.copy()
    measured.metadata = {}
    if (spare := (width or 0) - circuit.num_qubits) > 0:
        measured.add_bits([Qubit() for _ in range(spare)])
    measured.measure_all()
    return measured
