"""`/devices`: what an engine reports about its device: size, status and calibration."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from oqtopus_client.emulator.api.dependencies import ApiError, Cloud, CloudParameter, Time
from oqtopus_client.emulator.calibration import read_device_info
from oqtopus_client.emulator.database import format_time
from oqtopus_client.emulator.provider_api.uploads import upload_form
from oqtopus_client.errors import OqtopusStorageError
from oqtopus_client.rest.storage import unpack

router = APIRouter(prefix="/devices/{device_id}")

_UPDATED = {"message": "Device's data updated"}


class SizeChange(BaseModel):
    """The number of qubits; None to change nothing."""

    n_qubits: Annotated[int, Field(ge=1, lt=1 << 31)] | None = None


class DeviceStatusChange(BaseModel):
    """A device's status."""

    status: Literal["available", "unavailable"]


class CalibrationChange(BaseModel):
    """A calibration as JSON text; None to use the uploaded file."""

    device_info: str | None = None
    calibrated_at: Time | None = None


@router.patch("")
async def change_size(device_id: str, change: SizeChange, cloud: CloudParameter) -> JSONResponse:
    """Change the number of qubits in a device's description."""
    _require_device(cloud, device_id)
    if change.n_qubits is not None:
        cloud.devices.set_n_qubits(device_id, change.n_qubits)
    return JSONResponse({"message": "Device is successfully updated."})


@router.patch("/status")
async def change_status(device_id: str, change: DeviceStatusChange, cloud: CloudParameter) -> JSONResponse:
    """Change a device's status."""
    _require_device(cloud, device_id)
    cloud.devices.set_status(device_id, change.status)
    return JSONResponse(_UPDATED)


@router.get("/device_info/upload")
async def upload_calibration(device_id: str, request: Request, cloud: CloudParameter) -> JSONResponse:
    """Return a form for uploading a calibration."""
    _require_device(cloud, device_id)
    return JSONResponse({"presigned_url": upload_form(request, cloud, _key(device_id))})


@router.patch("/device_info")
async def change_calibration(device_id: str, change: CalibrationChange, cloud: CloudParameter) -> JSONResponse:
    """Replace a device's calibration."""
    _require_device(cloud, device_id)
    if cloud.options.strict_provider:
        _check_strictly(change, cloud.devices[device_id].description["device_type"])
    if change.calibrated_at is None:
        raise ApiError(400, "calibrated_at is required")
    text = _uploaded(device_id, cloud) if change.device_info is None else change.device_info
    try:
        info: dict[str, Any] = read_device_info(text)
        info["calibrated_at"] = format_time(change.calibrated_at)
        cloud.devices.calibrate(device_id, info, resize=True)
    except ValueError as error:
        raise ApiError(400, "device_info is invalid") from error
    return JSONResponse(_UPDATED)


def _check_strictly(change: CalibrationChange, device_type: str) -> None:
    if device_type != "QPU":
        raise ApiError(400, "Calibration is only supported for QPU devices")
    if change.device_info is None:
        raise ApiError(400, "device_info is required")


def _require_device(cloud: Cloud, device_id: str) -> None:
    if device_id not in cloud.devices:
        raise ApiError(404, f"device_id={device_id} is not found.")


def _key(device_id: str) -> str:
    return f"devices/{device_id}/device_info.zip"


def _uploaded(device_id: str, cloud: Cloud) -> str:
    archive = cloud.store.get_file(_key(device_id))
    if archive is None:
        raise ApiError(400, "device_info upload not found")
    try:
        return unpack(archive).decode()
    except (OqtopusStorageError, UnicodeDecodeError) as error:
        raise ApiError(400, "device_info.zip is invalid") from error
