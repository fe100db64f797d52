"""`/users`, `/system/settings`, `/api-token` and `/announcements`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.dependencies import (
    ApiError,
    CloudParameter,
    ServerError,
    UserParameter,
    read_time,
    whole_seconds,
)
from oqtopus_client.emulator.database import Row
from oqtopus_client.rest.models import UsersUpdateUserRequest

router = APIRouter()

_MAX_LENGTH = 255
_MAX_INTEGER = (1 << 63) - 1


@router.get("/users/me")
async def get_user(cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Return the caller."""
    return JSONResponse(_describe(user, [] if cloud.settings["login_history_enabled"] else None))


@router.patch("/users/me")
async def update_user(body: UsersUpdateUserRequest, cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Change the caller's name or organization; empty ones are ignored."""
    changes = {name: getattr(body, name) for name in ("name", "organization") if getattr(body, name)}
    for name, value in changes.items():
        if name not in cloud.settings["editable_fields"]:
            raise ApiError(401, f"{name} field is disabled for updates")
        if len(value) > _MAX_LENGTH:
            message = f"The length of {value} exceeds the limit. Please enter within {_MAX_LENGTH} characters"
            raise ApiError(400, message)
    return JSONResponse(_describe(cloud.users.update(user["id"], changes)))


@router.delete("/users/me")
async def delete_user(cloud: CloudParameter, user: UserParameter) -> Response:
    """Delete the caller's account."""
    if not cloud.settings["allow_deletion"]:
        raise ApiError(403, "user deletion is disabled")
    cloud.users.delete(user["id"])
    return Response(status_code=204)


@router.get("/system/settings")
async def get_settings(cloud: CloudParameter, _user: UserParameter) -> JSONResponse:
    """Return what users may see and change."""
    return JSONResponse(cloud.settings)


@router.post("/api-token")
async def create_token(cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Replace the caller's token."""
    if not cloud.options.token_renewal:
        raise ApiError(403, "Forbidden")
    token, expiration = cloud.users.renew_token(user["id"])
    token_id, _, secret = token.partition(".")
    return JSONResponse(
        {
            "api_token_id": token_id,
            "api_token_secret": secret,
            "api_token_expiration": whole_seconds(expiration),
        }
    )


@router.delete("/api-token")
async def delete_token(cloud: CloudParameter, user: UserParameter) -> Response:
    """Revoke the caller's token."""
    cloud.users.update(user["id"], {"token_hash": None})
    return Response()


@router.get("/api-token/status")
async def get_token_status(user: UserParameter) -> JSONResponse:
    """Return when the caller's token expires."""
    return JSONResponse({"api_token_expiration": whole_seconds(user["token_expiration"])})


@router.get("/announcements")
async def list_announcements(
    cloud: CloudParameter,
    _user: UserParameter,
    offset: int = 0,
    limit: int = 10,
    order: str = "ASC",
    current_time: str | None = None,
) -> JSONResponse:
    """Return announcements by their start."""
    if not (0 <= offset <= _MAX_INTEGER and 0 <= limit <= _MAX_INTEGER):
        raise ServerError
    rows = cloud.users.announcements(
        current_time=None if current_time is None else read_time(current_time),
        offset=offset,
        limit=limit,
        descending=order == "DESC",
    )
    return JSONResponse({"announcements": [_announcement(row) for row in rows]})


@router.get("/announcements/{announcement_id}")
async def get_announcement(announcement_id: int, cloud: CloudParameter, _user: UserParameter) -> JSONResponse:
    """Return one announcement."""
    row = cloud.users.announcement(announcement_id) if abs(announcement_id) <= _MAX_INTEGER else None
    if row is None:
        raise ApiError(404, f"announcement_id={announcement_id} is not found.")
    return JSONResponse(_announcement(row))


def _describe(user: Row, login_events: list[Any] | None = None) -> dict[str, Any]:
    fields = {name: user[name] for name in ("id", "email", "name", "organization")}
    return {**fields, "created_at": whole_seconds(user["created_at"]), "login_events": login_events}


def _announcement(row: Row) -> dict[str, Any]:
    times = {name: whole_seconds(row[name]) for name in ("start_time", "end_time")}
    return {**dict(row), **times, "publishable": bool(row["publishable"])}
