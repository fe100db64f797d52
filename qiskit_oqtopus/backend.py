"""An OQTOPUS device as a Qiskit backend: `OqtopusBackend`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options

import oqtopus_client
from qiskit_oqtopus import backend_v1, specs
from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.deferral import deferred_on
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.noise import aer_noise_model, noisy_circuit
from qiskit_oqtopus.target import MEASURE_DURATION, target_from_device

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy.typing as npt
    from matplotlib.figure import Figure
    from qiskit.transpiler import Target
    from qiskit_aer.noise import NoiseModel

    from oqtopus_client import OqtopusClient, OqtopusDevice
    from oqtopus_client.emulator.coherent import CoherentErrors
    from qiskit_oqtopus.backend_v1 import BackendConfiguration, BackendProperties
    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.programs import Program


class OqtopusBackend(BackendV2):
    """One device, as returned by `OqtopusProvider`.

    Args:
        provider: The provider that found the device; Qiskit's base class keeps it.
        device: The device's description, as of the provider's request.
        client: The client that submits jobs.
        measure_duration: The duration of measurements in `target`, in seconds, if the device publishes none; None if
            unknown.

    Attributes:
        device: The device's description, as of the last `refresh`.
    """

    def __init__(
        self,
        provider: object,
        device: OqtopusDevice,
        client: OqtopusClient,
        *,
        measure_duration: float | None = MEASURE_DURATION,
    ) -> None:
        super().__init__(provider=provider, name=device.device_id, description=device.description)
        self.device = device
        self._client = client
        self._measure_duration = measure_duration

    @cached_property
    def _target(self) -> Target:
        return target_from_device(self.device, self._measure_duration)

    @property
    def target(self) -> Target:
        """The device's gates, couplings, errors and times, for the transpiler.

        OQTOPUS servers publish no duration of measurements, which scheduling needs. The provider's `measure_duration`
        stands in; nothing follows a measurement, so its value does not affect the schedule of the gates.
        """
        return self._target

    def refresh(self) -> bool:
        """Request the device's current state and calibration from the server, with one request.

        Returns:
            Whether the calibration has changed; if so, `target` is a new object.

        Raises:
            OqtopusError: The request failed; the backend is unchanged.
        """
        before, self.device = self.device, self._client.get_device(self.name)
        if _calibration(self.device) == _calibration(before):
            return False
        self._target = target_from_device(self.device, self._measure_duration)
        self._coupling_map = None  # the base class caches that of the first Target
        return True

    def latest(self) -> Self:
        """Return a new backend for the device's current description, with one request; this one is unchanged.

        Raises:
            OqtopusError: The request failed.
        """
        device = self._client.get_device(self.name)
        return type(self)(self.provider, device, self._client, measure_duration=self._measure_duration)

    @property
    def calibrated_at(self) -> datetime | None:
        """Time of the last calibration; None if the server does not publish it."""
        return self.device.calibrated_at

    @property
    def status(self) -> str:
        """`available` or `unavailable`, as of the last `refresh`."""
        return self.device.status

    @property
    def pending_jobs(self) -> int:
        """Number of jobs waiting for the device, as of the last `refresh`."""
        return self.device.n_pending_jobs

    @property
    def max_shots(self) -> int:
        """Maximum number of shots per job: 10,000,000, unless the server publishes a lower limit for the device."""
        published, limit = getattr(self.device.raw, "max_shots", None), oqtopus_client.rest.models.MAX_SHOTS
        return published if type(published) is int and 0 < published < limit else limit

    def noise_model(self, qubits: Iterable[int] | None = None) -> NoiseModel:
        """Return the device's noise as a Qiskit Aer noise model, based on its calibration; see `qiskit_oqtopus.noise`.

        It applies to circuits of the device's native gates on its physical qubits, as `transpile` returns them. Aer
        does not simulate idle qubits, so the size of the chip does not matter::

            isa = transpile(circuit, backend)
            used = {isa.find_bit(qubit).index for item in isa.data for qubit in item.qubits}
            counts = AerSimulator(noise_model=backend.noise_model(used)).run(isa).result().get_counts()

        Args:
            qubits: The device's qubits that have noise; by default all.

        Raises:
            ModuleNotFoundError: The extra `emulator`, which includes Qiskit Aer, is not installed.
            ValueError: The device does not have one of the qubits, or publishes no calibration.
        """
        return aer_noise_model(self.target, qubits)

    def noisy(
        self,
        circuit: QuantumCircuit,
        *,
        idle_noise: bool = True,
        schedule: Literal["gateway", "alap"] = "gateway",
        coherent: CoherentErrors | None = None,
    ) -> QuantumCircuit:
        """Return a circuit with the noise of an emulated device with this calibration, to run in Qiskit Aer.

        Unlike that of `noise_model`, this noise includes that of waiting qubits. It is part of the circuit::

            counts = AerSimulator().run(backend.noisy(isa)).result().get_counts()

        The arguments and exceptions are those of `qiskit_oqtopus.noise.noisy_circuit`.
        """
        chip, target = self.device.calibration, self.target
        return noisy_circuit(circuit, chip, target, idle_noise=idle_noise, schedule=schedule, coherent=coherent)

    @property
    def max_circuits(self) -> None:
        """None, meaning no limit: each circuit becomes a separate OQTOPUS job."""
        return

    def configuration(self) -> BackendConfiguration:
        """Return the `BackendV1` configuration, which libraries such as mthree and mapomatic read."""
        return backend_v1.configuration(self.device, self.target, self.max_shots)

    def properties(self, refresh: bool = False) -> BackendProperties | None:
        """Return the `BackendV1` properties: the published calibration; None if the device publishes none.

        Args:
            refresh: Whether to call `refresh` first.

        Raises:
            OqtopusError: The request failed.
        """
        if refresh:
            self.refresh()
        return backend_v1.properties(self.device, target_from_device(self.device))

    @classmethod
    def _default_options(cls) -> Options:
        from qiskit_oqtopus.options import BackendOptions, OqtopusOptions  # noqa: PLC0415 - pydantic is slow to load

        return BackendOptions(**dict(OqtopusOptions()))

    @property
    def options(self) -> Options:
        """Defaults for `run`; see `OqtopusOptions`. Assigning a mapping sets its options and resets all others.

        Raises:
            TypeError: The value is not a mapping, an option is unknown, or `shots` or `seed_simulator` is not an
                integer.
            ValueError: A value is not valid.
        """
        return self._options

    @options.setter
    def options(self, options: Mapping[str, Any]) -> None:
        if not isinstance(options, Mapping):
            raise TypeError(f"options must be a mapping of names to values, not {options!r}.")
        fresh = self._default_options()
        fresh.update_options(**options)
        self._options = fresh

    def set_options(self, **fields: Any) -> None:
        """Change defaults for `run`; see `OqtopusOptions`. None resets an option to its initial value, as in Aer.

        Raises:
            TypeError: An option is unknown, or `shots` or `seed_simulator` is not an integer.
            ValueError: A value is not valid.
        """
        self._options.update_options(**fields)

    def run(
        self,
        run_input: QuantumCircuit | Iterable[QuantumCircuit],
        *,
        parameter_values: npt.ArrayLike | None = None,
        **options: Any,
    ) -> OqtopusJob:
        """Submit circuits and return without waiting for their results.

        A circuit of native instructions (see `target`) runs as it is; the server transpiles any other.

        Args:
            run_input: One circuit, or several.
            parameter_values: Values of one circuit's parameters in the order of `circuit.parameters`, of shape
                (bindings, parameters): one run per row. The circuit is processed once, which is much faster than
                binding each row when there are many.
            **options: See `OqtopusOptions`; `backend.options` applies to those that are None or not given.

        Raises:
            ValueError: `run_input` is empty, the device cannot run a circuit as intended (`CircuitError`), or an option
                has an invalid value.
            TypeError: An option is unknown, or `shots` or `seed_simulator` is not an integer.
            OqtopusError: A circuit could not be submitted; cancellation of the others has been requested.
        """
        settings = self.settings(**options)
        circuits = _circuits(run_input)
        jobs = specs.to_jobs(specs.encode(circuits, parameter_values, self.target, settings), self.target, settings)
        batch = self._submit(jobs, settings)
        return OqtopusJob(batch, [job.programs for job in jobs], circuits=circuits, backend=self)

    def submit(self, jobs: Sequence[specs.Job], *, kind: str, **options: Any) -> JobBatch:
        """Submit jobs of one program each as a batch; primitives use this instead of `run`.

        Args:
            jobs: The jobs.
            kind: The primitive.
            **options: See `OqtopusOptions`.

        Raises:
            ValueError: The device would refuse a program (`CircuitError`), or the value of an option is not valid.
            TypeError: An option is unknown.
            OqtopusError: A program could not be submitted; cancellation of the others has been requested.
        """
        settings = self.settings(**{**options, "multi_manual": False})
        specs.refuse_foreign((job.programs[0] for job in jobs), self.target, settings)
        counted = [job.programs[0] for job in jobs if job.operator is None and job.mitigated]
        specs.warn_of_mitigation(counted, settings)
        return self._submit(specs.with_tags(jobs, kind, settings), settings)

    def _submit(self, jobs: Sequence[specs.Job], settings: OqtopusOptions) -> JobBatch:
        seeds = specs.seeds(settings.seed_simulator, len(jobs))
        batch = [job.to_spec(self.name, settings, seed) for job, seed in zip(jobs, seeds, strict=True)]
        return JobBatch.submit(self._client, batch, jobs[0].tag)

    def programs(
        self,
        run_input: QuantumCircuit | Iterable[QuantumCircuit],
        *,
        parameter_values: npt.ArrayLike | None = None,
        **options: Any,
    ) -> list[Program]:
        """Return the programs that `run` would send for the circuits, without sending them.

        Args and exceptions are those of `run`.
        """
        settings = self.settings(**options)
        return specs.encode(_circuits(run_input), parameter_values, self.target, settings)

    def settings(self, **options: Any) -> OqtopusOptions:
        """Return the settings of a run with these options; `backend.options` applies to those None or not given.

        Raises:
            TypeError: An option is unknown, or `shots` or `seed_simulator` is not an integer.
            ValueError: A value is not valid.
        """
        from qiskit_oqtopus.options import OqtopusOptions  # noqa: PLC0415 - pydantic is slow to load

        given = {name: value for name, value in options.items() if value is not None or name not in self.options}
        return OqtopusOptions.checked({**self.options, **given})

    def deferred(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return the circuit with its measurements deferred; see `defer_measurements`.

        Raises:
            TypeError: `circuit` is not a `QuantumCircuit`.
            CircuitError: An operation depends on a measurement outcome, or the device has too few qubits.
        """
        return deferred_on(circuit, self.target)

    def plot(self, *, circuit: QuantumCircuit | None = None) -> Figure:
        """Draw the chip and its calibration.

        A qubit is a disc, coloured by its gate error, inside a ring, coloured by its readout error. A coupling is an
        arrow from control to target, coloured by its gate error. Darker is worse; grey is unknown.

        Args:
            circuit: A circuit transpiled for this backend; unused qubits and couplings are faded.

        Raises:
            ImportError: The extra `visualization` is not installed.
            ValueError: The device publishes no qubit data, or the circuit was not transpiled for this backend.
        """
        from qiskit_oqtopus.visualization.chip import plot_chip  # noqa: PLC0415 - an extra

        return plot_chip(self.device, circuit=circuit)

    def __repr__(self) -> str:
        return f"<OqtopusBackend {self.name!r}: {self.num_qubits} qubits, {self.device.status}>"

    def __deepcopy__(self, _memo: object) -> Self:
        # Libraries of Qiskit copy options that contain backends, whose connections cannot be copied.
        return self


def _calibration(device: OqtopusDevice) -> tuple[object, ...]:
    """Return the data that a Target is built from."""
    return device.device_info_str, device.calibrated_at, device.n_qubits


def _circuits(run_input: QuantumCircuit | Iterable[QuantumCircuit]) -> list[QuantumCircuit]:
    if isinstance(run_input, str) or not isinstance(run_input, QuantumCircuit | Iterable):
        raise CircuitError(f"run_input must be a QuantumCircuit or several, not {run_input!r}.")
    circuits = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
    if not circuits:
        raise ValueError("run_input is empty; pass at least one circuit.")
    for circuit in circuits:
        if not isinstance(circuit, QuantumCircuit):
            raise CircuitError(f"run_input must contain QuantumCircuits only, not {circuit!r}.")
    return circuits
