"""`oqtopus-client emulator users`: the users of a served emulator."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oqtopus_client.cli import completion
from oqtopus_client.cli.emulator_admin import Data, Url, control
from oqtopus_client.cli.exit_codes import CommandError, ExitCode
from oqtopus_client.cli.group import Group
from oqtopus_client.cli.output import Json, coloured, say, show, show_json, table, utc
from oqtopus_client.cli.session import Session
from oqtopus_client.display import one_line, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Give other people access to a served emulator. Users do not see each other's jobs.\n\n"
    "Example: oqtopus-client emulator users add alice --devices qulacs,lattice64",
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The user's name or id.", autocompletion=completion.emulator_users)
]
Devices = Annotated[
    str | None, typer.Option(metavar="ID,ID", help="The devices that the user may use; by default all.")
]


@app.command("list")
def show_users(context: typer.Context, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """List the users, their devices, and until when their tokens are valid.

    Example: oqtopus-client emulator users list
    """
    _, call = control(Session.of(context), url, data)
    found = call("GET", "/users")
    if as_json:
        show_json(found)
        return
    rows = [
        (
            user["name"],
            coloured(user["status"]),
            "all" if user["devices"] is None else ", ".join(user["devices"]),
            utc(datetime.fromisoformat(until)) if (until := user["api_token_expiration"]) else "revoked",
            user["id"],
        )
        for user in found
    ]
    show(table(("Name", "Status", "Devices", "Token valid until", "Id"), rows, whole={"Name", "Status", "Id"}))


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The new user's name.")],
    *,
    devices: Devices = None,
    url: Url = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a user and print the API token, which is not shown again.

    Example: oqtopus-client emulator users add alice --devices qulacs,lattice64
    """
    if not name.strip():
        raise typer.BadParameter("The user's name is empty; is a shell variable unset?")
    _, call = control(Session.of(context), url, data)
    if any(user["name"] == name for user in call("GET", "/users")):
        raise ValueError(f"{name} exists already; `oqtopus-client emulator users renew-token` makes a new token.")
    made = call("POST", "/users", {"name": name, "devices": _split(devices)})
    _show_token(name, made, as_json=as_json)


@app.command("renew-token")
def renew_token(
    context: typer.Context, name: Name, *, url: Url = None, data: Data = None, as_json: Json = False
) -> None:
    """Replace a user's API token and print the new one, which is not shown again.

    The old token is refused at once. The new one of the operator is also stored in the data folder.

    Example: oqtopus-client emulator users renew-token alice
    """
    _, call = control(Session.of(context), url, data)
    user = _find(call, name)
    made = call("POST", f"/users/{user['id']}/api-token")
    _show_token(user["name"], made, as_json=as_json)


@app.command("allow")
def allow(
    context: typer.Context,
    name: Name,
    *,
    devices: Devices = None,
    url: Url = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Choose the devices that a user may use.

    Example: oqtopus-client emulator users allow alice --devices qulacs
    """
    _change(context, name, {"devices": _split(devices)}, url, data, as_json=as_json)


@app.command("suspend")
def suspend(context: typer.Context, name: Name, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """Refuse all of a user's requests, until `approve`. Jobs that are already waiting still run.

    Example: oqtopus-client emulator users suspend alice
    """
    _change(context, name, {"status": "suspended"}, url, data, as_json=as_json)


@app.command("approve")
def approve(context: typer.Context, name: Name, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """Accept a suspended user's requests again.

    Example: oqtopus-client emulator users approve alice
    """
    _change(context, name, {"status": "approved"}, url, data, as_json=as_json)


@app.command("remove")
def remove(context: typer.Context, name: Name, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """Remove a user for good. The user's jobs stay in the data folder, where no other user can see them.

    Example: oqtopus-client emulator users remove alice
    """
    _, call = control(Session.of(context), url, data)
    user = _find(call, name)
    call("DELETE", f"/users/{user['id']}", empty=True)
    if as_json:
        show_json(user)
    else:
        typer.echo(one_line(f"Removed {user['name']}."))


def _change(context: typer.Context, name: str, change: dict[str, Any], url: Url, data: Data, *, as_json: bool) -> None:
    _, call = control(Session.of(context), url, data)
    user = call("PATCH", f"/users/{_find(call, name)['id']}", change)
    if as_json:
        show_json(user)
        return
    devices = "all devices" if user["devices"] is None else ", ".join(user["devices"]) or "no device"
    allowed = f" and may use {devices}" if user["status"] == "approved" else ""
    typer.echo(one_line(f"{user['name']} is {user['status']}{allowed}."))


def _find(call: Callable[..., Any], name: str) -> dict[str, Any]:
    """Return the user with this name or id.

    Raises:
        CommandError: None or several have it.
    """
    users = call("GET", "/users")
    found = [user for user in users if name in {user["id"], user["name"]}]
    if not found:
        hint = suggestion(name, [user["name"] for user in users])
        raise CommandError(f"Unknown user {name!r}. {hint}", ExitCode.NOT_FOUND)
    if len(found) > 1:
        ids = ", ".join(user["id"] for user in found)
        raise CommandError(f"Several users have the name {name!r}; choose one by id: {ids}.", ExitCode.USAGE)
    user: dict[str, Any] = found[0]
    return user


def _split(devices: str | None) -> list[str] | None:
    names = None if devices is None else [name.strip() for name in devices.split(",") if name.strip()]
    if names == []:
        raise typer.BadParameter("--devices is empty; is a shell variable unset? To refuse all requests, use suspend.")
    return names


def _show_token(name: str, made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json({"name": name, **made})
        return
    typer.echo(made["api_token"])
    say(f"This is the token of {name}; it is not shown again. To use it: oqtopus-client login --url {made['url']}")
