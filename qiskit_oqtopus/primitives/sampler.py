"""Shots of circuits: `OqtopusSampler`."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Never

from qiskit.primitives import BaseSamplerV2, DataBin
from qiskit.primitives.containers.sampler_pub import SamplerPub

from oqtopus_client.user_warnings import warn_user
from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.elsewhere import NOT_GIVEN, Hinting, refuse_others, refuse_positional
from qiskit_oqtopus.equivalents import PRIMITIVE, RUN
from qiskit_oqtopus.primitives.circuit_suppression import CircuitSuppression
from qiskit_oqtopus.primitives.dispatch import checked_backend, submit
from qiskit_oqtopus.primitives.options import SamplerOptions, positive
from qiskit_oqtopus.primitives.preview import RunPreview
from qiskit_oqtopus.primitives.pubs import coerced, parameter_rows
from qiskit_oqtopus.primitives.sampler_plan import SampledPub, SamplerPlan
from qiskit_oqtopus.primitives.suppression.record import Suppression
from qiskit_oqtopus.primitives.task import Task, TaskCircuit
from qiskit_oqtopus.primitives.task_packer import TaskPacker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Never

    from qiskit import QuantumCircuit
    from qiskit.primitives.containers import SamplerPubLike
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob

_FORM = "a circuit, or (circuit, values, shots) with values of shape (..., parameters) or as {parameter: array}"


class OqtopusSampler(Hinting, BaseSamplerV2):
    """Samples the classical registers of circuits.

    On OQTOPUS devices, each binding of a PUB's parameters is a separate job. Any other Qiskit backend can be used, too,
    to try a program on a simulator.

    The options `dynamical_decoupling` and `twirling` suppress errors. Twirled circuits run in several randomizations,
    each a job, whose flips are undone in the bits; the shots of a PUB are split across them.

    With `parallel`, PUBs, bindings and randomizations with the same number of shots share jobs, on disjoint regions of
    the device. Circuits need not be transpiled: each is adapted to its best place, and runs unchanged on others like
    it.

    Args:
        mode: The backend to run on: an `OqtopusBackend`, or any other Qiskit backend.
        options: See `SamplerOptions`.
        **more: Options by name.

    Attributes:
        backend: The backend to run on.

    Raises:
        TypeError: `mode` is not a backend, or an option is unknown.
        ValueError: An option has an invalid value.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> from qiskit_oqtopus import OqtopusProvider
        >>> pair = QuantumCircuit(2)
        >>> _ = pair.x(0)
        >>> pair.measure_all()
        >>> with OqtopusProvider.emulator(":memory:") as provider:
        ...     sampler = OqtopusSampler(provider.get_backend("qulacs"), default_shots=100)
        ...     sampler.run([pair]).result()[0].data.meas.get_counts()
        {'01': 100}
    """

    _elsewhere = PRIMITIVE

    def __init__(
        self, mode: BackendV2 | None = None, options: SamplerOptions | Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        self._options = SamplerOptions.of(options, **more)
        self.backend = checked_backend(mode)

    @property
    def options(self) -> SamplerOptions:
        """The options; changes apply from the next `run` on. Assigned mappings are checked as at construction."""
        return self._options

    @options.setter
    def options(self, options: SamplerOptions | Mapping[str, Any] | None) -> None:
        self._options = SamplerOptions.of(options)

    @property
    def default_shots(self) -> int:
        """The option of the same name, where libraries look for it."""
        return self._options.default_shots

    @property
    def _backend(self) -> BackendV2:
        """The backend, where Qiskit Experiments looks for it."""
        return self.backend

    def run(
        self, pubs: Iterable[SamplerPubLike] = NOT_GIVEN, *others: Never, shots: int | None = None, **unknown: Never
    ) -> OqtopusPrimitiveJob:
        """Submit PUBs and return as soon as all are submitted.

        Args:
            pubs: Circuits, or tuples of a circuit, the values of its parameters, and the shots.
            *others: Not accepted; an error shows how to pass shots.
            shots: Number of shots of each circuit whose PUB does not give it.
            **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

        Returns:
            A job whose result has, for each PUB, a bit array for each classical register, the same shot at the same
            index in all of them. OQTOPUS returns counts only, so the order of shots is random. Shots that the server's
            mitigation loses are drawn again from the others, so that each binding has as many as requested; metadata
            then have `lost_shots`, their number for each binding, and a warning is issued if there are many.

        Raises:
            TypeError: A PUB, or `shots`, is of the wrong type, or an argument is unknown.
            ValueError: A PUB cannot be run as intended, or an option has an invalid value.
            OqtopusError: A program could not be submitted; cancellation of the others has been requested.
        """
        refuse_positional(others, "run() takes a list of PUBs, and shots by name: sampler.run([circuit], shots=1000)")
        refuse_others("run()", unknown, RUN)
        plan, tasks, packer = self._planned(pubs, shots)
        RunPreview(tasks, self.backend, self.options, packer).warn()
        return submit(self.backend, tasks, plan, self.options, packer)

    def plan(self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None) -> RunPreview:
        """Return what `run` would submit, without running anything: numbers of jobs and shots, and the circuits.

        Args and exceptions are those of `run`. Random circuits are those of `run` only if the option `seed` is set.
        """
        _, tasks, packer = self._planned(pubs, shots)
        return RunPreview(tasks, self.backend, self.options, packer)

    def _planned(
        self, pubs: Iterable[SamplerPubLike], shots: int | None
    ) -> tuple[SamplerPlan, list[Task], TaskPacker | None]:
        """Return the plan and the tasks of PUBs, and the packer if they run side by side."""
        shots = self.options.default_shots if shots is None else positive(shots)
        read = coerced(pubs, lambda pub: _read(pub, shots), _FORM, 1)
        steps = self.options.steps
        suppression = CircuitSuppression(self.backend, self.options, steps) if steps else None
        packer = self._packer()
        planned, tasks = [], []
        for index, pub in enumerate(read):
            parameter_rows(pub, pub.circuit, index)
            _check_registers(pub.circuit, index)
            plan = _planned(pub)
            if plan.measured:
                circuit = _task_circuit(self._deferred(pub.circuit), packer)
                if suppression is not None:
                    shares = suppression.shares(plan.shots)
                    circuit = suppression.applied(circuit, len(shares), index)
                    plan = replace(plan, shots=sum(shares), suppression=Suppression.of(steps, len(shares)))
                # A class may define the order of its parameters, which changed circuits do not keep.
                tasks.append(Task(circuit, parameter_rows(pub, circuit.circuit, index), plan.shots))
            planned.append(plan)
        seed = secrets.randbits(32) if self.options.seed is None else self.options.seed
        if packer is not None:
            packer.add(tasks)
        return SamplerPlan(tuple(planned), seed), tasks, packer

    def _packer(self) -> TaskPacker | None:
        """Return the packer, if programs run side by side.

        Raises:
            ValueError: Options contradict each other.
        """
        packer = TaskPacker.of(self.backend, self.options)
        if packer is not None and packer.mitigation:
            raise ValueError(
                f"mitigation={packer.mitigation!r} cannot be combined with parallel, as servers mitigate up to 32 bits "
                "of a job together. Leave it out, also in backend.options, or use OqtopusEstimator, which mitigates "
                "here."
            )
        return packer

    def _deferred(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return the circuit to run; backends other than OQTOPUS devices can measure in the middle of a circuit."""
        if not isinstance(self.backend, OqtopusBackend):
            return circuit
        settings = self.backend.settings(defer_measurements=self.options.defer_measurements)
        return self.backend.deferred(circuit) if settings.defer_measurements else circuit


