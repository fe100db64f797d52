"""What every endpoint works with: the parts of the emulated cloud, the caller, and the ways to refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Header, HTTPException, Request

from oqtopus_client.emulator.database import Row
from oqtopus_client.emulator.engine import Engine
from oqtopus_client.emulator.faults import Faults
from oqtopus_client.emulator.fleet import Fleet
from oqtopus_client.emulator.signing import Signer
from oqtopus_client.emulator.store import Store
from oqtopus_client.emulator.users import OPERATOR, Users


def _settings() -> dict[str, Any]:
    return {
        "editable_fields": ["name", "organization"],
        "allow_deletion": False,
        "visible_fields": ["id", "name", "email", "organization", "created_at"],
        "login_history_enabled": True,
    }


@dataclass(frozen=True)
class Cloud:
    """The parts of one emulated cloud."""

    store: Store
    users: Users
    devices: Fleet
    engine: Engine
    signer: Signer
    faults: Faults
    cancelling: bool
    settings: dict[str, Any] = field(default_factory=_settings)


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


def _user(cloud: CloudParameter, q_api_token: Annotated[str, Header()] = "") -> Row:
    user = cloud.users.with_token(q_api_token)
    if user is None:
        raise HTTPException(401, "Unauthorized")
    if user["status"] != "approved":
        raise ApiError(403, f"this operation is currently unavailable because the status of user is [{user['status']}]")
    return user


UserParameter = Annotated[Row, Depends(_user)]
"""Type of an endpoint's parameter that receives the caller; requests without the right token are refused."""


def require_operator(user: UserParameter) -> None:
    """Refuse everyone but the user who started the emulator."""
    if user["id"] != OPERATOR:
        raise ApiError(403, "Only the token that the emulator was started with may do this.")
