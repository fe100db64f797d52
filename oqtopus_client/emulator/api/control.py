"""`/emulator`: control of the emulator, for the token that it was started with. Real servers have nothing like it."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from oqtopus_client.emulator.api.dependencies import (
    ApiError,
    Cloud,
    CloudParameter,
    Time,
    require_operator,
    whole_seconds,
)
from oqtopus_client.emulator.database import Row
from oqtopus_client.emulator.faults import Fault
from oqtopus_client.emulator.users import OPERATOR, allowed_devices

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


class UserChange(_Body):
    """Changes to a user."""

    status: str = ""
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
async def add_user(user: NewUser, request: Request, cloud: CloudParameter) -> JSONResponse:
    """Add a user; return the API token, and the URL for which it is."""
    _require_devices(cloud, user.devices)
    token = cloud.users.add(user.name, status=user.status, devices=user.devices)
    return JSONResponse({"api_token": token, "url": str(request.base_url).rstrip("/")})


@router.get("/users")
async def list_users(cloud: CloudParameter) -> JSONResponse:
    """Return all users, in the order in which they were added."""
    return JSONResponse([_describe(user) for user in cloud.users.all()])


@router.patch("/users/{user_id}")
async def change_user(user_id: str, change: UserChange, cloud: CloudParameter) -> JSONResponse:
    """Change a user's status or devices; null allows all devices."""
    _require_user(cloud, user_id, "changed")
    if "devices" in change.model_fields_set:
        _require_devices(cloud, change.devices)
        cloud.users.restrict(user_id, change.devices)
    if change.status:
        cloud.users.update(user_id, {"status": change.status})
    return JSONResponse(_describe(_require_user(cloud, user_id)))


@router.post("/users/{user_id}/api-token")
async def renew_token(user_id: str, request: Request, cloud: CloudParameter) -> JSONResponse:
    """Replace a user's API token; the old one is refused from now on."""
    _require_user(cloud, user_id)
    token, expiration = cloud.users.renew_token(user_id)
    url = str(request.base_url).rstrip("/")
    return JSONResponse({"api_token": token, "api_token_expiration": whole_seconds(expiration), "url": url})


@router.delete("/users/{user_id}", status_code=204)
async def delete_user(user_id: str, cloud: CloudParameter) -> None:
    """Delete a user, but no jobs."""
    _require_user(cloud, user_id, "deleted")
    cloud.users.delete(user_id)


@router.post("/announcements")
async def announce(announcement: NewAnnouncement, cloud: CloudParameter) -> JSONResponse:
    """Publish an announcement."""
    try:
        return JSONResponse({"id": cloud.users.announce(**dict(announcement))})
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


@router.patch("/settings")
async def change_settings(settings: SettingsChange, cloud: CloudParameter) -> JSONResponse:
    """Change what `GET /system/settings` returns."""
    cloud.settings.update(settings.model_dump(exclude_unset=True))
    return JSONResponse(cloud.settings)


def _require_user(cloud: Cloud, user_id: str, participle: str | None = None) -> Row:
    """Return a user; with a participle, refuse to let the operator be changed."""
    user = cloud.users.get(user_id)
    if user is None:
        raise ApiError(404, f"user_id={user_id} is not found.")
    if participle and user_id == OPERATOR:
        raise ApiError(409, f"The operator cannot be {participle}.")
    return user


def _require_devices(cloud: Cloud, devices: list[str] | None) -> None:
    unknown = [device_id for device_id in devices or () if device_id not in cloud.devices]
    if unknown:
        raise ApiError(422, f"device_id={unknown[0]} is not found; the devices are {', '.join(cloud.devices)}.")


def _describe(user: Row) -> dict[str, Any]:
    return {
        **{name: user[name] for name in ("id", "name", "status")},
        "devices": allowed_devices(user),
        "created_at": whole_seconds(user["created_at"]),
        "api_token_expiration": user["token_hash"] and whole_seconds(user["token_expiration"]),
    }
