"""The emulator's devices: their descriptions in the User API, with calibrations, and how they are emulated.

A device is built in, read from a file (`load_devices`), created from any chip's published calibration
(`EmulatedDevice.from_device_info`), or invented (`lattice.square_lattice`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003 - pydantic reads annotations when it runs
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oqtopus_client.checks import check_boolean, check_kind, shown
from oqtopus_client.emulator.calibration import calibration, first_error, read_device_info
from oqtopus_client.emulator.coherent import CoherentErrors
from oqtopus_client.rest.models import DevicesDeviceInfo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

Publish = Literal["inline", "zip", "json", "none"]
"""How the User API publishes `device_info`: as text, as the URL of a zip or of a JSON file, or not at all."""

Schedule = Literal["gateway", "alap"]
"""When operations start: as early as possible, as on real devices, or as late as possible."""

_EMULATION = ("noisy", "publish", "idle_noise", "schedule", "coherent")
"""Fields of a device file that define how the device is emulated; clients never see them."""

_REQUIRED = {"device_id", "device_info", "n_qubits", "status"}
_BASIS_GATES = ("sx", "x", "rz", "rzx90")
_SUPPORTED_INSTRUCTIONS = ("measure", "barrier", "delay")


@dataclass(frozen=True)
class EmulatedDevice:
    """One device. To change how it is emulated, use `dataclasses.replace`.

    Attributes:
        description: The fields of `GET /devices`, with `device_info` as an object.
        noisy: Whether to simulate the errors of the calibration.
        publish: How the User API publishes the calibration.
        quirks: Whether the services that run its jobs have the faults of real ones.
        idle_noise: Whether the qubits of a noisy device relax while they wait.
        schedule: When the operations of a program start; see `Schedule`.
        coherent: Coherent errors of a noisy device, on top of those of the calibration; None if it has none.

    Raises:
        ValueError: The calibration is not valid or does not have `n_qubits` qubits, or `publish` or `schedule` is
            unknown.
    """

    description: dict[str, Any]
    noisy: bool = False
    publish: Publish = "inline"
    quirks: bool = False
    idle_noise: bool = True
    schedule: Schedule = "gateway"
    coherent: CoherentErrors | None = None

    def __post_init__(self) -> None:
        for name, choices in (("publish", get_args(Publish)), ("schedule", get_args(Schedule))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it is one of {', '.join(choices)}.")
        if not (isinstance(self.description, dict) and self.description.keys() >= _REQUIRED):
            raise ValueError(
                f"description must be a dict with {', '.join(sorted(_REQUIRED))}; "
                "EmulatedDevice.from_description adds the defaults of those that are optional."
            )
        for name in ("noisy", "quirks", "idle_noise"):
            check_boolean(getattr(self, name), name)
        if self.coherent is not None:
            check_kind(self.coherent, CoherentErrors, "coherent")
        published = len(self.calibration["qubits"])
        if self.n_qubits != published:
            raise ValueError(f"n_qubits is {self.n_qubits}, but device_info has {published} qubits.")

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Create a device from the content of a device file, or from one element of the answer of `GET /devices`.

        Defaults: `device_type` is `QPU`, `status` is `available`, and `n_qubits` is the number of qubits in
        `device_info`, which may be an object or its JSON text. More fields beside those of the User API define how the
        device is emulated: `noisy` (by default true for a QPU only), `publish`, `idle_noise`, `schedule` and `coherent`
        (see `CoherentErrors`).

        Raises:
            ValueError: A field is unknown or not valid; the message names it.
        """
        if not isinstance(description, Mapping):
            raise TypeError(f"description must be a mapping of the fields of a device file, not {shown(description)}.")
        info = description.get("device_info")
        if isinstance(info, str):
            description = {**description, "device_info": read_device_info(info)}
        try:
            fields = _Description.model_validate(description)
        except ValidationError as error:
            raise ValueError(first_error(error)) from None
        if fields.coherent is not None:
            fields.coherent.check(calibration(fields.device_info))
        public = fields.model_dump(mode="json", exclude={*_EMULATION, "n_pending_jobs"})
        if fields.n_qubits is None:
            public["n_qubits"] = len(calibration(fields.device_info)["qubits"])
        emulation = {name: getattr(fields, name) for name in _EMULATION}
        if fields.noisy is None:
            emulation["noisy"] = fields.device_type == "QPU"
        return cls(public, **emulation)

    @classmethod
    def from_device_info(
        cls,
        device_info: str | Mapping[str, Any],
        *,
        device_id: str | None = None,
        device_type: Literal["QPU", "simulator"] = "QPU",
        basis_gates: Sequence[str] = _BASIS_GATES,
        supported_instructions: Sequence[str] = _SUPPORTED_INSTRUCTIONS,
        description: str = "",
        noisy: bool | None = None,
        publish: Publish = "inline",
    ) -> Self:
        """Create a device from a chip's published calibration. Gaps are filled; see `calibration.calibration`.

        Args:
            device_info: JSON text or object; lifetimes in microseconds, gate durations in nanoseconds.
            device_id: The id; by default `device_id` or `name` of `device_info`.
            device_type: The published type.
            basis_gates: The published gates. Every device executes `x`, `sx`, `rz` and `cx`, regardless of these.
            supported_instructions: The published instructions, likewise.
            description: Any text.
            noisy: Whether it has errors; by default only a QPU has.
            publish: How the User API publishes the calibration.

        Raises:
            ValueError: A value is not valid; the message names it.
        """
        info = _info(device_info)
        return cls.from_description(
            {
                "device_id": device_id or info.get("device_id") or info.get("name"),
                "device_type": device_type,
                "n_qubits": len(calibration(info)["qubits"]),
                "basis_gates": list(basis_gates),
                "supported_instructions": list(supported_instructions),
                "calibrated_at": info.get("calibrated_at"),
                "description": description,
                "device_info": info,
                "noisy": noisy,
                "publish": publish,
            }
        )

    def with_calibration(self, device_info: str | Mapping[str, Any], *, resize: bool = False) -> Self:
        """Return the device with another `device_info`, and its `calibrated_at` if it has one.

        Args:
            device_info: JSON text or object.
            resize: Whether the number of qubits may change.

        Raises:
            ValueError: A value is not valid, or the number of qubits differs.
        """
        info = _info(device_info)
        calibrated_at = info.get("calibrated_at") or self.description["calibrated_at"]
        recalibrated = {**self.description, "device_info": info, "calibrated_at": calibrated_at}
        if resize:
            del recalibrated["n_qubits"]
        return replace(self, description=self.from_description(recalibrated).description)

    def with_status(self, status: str) -> Self:
        """Return the device with another status, `available` or `unavailable`."""
        return replace(self, description={**self.description, "status": status})

    @property
    def device_id(self) -> str:
        """The device's id."""
        return str(self.description["device_id"])

    @property
    def available(self) -> bool:
        """Whether the device accepts jobs."""
        return bool(self.description["status"] == "available")

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return int(self.description["n_qubits"])

    @cached_property
    def calibration(self) -> dict[str, Any]:
        """Qubits and couplings with all fields; lifetimes in microseconds, gate durations in nanoseconds."""
        return calibration(self.description["device_info"])

    @cached_property
    def device_info(self) -> str:
        """The published calibration, gaps included, as the JSON text that the User API sends."""
        return json.dumps(self.description["device_info"])

    def info(self, *, n_pending_jobs: int) -> DevicesDeviceInfo:
        """Return the device as the User API describes it."""
        return DevicesDeviceInfo.from_dict(
            {**self.description, "device_info": self.device_info, "n_pending_jobs": n_pending_jobs}
        )

    def to_file(self) -> str:
        """Return the text of a device file for `load_devices`: JSON with one line per field, qubit and coupling."""
        emulation = {name: getattr(self, name) for name in _EMULATION}
        for name in ("idle_noise", "schedule", "coherent"):
            # Earlier releases refuse these fields, so a file has them only if they matter.
            if emulation[name] == getattr(EmulatedDevice, name):
                del emulation[name]
        if self.coherent is not None:
            emulation["coherent"] = self.coherent.to_json()
        return _lines(self.description | emulation) + "\n"


