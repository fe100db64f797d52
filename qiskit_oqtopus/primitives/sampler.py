"""Bitstrings of circuits: `OqtopusSampler`."""

from __future__ import annotations

import secrets
import warnings
from typing import TYPE_CHECKING, Any

from qiskit.primitives import BaseSamplerV2, DataBin
from qiskit.primitives.containers.sampler_pub import SamplerPub

from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.primitives.dispatch import Task, checked_backend, submit
from qiskit_oqtopus.primitives.options import SamplerOptions, positive
from qiskit_oqtopus.primitives.pubs import coerced, values
from qiskit_oqtopus.primitives.sampler_plan import SampledPub, SamplerPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qiskit import QuantumCircuit
    from qiskit.primitives.containers import SamplerPubLike
    from qiskit.providers import BackendV2

    from qiskit_oqtopus.primitives.job import OqtopusPrimitiveJob

_FORM = "a circuit, or (circuit, values, shots) with values of shape (..., parameters) or as {parameter: array}"


class OqtopusSampler(BaseSamplerV2):
    """Samples the classical registers of circuits.

    Each binding of a PUB's parameters is a job of its own on OQTOPUS devices. Any other backend will do as well, so a
    program can be tried out on a simulator.

    Args:
        mode: Where to run: an `OqtopusBackend`, or any other backend of Qiskit's.
        options: See `SamplerOptions`.
        **more: Options by name.

    Attributes:
        backend: Where it runs.

    Raises:
        TypeError: `mode` is no backend, or there is no option of that name.
        ValueError: An option has an impossible value.

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

    def __init__(self, mode: BackendV2, options: SamplerOptions | Mapping[str, Any] | None = None, **more: Any) -> None:
        self.backend = checked_backend(mode)
        self._options = SamplerOptions.of(options, **more)

    @property
    def options(self) -> SamplerOptions:
        """The options; changes count from the next `run` on. A mapping that is assigned is checked as when made."""
        return self._options

    @options.setter
    def options(self, options: SamplerOptions | Mapping[str, Any] | None) -> None:
        self._options = SamplerOptions.of(options)

    @property
    def default_shots(self) -> int:
        """That of the options, where libraries look for it."""
        return self._options.default_shots

    @property
    def _backend(self) -> BackendV2:
        """Where Qiskit Experiments looks for what to transpile for."""
        return self.backend

    def run(self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None) -> OqtopusPrimitiveJob:
        """Submit PUBs; returns as soon as all are submitted.

        Args:
            pubs: Circuits, or tuples of a circuit, the values of its parameters, and the shots.
            shots: Shots of each circuit where its PUB does not say.

        Returns:
            A job whose result has, for each PUB, a bit array for each classical register, the same shot at the same
            place in all of them. OQTOPUS tells counts only, so the order of shots is invented. Shots that the server's
            mitigation loses are drawn again from the others, so that each binding has as many as asked for; metadata
            then have `lost_shots`, their number for each binding, and a warning says so where they are many.

        Raises:
            TypeError: A PUB, or `shots`, is of the wrong type.
            ValueError: A PUB cannot be run as meant, or an option has an impossible value.
            OqtopusError: A program could not be submitted; the others have been asked to cancel.
        """
        shots = self.options.default_shots if shots is None else positive(shots)
        read = coerced(pubs, lambda pub: _read(pub, shots), _FORM, 1)
        planned, tasks = [], []
        for place, pub in enumerate(read):
            rows = values(pub, pub.circuit, place)
            _check_registers(pub.circuit, place)
            plan = _planned(pub)
            planned.append(plan)
            if plan.measured:
                tasks.append(Task(self._deferred(pub.circuit), rows, plan.shots))
        seed = secrets.randbits(32) if self.options.seed is None else self.options.seed
        return submit(self.backend, tasks, SamplerPlan(tuple(planned), seed), self.options)

    def _deferred(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """The circuit as it is run; backends other than OQTOPUS devices measure midway themselves."""
        if not isinstance(self.backend, OqtopusBackend):
            return circuit
        settings = self.backend.settings(defer_measurements=self.options.defer_measurements)
        return self.backend.deferred(circuit) if settings.defer_measurements else circuit


def _read(pub: Any, shots: int) -> SamplerPub:
    match pub:
        case (_, _, number) if number is not None:
            positive(number)
    return SamplerPub.coerce(pub, shots)


def _planned(pub: SamplerPub) -> SampledPub:
    circuit = pub.circuit
    index = {bit: i for i, bit in enumerate(circuit.clbits)}
    cregs = tuple((register.name, tuple(index[bit] for bit in register)) for register in circuit.cregs)
    # Measurements are last in nearly all circuits.
    measured = bool(cregs) and any(item.clbits for item in reversed(circuit.data))
    return SampledPub(tuple(pub.shape), int(pub.shots), cregs, measured, dict(circuit.metadata or {}))


def _check_registers(circuit: QuantumCircuit, place: int) -> None:
    """See that Qiskit's container of results can hold the registers.

    Raises:
        ValueError: It cannot.
    """
    if not circuit.cregs:
        warnings.warn(
            f"The circuit of PUB {place} has no classical registers, so its result will be empty. Did you mean to "
            "measure_all()?",
            UserWarning,
            stacklevel=3,
        )
    for register in circuit.cregs:
        try:
            DataBin(**{register.name: None})
        except (TypeError, ValueError):
            raise ValueError(
                f"PUB {place} has a classical register named {register.name!r}, which Qiskit's results keep for "
                f"themselves; rename it, as in ClassicalRegister({register.size}, 'outcome')."
            ) from None
