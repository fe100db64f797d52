"""Expectation values of observables: `OqtopusEstimator`."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import Barrier, ClassicalRegister, QuantumCircuit, Qubit
from qiskit.primitives import BaseEstimatorV2
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.definitions import has_variables, is_measurement
from qiskit_oqtopus.plain import empty_like, without_layout
from qiskit_oqtopus.primitives.dispatch import Task, checked_backend, submit
from qiskit_oqtopus.primitives.estimator_plan import (
    EstimatedPub,
    EstimatorPlan,
    bindings_of_observables,
    families,
    pairs,
)
from qiskit_oqtopus.primitives.mitigator import Mitigator
from qiskit_oqtopus.primitives.observables import Observable, measurements
from qiskit_oqtopus.primitives.options import EstimatorOptions, positive
from qiskit_oqtopus.primitives.pubs import coerced, values
from qiskit_oqtopus.primitives.readout import Readout
from qiskit_oqtopus.qasm import to_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    from qiskit.primitives.containers import EstimatorPubLike
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.primitives.estimator_plan import Route
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
    `auto` takes the route of fewer jobs, and `sampling` where they are as many. The metadata of each result say which
    it was.

    With `mitigation="pseudo_inverse"`, readout errors are undone here, in the raw counts, by the inverse of the error
    matrix that the device publishes when the job is submitted. The estimate has no bias, its standard error includes
    the mitigation, and a precision takes as many more shots as that needs. Values may lie slightly outside the range of
    the observable. A server would turn what the inverse gives into probabilities and cut these to integers, which
    loses shots and biases values. By `estimation`, the operator sent includes the inverse. Where the server transpiles,
    `sampling` reads the measured qubits from the server's answer, and `auto` takes it; with `route="estimation"` the
    server mitigates, with that bias, and `stds` are upper bounds of the statistical error. The metadata have
    `mitigated_by`, `client` or `server`, and `calibrated_at`.

    Any backend other than an `OqtopusBackend` will do as well, by `sampling`, so a program can be tried out on a
    simulator.

    Args:
        mode: Where to run: an `OqtopusBackend`, or any other backend of Qiskit's.
        options: See `EstimatorOptions`.
        **more: Options by name.

    Attributes:
        backend: Where it runs.

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
        self._options = EstimatorOptions.of(options, **more)

    @property
    def options(self) -> EstimatorOptions:
        """The options; changes count from the next `run` on. A mapping that is assigned is checked as when made."""
        return self._options

    @options.setter
    def options(self, options: EstimatorOptions | Mapping[str, Any] | None) -> None:
        self._options = EstimatorOptions.of(options)

    @property
    def default_precision(self) -> float:
        """That of the options, where libraries look for it."""
        return self._options.default_precision

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None, shots: int | None = None
    ) -> OqtopusPrimitiveJob:
        """Submit PUBs; returns as soon as all are submitted.

        Args:
            pubs: Tuples of a circuit, observables, the values of the circuit's parameters, and the precision. The
                circuit's final measurements, if it has any, are replaced by those that tell the observables.
            precision: The standard error to aim at where a PUB does not say, for an observable of norm 1: each
                measurement is repeated 1/precision^2 times; more often with mitigation.
            shots: How often to repeat each measurement, in place of `precision`. With mitigation, standard errors are
                larger than 1/sqrt(shots).

        Returns:
            A job whose result has, for each PUB, `evs` and `stds`: expectation values and their standard errors, of
            the shape to which bindings and observables broadcast.

        Raises:
            TypeError: A PUB, `precision` or `shots` is of the wrong type.
            ValueError: A PUB cannot be run as meant, or an option has an impossible value.
            OqtopusError: A program could not be submitted; the others have been asked to cancel.
        """
        aim = self._precision(precision, shots)
        read = coerced(pubs, lambda pub: EstimatorPub.coerce(pub, aim), _FORM, 2)
        readout = self._readout() if read else None
        planned, tasks = [], []
        for place, pub in enumerate(read):
            plan, of_pub = self._prepare(pub, place, readout)
            planned.append(plan)
            tasks += of_pub
        return submit(self.backend, tasks, EstimatorPlan(tuple(planned), readout), self.options)

    def _precision(self, precision: float | None, shots: int | None) -> float:
        if precision is not None and shots is not None:
            raise ValueError(f"Give precision or shots, not both: precision={precision!r}, shots={shots!r}.")
        if shots is not None:
            return _OfShots(1 / math.sqrt(positive(shots)))
        return self.options.default_precision if precision is None else precision

    def _readout(self) -> Readout | None:
        """The device's readout errors, if they are to be mitigated."""
        backend = self.backend
        return Readout.of(backend) if isinstance(backend, OqtopusBackend) and self._settings().mitigation else None

    def _settings(self) -> OqtopusOptions:
        settings: OqtopusOptions = self.backend.settings(**self.options.for_device(), multi_manual=False)
        return settings

    def _prepare(self, pub: EstimatorPub, place: int, readout: Readout | None) -> tuple[EstimatedPub, list[Task]]:
        circuit = without_layout(pub.circuit)
        rows = values(pub, circuit, place)
        try:
            observables = [Observable.of(pub.observables[index]) for index in np.ndindex(pub.observables.shape)]
        except ValueError as error:
            raise ValueError(f"PUB {place}: {error}") from None
        mitigator = None if readout is None else Mitigator(readout, placed=self._is_placed(circuit))
        if mitigator is not None:
            mitigator.check(observables, place)
        elements = pairs(pub.parameter_values.shape, pub.observables.shape)
        measured = [measurements(observables[observable] for observable in shared) for shared in families(elements)]
        route = self._route(circuit, observables, elements, measured, mitigator)
        if route == "estimation":
            observables = [observable.as_paulis() for observable in observables]
        amplification, mitigation = 1.0, None
        if mitigator is not None:
            amplification = mitigator.amplification(observables, place)
            mitigation, observables = mitigator.mitigation(route, observables, place)
        of_shots = isinstance(pub.precision, _OfShots)
        shots = shots_for(pub.precision, place, 1.0 if of_shots else amplification)
        plan = EstimatedPub(
            route,
            tuple(pub.parameter_values.shape),
            tuple(pub.observables.shape),
            tuple(observables),
            tuple(map(tuple, measured)) if route == "sampling" else (),
            shots,
            float(pub.precision) * (amplification if of_shots else 1.0),
            circuit.metadata or {},
            mitigation,
        )
        return plan, _tasks(plan, circuit, rows, self.backend)

    def _route(
        self,
        circuit: QuantumCircuit,
        observables: list[Observable],
        elements: list[tuple[int, int]],
        measured: list[list[str]],
        mitigator: Mitigator | None,
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
        if mitigator is not None and not mitigator.is_expandable(observables):
            return "sampling"
        shared = families(elements).values()
        by_sampling = sum(len(bindings) * len(labels) for bindings, labels in zip(shared, measured, strict=True))
        by_estimation = sum(map(len, bindings_of_observables(elements).values()))
        return "estimation" if by_estimation < by_sampling else "sampling"

    def _is_placed(self, circuit: QuantumCircuit) -> bool:
        """Whether the circuit's qubits are the device's: not where the server transpiles."""
        measured = _all_measured(_without_final_measurements(circuit), self.backend.num_qubits)
        is_isa = to_template(measured, self.backend.target).is_isa
        return not self._settings().is_transpiled_by_server(is_isa=is_isa)


class _OfShots(float):
    """The precision of a number of shots without mitigation: with it, the shots stay the same."""


def shots_for(precision: float, place: int, amplification: float = 1.0) -> int:
    """How often to repeat a measurement for a standard error, of an observable of norm 1.

    Args:
        precision: The standard error.
        place: Which PUB it is for, for messages.
        amplification: How many times as large mitigation makes the standard error.

    >>> shots_for(1 / math.sqrt(1000), 0)
    1000

    Raises:
        ValueError: The precision is not positive, or too fine.
    """
    if not 0 < precision < math.inf:
        raise ValueError(f"PUB {place} has the precision {precision!r}; it must be a positive number.")
    repetitions = (amplification / precision) * (amplification / precision)  # infinite where a power would be an error
    if repetitions > _MOST_SHOTS * (1 + 1e-9):
        raise ValueError(
            f"PUB {place} has the precision {precision!r}, for which each measurement would be repeated "
            f"{repetitions:.3g} times; the finest is {amplification * _MOST_SHOTS**-0.5:.2g}, for {_MOST_SHOTS:,} "
            "times." + (f" Mitigation takes {amplification**2:.3g} times the shots." if amplification > 1 else "")
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
            by_server = plan.mitigation is None or plan.mitigation.by == "server"
            task = Task(all_measured(), rows[bindings], plan.shots, plan.observables[first].terms, mitigated=by_server)
        else:
            task = Task(measured(plan.measured[first][second]), rows[bindings], plan.shots, mitigated=False)
        tasks.append(task)
    return tasks


def _without_final_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit without measurements at its end, unless something in it depends on what is measured.

    Qiskit's own way goes by names, and takes a user's gates for measurements, too.
    """
    classical = [item.operation for item in circuit.data if item.clbits]
    if not classical or has_variables(circuit) or not all(map(is_measurement, classical)):
        return circuit
    kept, busy = [], set[Qubit]()
    for item in reversed(circuit.data):
        if item.clbits and busy.isdisjoint(item.qubits):
            continue
        kept.append(item)
        if not isinstance(item.operation, Barrier):
            busy.update(item.qubits)
    bare = empty_like(circuit)
    for item in reversed(kept):
        bare.append(item)
    return bare


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
