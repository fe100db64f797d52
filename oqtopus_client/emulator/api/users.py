"""`/users`, `/system/settings`, `/api-token` and `/announcements`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse

from oqtopus_client.emulator.api.dependencies import ApiError, CloudParameter, Time, UserParameter
from oqtopus_client.emulator.database import Row
from oqtopus_client.rest.models import UsersUpdateUserRequest

router = APIRouter()

_MAX_LENGTH = 255
_MAX_INTEGER = (1 << 63) - 1


@router.get("/users/me")
async def get_user(user: UserParameter) -> JSONResponse:
    """The caller."""
    return JSONResponse(_describe(user))


@router.patch("/users/me")
async def update_user(body: UsersUpdateUserRequest, cloud: CloudParameter, user: UserParameter) -> JSONResponse:
    """Change the caller's name or organization."""
    changes = {name: getattr(body, name) for name in ("name", "organization") if getattr(body, name) is not None}
    for name, value in changes.items():
        if name not in cloud.settings["editable_fields"]:
            raise ApiError(401, f"{name} field is disabled for updates")
        if len(value) > _MAX_LENGTH:
            raise ApiError(400, f"{name} must be at most {_MAX_LENGTH} characters")
    return JSONResponse(_describe(cloud.users.update(user["id"], changes)))


@router.delete("/users/me")
async def delete_user(
    cloud: CloudParameter, user: UserParameter, authorization: Annotated[str | None, Header()] = None
) -> Response:
    """Delete the caller's account; an API token alone is not enough for that."""
    if not cloud.settings["allow_deletion"]:
        raise ApiError(401, "user deletion is disabled")
    if authorization is None:
        raise ApiError(401, "authorization header not found")
    if not authorization.startswith("Bearer "):
        raise ApiError(401, "authorization header provided with invalid format")
    cloud.users.delete(user["id"])
    return Response(status_code=204)


@router.get("/system/settings")
async def get_settings(cloud: CloudParameter, _user: UserParameter) -> JSONResponse:
    """What users may see and change."""
    return JSONResponse(cloud.settings)


@router.post("/api-token")
async def create_token(_user: UserParameter) -> JSONResponse:
    """Servers make tokens in interactive sessions only, never for a token."""
    raise ApiError(403, "Forbidden")


@router.delete("/api-token")
async def delete_token(cloud: CloudParameter, user: UserParameter) -> Response:
    """Take the caller's token back."""
    cloud.users.update(user["id"], {"token_hash": None})
    return Response()


@router.get("/api-token/status")
async def get_token_status(user: UserParameter) -> JSONResponse:
    """How long the caller's token is good for."""
    return JSONResponse({"api_token_expiration": user["token_expiration"]})


@router.get("/announcements")
async def list_announcements(
    cloud: CloudParameter,
    _user: UserParameter,
    offset: Annotated[int, Query(ge=0, le=_MAX_INTEGER)] = 0,
    limit: Annotated[int, Query(ge=0, le=_MAX_INTEGER)] = 10,
    order: str = "ASC",
    current_time: Time | None = None,
) -> JSONResponse:
    """Announcements by their start."""
    rows = cloud.users.announcements(current_time=current_time, offset=offset, limit=limit, descending=order == "DESC")
    return JSONResponse({"announcements": [_announcement(row) for row in rows]})


@router.get("/announcements/{announcement_id}")
async def get_announcement(announcement_id: int, cloud: CloudParameter, _user: UserParameter) -> JSONResponse:
    """One announcement."""
    row = cloud.users.announcement(announcement_id) if abs(announcement_id) <= _MAX_INTEGER else None
    if row is None:
        raise ApiError(404, f"announcement_id={announcement_id} is not found.")
    return JSONResponse(_announcement(row))


def _describe(user: Row) -> dict[str, Any]:
    fields = {name: user[name] for name in ("id", "email", "name", "organization", "created_at")}
    return {**fields, "login_events": []}


def _announcement(row: Row) -> dict[str, Any]:
    return {**dict(row), "publishable": bool(row["publishable"])}