def built_in_devices() -> dict[str, EmulatedDevice]:
    """Return the built-in devices by id: simulators first, then by size."""
    folder = resources.files(__package__) / "devices"
    devices = _load(file for file in folder.iterdir() if file.name.endswith(".json"))
    order = sorted(devices.values(), key=lambda d: (d.description["device_type"] == "QPU", d.n_qubits))
    return {device.device_id: device for device in order}


def check_devices(devices: Iterable[EmulatedDevice]) -> list[EmulatedDevice]:
    """Return devices as a list.

    Raises:
        TypeError: They are something else, such as names.
    """
    wanted = "devices must be the path of a folder of device files, or a list of EmulatedDevice"
    if not isinstance(devices, Iterable):
        raise TypeError(f"{wanted}, not {devices!r}.")
    listed = list(devices)
    for device in listed:
        if not isinstance(device, EmulatedDevice):
            raise TypeError(f"{wanted}, not of {device!r}.")
    return listed


def load_devices(folder: str | Path) -> dict[str, EmulatedDevice]:
    """Read the devices in a folder's `*.json` files; return them by id, in the order of the file names.

    A file contains a device's description (the fields of `GET /devices`; see `EmulatedDevice.from_description`) or
    only a `device_info`. If that has no name, the device is named after the file.
    `{**built_in_devices(), **load_devices(folder)}` has all devices; the folder's replace built-in ones of the same id.

    Raises:
        OSError: The folder or a file in it cannot be read.
        ValueError: A file does not describe a device; the message names the file and the field.
    """
    return _load(file for file in Path(folder).iterdir() if file.suffix == ".json")


