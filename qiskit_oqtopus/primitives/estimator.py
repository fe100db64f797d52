"""Expectation values of observables: `OqtopusEstimator`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Never

from qiskit.primitives import BaseEstimatorV2
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from qiskit_oqtopus.elsewhere import NOT_GIVEN, Hinting, refuse_others, refuse_positional
from qiskit_oqtopus.equivalents import PRIMITIVE, RUN
from qiskit_oqtopus.primitives.dispatch import checked_backend, submit
from qiskit_oqtopus.primitives.estimator_plan import EstimatorPlan
from qiskit_oqtopus.primitives.options import EstimatorOptions, positive
from qiskit_oqtopus.primitives.planner import PubPlanner
from qiskit_oqtopus.primitives.precision import PrecisionOfShots
from qiskit_oqtopus.primitives.preview import RunPreview
from qiskit_oqtopus.primitives.pubs import coerced
from qiskit_oqtopus.primitives.suppressed_planner import SuppressedPlanner
from qiskit_oqtopus.primitives.task_packer import TaskPacker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Never

    from qiskit.primitives.containers import EstimatorPubLike
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob
    from qiskit_oqtopus.primitives.task import Task

_FORM = (
    "(circuit, observables, values, precision) with values of shape (..., parameters) or as {parameter: array}; "
    "observables as SparsePauliOp, Pauli, label, {label: coefficient} or an array of these"
)


class OqtopusEstimator(Hinting, BaseEstimatorV2):
    """Estimates expectation values of observables in the states that circuits prepare.

    There are two routes. With `sampling`, the client estimates from counts: observables of the same binding share
    measurements, each measurement is a job, and standard errors account for the covariances of terms. With
    `estimation`, the server measures and sums: one job for each binding and observable; the server's standard errors
    are sums over terms, upper bounds of the true ones. `auto` takes the route of fewer jobs, and `sampling` if both
    take as many. The metadata of each result have the `route` taken.

    With `mitigation="pseudo_inverse"`, the client undoes readout errors in the raw counts, by the inverse of the error
    matrix that the device publishes when the job is submitted. The estimate is unbiased, its standard error includes
    the mitigation, and the number of shots for a precision grows accordingly. Values may lie slightly outside the range
    of the observable. A server would turn the result of the inverse into probabilities and cut these to integers, which
    loses shots and biases values. With `estimation`, the operator sent includes the inverse. If the server transpiles,
    `sampling` reads the measured qubits from the server's answer, and `auto` takes that route; with
    `route="estimation"` the server mitigates, with that bias, and `stds` are upper bounds of the statistical error. The
    metadata have `mitigated_by`, `client` or `server`, and `calibrated_at`.

    With `resilience_level`, or the options `resilience`, `twirling` and `dynamical_decoupling`, errors are suppressed
    and mitigated. Readout errors are then measured by circuits of the same run, at the end, on the qubits that its PUBs
    measure. This takes `sampling` and circuits of the device's own instructions, as `qiskit.transpile` returns them.
    Each randomization of a circuit is a job. `plan` returns the number of jobs without running them; `run` warns if
    there are more than 200 additional ones.

    With `parallel`, programs of all PUBs, bindings, measurements and randomizations run side by side, on disjoint
    regions of the device. Circuits need not be transpiled: each is adapted to its best place, and runs unchanged on
    others like it. Readout errors are undone for the qubits of each. All noise factors of a program run on the same
    qubits, where `max_error` applies to the circuit without amplified noise.

    Any Qiskit backend other than an `OqtopusBackend` can be used with `sampling`, to try a program on a simulator.

    Args:
        mode: The backend to run on: an `OqtopusBackend`, or any other Qiskit backend.
        options: See `EstimatorOptions`.
        **more: Options by name.

    Attributes:
        backend: The backend to run on.

    Raises:
        TypeError: `mode` is not a backend, or an option is unknown.
        ValueError: An option has an invalid value.

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

    _elsewhere = PRIMITIVE

    def __init__(
        self, mode: BackendV2 | None = None, options: EstimatorOptions | Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        self._options = EstimatorOptions.of(options, **more)
        self.backend = checked_backend(mode)

    @property
    def options(self) -> EstimatorOptions:
        """The options; changes apply from the next `run` on. Assigned mappings are checked as at construction."""
        return self._options

    @options.setter
    def options(self, options: EstimatorOptions | Mapping[str, Any] | None) -> None:
        self._options = EstimatorOptions.of(options)

    @property
    def default_precision(self) -> float:
        """The option of the same name, where libraries look for it."""
        return self._options.default_precision

    def run(
        self,
        pubs: Iterable[EstimatorPubLike] = NOT_GIVEN,
        *others: Never,
        precision: float | None = None,
        shots: int | None = None,
        **unknown: Never,
    ) -> OqtopusPrimitiveJob:
        """Submit PUBs and return as soon as all are submitted.

        Args:
            pubs: Tuples of a circuit, observables, the values of the circuit's parameters, and the precision. The
                circuit's final measurements, if any, are replaced by those that determine the observables.
            precision: The standard error to aim at for PUBs without their own, for an observable of norm 1: each
                measurement takes 1/precision^2 shots, and more with `mitigation`.
            *others: Not accepted; an error shows the form of a PUB.
            shots: Number of shots of each measurement, in place of `precision`. With mitigation, standard errors are
                larger than 1/sqrt(shots).
            **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

        Returns:
            A job whose result has, for each PUB, `evs` and `stds`: expectation values and their standard errors, of the
            shape to which bindings and observables broadcast. With suppression or mitigation, there are the arrays that
            qiskit-ibm-runtime has: `ensemble_standard_error`, the standard error from all shots, which `stds` are, too,
            unless gates are twirled in 8 or more randomizations; then `stds` are from the spread between these, or
            between their pairs. With extrapolation, `evs_noise_factors`, `stds_noise_factors` and
            `ensemble_stds_noise_factors` have a last axis of noise factors instead, and `evs_extrapolated` and
            `stds_extrapolated` two last axes, of extrapolators and of `extrapolated_noise_factors`. Bindings share the
            calibration and the Paulis of their randomizations, so the errors of their values are correlated.

        Raises:
            TypeError: A PUB, `precision` or `shots` is of the wrong type, or an argument is unknown.
            ValueError: A PUB cannot be run as intended, or an option has an invalid value.
            OqtopusError: A program could not be submitted; cancellation of the others has been requested.
        """
        refuse_positional(others, "run() takes a list of PUBs: estimator.run([(circuit, observables, values)])")
        refuse_others("run()", unknown, RUN)
        plan, tasks, packer = self._planned(pubs, precision, shots)
        RunPreview(tasks, self.backend, self.options, packer).warn()
        return submit(self.backend, tasks, plan, self.options, packer)

    def plan(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None, shots: int | None = None
    ) -> RunPreview:
        """Return what `run` would submit, without running anything: numbers of jobs and shots, and the circuits.

        Args and exceptions are those of `run`. Random circuits are those of `run` only if the option `seed` is set.
        """
        _, tasks, packer = self._planned(pubs, precision, shots)
        return RunPreview(tasks, self.backend, self.options, packer)

    def _planned(
        self, pubs: Iterable[EstimatorPubLike], precision: float | None, shots: int | None
    ) -> tuple[EstimatorPlan, list[Task], TaskPacker | None]:
        """Return the plan and the tasks of PUBs, and the packer if they run side by side."""
        aim, steps = self._precision(precision, shots), self.options.steps
        read = coerced(pubs, lambda pub: EstimatorPub.coerce(pub, aim), _FORM, 2)
        packer = TaskPacker.of(self.backend, self.options)
        if not read:
            return EstimatorPlan(()), [], packer
        if steps:
            return *SuppressedPlanner(self.backend, self.options, steps, packer).run(read), packer
        return *PubPlanner(self.backend, self.options, packer).run(read), packer

    def _precision(self, precision: float | None, shots: int | None) -> float:
        if precision is not None and shots is not None:
            raise ValueError(f"Give precision or shots, not both: precision={precision!r}, shots={shots!r}.")
        if shots is not None:
            return PrecisionOfShots.of(positive(shots))
        return self.options.default_precision if precision is None else precision


EstimatorV2 = OqtopusEstimator
"""The name of `OqtopusEstimator` in other providers."""
