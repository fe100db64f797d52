"""The User API, one coroutine for each endpoint."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from oqtopus_client.checks import shown
from oqtopus_client.errors import ResponseValidationError
from oqtopus_client.rest import endpoints as ops
from oqtopus_client.rest.models import (
    AnnouncementsGetAnnouncementResponse,
    AnnouncementsGetAnnouncementsListResponse,
    ApiTokenApiToken,
    ApiTokenApiTokenStatus,
    DevicesDeviceHistoriesResponse,
    DevicesDeviceHistory,
    DevicesDeviceInfo,
    JobsGetJobStatusResponse,
    JobsJob,
    JobsRegisterJobResponse,
    JobsSubmitJobRequest,
    SettingsGetSettingsResponse,
    SuccessSuccessResponse,
    UsersGetOneUserResponse,
    UsersUpdateUserRequest,
    problems,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client.rest.connection import Connection

_Model = TypeVar("_Model", bound=BaseModel)

PAGE_SIZE = 100
"""Maximum page size; servers answer 500 to larger ones."""

_LONGEST_ID = 1024
"""Maximum length of a quoted id. A URL that is too long fails like a lost connection, which waits survive."""


class _Api:
    """A part of the User API. Errors are those of `HttpClient.call`, and `ResponseValidationError`."""

    def __init__(self, http: Connection) -> None:
        self._http = http


class DeviceApi(_Api):
    """Devices and past calibrations."""

    async def list_devices(self) -> list[DevicesDeviceInfo]:
        """`GET /devices`."""
        return _list(DevicesDeviceInfo, await self._http.call(ops.LIST_DEVICES))

    async def get_device(self, device_id: str) -> DevicesDeviceInfo:
        """`GET /devices/{device_id}`."""
        return _read(DevicesDeviceInfo, await self._http.call(ops.GET_DEVICE, device_id=_segment(device_id)))

    async def list_device_histories(self, params: Mapping[str, Any]) -> DevicesDeviceHistoriesResponse:
        """`GET /device_histories`, which servers have had since 2026."""
        return _read(DevicesDeviceHistoriesResponse, await self._http.call(ops.LIST_DEVICE_HISTORIES, params=params))

    async def get_device_history(self, history_uid: str) -> DevicesDeviceHistory:
        """`GET /device_histories/{history_uid}`."""
        answer = await self._http.call(ops.GET_DEVICE_HISTORY, history_uid=_segment(history_uid))
        return _read(DevicesDeviceHistory, answer)


class JobApi(_Api):
    """Jobs."""

    async def register_job_id(self) -> JobsRegisterJobResponse:
        """`POST /jobs`: get an id and an upload URL."""
        return _read(JobsRegisterJobResponse, await self._http.call(ops.REGISTER_JOB, json={}))

    async def submit_job(self, job_id: str, request: JobsSubmitJobRequest) -> SuccessSuccessResponse:
        """`POST /jobs/{job_id}/submit`."""
        answer = await self._http.call(ops.SUBMIT_JOB, job_id=_segment(job_id), json=request.to_dict())
        return _read(SuccessSuccessResponse, answer)

    async def list_jobs(self, params: Mapping[str, Any]) -> list[JobsJob]:
        """`GET /jobs`, one page."""
        return _list(JobsJob, await self._http.call(ops.LIST_JOBS, params=params))

    async def get_job(self, job_id: str) -> JobsJob:
        """`GET /jobs/{job_id}`."""
        return _read(JobsJob, await self._http.call(ops.GET_JOB, job_id=_segment(job_id)))

    async def get_job_status(self, job_id: str) -> JobsGetJobStatusResponse:
        """`GET /jobs/{job_id}/status`."""
        return _read(JobsGetJobStatusResponse, await self._http.call(ops.GET_JOB_STATUS, job_id=_segment(job_id)))

    async def cancel_job(self, job_id: str) -> SuccessSuccessResponse:
        """`POST /jobs/{job_id}/cancel`."""
        return _read(SuccessSuccessResponse, await self._http.call(ops.CANCEL_JOB, job_id=_segment(job_id)))

    async def delete_job(self, job_id: str) -> SuccessSuccessResponse:
        """`DELETE /jobs/{job_id}`; final jobs only."""
        return _read(SuccessSuccessResponse, await self._http.call(ops.DELETE_JOB, job_id=_segment(job_id)))


class AccountApi(_Api):
    """The user, the API token, the server's settings and announcements."""

    async def create_api_token(self) -> ApiTokenApiToken:
        """`POST /api-token`; current servers refuse it to callers that use a token."""
        return _read(ApiTokenApiToken, await self._http.call(ops.CREATE_API_TOKEN))

    async def delete_api_token(self) -> None:
        """`DELETE /api-token`."""
        await self._http.call(ops.DELETE_API_TOKEN, empty=True)

    async def get_api_token_status(self) -> ApiTokenApiTokenStatus:
        """`GET /api-token/status`."""
        return _read(ApiTokenApiTokenStatus, await self._http.call(ops.GET_API_TOKEN_STATUS))

    async def list_announcements(self, params: Mapping[str, Any]) -> AnnouncementsGetAnnouncementsListResponse:
        """`GET /announcements`."""
        answer = await self._http.call(ops.LIST_ANNOUNCEMENTS, params=params)
        return _read(AnnouncementsGetAnnouncementsListResponse, answer)

    async def get_announcement(self, announcement_id: int) -> AnnouncementsGetAnnouncementResponse:
        """`GET /announcements/{announcement_id}`."""
        answer = await self._http.call(ops.GET_ANNOUNCEMENT, announcement_id=str(int(announcement_id)))
        return _read(AnnouncementsGetAnnouncementResponse, answer)

    async def get_user(self) -> UsersGetOneUserResponse:
        """`GET /users/me`."""
        return _read(UsersGetOneUserResponse, await self._http.call(ops.GET_USER))

    async def update_user(self, request: UsersUpdateUserRequest) -> UsersGetOneUserResponse:
        """`PATCH /users/me`."""
        return _read(UsersGetOneUserResponse, await self._http.call(ops.UPDATE_USER, json=request.to_dict()))

    async def delete_user(self) -> None:
        """`DELETE /users/me`; servers refuse it to callers that use a token."""
        await self._http.call(ops.DELETE_USER, empty=True)

    async def get_settings(self) -> SettingsGetSettingsResponse:
        """`GET /system/settings`."""
        return _read(SettingsGetSettingsResponse, await self._http.call(ops.GET_SETTINGS))


def check_id(identifier: object) -> None:
    """Check that an id can be a segment of a path.

    Raises:
        TypeError: The id is not text.
        ValueError: The id would change the route, or cannot be part of a URL.
    """
    _segment(identifier)


def _segment(identifier: object) -> str:
    """Quote an id as one segment of a path; see `check_id`."""
    if not isinstance(identifier, str):
        raise TypeError(f"An id must be text, not {shown(identifier)}.")
    quoted = ""
    with contextlib.suppress(UnicodeEncodeError):  # part of a character
        quoted = quote(identifier, safe="")
    # Quoting leaves "." and ".." unchanged, and they name other paths.
    if quoted in {"", ".", ".."} or len(quoted) > _LONGEST_ID:
        raise ValueError(f"{shown(identifier)} is not a valid id.")
    return quoted


def _read(model: type[_Model], answer: object) -> _Model:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        raise ResponseValidationError(
            f"The server's {model.__name__} cannot be read: {problems(error)}", answer
        ) from None


def _list(model: type[_Model], answer: object) -> list[_Model]:
    if not isinstance(answer, list):
        raise ResponseValidationError(f"Expected a list from the server, got {type(answer).__name__}.", answer)
    return [_read(model, item) for item in answer]
