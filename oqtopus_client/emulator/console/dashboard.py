"""`/`: what happens at present."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from oqtopus_client.emulator.api.dependencies import CloudParameter, UserParameter
from oqtopus_client.emulator.console.pages import render, seconds_since
from oqtopus_client.emulator.users import may_use

router = APIRouter()

_RUNNING = ("ready", "running", "cancelling")
_MOST_RUNNING, _MOST_RECENT, _MOST_NEWS = 20, 10, 3


@router.get("/")
async def show(request: Request, cloud: CloudParameter, user: UserParameter) -> Response:
    """Return the dashboard."""
    running = cloud.store.jobs(
        user["id"],
        {"status IN (SELECT value FROM json_each(?))": json.dumps(_RUNNING)},
        descending=False,
        limit=_MOST_RUNNING,
        offset=0,
    )
    return render(
        request,
        "dashboard.html",
        counts=cloud.store.count(user["id"], {}),
        running=[(job, job["running_at"] and seconds_since(job["running_at"])) for job in running],
        recent=cloud.store.jobs(user["id"], {}, descending=True, limit=_MOST_RECENT, offset=0),
        devices=[
            (device, cloud.store.pending(device_id))
            for device_id, device in cloud.devices.items()
            if may_use(user, device_id)
        ],
        news=cloud.users.announcements(current_time=datetime.now(UTC), limit=_MOST_NEWS, descending=True),
    )


@router.get("/console")
async def lead() -> Response:
    """Lead to the dashboard."""
    return RedirectResponse("/", 303)
