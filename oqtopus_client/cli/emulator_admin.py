"""Which served emulator is meant, and how to reach what no real cloud has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import oqtopus_client
from oqtopus_client import rest
from oqtopus_client.cli.exit_codes import CommandError, ExitCode
from oqtopus_client.errors import NotFoundError, OqtopusConfigError, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from oqtopus_client import OqtopusConfig
    from oqtopus_client.cli.session import Session

DEFAULT_URL = "http://127.0.0.1:8080"
"""Where `emulator start` serves unless told otherwise."""

Url = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help=f"The emulator; by default the server that you have configured, else {DEFAULT_URL}. With a URL, the token "
        "is the one in the data folder.",
    ),
]
Data = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The emulator's data folder, if not your usual one.")]


def control(session: Session, url: str | None, data: Path | None) -> tuple[OqtopusConfig, Callable[..., Any]]:
    """A served emulator's configuration, and what calls `/emulator/faults` there by method and body."""
    config = _config(session, url, data)

    def call(method: str, body: object = None) -> Any:
        try:
            return rest.http.call_once(config, method, "/emulator/faults", body)
        except (NotFoundError, PermissionDeniedError):
            message = f"{config.base_url} is no emulator, or its token is not the operator's. Name one with --url."
            raise CommandError(message, ExitCode.NOT_FOUND) from None

    return config, call


def _config(session: Session, url: str | None, data: Path | None) -> OqtopusConfig:
    if session.emulated:
        raise ValueError("These commands are for an emulator that is served; leave --emulator out.")
    if url is None and data is None:
        try:
            return session.config()
        except OqtopusConfigError:
            if session.profile is not None:
                raise
    from oqtopus_client.emulator.emulator import kept_token

    # A configured token is another server's: it is not sent here.
    return oqtopus_client.OqtopusConfig(
        url or DEFAULT_URL,
        api_token=kept_token(data),
        token_source="the emulator's data folder",  # noqa: S106
    )
