"""A device and its calibration as a Qiskit backend: `DescribedBackend`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Never, Self

from qiskit.providers import BackendV2

import oqtopus_client
from oqtopus_client.checks import qubit_index
from qiskit_oqtopus import backend_v1
from qiskit_oqtopus.device_status import DeviceName, DeviceStatus
from qiskit_oqtopus.elsewhere import Hinting, refuse_others
from qiskit_oqtopus.equivalents import BACKEND, PROPERTIES
from qiskit_oqtopus.noise import aer_noise_model, noisy_circuit
from qiskit_oqtopus.parallel.chip import Chip
from qiskit_oqtopus.target import MEASURE_DURATION, target_from_device

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from matplotlib.figure import Figure
    from qiskit import QuantumCircuit
    from qiskit.transpiler import QubitProperties, Target
    from qiskit_aer.noise import NoiseModel

    from oqtopus_client import OqtopusClient, OqtopusDevice
    from oqtopus_client.emulator.coherent import CoherentErrors
    from qiskit_oqtopus.backend_v1 import BackendConfiguration, BackendProperties
    from qiskit_oqtopus.parallel.placement import Placement


class DescribedBackend(Hinting, BackendV2):
    """The part of a backend that describes its device.

    Args:
        provider: The provider that found the device; Qiskit's base class keeps it.
        device: The device's description, as the provider received it.
        client: The client that submits jobs.
        measure_duration: The duration of measurements in `target`, in seconds, if the device publishes none; None if
            unknown.

    Attributes:
        device: The device's description, as of the last `refresh`.
    """

    _elsewhere = BACKEND

    def __init__(
        self,
        provider: object,
        device: OqtopusDevice,
        client: OqtopusClient,
        *,
        measure_duration: float | None = MEASURE_DURATION,
    ) -> None:
        super().__init__(provider=provider, name=DeviceName(device.device_id), description=device.description)
        self.device = device
        self._client = client
        self._measure_duration = measure_duration
        self._chip: tuple[Target, Chip] | None = None

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

    @property
    def chip(self) -> Chip:
        """The device's qubits and couplings with their errors, for the placement of circuits."""
        target, known = self.target, self._chip
        if known is None or known[0] is not target:  # another thread may refresh the target meanwhile
            known = self._chip = target, Chip.of(self.device, target)
        return known[1]

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
    def status(self) -> DeviceStatus:
        """`available` or `unavailable`, as of the last `refresh`; `status()` returns a `BackendStatus`."""
        return DeviceStatus.of(self.device.status, self.name, self.device.n_pending_jobs)

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

    def configuration(self) -> BackendConfiguration:
        """Return the `BackendV1` configuration, which libraries such as mthree and mapomatic read."""
        return backend_v1.configuration(self.device, self.target, self.max_shots)

    def properties(self, refresh: bool = False, **unknown: Never) -> BackendProperties | None:
        """Return the `BackendV1` properties: the published calibration; None if the device publishes none.

        Args:
            refresh: Whether to call `refresh` first.
            **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

        Raises:
            TypeError: An argument is unknown.
            OqtopusError: The request failed.
        """
        refuse_others("properties()", unknown, PROPERTIES)
        if refresh:
            self.refresh()
        return backend_v1.properties(self.device, target_from_device(self.device))

    def qubit_properties(self, qubit: int | Sequence[int]) -> QubitProperties | list[QubitProperties]:
        """Return the properties of a qubit, or of each of several: T1 and T2 in seconds.

        Raises:
            TypeError: The index of a qubit is not an integer.
            IndexError: The device does not have a qubit.
        """
        given = [qubit] if isinstance(qubit, str) or not isinstance(qubit, Iterable) else list(qubit)
        numbers = [qubit_index(index) for index in given]
        for number in numbers:
            if not 0 <= number < (self.num_qubits or 0):
                raise IndexError(f"{self.name!r} has {self.num_qubits} qubits, from 0 on, and no qubit {number}.")
        return super().qubit_properties(numbers if isinstance(qubit, Iterable) else numbers[0])

    def plot(
        self,
        *,
        circuit: QuantumCircuit | None = None,
        placements: Sequence[Placement] | None = None,
        values: Mapping[int | tuple[int, int], float] | None = None,
        label: str = "",
        unit: str = "",
    ) -> Figure:
        """Draw the chip and its calibration, or circuits side by side, or values.

        A qubit is a disc, coloured by its gate error, inside a ring, coloured by its readout error. A coupling is an
        arrow from control to target, coloured by its gate error. Darker is worse; grey is unknown.

        Args:
            circuit: A circuit transpiled for this backend; unused qubits and couplings are faded.
            placements: Places of circuits that run side by side, from `placements`: the chip is drawn once for each
                program, with a colour for each circuit, instead of the calibration.
            values: Values to draw instead of the calibration: one for each qubit, by its index, or for each coupling,
                by its pair of qubits.
            label: Name of the values.
            unit: The unit of `values`.

        Raises:
            ImportError: The extra `visualization` is not installed.
            ValueError: The device publishes no qubit data, the circuit was not transpiled for this backend, the device
                does not have a qubit or coupling, or more than one of `circuit`, `placements` and `values` is given.
        """
        from qiskit_oqtopus.visualization import chip, maps  # noqa: PLC0415 - an extra

        if sum(each is not None for each in (circuit, placements, values)) > 1:
            raise ValueError("Pass only one of circuit, placements and values.")
        if placements is not None:
            return maps.plot_placements(self.device, placements)
        if values is not None:
            return maps.plot_values(self.device, values, label=label, unit=unit)
        return chip.plot_chip(self.device, circuit=circuit)

    def _no_pulses(self) -> Never:
        raise NotImplementedError("OQTOPUS has no pulses; use backend.target.")

    dtm = meas_map = property(_no_pulses)

    def __call__(self) -> Self:
        """Return the backend itself, so that `sampler.backend()` works as in other providers."""
        return self

    def __repr__(self) -> str:
        return f"<OqtopusBackend {self.name!r}: {self.num_qubits} qubits, {self.device.status}>"

    def __deepcopy__(self, _memo: object) -> Self:
        # Qiskit libraries copy options that contain backends, whose connections cannot be copied.
        return self


def _calibration(device: OqtopusDevice) -> tuple[object, ...]:
    """Return the data that a Target is built from."""
    return device.device_info_str, device.calibrated_at, device.n_qubits
