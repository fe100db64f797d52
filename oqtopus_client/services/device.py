"""A device of the server: `OqtopusDevice`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oqtopus_client.calibration import Calibration

if TYPE_CHECKING:
    from datetime import datetime

    from oqtopus_client.rest.models import DevicesDeviceInfo


@dataclass(frozen=True, slots=True, repr=False)
class OqtopusDevice:
    """One device of the server.

    Attributes:
        raw: The device as the User API describes it.
    """

    raw: DevicesDeviceInfo

    @property
    def device_id(self) -> str:
        """Unique id of the device, as used in jobs."""
        return self.raw.device_id

    @property
    def device_type(self) -> str:
        """`QPU` or `simulator`."""
        return self.raw.device_type

    @property
    def status(self) -> str:
        """`available` or `unavailable`."""
        return self.raw.status

    @property
    def available_at(self) -> datetime | None:
        """When the device is expected to be available again, if published."""
        return self.raw.available_at

    @property
    def n_pending_jobs(self) -> int:
        """Jobs waiting for the device; servers refresh it about once a minute."""
        return self.raw.n_pending_jobs

    @property
    def n_qubits(self) -> int | None:
        """Number of qubits, if published."""
        return self.raw.n_qubits

    @property
    def basis_gates(self) -> list[str]:
        """Names of the native gates. Informational: every device accepts `x`, `sx`, `rz` and `cx`."""
        return list(self.raw.basis_gates)

    @property
    def supported_instructions(self) -> list[str]:
        """Names of further instructions, such as `measure` and `barrier`."""
        return list(self.raw.supported_instructions)

    @property
    def device_info_str(self) -> str | None:
        """The calibration as the server sent it: JSON text, or a URL."""
        return self.raw.device_info

    @property
    def device_info(self) -> dict[str, object] | None:
        """The calibration as published: qubits, couplings, fidelities. None if it is missing or unreadable.

        t1 and t2 are in microseconds, gate durations in nanoseconds; `calibration` is the typed form.
        """
        try:
            info = json.loads(self.raw.device_info or "null")
        except (ValueError, RecursionError):
            return None
        return info if isinstance(info, dict) else None

    @property
    def calibration(self) -> Calibration:
        """The published calibration in typed form, parsed on each access."""
        return Calibration.of(self.device_info or {}, self.n_qubits or 0)

    @property
    def calibrated_at(self) -> datetime | None:
        """When the device was last calibrated."""
        return self.raw.calibrated_at

    @property
    def description(self) -> str:
        """Description of the device."""
        return self.raw.description

    def __repr__(self) -> str:
        return f"<OqtopusDevice {self.device_id!r}: {self.device_type}, {self.n_qubits} qubits, {self.status}>"
