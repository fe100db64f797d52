"""A device's name and status as text that, called, returns what other providers do: `DeviceName`, `DeviceStatus`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class BackendStatus:
    """The status of a backend, with the attributes that it has in other providers.

    Attributes:
        backend_name: Name of the device.
        backend_version: Version of the device; always empty, as servers publish none.
        operational: Whether the device is available.
        pending_jobs: Number of jobs waiting for the device.
        status_msg: `active` or `unavailable`.
    """

    backend_name: str
    backend_version: str
    operational: bool
    pending_jobs: int
    status_msg: str

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes by name."""
        return dataclasses.asdict(self)


class DeviceName(str):
    """A device's name; calling it, as users of `BackendV1` do, returns the name."""

    __slots__ = ()

    def __call__(self) -> Self:
        """Return the name."""
        return self


class DeviceStatus(str):  # noqa: SLOT000 - instances have an attribute
    """`available` or `unavailable`; calling it, as other providers' users do, returns a `BackendStatus`."""

    _full: BackendStatus

    @classmethod
    def of(cls, status: str, name: str, pending_jobs: int) -> Self:
        """Return the status of the device with this name."""
        text, operational = cls(status), status == "available"
        text._full = BackendStatus(name, "", operational, pending_jobs, "active" if operational else status)
        return text

    def __call__(self) -> BackendStatus:
        """Return the status object."""
        return self._full
