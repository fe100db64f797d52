"""The devices in their present state: as their files describe them, with later changes applied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oqtopus_client.emulator.database import format_time, now
from oqtopus_client.emulator.store import new_id

if TYPE_CHECKING:
    from oqtopus_client.emulator.database import Database, Row
    from oqtopus_client.emulator.device_files import EmulatedDevice

_STATUSES = ("available", "unavailable")
_NEWEST = (
    "SELECT history_uid, device_info FROM calibrations WHERE device_id = ? AND {} ORDER BY history_uid DESC LIMIT 1"
)


class Fleet(Mapping[str, "EmulatedDevice"]):
    """Devices by id, each with its newest calibration and status.

    Changes are stored in the database, so every process that shares it sees them.

    Args:
        database: The database that holds the changes.
        devices: The devices as their files describe them.
    """

    def __init__(self, database: Database, devices: Mapping[str, EmulatedDevice], *, quirks: bool = False) -> None:
        self._database = database
        self._devices = {
            name: device if device.quirks == quirks else replace(device, quirks=quirks)
            for name, device in devices.items()
        }
        self._calibrated: dict[str, tuple[str, EmulatedDevice]] = {}
        for device_id, device in devices.items():
            row = database.one(_NEWEST.format("from_file"), device_id)
            if row is None or row["device_info"] != device.device_info:
                self._keep(device, from_file=True)

    def _described(self, device_id: str) -> EmulatedDevice:
        """Return a device as its file describes it.

        Raises:
            KeyError: The device does not exist.
        """
        if device_id not in self._devices:
            raise KeyError(f"The emulator has no device {device_id!r}; it has {', '.join(self._devices)}.")
        return self._devices[device_id]

    def __getitem__(self, device_id: str) -> EmulatedDevice:
        device = self._described(device_id)
        (newest,) = self._database.all(_NEWEST.format("TRUE"), device_id)
        uid, calibrated = self._calibrated.get(device_id, ("", device))
        if uid != newest["history_uid"]:
            calibrated = device.with_calibration(newest["device_info"], resize=True)
            self._calibrated[device_id] = newest["history_uid"], calibrated
        row = self._database.one("SELECT status FROM device_statuses WHERE device_id = ?", device_id)
        return calibrated if row is None else calibrated.with_status(row["status"])

    def __contains__(self, device_id: object) -> bool:
        return device_id in self._devices

    def __iter__(self) -> Iterator[str]:
        return iter(self._devices)

    def __len__(self) -> int:
        return len(self._devices)

    def calibrate(self, device_id: str, device_info: Mapping[str, Any], *, resize: bool = False) -> None:
        """Give a device a new calibration, which applies from its next job on.

        Args:
            device_id: The device.
            device_info: The calibration; without a `calibrated_at` it is calibrated now.
            resize: Whether the number of qubits may change.

        Raises:
            KeyError: The device does not exist.
            TypeError: `device_info` is not a mapping.
            ValueError: The calibration is not valid.
        """
        if not isinstance(device_info, Mapping):
            raise TypeError(f"device_info must be a mapping, as devices[...].calibration is, not {device_info!r}.")
        calibrated = self._described(device_id).with_calibration({"calibrated_at": now(), **device_info}, resize=resize)
        self._keep(calibrated, from_file=False)

    def n_qubits(self, device_id: str) -> int:
        """Return the number of qubits that a device is described with.

        Raises:
            KeyError: The device does not exist.
        """
        row = self._database.one("SELECT n_qubits FROM device_sizes WHERE device_id = ?", device_id)
        return self[device_id].n_qubits if row is None else int(row["n_qubits"])

    def set_n_qubits(self, device_id: str, n_qubits: int) -> None:
        """Describe a device with another number of qubits, whatever its calibration says.

        Raises:
            KeyError: The device does not exist.
        """
        device = self._described(device_id)
        self._database.change("INSERT OR REPLACE INTO device_sizes VALUES (?, ?)", device.device_id, n_qubits)

    def set_status(self, device_id: str, status: str) -> None:
        """Make a device `available` or `unavailable`.

        Raises:
            KeyError: The device does not exist.
            ValueError: The status is neither of these.
        """
        device = self._described(device_id)
        if status not in _STATUSES:
            raise ValueError(f"status is {status!r}; it is one of {', '.join(_STATUSES)}.")
        self._database.change("INSERT OR REPLACE INTO device_statuses VALUES (?, ?)", device.device_id, status)

    def history(
        self, device_ids: Sequence[str] | None, *, start: str | None, end: str | None, limit: int, offset: int
    ) -> tuple[int, list[Row]]:
        """Return calibrations of some devices, newest first.

        Args:
            device_ids: The devices; None for all.
            start: Earliest time of calibration.
            end: Latest time of calibration.
            limit: Maximum number of calibrations to return.
            offset: Number of calibrations to skip.

        Returns:
            The total number, and the requested page.
        """
        where = (
            "FROM calibrations WHERE (?1 IS NULL OR device_id IN (SELECT value FROM json_each(?1))) "
            "AND calibrated_at >= ifnull(?2, '') AND calibrated_at <= ifnull(?3, '~')"
        )
        values = (None if device_ids is None else json.dumps(device_ids), start, end)
        (total,) = self._database.all(f"SELECT count(*) {where}", *values)[0]
        page = f"SELECT * {where} ORDER BY history_uid DESC LIMIT ?4 OFFSET ?5"
        rows = self._database.all(page, *values, limit, offset)
        return total, rows

    def calibration(self, history_uid: str) -> Row:
        """Return one entry of the history.

        Raises:
            KeyError: The id does not exist.
        """
        row = self._database.one("SELECT * FROM calibrations WHERE history_uid = ?", history_uid)
        if row is None:
            raise KeyError(history_uid)
        return row

    def _keep(self, device: EmulatedDevice, *, from_file: bool) -> None:
        calibrated_at = format_time(datetime.fromisoformat(str(device.description["calibrated_at"] or now())))
        self._database.change(
            "INSERT INTO calibrations VALUES (?, ?, ?, ?, ?)",
            new_id(), device.device_id, calibrated_at, device.device_info, from_file,
        )  # fmt: skip
