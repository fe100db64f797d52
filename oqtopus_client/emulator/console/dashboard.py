"""`/`: what happens at present."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from oqtopus_client.emulator.api.dependencies import CloudParameter, UserParameter
from oqtopus_client.emulator.console.pages import render
from oqtopus_client.emulator.users import may_use

router = APIRouter()

_JOBS = 8


@router.get("/")
async def show(request: Request, cloud: CloudParameter, user: UserParameter) -> Response:
    """Return the dashboard."""
    return render(
        request,
        "dashboard.html",
        devices=[
            (device, cloud.store.pending(device.device_id))
            for device_id, device in cloud.devices.items()
            if may_use(user, device_id)
        ],
        recent=cloud.store.jobs(user["id"], {}, descending=True, limit=_JOBS, offset=0),
    )
