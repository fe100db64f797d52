"""What every endpoint works with: the parts of the emulated cloud, the caller's token, and the ways to refuse."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request

from oqtopus_client.emulator.devices import EmulatedDevice
from oqtopus_client.emulator.engine import Engine
from oqtopus_client.emulator.signing import Signer
from oqtopus_client.emulator.store import Store


@dataclass(frozen=True)
class Cloud:
    """The parts of one emulated cloud."""

    store: Store
    engine: Engine
    devices: Mapping[str, EmulatedDevice]
    signer: Signer
    token: str = field(repr=False)


class ApiError(Exception):
    """An answer that is not a success: `{"message": ...}`."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message


class ServerError(Exception):
    """What a real server breaks down at, with status 500."""


def _cloud(request: Request) -> Cloud:
    cloud: Cloud = request.app.state.cloud
    return cloud


CloudParameter = Annotated[Cloud, Depends(_cloud)]
"""Type of an endpoint's parameter that receives the cloud."""


def authenticate(cloud: CloudParameter, q_api_token: Annotated[str, Header()] = "") -> None:
    """Refuse a request without the right token."""
    if not hmac.compare_digest(q_api_token.encode(), cloud.token.encode()):
        raise HTTPException(401, "Unauthorized")
