"""Devices and their calibrations."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar, cast

from oqtopus_client import rest
from oqtopus_client.errors import OqtopusError
from oqtopus_client.services.concurrency import WORKERS, in_order
from oqtopus_client.services.device import OqtopusDevice
from oqtopus_client.services.resources.core import Core
from oqtopus_client.services.resources.query import given

if TYPE_CHECKING:
    from datetime import datetime

    from oqtopus_client.rest.models import DevicesDeviceHistoriesResponse, DevicesDeviceHistory, DevicesDeviceInfo

_logger = logging.getLogger("oqtopus_client")

_Device = TypeVar("_Device", "DevicesDeviceInfo", "DevicesDeviceHistory")


class Devices(Core):
    """Devices, and their calibrations now and in the past."""

    async def list_devices(self) -> list[OqtopusDevice]:
        """Return all devices available to the user.

        If a calibration cannot be fetched, the device is listed without it and the log says why; `get_device` raises.
        """

        async def with_calibration_if_any(device: DevicesDeviceInfo) -> OqtopusDevice:
            try:
                return OqtopusDevice(await self._with_calibration(device))
            except OqtopusError as error:
                _logger.warning("Device %s is listed without its calibration: %s", device.device_id, error)
                return OqtopusDevice(device.model_copy(update={"device_info": None}))

        devices = await self._devices.list_devices()
        return await in_order(with_calibration_if_any, devices, max_workers=WORKERS)

    async def get_device(self, device_id: str) -> OqtopusDevice:
        """Return one device. Servers answer 403, not 404, for an unknown id.

        Raises:
            OqtopusStorageError: Its calibration cannot be downloaded or read.
        """
        return OqtopusDevice(await self._with_calibration(await self._devices.get_device(device_id)))

    async def list_device_histories(
        self,
        *,
        device_id: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> DevicesDeviceHistoriesResponse:
        """Return past calibrations, newest first; servers since 2026 have them. Times without a zone are local."""
        return await self._devices.list_device_histories(
            given(device_id=device_id, **{"from": start_time, "to": end_time}, limit=limit, offset=offset)
        )

    async def get_device_history(self, history_uid: str) -> DevicesDeviceHistory:
        """Return one past calibration, including its `device_info`."""
        return await self._with_calibration(await self._devices.get_device_history(history_uid))

    async def _with_calibration(self, device: _Device) -> _Device:
        """Download the calibration if the server sent its URL."""
        if not (device.device_info or "").startswith(("http://", "https://")):
            return device
        content = await self._http.fetch(cast("str", device.device_info))
        # Servers have sent both a zip archive and bare JSON.
        text = rest.storage.read_text(rest.storage.unpack(content) if content.startswith(b"PK") else content)
        return device.model_copy(update={"device_info": text})
