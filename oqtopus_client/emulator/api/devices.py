"""`/devices`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.cloud import ApiError, Cloud, CloudParameter, authenticate
from oqtopus_client.emulator.devices import EmulatedDevice

router = APIRouter(prefix="/devices", dependencies=[Depends(authenticate)])


@router.get("")
async def list_devices(cloud: CloudParameter) -> JSONResponse:
    """All devices."""
    return JSONResponse([_describe(cloud, device) for device in cloud.devices.values()])


@router.get("/{device_id}")
async def get_device(device_id: str, cloud: CloudParameter) -> JSONResponse:
    """One device."""
    if device_id not in cloud.devices:
        # A server does not tell an unknown device from a forbidden one.
        raise ApiError(403, f"Cannot access device_id={device_id}.")
    return JSONResponse(_describe(cloud, cloud.devices[device_id]))


def _describe(cloud: Cloud, device: EmulatedDevice) -> dict[str, Any]:
    """A device as the API shows it; unlike a job, with its nulls."""
    return device.info(n_pending_jobs=cloud.store.pending(device.device_id)).model_dump(mode="json")
