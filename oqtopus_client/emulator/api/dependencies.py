"""What endpoints share: the parts of the emulated cloud, the caller, and errors."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator

from oqtopus_client.emulator.database import Row, format_time
from oqtopus_client.emulator.engine import Engine
from oqtopus_client.emulator.faults import Faults
from oqtopus_client.emulator.fleet import Fleet
from oqtopus_client.emulator.presigning import Signer
from oqtopus_client.emulator.provider_api.external_engine import ExternalEngine
from oqtopus_client.emulator.seeds import Seeds
from oqtopus_client.emulator.server_options import ServerOptions
from oqtopus_client.emulator.store import Store
from oqtopus_client.emulator.users import OPERATOR, Users


def _settings() -> dict[str, Any]:
    return {
        "editable_fields": ["name", "organization"],
        "allow_deletion": False,
        "visible_fields": ["id", "name", "email", "organization", "created_at"],
        "login_history_enabled": False,
    }


@dataclass(frozen=True)
class Cloud:
    """The parts of one emulated cloud."""

    store: Store
    users: Users
    devices: Fleet
    engine: Engine | ExternalEngine
    signer: Signer
    faults: Faults
    options: ServerOptions
    public_url: str | None = None
    seeds: Seeds | None = None
    settings: dict[str, Any] = field(default_factory=_settings)


class ApiError(Exception):
    """An error response: `{"message": ...}`."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message


class ServerError(Exception):
    """A request that a real server fails to process; the response is 500."""


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


async def require_text(request: Request) -> None:
    """Reject JSON with a lone surrogate, which neither the database nor a response can hold."""
    body = await request.body()
    if _SURROGATE.search(body):
        try:
            json.dumps(json.loads(body), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            message = "Input should be a valid string, unable to parse raw data as a unicode string"
            error = {"type": "string_unicode", "loc": ("body",), "msg": message, "input": None}
            raise RequestValidationError([error]) from None
        except (ValueError, RecursionError):
            pass  # not JSON at all; the endpoint rejects it


def _in_utc(time: datetime) -> datetime:
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the calendar does not have this time in UTC") from error


Time = Annotated[datetime, AfterValidator(_in_utc)]
"""Type of a time in a request; without an offset it is UTC."""


def read_time(text: str) -> datetime:
    """Read a time as servers do, which fail if it is not valid; without an offset it is UTC.

    Raises:
        ServerError: It is not a valid time.
    """
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise ServerError from error


def to_json(settings: dict[str, Any]) -> str:
    """Return settings as JSON text.

    Raises:
        ServerError: They have a value that is not valid JSON, such as NaN.
    """
    try:
        return json.dumps(settings, allow_nan=False)
    except ValueError as error:
        raise ServerError from error


def earliest(time: datetime) -> str:
    """Return the first time, as the database keeps it, that the API shows as `time` or later."""
    text = format_time(time)
    return f"{text[:19]}~" if time.microsecond else text


def latest(time: datetime) -> str:
    """Return a bound, as text, of the times that the API shows as `time` or earlier."""
    return f"{format_time(time)[:19]}~"


def whole_seconds(time: str) -> str:
    """Return a time of the database as the API shows it, without a fraction of a second."""
    return f"{time[:19]}Z"


def _cloud(request: Request) -> Cloud:
    cloud: Cloud = request.app.state.cloud
    return cloud


CloudParameter = Annotated[Cloud, Depends(_cloud)]
"""Type of the endpoint parameter that receives the cloud."""


def _user(request: Request) -> Row:
    user: Row = request.state.user
    return user


UserParameter = Annotated[Row, Depends(_user)]
"""Type of the endpoint parameter that receives the caller, as authenticated by the guard."""


def require_operator(user: UserParameter) -> None:
    """Reject everyone except the user who started the emulator."""
    if user["id"] != OPERATOR:
        raise ApiError(403, "Only the token that the emulator was started with may do this.")
