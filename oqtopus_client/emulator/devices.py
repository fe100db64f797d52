"""The emulator's devices, each one JSON file: what the User API tells of it, its calibration included."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from oqtopus_client.rest.models import DevicesDeviceInfo


@dataclass(frozen=True)
class EmulatedDevice:
    """One device.

    Attributes:
        description: The fields of `GET /devices`, with `device_info` as an object.
    """

    description: dict[str, Any]

    @property
    def device_id(self) -> str:
        """The device's id."""
        return str(self.description["device_id"])

    @property
    def available(self) -> bool:
        """Whether the device takes jobs."""
        return bool(self.description["status"] == "available")

    @property
    def calibration(self) -> dict[str, Any]:
        """Qubits and couplings; lifetimes in microseconds, gate durations in nanoseconds."""
        return dict(self.description["device_info"])

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return int(self.description["n_qubits"])

    @cached_property
    def device_info(self) -> str:
        """The calibration as the JSON text that the User API sends."""
        return json.dumps(self.description["device_info"])

    def info(self, *, n_pending_jobs: int) -> DevicesDeviceInfo:
        """The device as the User API describes it."""
        return DevicesDeviceInfo.from_dict(
            {**self.description, "device_info": self.device_info, "n_pending_jobs": n_pending_jobs}
        )


def built_in_devices() -> dict[str, EmulatedDevice]:
    """The devices that come with the package, by id."""
    folder = resources.files(__package__) / "devices"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    devices = [EmulatedDevice(json.loads(file.read_text(encoding="utf-8"))) for file in files]
    return {device.device_id: device for device in devices}
