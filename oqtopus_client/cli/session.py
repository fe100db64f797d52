"""Which server a command talks to: `Session`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self, cast

import oqtopus_client

if TYPE_CHECKING:
    import typer

    from oqtopus_client import OqtopusClient, OqtopusConfig


class Session:
    """What the options before the command say, and the client that follows from it.

    Args:
        profile: The profile to use; by default the environment, else the default profile.
        emulated: Whether the server is an emulator in this process.

    Attributes:
        profile: The profile to use.
        emulated: Whether the server is an emulator in this process.
    """

    def __init__(self, profile: str | None = None, *, emulated: bool = False) -> None:
        self.profile = profile
        self.emulated = emulated
        self._client: OqtopusClient | None = None
        self._open = contextlib.ExitStack()

    @classmethod
    def of(cls, context: typer.Context) -> Self:
        """The session of a running command."""
        return cast("Self", context.obj)

    def config(self) -> OqtopusConfig:
        """Where the server is and who asks.

        Raises:
            OqtopusConfigError: No server is named anywhere.
        """
        if self.emulated:
            from oqtopus_client.emulator import Emulator

            return self._open.enter_context(Emulator()).config
        if self.profile is not None:
            return oqtopus_client.OqtopusConfig.from_file(self.profile)
        return oqtopus_client.OqtopusConfig.from_default()

    @property
    def client(self) -> OqtopusClient:
        """The client, made when it is first asked for."""
        if self._client is None:
            self._client = self._open.enter_context(oqtopus_client.OqtopusClient(self.config()))
        return self._client

    def command(self, *words: str) -> str:
        """A command for people to type, for this same server."""
        options = ["--emulator"] if self.emulated else ["--profile", self.profile] if self.profile else []
        return " ".join(["oqtopus-client", *options, *words])

    def how_to_go_on(self, job_id: str) -> str:
        """What to type for the result of a job that has not ended."""
        command = self.command("result", job_id)
        if self.emulated:
            return f"It is kept, and runs while an emulator is at work. Run and wait for it with: {command}"
        return f"It goes on. Wait for it with: {command}"

    def close(self) -> None:
        """Close the connections, and the emulator if there is one."""
        self._open.close()
