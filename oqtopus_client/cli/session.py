"""The server that a command uses: `Session`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self, cast

import oqtopus_client

if TYPE_CHECKING:
    import typer

    from oqtopus_client import OqtopusClient, OqtopusConfig


class Session:
    """The global options and the client they configure.

    Args:
        profile: The profile to use; by default the environment, else the default profile.
        emulated: Whether to use an emulator in this process.

    Attributes:
        profile: The profile to use.
        emulated: Whether to use an emulator in this process.
    """

    def __init__(self, profile: str | None = None, *, emulated: bool = False) -> None:
        self.profile = profile
        self.emulated = emulated
        self._client: OqtopusClient | None = None
        self._open = contextlib.ExitStack()

    @classmethod
    def of(cls, context: typer.Context) -> Self:
        """Return the session of the running command."""
        return cast("Self", context.obj)

    def config(self) -> OqtopusConfig:
        """Return the server URL and credentials.

        Raises:
            OqtopusConfigError: No server is configured.
        """
        if self.emulated:
            from oqtopus_client.emulator import Emulator

            return self._open.enter_context(Emulator()).config
        if self.profile is not None:
            return oqtopus_client.OqtopusConfig.from_file(self.profile)
        return oqtopus_client.OqtopusConfig.from_default()

    @property
    def client(self) -> OqtopusClient:
        """The client, created on first use."""
        if self._client is None:
            self._client = self._open.enter_context(oqtopus_client.OqtopusClient(self.config()))
        return self._client

    def command(self, *words: str) -> str:
        """Return a command line that uses the same server."""
        options = ["--emulator"] if self.emulated else ["--profile", self.profile] if self.profile else []
        return " ".join(["oqtopus-client", *options, *words])

    def how_to_wait(self, job_id: str) -> str:
        """Return instructions for getting the result of an unfinished job."""
        command = self.command("result", job_id)
        if self.emulated:
            return f"The job is saved, and runs while an emulator is running. Run it and wait for it with: {command}"
        return f"The job continues on the server; wait for it with: {command}"

    def close(self) -> None:
        """Close the client, and the emulator if it is used."""
        self._open.close()
