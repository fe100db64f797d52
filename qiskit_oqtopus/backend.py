"""An OQTOPUS device as a Qiskit backend: `OqtopusBackend`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options

import oqtopus_client
from qiskit_oqtopus import backend_v1, specs
from qiskit_oqtopus.batch import JobBatch
from qiskit_oqtopus.deferral import deferred_on
from qiskit_oqtopus.errors import CircuitError
from qiskit_oqtopus.job import OqtopusJob
from qiskit_oqtopus.noise import noise_model
from qiskit_oqtopus.target import target_from_device

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy.typing as npt
    from matplotlib.figure import Figure
    from qiskit.transpiler import Target
    from qiskit_aer.noise import NoiseModel

    from oqtopus_client import OqtopusClient, OqtopusDevice
    from qiskit_oqtopus.backend_v1 import BackendConfiguration, BackendProperties
    from qiskit_oqtopus.options import OqtopusOptions
    from qiskit_oqtopus.programs import Program


class OqtopusBackend(BackendV2):
    """One device; `OqtopusProvider` makes these.

    Args:
        provider: The provider that found the device; Qiskit's base class keeps it.
        device: The device, as it was when the provider asked.
        client: The client that submits jobs.

    Attributes:
        device: The device.
    """

    def __init__(self, provider: object, device: OqtopusDevice, client: OqtopusClient) -> None:
        super().__init__(provider=provider, name=device.device_id, description=device.description)
        self.device = device
        self._client = client

    @cached_property
    def _target(self) -> Target:
        return target_from_device(self.device)

    @property
    def target(self) -> Target:
        """The device's gates, couplings, errors and times, for the transpiler."""
        return self._target

    def refresh(self) -> bool:
        """Ask the server for the device's present state and calibration, with one request.

        Returns:
            Whether the calibration has changed; if so, `target` is another one.

        Raises:
            OqtopusError: The server could not be asked; everything is as before.
        """
        before, self.device = self.device, self._client.get_device(self.name)
        if _calibration(self.device) == _calibration(before):
            return False
        self._target = target_from_device(self.device)
        self._coupling_map = None  # the base class keeps that of the first Target
        return True

    def latest(self) -> Self:
        """The same device as the server describes it now, with one request; this backend stays as it is.

        Raises:
            OqtopusError: The server could not be asked.
        """
        return type(self)(self.provider, self._client.get_device(self.name), self._client)

    @property
    def calibrated_at(self) -> datetime | None:
        """When the device was calibrated, where the server says so."""
        return self.device.calibrated_at

    @property
    def status(self) -> str:
        """`available` or `unavailable`, as of the last `refresh`."""
        return self.device.status

    @property
    def pending_jobs(self) -> int:
        """Jobs waiting for the device, as of the last `refresh`."""
        return self.device.n_pending_jobs

    @property
    def max_shots(self) -> int:
        """The most shots that a job may ask for: 10,000,000, unless the server says less of the device."""
        said, limit = getattr(self.device.raw, "max_shots", None), oqtopus_client.rest.models.MAX_SHOTS
        return said if type(said) is int and 0 < said < limit else limit

    def noise_model(self, qubits: Iterable[int] | None = None) -> NoiseModel:
        """The device's noise for Qiskit Aer, as its calibration has it; see `qiskit_oqtopus.noise`.

        For circuits of the device's own gates on its own qubits, as `transpile` makes them. Aer leaves out idle qubits,
        so the size of the chip does not matter::

            isa = transpile(circuit, backend)
            used = {isa.find_bit(qubit).index for item in isa.data for qubit in item.qubits}
            counts = AerSimulator(noise_model=backend.noise_model(used)).run(isa).result().get_counts()

        Args:
            qubits: The device's qubits to simulate; all others are without noise. By default all of them.

        Raises:
            ModuleNotFoundError: The extra `emulator` is not installed, which has Qiskit Aer.
            ValueError: The device has no such qubit, or no calibration.
        """
        return noise_model(self.target, qubits)

    @property
    def max_circuits(self) -> None:
        """No limit: each circuit becomes an OQTOPUS job of its own."""
        return

    def configuration(self) -> BackendConfiguration:
        """What libraries from Qiskit's first backends ask for, mthree and mapomatic among them."""
        return backend_v1.configuration(self.device, self.target, self.max_shots)

    def properties(self, refresh: bool = False) -> BackendProperties | None:
        """The calibration, for the same libraries; None where the device publishes none.

        Args:
            refresh: Whether to ask the server first, as `refresh` does.

        Raises:
            OqtopusError: The server could not be asked.
        """
        if refresh:
            self.refresh()
        return backend_v1.properties(self.device, self.target)

    @classmethod
    def _default_options(cls) -> Options:
        from qiskit_oqtopus.options import BackendOptions, OqtopusOptions  # noqa: PLC0415 - pydantic takes its time

        return BackendOptions(**dict(OqtopusOptions()))

    @property
    def options(self) -> Options:
        """Defaults for `run`; see `OqtopusOptions`. To assign a mapping sets those options, and all others back.

        Raises:
            TypeError: It is no mapping, there is no option of that name, or `shots` is no integer.
            ValueError: A value is not possible.
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
        """Change defaults for `run`; see `OqtopusOptions`. None stands for what counted at first, as in Aer.

        Raises:
            TypeError: There is no option of that name, or `shots` is no integer.
            ValueError: A value is not possible.
        """
        self._options.update_options(**fields)

    def run(
        self,
        run_input: QuantumCircuit | Iterable[QuantumCircuit],
        *,
        parameter_values: npt.ArrayLike | None = None,
        **options: Any,
    ) -> OqtopusJob:
        """Submit circuits; returns as soon as all are submitted.

        A circuit of the device's own instructions (see `target`) runs as it is; any other is transpiled on the
        server.

        Args:
            run_input: One circuit, or several.
            parameter_values: Values of one circuit's parameters in the order of `circuit.parameters`, of shape
                (bindings, parameters): one run for each row. The circuit is looked at once, which for many bindings is
                much faster than to bind each.
            **options: See `OqtopusOptions`; `backend.options` holds what counts where they are None or not given.

        Raises:
            ValueError: There is no circuit, one that the device cannot run as meant (`CircuitError`), or an option
                has an impossible value.
            TypeError: An option is unknown, or `shots` is no integer.
            OqtopusError: A circuit could not be submitted; the others have been asked to cancel.
        """
        settings = self.settings(**options)
        circuits = _circuits(run_input)
        jobs = specs.to_jobs(specs.encode(circuits, parameter_values, self.target, settings), self.target, settings)
        batch = self._submit(jobs, settings)
        return OqtopusJob(batch, [job.programs for job in jobs], circuits=circuits, backend=self)

    def submit(self, jobs: Sequence[specs.Job], *, kind: str, **options: Any) -> JobBatch:
        """Submit jobs of one program each, as a batch: what primitives do in place of `run`.

        Args:
            jobs: The jobs.
            kind: The primitive.
            **options: See `OqtopusOptions`.

        Raises:
            ValueError: A program that the device would refuse (`CircuitError`), or an option has an invalid value.
            TypeError: An option is unknown.
            OqtopusError: A program could not be submitted; the others have been asked to cancel.
        """
        settings = self.settings(**{**options, "multi_manual": False})
        specs.refuse_foreign((job.programs[0] for job in jobs), self.target, settings)
        counted = [job.programs[0] for job in jobs if job.operator is None and job.mitigated]
        specs.warn_of_mitigation(counted, settings)
        return self._submit(specs.with_tags(jobs, kind, settings), settings)

    def _submit(self, jobs: Sequence[specs.Job], settings: OqtopusOptions) -> JobBatch:
        return JobBatch.submit(self._client, [job.to_spec(self.name, settings) for job in jobs], jobs[0].tag)

    def programs(
        self,
        run_input: QuantumCircuit | Iterable[QuantumCircuit],
        *,
        parameter_values: npt.ArrayLike | None = None,
        **options: Any,
    ) -> list[Program]:
        """What `run` would send for each circuit; sends nothing.

        Takes and raises what `run` does.
        """
        settings = self.settings(**options)
        return specs.encode(_circuits(run_input), parameter_values, self.target, settings)

    def settings(self, **options: Any) -> OqtopusOptions:
        """What counts for a run with these options: they, and `backend.options` where they are None or not given.

        Raises:
            TypeError: There is no option of that name, or `shots` is no integer.
            ValueError: A value is not possible.
        """
        from qiskit_oqtopus.options import OqtopusOptions  # noqa: PLC0415 - pydantic takes its time

        given = {name: value for name, value in options.items() if value is not None or name not in self.options}
        return OqtopusOptions.checked({**self.options, **given})

    def deferred(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """The circuit with its measurements deferred; see `defer_measurements`.

        Raises:
            CircuitError: Something depends on what is measured, or the device has too few qubits.
        """
        return deferred_on(circuit, self.target)

    def plot(self, *, circuit: QuantumCircuit | None = None) -> Figure:
        """Draw the chip as it was calibrated.

        A qubit is a disc, coloured by the error of its gates, in a ring, coloured by its readout error. A coupling is
        an arrow from control to target, coloured by the error of its gate. Darker is worse, grey is unknown.

        Args:
            circuit: A circuit transpiled for this backend; what it does not use is faded.

        Raises:
            ImportError: The extra `visualization` is not installed.
            ValueError: The device tells nothing of its qubits, or the circuit is not one of this backend's.
        """
        from qiskit_oqtopus.visualization.chip import plot_chip  # noqa: PLC0415 - an extra

        return plot_chip(self.device, circuit=circuit)

    def __repr__(self) -> str:
        return f"<OqtopusBackend {self.name!r}: {self.num_qubits} qubits, {self.device.status}>"

    def __deepcopy__(self, _memo: object) -> Self:
        # Qiskit's libraries copy options that hold backends; connections cannot be copied.
        return self


def _calibration(device: OqtopusDevice) -> tuple[object, ...]:
    """What a Target is made of."""
    return device.device_info_str, device.calibrated_at, device.n_qubits


def _circuits(run_input: QuantumCircuit | Iterable[QuantumCircuit]) -> list[QuantumCircuit]:
    if isinstance(run_input, str) or not isinstance(run_input, QuantumCircuit | Iterable):
        raise CircuitError(f"Only a QuantumCircuit can be run, or several, not {run_input!r}.")
    circuits = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
    if not circuits:
        raise ValueError("There is no circuit to run.")
    return circuits
