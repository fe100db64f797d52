"""The devices in their present state: as their files describe them, with later changes applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

    def __init__(self, database: Database, devices: Mapping[str, EmulatedDevice]) -> None:
        self._database = database
        self._devices = devices
        self._calibrated: dict[str, tuple[str, EmulatedDevice]] = {}
        for device_id, device in devices.items():
            row = database.one(_NEWEST.format("from_file"), device_id)
            if row is None or row["device_info"] != device.device_info:
                self._keep(device, from_file=True)

    def __getitem__(self, device_id: str) -> EmulatedDevice:
        device = self._devices[device_id]
        (newest,) = self._database.all(_NEWEST.format("TRUE"), device_id)
        uid, calibrated = self._calibrated.get(device_id, ("", device))
        if uid != newest["history_uid"]:
            calibrated = device.with_calibration(newest["device_info"])
            self._calibrated[device_id] = newest["history_uid"], calibrated
        row = self._database.one("SELECT status FROM device_statuses WHERE device_id = ?", device_id)
        return calibrated if row is None else calibrated.with_status(row["status"])

    def __contains__(self, device_id: object) -> bool:
        return device_id in self._devices

    def __iter__(self) -> Iterator[str]:
        return iter(self._devices)

    def __len__(self) -> int:
        return len(self._devices)

    def calibrate(self, device_id: str, device_info: Mapping[str, Any]) -> None:
        """Give a device a new calibration, which applies from its next job on.

        Raises:
            KeyError: The device does not exist.
            ValueError: The calibration is not valid.
        """
        calibrated = self._devices[device_id].with_calibration({"calibrated_at": now(), **device_info})
        self._keep(calibrated, from_file=False)

    def set_status(self, device_id: str, status: str) -> None:
        """Make a device `available` or `unavailable`.

        Raises:
            KeyError: The device does not exist.
            ValueError: The status is neither of these.
        """
        device = self._devices[device_id]
        if status not in _STATUSES:
            raise ValueError(f"status is {status!r}; it is one of {', '.join(_STATUSES)}.")
        self._database.change("INSERT OR REPLACE INTO device_statuses VALUES (?, ?)", device.device_id, status)

    def history(
        self, device_id: str | None, *, start: str | None, end: str | None, limit: int, offset: int
    ) -> tuple[int, list[Row]]:
        """Return calibrations of one device or of all, newest first.

        Args:
            device_id: The device; None for all.
            start: Earliest time of calibration.
            end: Latest time of calibration.
            limit: Maximum number of calibrations to return.
            offset: Number of calibrations to skip.

        Returns:
            The total number, and the requested page.
        """
        where = (
            "FROM calibrations WHERE device_id = ifnull(?, device_id) "
            "AND calibrated_at >= ifnull(?, '') AND calibrated_at <= ifnull(?, '~')"
        )
        values = (device_id, start, end)
        (total,) = self._database.all(f"SELECT count(*) {where}", *values)[0]
        page = f"SELECT * {where} ORDER BY history_uid DESC LIMIT ? OFFSET ?"
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
