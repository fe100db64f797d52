"""`/devices` and `/device_histories`."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.dependencies import ApiError, Cloud, CloudParameter, Time, UserParameter
from oqtopus_client.emulator.api.storage import download_url
from oqtopus_client.emulator.database import Row, format_time
from oqtopus_client.emulator.device_files import EmulatedDevice

router = APIRouter()


@router.get("/devices")
async def list_devices(request: Request, cloud: CloudParameter, _user: UserParameter) -> JSONResponse:
    """All devices."""
    return JSONResponse([_describe(request, cloud, device) for device in cloud.devices.values()])


@router.get("/devices/{device_id}")
async def get_device(device_id: str, request: Request, cloud: CloudParameter, _user: UserParameter) -> JSONResponse:
    """One device."""
    _require_device(cloud, device_id)
    return JSONResponse(_describe(request, cloud, cloud.devices[device_id]))


@router.get("/device_histories")
async def list_histories(
    cloud: CloudParameter,
    _user: UserParameter,
    device_id: str | None = None,
    from_: Annotated[Time | None, Query(alias="from")] = None,
    to: Time | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    offset: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
) -> JSONResponse:
    """Calibrations, newest first."""
    if device_id is not None:
        _require_device(cloud, device_id)
    start, end = (None if time is None else format_time(time) for time in (from_, to))
    total, rows = cloud.devices.history(device_id, start=start, end=end, limit=limit, offset=offset)
    items = [_history(row) for row in rows]
    return JSONResponse({"items": items, "total": total, "limit": limit, "offset": offset})


@router.get("/device_histories/{history_uid}")
async def get_history(history_uid: str, request: Request, cloud: CloudParameter, _user: UserParameter) -> JSONResponse:
    """One calibration."""
    try:
        row = cloud.devices.calibration(history_uid)
    except KeyError as error:
        raise ApiError(404, f"device_info_history history_uid={history_uid} is not found.") from error
    url = download_url(request, cloud, f"device_histories/{history_uid}/device_info.zip")
    return JSONResponse({**_history(row), "device_info": url})


def _require_device(cloud: Cloud, device_id: str) -> None:
    if device_id not in cloud.devices:
        # A server does not tell an unknown device from a forbidden one.
        raise ApiError(403, f"Cannot access device_id={device_id}.")


def _describe(request: Request, cloud: Cloud, device: EmulatedDevice) -> dict[str, Any]:
    """A device as the API shows it; unlike a job, with its nulls."""
    info = device.info(n_pending_jobs=cloud.store.pending(device.device_id)).model_dump(mode="json")
    if device.publish != "inline":
        url = download_url(request, cloud, f"devices/{device.device_id}/device_info.{device.publish}")
        info["device_info"] = None if device.publish == "none" else url
    return info


def _history(row: Row) -> dict[str, Any]:
    info = json.loads(row["device_info"])
    return {
        "history_uid": row["history_uid"],
        "device_id": row["device_id"],
        "calibrated_at": row["calibrated_at"],
        "n_qubits": len(info["qubits"]),
        "n_couplings": len(info.get("couplings") or ()),
    }
