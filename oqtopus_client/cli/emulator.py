"""`oqtopus-client emulator`: serve and control an emulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer

import oqtopus_client
from oqtopus_client.cli import completion, faults, users
from oqtopus_client.cli.devices import refuse_unknown, show_devices
from oqtopus_client.cli.emulator_admin import Data, Url, control
from oqtopus_client.cli.group import Group
from oqtopus_client.cli.output import Json, console, counted, facts, show_json, utc
from oqtopus_client.cli.session import Session

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Serve an emulated cloud, and manage its users, devices and faults.\n\nExample: oqtopus-client emulator start",
)
app.add_typer(faults.app, name="faults")
app.add_typer(users.app, name="users")

_PASS_THROUGH: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("start", context_settings=_PASS_THROUGH, add_help_option=False)
def start(context: typer.Context) -> None:
    """Serve an emulator until Ctrl-C; --help lists its options.

    It prints two lines that configure other programs for it, and where its web console is.

    Example: oqtopus-client emulator start --port 8080
    """
    from oqtopus_client.emulator.__main__ import main

    main(context.args, program="oqtopus-client emulator start")


@app.command("status")
def status(context: typer.Context, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """Show whether an emulator is running, its devices, and its pending faults.

    Example: oqtopus-client emulator status
    """
    config, call = control(Session.of(context), url, data)
    pending = call("GET", "/faults")
    with oqtopus_client.OqtopusClient(config) as client:
        offered = client.list_devices()
        waiting = sum(device.n_pending_jobs for device in offered)
    if as_json:
        names = [device.device_id for device in offered]
        show_json({"url": config.base_url, "devices": names, "n_pending_jobs": waiting, "faults": pending})
        return
    listed = ", ".join(device.device_id for device in offered)
    pairs = [
        ("Emulator", config.base_url),
        ("Devices", listed),
        ("Queue", counted(waiting, "job")),
        ("Faults", len(pending)),
    ]
    console().print(facts(pairs))


@app.command("devices")
def devices(context: typer.Context, *, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """List the devices of a served emulator.

    Example: oqtopus-client emulator devices
    """
    config, _ = control(Session.of(context), url, data)
    with oqtopus_client.OqtopusClient(config) as client:
        show_devices(client, as_json=as_json)


@app.command("device")
def device(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The device.", autocompletion=completion.devices)],
    *,
    on: Annotated[bool, typer.Option("--on/--off", help="Accept jobs for the device, or refuse them.")],
    url: Url = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a device available or unavailable.

    While a device is unavailable, the emulator refuses new jobs for it; those that are already waiting still run.

    Example: oqtopus-client emulator device lattice64 --off
    """
    config, call = control(Session.of(context), url, data)
    with oqtopus_client.OqtopusClient(config) as client:
        refuse_unknown(client, name)
    status = "available" if on else "unavailable"
    call("PATCH", f"/devices/{quote(name, safe='')}", {"status": status}, empty=True)
    if as_json:
        show_json({"device_id": name, "status": status})
    else:
        typer.echo(f"{name} is {status}.")


@app.command("announce")
def announce(
    context: typer.Context,
    title: Annotated[str, typer.Argument(help="The title.")],
    content: Annotated[str, typer.Argument(help="The text, in Markdown.")] = "",
    *,
    start: Annotated[
        datetime | None, typer.Option(help="When to show it first, in local time; by default now.")
    ] = None,
    days: Annotated[float, typer.Option(min=0, help="For how many days to show it.")] = 7,
    url: Url = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Publish an announcement to all users.

    Example: oqtopus-client emulator announce "Maintenance on Friday" "No jobs run from 9:00 to 12:00." --days 3
    """
    if not title.strip():
        raise typer.BadParameter("The title is empty; is a shell variable unset?")
    if days == 0:
        raise typer.BadParameter("--days must be more than 0.")
    try:
        begin = (start or datetime.now(UTC)).astimezone(UTC)
        end = begin + timedelta(days=days)
    except (OverflowError, ValueError):
        raise typer.BadParameter(f"--days {days:g} is too long, or --start is too early or too late.") from None
    _, call = control(Session.of(context), url, data)
    body = {"title": title, "content": content, "start_time": begin.isoformat(), "end_time": end.isoformat()}
    made = call("POST", "/announcements", body)
    if as_json:
        show_json({**made, **body})
    else:
        typer.echo(f"Announced until {utc(end)}.")
