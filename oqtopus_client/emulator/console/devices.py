"""`/console/devices`: the devices, their calibrations, and what the operator does with them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from oqtopus_client.calibration import Calibration
from oqtopus_client.emulator.api.dependencies import ApiError, CloudParameter, UserParameter, require_operator
from oqtopus_client.emulator.api.devices import require_device
from oqtopus_client.emulator.calibration import read_device_info
from oqtopus_client.emulator.console.device_view import CalibrationView, Choice
from oqtopus_client.emulator.console.drawing.quantities import COUPLING_ERROR, READOUT_ERROR
from oqtopus_client.emulator.console.pages import render, seconds_since
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.emulator.database import format_time
from oqtopus_client.emulator.drift import drifted
from oqtopus_client.emulator.users import may_use
from oqtopus_client.physics import medians
from oqtopus_client.rest.models import MAX_SHOTS

if TYPE_CHECKING:
    from oqtopus_client.emulator.api.dependencies import Cloud
    from oqtopus_client.emulator.database import Row
    from oqtopus_client.emulator.device_files import EmulatedDevice

router = APIRouter(prefix="/console/devices")

MAX_DRIFT = 50
"""Largest drift that the form accepts, in percent."""

_HISTORY = 10
"""Number of calibrations that are listed at a time."""

_ONLY_OPERATOR = [Depends(require_operator)]
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@router.get("")
async def list_devices(request: Request, cloud: CloudParameter, user: UserParameter) -> Response:
    """Return the page of all devices that the visitor may use."""
    devices = [_listed(cloud, device) for device_id, device in cloud.devices.items() if may_use(user, device_id)]
    return render(request, "devices.html", devices=devices)


@router.get("/{device_id}")
async def show_device(device_id: str, request: Request, cloud: CloudParameter, user: UserParameter) -> Response:
    """Return the page of one device."""
    require_device(cloud, user, device_id)
    return _page(request, cloud, cloud.devices[device_id])


@router.post("/{device_id}/status", dependencies=_ONLY_OPERATOR)
async def set_status(
    device_id: str, cloud: CloudParameter, user: UserParameter, status: Annotated[str, Form()]
) -> Response:
    """Switch a device on or off."""
    require_device(cloud, user, device_id)
    try:
        cloud.devices.set_status(device_id, status)
    except ValueError as error:
        raise ApiError(400, str(error)) from error
    return _done(device_id, f"device_{status}")


@router.post("/{device_id}/recalibrate", dependencies=_ONLY_OPERATOR)
async def recalibrate(
    device_id: str,
    cloud: CloudParameter,
    user: UserParameter,
    drift: Annotated[float, Form(ge=0, le=MAX_DRIFT)],
    seed: Annotated[int | None, Form()] = None,
) -> Response:
    """Calibrate a device now; its values drift by that many percent."""
    require_device(cloud, user, device_id)
    info = cloud.devices[device_id].description["device_info"]
    cloud.devices.calibrate(device_id, drifted(info, drift / 100, seed=seed), resize=True)
    return _done(device_id, "recalibrated")


@router.post("/{device_id}", dependencies=_ONLY_OPERATOR)
async def upload(
    device_id: str,
    request: Request,
    cloud: CloudParameter,
    user: UserParameter,
    device_info: Annotated[UploadFile, File()],
) -> Response:
    """Give a device the calibration in a file. The answer to a wrong one is the page of the device, at its address."""
    require_device(cloud, user, device_id)
    try:
        info = read_device_info((await device_info.read()).decode())
        cloud.devices.calibrate(device_id, info)
    except UnicodeDecodeError:
        return _page(request, cloud, cloud.devices[device_id], problem=texts().device.not_text)
    except ValueError as error:
        return _page(request, cloud, cloud.devices[device_id], problem=str(error))
    return _done(device_id, "recalibrated")


def _done(device_id: str, notice: str) -> Response:
    return RedirectResponse(f"/console/devices/{quote(device_id, safe='')}?done={notice}", 303)


def _listed(cloud: Cloud, device: EmulatedDevice) -> dict[str, Any]:
    typical = medians(Calibration.of(device.description["device_info"]))
    return {
        **_described(cloud, device),
        "two_qubit_error": COUPLING_ERROR.show(typical["median_two_qubit_error"]),
        "readout_error": READOUT_ERROR.show(typical["median_readout_error"]),
    }


def _described(cloud: Cloud, device: EmulatedDevice) -> dict[str, Any]:
    calibrated_at = device.description["calibrated_at"]
    time = None if calibrated_at is None else format_time(datetime.fromisoformat(calibrated_at))
    return {
        **device.description,
        "n_qubits": cloud.devices.n_qubits(device.device_id),
        "n_pending_jobs": cloud.store.pending(device.device_id),
        "calibrated_at": time,
        "age": None if time is None else _age(time),
        "max_shots": MAX_SHOTS,
        "noisy": device.noisy,
    }


def _age(time: str) -> str:
    """Return how long ago a time of the database was."""
    seconds, ages = seconds_since(time), texts().devices.ages
    if seconds < 2 * _HOUR:
        return str(ages.minutes).format(n=int(seconds / _MINUTE))
    if seconds < 2 * _DAY:
        return str(ages.hours).format(n=int(seconds / _HOUR))
    return str(ages.days).format(n=int(seconds / _DAY))


def _page(request: Request, cloud: Cloud, device: EmulatedDevice, *, problem: str | None = None) -> Response:
    choice = Choice.of(request.query_params)
    earlier = _earlier(cloud, device.device_id, choice.calibration)
    info = device.description["device_info"] if earlier is None else earlier["device_info"]
    total, history = cloud.devices.history(
        [device.device_id], start=None, end=None, limit=_HISTORY, offset=choice.start
    )
    return render(
        request,
        "device.html",
        status_code=200 if problem is None else 422,
        device=_described(cloud, device),
        view=CalibrationView.of(info, choice, texts().device),
        choice=choice,
        earlier=earlier,
        history=[(row, len(json.loads(row["device_info"])["qubits"])) for row in history],
        total=total,
        listed=_HISTORY,
        problem=problem,
        max_drift=MAX_DRIFT,
    )


def _earlier(cloud: Cloud, device_id: str, history_uid: str) -> Row | None:
    """Return the calibration that the visitor has chosen; None for the present one."""
    if not history_uid:
        return None
    try:
        row = cloud.devices.calibration(history_uid)
    except KeyError:
        row = None
    if row is None or row["device_id"] != device_id:
        raise ApiError(404, texts().device.no_calibration)
    return row
