"""Where Qiskit users begin: `OqtopusProvider`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Self

from qiskit.providers import QiskitBackendNotFoundError

from oqtopus_client import OqtopusClient
from qiskit_oqtopus.backend import OqtopusBackend

if TYPE_CHECKING:
    from pathlib import Path

    from oqtopus_client import OqtopusConfig
    from oqtopus_client.emulator import Emulator


class OqtopusProvider:
    """The devices of an OQTOPUS server as Qiskit backends.

    Making one sends no request.

    Args:
        config: Where the server is and who asks. By default the environment, else the default profile.

    Attributes:
        client: The SDK's client, for all that Qiskit has no word for.

    Example:
        >>> with OqtopusProvider.emulator(":memory:") as provider:
        ...     [backend.name for backend in provider.backends()]
        ['qulacs', 'lattice64', 'lattice144']
    """

    def __init__(self, config: OqtopusConfig | None = None) -> None:
        self.client = OqtopusClient(config)
        self._emulator: Emulator | None = None

    @classmethod
    def emulator(cls, data: str | Path | None = None) -> OqtopusProvider:
        """A provider whose devices are emulated in this process; needs neither account nor setting.

        Args:
            data: Folder to keep jobs and results in, or `":memory:"`. By default a folder of the user's.

        Raises:
            ImportError: The extra `emulator` is not installed.
        """
        from oqtopus_client.emulator import Emulator  # noqa: PLC0415 - an extra

        emulator = Emulator(data)
        provider = cls(emulator.config)
        provider._emulator = emulator
        return provider

    def backends(self, name: str | None = None) -> list[OqtopusBackend]:
        """All devices the user may use, with one request.

        Args:
            name: Only the device of this name.
        """
        devices = self.client.list_devices()
        return [OqtopusBackend(self, d, self.client) for d in devices if name is None or d.device_id == name]

    def get_backend(self, name: str) -> OqtopusBackend:
        """The device of that name.

        Raises:
            QiskitBackendNotFoundError: There is none; the message lists those of similar names.
        """
        backends = {backend.name: backend for backend in self.backends()}
        if name not in backends:
            near = difflib.get_close_matches(str(name), backends) or sorted(backends)
            raise QiskitBackendNotFoundError(f"There is no device {name!r}. Did you mean {_listed(near)}?")
        return backends[name]

    def __repr__(self) -> str:
        return f"<OqtopusProvider of {self.client.config.base_url!r}>"

    def close(self) -> None:
        """Close the connections, and the emulator if this provider has one of its own."""
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


def _listed(names: list[str]) -> str:
    return " or ".join(repr(name) for name in names) or "another server; this one offers none"
