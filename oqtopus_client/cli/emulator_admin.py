"""How the command line finds a served emulator and controls it."""

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
"""Default address of `emulator start`."""

Url = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help=f"The emulator; by default the configured server, or else {DEFAULT_URL}. With a URL, the token comes from "
        "the data folder.",
    ),
]
Data = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The emulator's data folder, if not the default.")]


def control(session: Session, url: str | None, data: Path | None) -> tuple[OqtopusConfig, Callable[..., Any]]:
    """Return a served emulator's configuration and a function that calls a path under its `/emulator`."""
    config = _config(session, url, data)

    def call(method: str, path: str, body: object = None, *, empty: bool = False) -> Any:
        try:
            return rest.http.call_once(config, method, f"/emulator{path}", body, empty=empty)
        except (NotFoundError, PermissionDeniedError):
            message = (
                f"{config.base_url} is not an emulator, or the token is not its operator's. Choose one with --url."
            )
            raise CommandError(message, ExitCode.NOT_FOUND) from None

    return config, call


def _config(session: Session, url: str | None, data: Path | None) -> OqtopusConfig:
    if session.emulated:
        raise ValueError("These commands control a served emulator; omit --emulator.")
    if url is None and data is None:
        try:
            return session.config()
        except OqtopusConfigError:
            if session.profile is not None:
                raise
    from oqtopus_client.emulator.database import database_file
    from oqtopus_client.emulator.users import kept_token

    if data is not None and not Path(database_file(data)).is_file():  # not to make one
        raise ValueError(f"--data: {data} is not the data folder of an emulator; `emulator start` prints its path.")

    # The configured token belongs to another server, so it must not be sent here.
    return oqtopus_client.OqtopusConfig(
        url or DEFAULT_URL,
        api_token=kept_token(data),
        token_source="the emulator's data folder",  # noqa: S106
        url_source="--url" if url else "the default of `emulator start`, which --url changes",
    )
