"""The emulator's User API and storage as one ASGI application."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from fastapi import Depends
from starlette.middleware.cors import CORSMiddleware

from oqtopus_client.emulator.api import control, devices, jobs, storage, users
from oqtopus_client.emulator.api.correlation_id import with_correlation_id
from oqtopus_client.emulator.api.dependencies import Cloud, require_text
from oqtopus_client.emulator.api.documentation import API_TOKEN, documented_app, with_policy
from oqtopus_client.emulator.api.errors import handle_errors
from oqtopus_client.emulator.api.fault_middleware import with_faults
from oqtopus_client.emulator.api.guard import guarded
from oqtopus_client.emulator.public_url import under

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create_app(cloud: Cloud) -> ASGIApp:
    """Create the application for a cloud; it works in any event loop, and in several at once."""
    app = documented_app("OQTOPUS User API")
    app.state.cloud = cloud
    for part, tag in ((devices, "Devices"), (jobs, "Jobs"), (users, "Account"), (control, "Emulator")):
        app.include_router(part.router, tags=[tag], dependencies=[Depends(require_text), Depends(API_TOKEN)])
    app.include_router(storage.router, tags=["Storage"])
    handle_errors(app)
    named = under(cloud.public_url, app) if cloud.public_url else app
    served = with_faults(with_policy(guarded(named, cloud.users)), cloud.faults)
    served = with_correlation_id(served, lambda _: str(uuid.uuid4()))
    origins = cloud.options.cors_origins
    if not origins:
        return served
    return CORSMiddleware(
        served, allow_origins=origins, allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
    )
