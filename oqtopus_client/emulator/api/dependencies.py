"""What every endpoint works with: the parts of the emulated cloud, the caller, and the ways to refuse."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator

from oqtopus_client.emulator.database import Row
from oqtopus_client.emulator.engine import Engine
from oqtopus_client.emulator.faults import Faults
from oqtopus_client.emulator.fleet import Fleet
from oqtopus_client.emulator.presigning import Signer
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


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


async def require_text(request: Request) -> None:
    """Refuse JSON with one half of a surrogate pair, which neither the database nor an answer could hold."""
    body = await request.body()
    if _SURROGATE.search(body):
        try:
            json.dumps(json.loads(body), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            message = "Input should be a valid string, unable to parse raw data as a unicode string"
            error = {"type": "string_unicode", "loc": ("body",), "msg": message, "input": None}
            raise RequestValidationError([error]) from None
        except (ValueError, RecursionError):
            pass  # it is no JSON at all, which others find out


def _in_utc(time: datetime) -> datetime:
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the calendar does not have this time in UTC") from error


Time = Annotated[datetime, AfterValidator(_in_utc)]
"""Type of a time that a request names; without an offset it is UTC."""


def _cloud(request: Request) -> Cloud:
    cloud: Cloud = request.app.state.cloud
    return cloud


CloudParameter = Annotated[Cloud, Depends(_cloud)]
"""Type of an endpoint's parameter that receives the cloud."""


def _user(request: Request) -> Row:
    user: Row = request.state.user
    return user


UserParameter = Annotated[Row, Depends(_user)]
"""Type of an endpoint's parameter that receives the caller, as the guard has found out."""


def require_operator(user: UserParameter) -> None:
    """Refuse everyone but the user who started the emulator."""
    if user["id"] != OPERATOR:
        raise ApiError(403, "Only the token that the emulator was started with may do this.")