class _Description(BaseModel):
    """A device file. Unknown fields are refused, as misspelt ones would otherwise go unnoticed."""

    model_config = ConfigDict(extra="forbid")

    device_id: Annotated[str, Field(min_length=1, max_length=64)]
    device_type: Literal["QPU", "simulator"] = "QPU"
    status: Literal["available", "unavailable"] = "available"
    available_at: datetime | None = None
    n_pending_jobs: int = 0
    n_qubits: int | None = None
    basis_gates: list[str] = list(_BASIS_GATES)
    supported_instructions: list[str] = list(_SUPPORTED_INSTRUCTIONS)
    calibrated_at: datetime | None = None
    description: str = ""
    device_info: dict[str, Any]
    noisy: bool | None = None
    publish: Publish = "inline"
    idle_noise: bool = True
    schedule: Schedule = "gateway"
    coherent: CoherentErrors | None = None


def _load(files: Iterable[Path | Traversable]) -> dict[str, EmulatedDevice]:
    devices: dict[str, EmulatedDevice] = {}
    for file in sorted(files, key=lambda file: file.name):
        try:
            device = _read(file)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        if device.device_id in devices:
            raise ValueError(f"{file}: device_id is {device.device_id!r}, as in another file.")
        devices[device.device_id] = device
    return devices


def _read(file: Path | Traversable) -> EmulatedDevice:
    content = read_device_info(file.read_text(encoding="utf-8"))
    if "device_info" in content:
        return EmulatedDevice.from_description(content)
    named = content.get("device_id") or content.get("name") or file.name.removesuffix(".json")
    return EmulatedDevice.from_device_info(content, device_id=named)


def _info(device_info: object) -> dict[str, Any]:
    if isinstance(device_info, str):
        return read_device_info(device_info)
    if not isinstance(device_info, Mapping):
        raise TypeError(f"device_info must be a mapping or its JSON text, not {shown(device_info)}.")
    return dict(device_info)


def _lines(value: Any, depth: int = 0) -> str:
    """Write JSON with one line per member of each object or list that contains others, three levels deep."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if depth == 3 or not any(isinstance(member, dict | list) for member in members):  # noqa: PLR2004
        return json.dumps(value)
    margin = "\n" + "  " * depth
    if isinstance(value, dict):
        lines = [f"{json.dumps(key)}: {_lines(member, depth + 1)}" for key, member in value.items()]
        return f"{{{margin}  {f',{margin}  '.join(lines)}{margin}}}"
    return f"[{margin}  {f',{margin}  '.join(_lines(member, depth + 1) for member in value)}{margin}]"
