"""`oqtopus-client login`: save where the server is and who you are."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import oqtopus_client
from oqtopus_client.cli.completion import profile_names
from oqtopus_client.cli.output import Json, show_json, utc
from oqtopus_client.cli.session import Session
from oqtopus_client.config import DEFAULT_SECTION


def login(
    context: typer.Context,
    *,
    url: Annotated[str, typer.Option(prompt="URL of the server", help="The server, such as https://api.example.org.")],
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The profile to save as.", autocompletion=profile_names),
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input, for scripts.")
    ] = False,
    proxy: Annotated[str | None, typer.Option(help="An HTTP proxy to go through.")] = None,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Ask the server whether it accepts the token before saving it.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Save the server's URL and your API token as a profile.

    The token is asked for, and not shown while you type. It is tried on the server first, and then written to a file
    that only you can read. A profile of that name is replaced. Without a name it is the default profile, which all
    commands use.

    Example: oqtopus-client login --url https://api.example.org
    """
    name = profile or Session.of(context).profile or DEFAULT_SECTION
    token = sys.stdin.readline() if token_stdin else typer.prompt("API token", hide_input=True, err=True)
    if not token.strip():
        raise ValueError("The token is empty; the server's web page shows yours.")
    config = oqtopus_client.OqtopusConfig(
        url,
        api_token=token.strip(),
        proxy=proxy,
        token_source="the prompt",  # noqa: S106 - says where it is from
    )
    config.check_server()
    expires = None
    if verify:
        with oqtopus_client.OqtopusClient(config) as client:
            expires = client.get_api_token_status().api_token_expiration
    file = config.save(name, overwrite=True)
    if as_json:
        show_json({"profile": name, "file": str(file), "verified": verify, "token_expires_at": expires})
        return
    typer.echo(f"Saved as profile [{name}] in {file}.")
    if expires is not None:
        typer.echo(f"The server accepts the token until {utc(expires)}.")
