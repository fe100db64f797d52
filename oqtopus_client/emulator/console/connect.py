"""`/console/connect`: lines to copy that connect programs to the emulator."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from oqtopus_client.emulator.console.pages import render

router = APIRouter(prefix="/console/connect")


@router.get("")
async def show(request: Request) -> Response:
    """Return the lines."""
    return render(request, "connect.html")
