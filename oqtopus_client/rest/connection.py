"""The interface of a connection to a User API and its storage: `Connection`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oqtopus_client.rest.endpoints import Operation


class Connection(Protocol):
    """A connection to a User API and its storage; `HttpClient` has the details."""

    async def call(
        self,
        operation: Operation,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        empty: bool = False,
        **ids: str,
    ) -> Any:
        """Call the User API and return the decoded JSON of its response, or None with `empty`."""

    async def post_form(self, url: str, fields: Mapping[str, str], content: bytes) -> None:
        """Upload a file to storage."""

    async def fetch(self, url: str) -> bytes:
        """Download a file from storage."""

    async def aclose(self) -> None:
        """Close the connection."""

    def abandon(self) -> None:
        """Release a connection that was not closed."""
