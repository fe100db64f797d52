"""The user's account, and announcements of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client import rest
from oqtopus_client.checks import shown, whole_number
from oqtopus_client.services.resources.core import Core
from oqtopus_client.services.resources.query import given

if TYPE_CHECKING:
    from datetime import datetime

    from oqtopus_client.rest.models import (
        AnnouncementsGetAnnouncementResponse,
        AnnouncementsGetAnnouncementsListResponse,
        ApiTokenApiToken,
        ApiTokenApiTokenStatus,
        SettingsGetSettingsResponse,
        UsersGetOneUserResponse,
    )


class Account(Core):
    """The user's account, API token and announcements."""

    async def create_api_token(self) -> ApiTokenApiToken:
        """Create an API token, which replaces the current one. Current servers refuse this to callers with a token."""
        return await self._account.create_api_token()

    async def get_api_token_status(self) -> ApiTokenApiTokenStatus:
        """Return when the API token expires."""
        return await self._account.get_api_token_status()

    get_api_token = get_api_token_status

    async def delete_api_token(self) -> None:
        """Delete the API token."""
        await self._account.delete_api_token()

    async def get_announcements_list(
        self,
        *,
        offset: int | None = None,
        limit: int | None = None,
        order: str | None = None,
        current_time: datetime | None = None,
    ) -> AnnouncementsGetAnnouncementsListResponse:
        """Return announcements of the service.

        Args:
            offset: Announcements to skip.
            limit: Maximum number of announcements; 10 by default.
            order: `ASC` or `DESC`, by start time.
            current_time: Only announcements active at this time; local time if it has no time zone.
        """
        params = given(offset=offset, limit=limit, order=order, current_time=current_time)
        return await self._account.list_announcements(params)

    async def get_announcement(self, announcement_id: int) -> AnnouncementsGetAnnouncementResponse:
        """Return one announcement."""
        return await self._account.get_announcement(whole_number(announcement_id, "announcement_id must be an integer"))

    async def get_user(self) -> UsersGetOneUserResponse:
        """Return the user that the token belongs to."""
        return await self._account.get_user()

    async def update_user(self, *, name: str | None = None, organization: str | None = None) -> UsersGetOneUserResponse:
        """Change the user's name or organization."""
        for what, text in {"name": name, "organization": organization}.items():
            if not isinstance(text, str | None):
                raise TypeError(f"{what} must be text, not {shown(text)}.")
        return await self._account.update_user(rest.UsersUpdateUserRequest(name=name, organization=organization))

    async def delete_user(self) -> None:
        """Delete the account; servers refuse this to callers with a token."""
        await self._account.delete_user()

    async def get_settings(self) -> SettingsGetSettingsResponse:
        """Return the server's settings for users."""
        return await self._account.get_settings()
