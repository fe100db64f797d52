"""The emulator's Provider API and storage as one ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api import storage
from oqtopus_client.emulator.api.correlation_id import with_correlation_id
from oqtopus_client.emulator.api.dependencies import Cloud, require_text
from oqtopus_client.emulator.api.documentation import documented_app, with_policy
from oqtopus_client.emulator.api.errors import handle_errors
from oqtopus_client.emulator.api.guard import guarded
from oqtopus_client.emulator.provider_api import devices, jobs, status, uploads
from oqtopus_client.emulator.provider_api.handover import Handover
from oqtopus_client.emulator.provider_api.key import with_key

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Scope


def create_provider_app(cloud: Cloud, handover: Handover, key: str | None = None) -> ASGIApp:
    """Return the application for a cloud.

    Args:
        cloud: The cloud. Its storage is served here as well, so that an engine needs only one address.
        handover: Hands out the cloud's jobs.
        key: The API key that engines must send; None to accept all requests.
    """
    app = documented_app("OQTOPUS Provider API")
    app.state.cloud, app.state.handover = cloud, handover
    for part in (jobs, status, uploads, devices):
        app.include_router(part.router, dependencies=[Depends(require_text)])
    app.include_router(storage.router)
    app.add_api_route("/hello", _hello)
    handle_errors(app)
    served = with_policy(guarded(app))
    return with_correlation_id(with_key(served, key) if key else served, _correlation_id)


async def _hello() -> JSONResponse:
    return JSONResponse({"message": "Hello World!!"})


def _correlation_id(scope: Scope) -> str:
    sent: bytes = dict(scope["headers"]).get(b"x-correlation-id", b"local-correlation-id")
    return sent.decode("latin-1")
