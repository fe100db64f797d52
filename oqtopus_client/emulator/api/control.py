"""`/emulator`: control of the emulator, for the token that it was started with. Real servers have nothing like it."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from oqtopus_client.emulator.api.dependencies import ApiError, CloudParameter, Time, require_operator
from oqtopus_client.emulator.faults import Fault

router = APIRouter(prefix="/emulator", dependencies=[Depends(require_operator)])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeviceChange(_Body):
    """Changes to a device."""

    status: Literal["available", "unavailable"] | None = None
    device_info: dict[str, Any] | None = None


class NewUser(_Body):
    """A user to add."""

    name: str
    status: str = "approved"
    devices: list[str] | None = None


class NewAnnouncement(_Body):
    """An announcement to publish."""

    title: str
    content: str
    start_time: Time
    end_time: Time


class SettingsChange(_Body):
    """Changes to the settings."""

    editable_fields: list[str] = []
    allow_deletion: bool = False
    visible_fields: list[str] = []
    login_history_enabled: bool = False


@router.get("/faults")
async def list_faults(cloud: CloudParameter) -> JSONResponse:
    """Return the pending faults."""
    return JSONResponse([fault.model_dump(mode="json") for fault in cloud.faults.pending])


@router.post("/faults")
async def add_fault(fault: Fault, cloud: CloudParameter) -> JSONResponse:
    """Inject a fault."""
    cloud.faults.add(fault)
    return JSONResponse(fault.model_dump(mode="json"))


@router.delete("/faults", status_code=204)
async def clear_faults(cloud: CloudParameter) -> None:
    """Clear all faults."""
    cloud.faults.clear()


@router.patch("/devices/{device_id}", status_code=204)
async def change_device(device_id: str, change: DeviceChange, cloud: CloudParameter) -> None:
    """Change a device's status or calibration."""
    if device_id not in cloud.devices:
        raise ApiError(404, f"device_id={device_id} is not found.")
    if change.device_info is not None:
        try:
            cloud.devices.calibrate(device_id, change.device_info)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
    if change.status is not None:
        cloud.devices.set_status(device_id, change.status)


@router.post("/users")
async def add_user(user: NewUser, cloud: CloudParameter) -> JSONResponse:
    """Add a user; return the API token."""
    return JSONResponse({"api_token": cloud.users.add(user.name, status=user.status, devices=user.devices)})


@router.post("/announcements")
async def announce(announcement: NewAnnouncement, cloud: CloudParameter) -> JSONResponse:
    """Publish an announcement."""
    return JSONResponse({"id": cloud.users.announce(**dict(announcement))})


@router.patch("/settings")
async def change_settings(settings: SettingsChange, cloud: CloudParameter) -> JSONResponse:
    """Change what `GET /system/settings` returns."""
    cloud.settings.update(settings.model_dump(exclude_unset=True))
    return JSONResponse(cloud.settings)
