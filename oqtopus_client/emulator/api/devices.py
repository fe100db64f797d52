"""`/devices` and `/device_histories`."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.dependencies import (
    ApiError,
    Cloud,
    CloudParameter,
    Time,
    UserParameter,
    earliest,
    latest,
    whole_seconds,
)
from oqtopus_client.emulator.api.storage import download_url
from oqtopus_client.emulator.database import Row
from oqtopus_client.emulator.device_files import EmulatedDevice
from oqtopus_client.emulator.users import allowed_devices, may_use

router = APIRouter()


@router.get("/devices")
async def list_devices(request: Request, cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Return the devices that the caller may use."""
    devices = [device for device_id, device in cloud.devices.items() if may_use(user, device_id)]
    return JSONResponse([_describe(request, cloud, device) for device in devices])


@router.get("/devices/{device_id}")
async def get_device(device_id: str, request: Request, cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Return one device."""
    require_device(cloud, user, device_id)
    return JSONResponse(_describe(request, cloud, cloud.devices[device_id]))


@router.get("/device_histories")
async def list_histories(
    cloud: CloudParameter,
    user: UserParameter,
    device_id: str | None = None,
    from_: Annotated[Time | None, Query(alias="from")] = None,
    to: Time | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    offset: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
) -> JSONResponse:
    """Return calibrations, newest first."""
    _require_histories(cloud)
    if device_id is not None:
        require_device(cloud, user, device_id)
    total, rows = cloud.devices.history(
        allowed_devices(user) if device_id is None else [device_id],
        start=None if from_ is None else earliest(from_),
        end=None if to is None else latest(to),
        limit=limit,
        offset=offset,
    )
    items = [_history(row) for row in rows]
    return JSONResponse({"items": items, "total": total, "limit": limit, "offset": offset})


@router.get("/device_histories/{history_uid}")
async def get_history(history_uid: str, request: Request, cloud: CloudParameter, _user: UserParameter) -> JSONResponse:
    """Return one calibration."""
    _require_histories(cloud)
    try:
        row = cloud.devices.calibration(history_uid)
    except KeyError as error:
        raise ApiError(404, f"device_info_history history_uid={history_uid} is not found.") from error
    url = download_url(request, cloud, f"device_histories/{history_uid}/device_info.zip")
    return JSONResponse({**_history(row), "device_info": url})


def _require_histories(cloud: Cloud) -> None:
    if not cloud.options.device_histories:
        raise HTTPException(404, "Not Found")


def require_device(cloud: Cloud, user: Row, device_id: str) -> None:
    """Reject a user who may not use a device, and a device that does not exist."""
    if not may_use(user, device_id):
        # Also for unknown devices: such a user learns of no others.
        raise ApiError(403, f"Cannot access device_id={device_id}.")
    if device_id not in cloud.devices:
        raise ApiError(404, f"device_id={device_id} is not found.")


def _describe(request: Request, cloud: Cloud, device: EmulatedDevice) -> dict[str, Any]:
    """Return a device as the API shows it: unlike a job, with its nulls."""
    info = device.info(n_pending_jobs=cloud.store.pending(device.device_id)).model_dump(mode="json")
    info["n_qubits"] = cloud.devices.n_qubits(device.device_id)
    for name in ("available_at", "calibrated_at"):
        info[name] = info[name] and whole_seconds(info[name])
    if device.publish != "inline":
        url = download_url(request, cloud, f"devices/{device.device_id}/device_info.{device.publish}")
        info["device_info"] = None if device.publish == "none" else url
    return info


def _history(row: Row) -> dict[str, Any]:
    info = json.loads(row["device_info"])
    return {
        "history_uid": row["history_uid"],
        "device_id": row["device_id"],
        "calibrated_at": whole_seconds(row["calibrated_at"]),
        "n_qubits": len(info["qubits"]),
        "n_couplings": len(info.get("couplings") or ()),
    }