def _task_circuit(circuit: QuantumCircuit, packer: TaskPacker | None) -> TaskCircuit:
    placed = packer and packer.placer.placed(circuit, has_layout=circuit.layout is not None)
    return TaskCircuit(placed.circuit, placed.home) if placed else TaskCircuit(circuit)


def _read(pub: Any, shots: int) -> SamplerPub:
    match pub:
        case (_, _, number) if number is not None:
            positive(number)
    return SamplerPub.coerce(pub, shots)


def _planned(pub: SamplerPub) -> SampledPub:
    circuit = pub.circuit
    index = {bit: i for i, bit in enumerate(circuit.clbits)}
    cregs = tuple((register.name, tuple(index[bit] for bit in register)) for register in circuit.cregs)
    return SampledPub(tuple(pub.shape), int(pub.shots), cregs, _is_measured(circuit), dict(circuit.metadata or {}))


def _is_measured(circuit: QuantumCircuit) -> bool:
    # Measurements are last in nearly all circuits.
    return bool(circuit.cregs) and any(item.clbits for item in reversed(circuit.data))


def _check_registers(circuit: QuantumCircuit, index: int) -> None:
    """Check that Qiskit's container of results can hold the registers, and warn if nothing is measured.

    Raises:
        ValueError: It cannot.
    """
    if not _is_measured(circuit):
        where = f"The circuit of PUB {index}"
        if circuit.cregs:
            warn_user(f"{where} measures nothing, so all its bits will be 0. Did you mean to measure_all()?")
        else:
            warn_user(
                f"{where} has no classical registers, so its result will be empty. Did you mean to measure_all()?"
            )
    for register in circuit.cregs:
        try:
            DataBin(**{register.name: None})
        except (TypeError, ValueError):
            raise ValueError(
                f"PUB {index} has a classical register named {register.name!r}, a name that Qiskit's results reserve; "
                f"rename it, as in ClassicalRegister({register.size}, 'outcome')."
            ) from None


SamplerV2 = OqtopusSampler
"""The name of `OqtopusSampler` in other providers."""
