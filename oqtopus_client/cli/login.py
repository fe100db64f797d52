"""`oqtopus-client login`: save server URL and credentials."""

from __future__ import annotations

import getpass
import os
import sys
import warnings
from typing import Annotated

import typer

import oqtopus_client
from oqtopus_client.cli.completion import profile_names
from oqtopus_client.cli.output import Json, say, show_json, utc
from oqtopus_client.cli.session import Session
from oqtopus_client.config import DEFAULT_SECTION, URL_ENV


def login(
    context: typer.Context,
    *,
    url: Annotated[str | None, typer.Option(help="Server URL, such as https://api.example.org.")] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the profile.", autocompletion=profile_names),
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input, for scripts.")
    ] = False,
    proxy: Annotated[str | None, typer.Option(help="URL of an HTTP proxy.")] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Send the token over plain http, which others on the way can read.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Verify the token with the server before saving it.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Save the server's URL and your API token as a profile.

    The command prompts for the token and hides your input. It verifies the token with the server, then saves it to a
    file that only you can read, and replaces an existing profile with the same name. Without a name, it saves the
    default profile, which all commands use.

    Example: oqtopus-client login --url https://api.example.org
    """
    name = profile or Session.of(context).profile or DEFAULT_SECTION
    url_source = "--url"
    if url is None:
        if token_stdin:  # a prompt would read the token as the URL, and show it
            raise typer.BadParameter("--token-stdin needs --url.")
        url, url_source = typer.prompt("URL of the server", err=True), "the prompt"
    oqtopus_client.OqtopusConfig(url, url_source=url_source).check_server()  # before the token is typed
    token = sys.stdin.readline() if token_stdin else _typed_token()
    if not token.strip():
        raise ValueError("The token is empty; find yours on the server's web page.")
    config = oqtopus_client.OqtopusConfig(
        url,
        api_token=token.strip(),
        proxy=proxy,
        allow_http=allow_http or None,
        token_source="standard input" if token_stdin else "the prompt",
        url_source=url_source,
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
    if variable := next((each for each in URL_ENV if os.environ.get(each)), None):
        say(f"The environment variable {variable} is set, so commands use its server; unset it to use the profile.")
    if expires is not None:
        typer.echo(f"The server accepts the token until {utc(expires)}.")


def _typed_token() -> str:
    """Prompt for the token.

    Raises:
        ValueError: There is no terminal that can hide it.
    """
    try:
        with warnings.catch_warnings(action="error", category=getpass.GetPassWarning):
            return str(typer.prompt("API token", hide_input=True, err=True))
    except getpass.GetPassWarning:
        typer.echo(err=True)  # ends the line of the prompt
        raise ValueError(
            "There is no terminal to type the token at; pipe it to `login --token-stdin --url URL`."
        ) from None
