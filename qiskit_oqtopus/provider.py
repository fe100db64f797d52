"""The entry point for Qiskit users: `OqtopusProvider`."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any, Never, Self

from qiskit.providers import QiskitBackendNotFoundError

import oqtopus_client
from oqtopus_client.checks import real_number, shown
from oqtopus_client.display import suggestion
from qiskit_oqtopus.backend import OqtopusBackend
from qiskit_oqtopus.backend_table import BackendTable
from qiskit_oqtopus.elsewhere import Hinting, refuse_others
from qiskit_oqtopus.equivalents import NEW_PROVIDER, PROVIDER
from qiskit_oqtopus.filters import Criteria
from qiskit_oqtopus.provider_jobs import ProviderJobs
from qiskit_oqtopus.target import MEASURE_DURATION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import ClassVar

    from oqtopus_client import OqtopusConfig
    from oqtopus_client.emulator import Emulator
    from qiskit_oqtopus.filters import BackendFilter


class OqtopusProvider(Hinting, ProviderJobs):
    """The devices of an OQTOPUS server as Qiskit backends.

    Creating a provider sends no request.

    Args:
        config: Server URL and credentials. By default the environment, else the default profile.
        url: URL of the server, in place of `config`.
        token: API token for it.
        journal: A file that records each job before and after its submission, for `resume`.
        measure_duration: The duration of measurements, in seconds, that the Targets of devices have if the server
            publishes none, as is usual: without one, Qiskit schedules no circuit. The default, 1 microsecond, is
            typical of dispersive readout. Gates do not depend on it, as measurements are last. None means unknown.
        **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

    Raises:
        TypeError: `config` is not an `OqtopusConfig`, is given beside `url`, `measure_duration` is not a number, or an
            argument is unknown.
        ValueError: `measure_duration` is not positive and finite.
        OqtopusConfigError: No server is configured.

    Attributes:
        client: The SDK's client, for everything outside Qiskit's interface.

    Example:
        >>> with OqtopusProvider.emulator(":memory:") as provider:
        ...     [backend.name for backend in provider.backends()]
        ['qulacs', 'lattice64', 'lattice64c', 'lattice144']
    """

    _elsewhere: ClassVar[Mapping[str, str]] = PROVIDER

    def __init__(
        self,
        config: OqtopusConfig | None = None,
        *,
        url: str | None = None,
        token: str | None = None,
        journal: str | Path | None = None,
        measure_duration: float | None = MEASURE_DURATION,
        **unknown: Never,
    ) -> None:
        refuse_others("OqtopusProvider()", unknown, NEW_PROVIDER)
        if url is not None or token is not None:
            if config is not None or url is None:
                raise TypeError("Pass url and token, or a config that has both.")
            config = _config(url, token)
        if measure_duration is not None:
            wanted = "measure_duration must be a positive number of seconds, such as 1e-6, or None"
            measure_duration = real_number(measure_duration, wanted, least=math.ulp(0.0))
        self.client = oqtopus_client.OqtopusClient(config, journal=journal)
        self._measure_duration = measure_duration
        self._emulator: Emulator | None = None

    @classmethod
    def emulator(
        cls,
        data: str | Path | None = None,
        *,
        journal: str | Path | None = None,
        measure_duration: float | None = MEASURE_DURATION,
        **options: Any,
    ) -> OqtopusProvider:
        """Create a provider whose devices are emulated in this process; it needs no account and no configuration.

        Args:
            data: The folder for jobs and results, or `":memory:"`. By default the user's data folder.
            journal: See the class.
            measure_duration: See the class.
            **options: Options of `Emulator`, such as `seed=7` or `coherent=CoherentErrors(zz_khz=50.0)`.

        Raises:
            ImportError: The extra `emulator` is not installed.
            TypeError: `Emulator` does not have an option, or a value has the wrong type.
            ValueError: The value of an option is not valid.
        """
        from oqtopus_client.emulator import Emulator  # noqa: PLC0415 - an extra

        known = inspect.signature(Emulator).parameters
        for name in options:
            if name not in known:
                raise TypeError(f"Unknown option {name!r} of Emulator. {suggestion(name, known)}")
        emulator = Emulator(data, **options)
        provider = cls(emulator.config, journal=journal, measure_duration=measure_duration)
        provider._emulator = emulator
        return provider

    def backends(
        self,
        name: str | None = None,
        *,
        min_num_qubits: int | None = None,
        simulator: bool | None = None,
        operational: bool | None = None,
        filters: BackendFilter | None = None,
        **unknown: Never,
    ) -> BackendTable:
        """Return the devices that the user may use, with one request; `print` and notebooks show them as a table.

        Args:
            name: Only the device with this name.
            min_num_qubits: Only devices with at least this many qubits.
            simulator: Only simulators if True, only other devices if False.
            operational: Only available devices if True, only unavailable ones if False.
            filters: Only devices for which this function returns a true value; it takes the backend.
            **unknown: Not accepted; a misspelt filter raises an error that suggests the right name.

        Raises:
            TypeError: A filter is unknown, or its value has the wrong type.
        """
        criteria = Criteria.checked(
            min_num_qubits=min_num_qubits, simulator=simulator, operational=operational, filters=filters, **unknown
        )
        if not (name is None or isinstance(name, str)):
            raise TypeError(f"name must be the name of a device, not {name!r}; pass functions as filters.")
        named = [backend for backend in self._all() if name is None or backend.name == name]
        return BackendTable(backend for backend in named if criteria.objection(backend) is None)

    def get_backend(self, name: str | None = None, **filters: Any) -> OqtopusBackend:
        """Return the device with this name.

        Args:
            name: The name. It may be omitted if there is only one device, as in a server-side program.
            **filters: Criteria that the device must meet; see `backends`.

        Raises:
            QiskitBackendNotFoundError: The server offers no such device, and the message lists similar names; or the
                device does not meet the criteria, and the message says why.
            TypeError: A filter is unknown, or its value has the wrong type.
        """
        criteria = Criteria.checked(**filters)
        backends = {backend.name: backend for backend in self._all()}
        if name is None:
            if len(backends) != 1:
                raise QiskitBackendNotFoundError(f"Name one of this server's devices: {', '.join(backends) or 'none'}.")
            (name,) = backends
        if not isinstance(name, str) or name not in backends:
            hint = suggestion(name, sorted(backends), lambda other: _with_objection(backends[other], criteria))
            raise QiskitBackendNotFoundError(
                f"Unknown device {shown(name)}. {hint or 'This server offers no devices.'}"
            )
        objection = criteria.objection(backends[name])
        if objection is not None:
            raise QiskitBackendNotFoundError(f"Device {name!r} {objection}.")
        return backends[name]

    def backend(self, name: str | None = None, **filters: Any) -> OqtopusBackend:
        """Return the device with this name; an alias of `get_backend`, as in qiskit-ibm-runtime."""
        return self.get_backend(name, **filters)

    def least_busy(
        self,
        min_num_qubits: int | None = None,
        *,
        simulator: bool | None = False,
        operational: bool | None = True,
        filters: BackendFilter | None = None,
        **unknown: Never,
    ) -> OqtopusBackend:
        """Return the device with the fewest pending jobs, with one request; more qubits break ties.

        Args:
            min_num_qubits: Only devices with at least this many qubits.
            simulator: Only simulators if True, only other devices if False, all if None.
            operational: Only available devices if True, only unavailable ones if False, all if None.
            filters: Only devices for which this function returns a true value; it takes the backend.
            **unknown: Not accepted; a misspelt filter raises an error that suggests the right name.

        Raises:
            QiskitBackendNotFoundError: No device meets the criteria; the message says why, for each.
            TypeError: A filter is unknown, or its value has the wrong type.
        """
        if isinstance(min_num_qubits, list):
            raise TypeError("least_busy() chooses among all devices; select some by filters=lambda backend: ....")
        criteria = Criteria.checked(
            min_num_qubits=min_num_qubits, simulator=simulator, operational=operational, filters=filters, **unknown
        )
        backends = self._all()
        fitting = [backend for backend in backends if criteria.objection(backend) is None]
        if not fitting:
            reasons = ", ".join(f"{backend.name!r} {criteria.objection(backend)}" for backend in backends)
            raise QiskitBackendNotFoundError(f"No device qualifies: {reasons or 'this server offers none'}.")
        return min(fitting, key=lambda backend: (backend.device.n_pending_jobs, -(backend.num_qubits or 0)))

    def _all(self) -> list[OqtopusBackend]:
        devices, duration = self.client.list_devices(), self._measure_duration
        return [OqtopusBackend(self, device, self.client, measure_duration=duration) for device in devices]

    @staticmethod
    def save_account(url: str, token: str, *, name: str = "default", overwrite: bool = False, **unknown: Never) -> Path:
        """Save the URL of a server and an API token as a profile, which `OqtopusProvider()` then uses; return its file.

        Only its owner can read the file. `OqtopusConfig.save` saves other settings, too.

        Args:
            url: URL of the server.
            token: API token.
            name: Name of the profile. Others than the default are used with
                `OqtopusProvider(OqtopusConfig.from_file(name))`.
            overwrite: Whether to replace a profile with this name.
            **unknown: Not accepted; an argument of another provider raises an error that names the equivalent.

        Raises:
            OqtopusConfigError: The profile exists already, or a value cannot be used.
            TypeError: An argument is unknown.
        """
        refuse_others("save_account()", unknown, NEW_PROVIDER)
        if isinstance(token, str) and "://" in token:  # the message about the URL would show the token
            raise TypeError("save_account() takes the URL first, then the token: save_account(url, token).")
        config = _config(url, token)
        config.check_server()
        return config.save(name, overwrite=overwrite)

    def __call__(self) -> Self:
        """Return the provider itself, so that `backend.provider()` works as in other providers."""
        return self

    def __repr__(self) -> str:
        return f"<OqtopusProvider of {self.client.config.base_url!r}>"

    def close(self) -> None:
        """Close the connections, and the emulator if `OqtopusProvider.emulator` started one."""
        self.client.close()
        if self._emulator is not None:
            self._emulator.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __deepcopy__(self, _memo: object) -> Self:
        # Connections cannot be copied.
        return self


def _with_objection(backend: OqtopusBackend, criteria: Criteria) -> str:
    objection = criteria.objection(backend)
    return f"{backend.name!r}" if objection is None else f"{backend.name!r}, which {objection}"


def _config(url: str, token: str | None) -> OqtopusConfig:
    given = "OqtopusProvider(url=..., token=...)"
    return oqtopus_client.OqtopusConfig(url, api_token=token, token_source=given, url_source=given)
